# SPDX-License-Identifier: BSD-3-Clause
# Mutants of the RTL: `make mutants` (MUTANTS_COUNT, MUTANTS_SEED; MUTANTS_ONLY is a part of a file's name), and the long one.
# MUTANTS_NUMBERS=168-210,47 judges only these of the chosen ones, in that order. MUTANTS_OPTIMIZE=-O1 builds sooner.
MUTANTS_COUNT ?= 20
MUTANTS_SEED ?= 1
MUTANTS_ONLY ?=
MUTANTS_NUMBERS ?=
MUTANTS_OPTIMIZE ?= -O2
MUTANTS_TESTS := $(addprefix $(B)/mutation/,engine_rtl_test age_test hbm_test nic_stress)
MUTANTS_NEED := $(COSIM) $(B)/bin/vectors $(B)/vectors/corpus.json $(MUTANTS_TESTS) $(B)/tests/rtl/test_dma.o \
	$(B)/tests/sim/host.o $(B)/tests/sim/card/sim/iova.o
MUTANTS_RUN = YOSYS=$(YOSYS) $(PYTHON) -B tests/mutation/mutate.py --made $(B) --cosim $(COSIM) --seed $(MUTANTS_SEED) \
	--jobs $(JOBS) --only "$(MUTANTS_ONLY)" --numbers "$(MUTANTS_NUMBERS)" --optimize=$(MUTANTS_OPTIMIZE)

# The tests with a library that is named when they run.
MUTANTS_LIBRARIES := -DRTL_LIBRARY='getenv("MUTANT")' -DRTL_LIBRARY_SMALL='getenv("MUTANT")' -DRTL_TABLE_LOG2=8 \
	-DNIC_LIBRARY='getenv("MUTANT")'
$(B)/mutation/age_test: sim/engine_model.c $(MODEL_SRC)
$(MUTANTS_TESTS): $(B)/mutation/%: tests/rtl/%.c $(addprefix tests/rtl/,rtl_card.h nic_host.h collision.h) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) $(MUTANTS_LIBRARIES) $(filter %.c,$^) -o $@ -lcmocka -ldl

# CI: a sample of the datapath and of the host interface, without the whole card and records in HBM, whose models take minutes
# to build, without the vectors, and with less traffic. What is drawn changes only with the lines that are drawn (MUTANTS_CI_SEED,
# MUTANTS_CI_COUNT).
MUTANTS_CI_COUNT ?= 12
MUTANTS_CI_SEED ?= 1
SUITES += mutants
test-mutants: $(MUTANTS_NEED)
	$(Q)YOSYS=$(YOSYS) timeout 1800 $(PYTHON) -B tests/mutation/mutate.py --made $(B) --cosim $(COSIM) \
		--build $(B)/mutation/ci --count $(MUTANTS_CI_COUNT) --seed $(MUTANTS_CI_SEED) --jobs $(JOBS) --tops sl_core,sl_hif \
		--skip vectors,hif_rate --packets 10000 --optimize=-O1

mutants: $(MUTANTS_NEED) ## break the RTL in MUTANTS_COUNT places: do the tests notice? (MUTANTS_SEED, _ONLY, _NUMBERS)
	$(Q)$(MUTANTS_RUN) --build $(B)/mutation/some --count $(MUTANTS_COUNT)
mutants-long: $(MUTANTS_NEED) ## the same in 210 places (hours; goes on where it stopped)
	$(Q)$(MUTANTS_RUN) --build $(B)/mutation/long --count 210
.PHONY: test-mutants mutants mutants-long
