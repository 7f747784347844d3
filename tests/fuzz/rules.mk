# SPDX-License-Identifier: BSD-3-Clause
# Fuzzing with libFuzzer. A finding is kept in build/fuzz/*/findings and printed; run the target with that file to see it again.
FUZZ_B := $(B)/fuzz
FUZZ_FW := $(FUZZ_B)/firmware
FUZZ_CFLAGS := $(CFLAGS_BASE) -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_SECONDS ?= 600
FUZZ_SLICE_SECONDS ?= 15
FUZZ_FW_OBJ := $(patsubst %.c,$(FUZZ_FW)/%.o,$(addprefix firmware/,$(filter-out main.c memory.c,$(FW_SRC))) sim/flash.c \
	$(addprefix tests/firmware/,core.c fake.c arguments.c) tests/fuzz/firmware_fuzz.c)
SUITES += fuzz

$(FUZZ_FW)/%.o: %.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -c -o $@ $<

$(FUZZ_FW)/fuzz: $(FUZZ_FW_OBJ)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $^

$(FUZZ_FW)/seeds: $(FUZZ_FW)/fuzz
	$(Q)mkdir -p $@ $(FUZZ_FW)/corpus $(FUZZ_FW)/findings
	$(Q)SL_FUZZ_SEEDS=$@ $(FUZZ_FW)/fuzz

# The firmware for SECONDS, $(1): what it finds new stays in the corpus for the next time.
fuzz_fw = $(FUZZ_FW)/fuzz -max_total_time=$(1) -max_len=4096 -timeout=100 -use_value_profile=1 -print_final_stats=1 \
	-artifact_prefix=$(FUZZ_FW)/findings/ $(FUZZ_FW)/corpus $(FUZZ_FW)/seeds

fuzz-firmware: $(FUZZ_FW)/seeds ## fuzz the firmware's admin queue for FUZZ_SECONDS (600)
	$(Q)$(call fuzz_fw,$(FUZZ_SECONDS))

# The datapath: model, XDP in this kernel (needs root), agent. Coverage is of model and agent: what drives them would only
# slow it down and lead astray. What a card would refuse, the firmware says.
FUZZ_DP := $(FUZZ_B)/datapath
FUZZ_DP_SRC := $(MODEL_SRC) $(addprefix host/,address.c adopt.c admission.c classify.c conn.c conn_parts.c cut.c fastpath.c fragments.c icmp.c mss.c places.c shed.c \
	log.c reply.c slowpath.c slowpath_beside.c sources.c)
FUZZ_DP_TEST_SRC := $(addprefix tests/,$(addprefix fuzz/,datapath_fuzz.c scene.c change.c expect.c keep.c layers.c mutate.c) host/agent.c \
	vectors/load.c xdp/program.c) driver/xdp/table.c driver/xdp/named.c $(addprefix firmware/,$(filter-out main.c memory.c,$(FW_SRC))) sim/flash.c \
	$(addprefix tests/firmware/,core.c fake.c arguments.c)
FUZZ_DP_OBJ := $(FUZZ_DP_SRC:%.c=$(FUZZ_DP)/%.o) $(FUZZ_DP_TEST_SRC:%.c=$(FUZZ_DP)/test/%.o)

$(FUZZ_DP)/test/%.o: %.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(filter-out -fsanitize=%,$(FUZZ_CFLAGS)) -fsanitize=address,undefined -c -o $@ $<

$(FUZZ_DP)/%.o: %.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -c -o $@ $<

$(FUZZ_DP)/fuzz: $(FUZZ_DP_OBJ)
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined -o $@ $^ -lbpf $(VECTORS_LIBS)

$(FUZZ_DP)/seeds: $(FUZZ_DP)/fuzz $(XDP_OBJ) $(B)/vectors/corpus.json
	$(Q)mkdir -p $@ $(FUZZ_DP)/corpus $(FUZZ_DP)/findings
	$(Q)SL_FUZZ_SEEDS=$@ $(FUZZ_DP)/fuzz

fuzz_dp = $(FUZZ_DP)/fuzz -max_total_time=$(1) -max_len=8300 -timeout=100 -print_final_stats=1 -artifact_prefix=$(FUZZ_DP)/findings/ \
	$(FUZZ_DP)/corpus $(FUZZ_DP)/seeds

fuzz-datapath: $(FUZZ_DP)/seeds ## fuzz model, XDP and agent against each other for FUZZ_SECONDS (600); needs root
	$(Q)$(call fuzz_dp,$(FUZZ_SECONDS))

# The RTL is too slow to be asked about every input; about those that reached something new it is not.
FUZZ_DP_RTL := $(B)/lib/libsl_rtl_assert.so
fuzz-datapath-rtl: $(FUZZ_DP)/seeds $(B)/bin/vectors $(FUZZ_DP_RTL) ## hold the RTL against the model on what fuzz-datapath has collected
	$(Q)SL_FUZZ_KEEP=$(FUZZ_DP)/kept.json $(FUZZ_DP)/fuzz -runs=0 -max_len=8300 -detect_leaks=0 $(FUZZ_DP)/corpus
	$(Q)$(B)/bin/vectors --corpus $(FUZZ_DP)/kept.json --engine model --engine rtl --rtl $(abspath $(FUZZ_DP_RTL))

# A slice of each, without libFuzzer's lines about every input.
fuzz_quietly = $(1) 2>&1 | grep -vE '^\#[0-9]+\s+(REDUCE|NEW|pulse)' ; test "$${PIPESTATUS[0]}" = 0

test-fuzz: $(FUZZ_FW)/seeds $(FUZZ_DP)/seeds
	$(Q)$(call fuzz_quietly,$(call fuzz_fw,$(FUZZ_SLICE_SECONDS)))
	$(Q)$(call fuzz_quietly,$(call fuzz_dp,$(FUZZ_SLICE_SECONDS)))

.PHONY: fuzz-firmware fuzz-datapath fuzz-datapath-rtl test-fuzz
