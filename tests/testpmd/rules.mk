# SPDX-License-Identifier: BSD-3-Clause
# The driver under unmodified dpdk-testpmd, on a simulated card. V=1 prints testpmd's session of a failed test.
SUITES += testpmd

TESTPMD_PROGRAMS := $(addprefix $(B)/tests/testpmd/,rx_interrupt update)

$(TESTPMD_PROGRAMS): $(B)/tests/testpmd/%: tests/testpmd/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) $(subst -I/,-isystem /,$(shell pkg-config --cflags libdpdk)) $< -o $@ $$(pkg-config --libs libdpdk)

test-testpmd: $(B)/lib/librte_net_sluice.so $(B)/bin/sluice-sim $(B)/firmware/sluice-fw.bin $(TESTPMD_PROGRAMS)
	$(Q)V=$(V) SLUICE_BUILD=$(B) tests/testpmd/run.sh

.PHONY: test-testpmd
