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

test-fuzz: $(FUZZ_FW)/seeds
	$(Q)$(call fuzz_fw,$(FUZZ_SLICE_SECONDS)) 2>&1 | grep -vE '^#[0-9]+\s+(REDUCE|NEW|pulse)' ; test "$${PIPESTATUS[0]}" = 0

.PHONY: fuzz-firmware test-fuzz
