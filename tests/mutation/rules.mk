# SPDX-License-Identifier: BSD-3-Clause
# Mutants of the RTL: `make mutants` (MUTANTS_COUNT, MUTANTS_SEED; MUTANTS_ONLY is a part of a file's name), and the
# long one.
MUTANTS_COUNT ?= 6
MUTANTS_SEED ?= 1
MUTANTS_ONLY ?=
MUTANTS_NEED := $(COSIM) $(B)/bin/vectors $(B)/vectors/corpus.json $(B)/mutation/engine_rtl_test
MUTANTS_RUN = YOSYS=$(YOSYS) $(PYTHON) -B tests/mutation/mutate.py --build $(B)/mutation --list $(RTL_LIST) \
	--cosim $(COSIM) --vectors $(VECTORS_RUNNER) --corpus $(VECTORS_CORPUS) --seed $(MUTANTS_SEED) --jobs $(JOBS) \
	--unit $(B)/mutation/engine_rtl_test --only "$(MUTANTS_ONLY)"

# The unit test with a library that is named when it runs.
$(B)/mutation/engine_rtl_test: tests/rtl/engine_rtl_test.c tests/rtl/rtl_card.h tests/rtl/collision.h $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -DRTL_LIBRARY='getenv("MUTANT")' -DRTL_LIBRARY_SMALL='getenv("MUTANT")' \
		-DRTL_TABLE_LOG2=8 $< -o $@ -lcmocka -ldl

mutants: $(MUTANTS_NEED) ## break the RTL in MUTANTS_COUNT places: do the tests notice? (MUTANTS_SEED, MUTANTS_ONLY)
	$(Q)$(MUTANTS_RUN) --count $(MUTANTS_COUNT)
mutants-long: $(MUTANTS_NEED) ## the same in 200 places (hours)
	$(Q)$(MUTANTS_RUN) --count 200
.PHONY: mutants mutants-long
