# SPDX-License-Identifier: BSD-3-Clause
# The driver under unmodified dpdk-testpmd, on a simulated card. V=1 prints testpmd's session of a failed test.
SUITES += testpmd

test-testpmd: $(B)/lib/librte_net_sluice.so $(B)/bin/sluice-sim $(B)/firmware/sluice-fw.bin
	$(Q)V=$(V) SLUICE_BUILD=$(B) tests/testpmd/run.sh

.PHONY: test-testpmd
