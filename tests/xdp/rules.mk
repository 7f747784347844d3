# SPDX-License-Identifier: BSD-3-Clause
# The model's stages in the kernel: verifier, then the vector corpus by BPF test runs. Needs root (CAP_BPF).
XDP_TEST := $(B)/tests/xdp/xdp_test
XDP_TEST_TABLE := $(B)/tests/xdp/stage_table.bpf.o
XDP_TEST_TABLE_STAGES := $(B)/hw/xdp/stage/table.bpf.o $(B)/hw/xdp/stage/hash.bpf.o
SUITES += bpf

$(XDP_TEST_TABLE): tests/xdp/stage_table.bpf.c $(XDP_TEST_TABLE_STAGES) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(XDP_CFLAGS) -c $< -o $(@:.o=.part.o)
	$(Q)$(BPFTOOL) gen object $@ $(@:.o=.part.o) $(XDP_TEST_TABLE_STAGES)

$(XDP_TEST): tests/xdp/xdp_test.c tests/xdp/program.c tests/xdp/card.c hw/model/hash.c hw/model/punt.c driver/xdp/table.c driver/xdp/named.c tests/xdp/program.h tests/xdp/card.h hw/xdp/offload.h driver/xdp/named.h $(VECTORS_LOAD) driver/xdp/table.h $(MODEL_H) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(filter %.c,$^) -o $@ -lbpf $(VECTORS_LIBS)

XDP_NAMED_TEST := $(B)/tests/xdp/named_test

$(XDP_NAMED_TEST): tests/xdp/named_test.c driver/xdp/named.c driver/xdp/named.h hw/xdp/named.h $(MODEL_H) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(filter %.c,$^) -o $@ -lbpf

# What becomes of packets whose flow is not in the table.
XDP_FIRST_TEST := $(B)/tests/xdp/first_test
$(XDP_FIRST_TEST): tests/xdp/first_test.c driver/xdp/table.c driver/xdp/table.h include/sluice/first.h $(MODEL_H) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(filter %.c,$^) -o $@ -lbpf

# What is left there by an earlier owner.
XDP_ADOPT_TEST := $(B)/tests/xdp/adopt_test
$(XDP_ADOPT_TEST): tests/xdp/adopt_test.c driver/xdp/first.c driver/xdp/first.h driver/xdp/datapath.h include/sluice/first.h $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SL_DRIVER_TEST_CFLAGS) $(filter %.c,$^) -o $@ -lbpf

# A backend's programs, with sluice-decap's own reading of options and writing of maps.
XDP_DECAP_TEST := $(B)/tests/xdp/decap_test
XDP_DECAP_CASES := $(B)/tests/xdp/decap.json

$(XDP_DECAP_CASES): tests/xdp/decap.py $(VECTORS_PY)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) -B $< $@

$(XDP_DECAP_TEST): tests/xdp/decap_test.c $(addprefix host/,address.c decap_options.c decap_state.c) $(wildcard host/*.h) $(MODEL_H) \
		$(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(filter %.c,$^) -o $@ -lbpf -ljansson

test-bpf: $(XDP_TEST) $(XDP_OBJ) $(XDP_OFFLOAD) $(XDP_TEST_TABLE) $(VECTORS_CORPUS) $(XDP_FIRST_TEST) $(XDP_DECAP_TEST) $(XDP_BACKEND) $(XDP_DECAP_CASES) \
		$(XDP_NAMED_TEST) $(XDP_ADOPT_TEST)
	$(Q)timeout 120 $(XDP_NAMED_TEST) $(XDP_OBJ)
	$(Q)timeout 120 $(XDP_TEST) $(XDP_OBJ) $(XDP_TEST_TABLE) $(VECTORS_CORPUS) $(XDP_OFFLOAD)
	$(Q)timeout 120 $(XDP_FIRST_TEST) $(XDP_OBJ)
	$(Q)timeout 120 $(XDP_ADOPT_TEST)
	$(Q)timeout 120 $(XDP_DECAP_TEST) $(XDP_BACKEND) $(XDP_DECAP_CASES)

.PHONY: test-bpf
