# SPDX-License-Identifier: BSD-3-Clause
# `make coverage`: line coverage of the RTL, per module: of the datapath by the vectors, the co-simulation and the RTL's unit
# test, of what is around it by the tests of the host interface and of the whole card, of records in HBM by the datapath alone
# with them. It fails below COVERAGE_MIN percent in all, and when a module is in no run. The table is the small one, so that it
# gets full.
COVERAGE_MIN ?= 95
COVERAGE_PACKETS ?= 100000
COVERAGE_SEED ?= 1
COVERAGE_DATA := $(B)/coverage/data
$(B)/coverage/engine_rtl_test: tests/rtl/engine_rtl_test.c tests/rtl/rtl_card.h $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -DRTL_LIBRARY='"$(RTL_LIB_COVER)"' -DRTL_LIBRARY_SMALL='"$(RTL_LIB_COVER)"' \
		-DRTL_TABLE_LOG2=$(RTL_SMALL_LOG2) $< -o $@ -lcmocka -ldl

$(B)/coverage/age_test: tests/rtl/age_test.c tests/rtl/rtl_card.h sim/engine_model.c $(MODEL_SRC) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -DRTL_LIBRARY_SMALL='"$(RTL_LIB_COVER)"' $< sim/engine_model.c $(MODEL_SRC) -o $@ -lcmocka -ldl

# With records in HBM: the datapath alone, which is enough to reach what only this configuration has.
COVERAGE_HBM_PACKETS ?= 20000
$(B)/coverage/hbm_test: tests/rtl/hbm_test.c tests/rtl/numbered.h tests/rtl/rtl_card.h $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -DRTL_LIBRARY_SMALL='"$(RTL_LIB_HBM_COVER)"' $< -o $@ -lcmocka -ldl

# The whole card as a process, with its firmware.
$(B)/coverage/card/bin/sluice-sim: $(B)/bin/sluice-sim $(NIC_LIB_COVER)
	$(Q)mkdir -p $(@D) $(@D)/../lib
	$(Q)ln -sf $(abspath $(NIC_LIB_COVER)) $(@D)/../lib/libsl_nic.so
	$(Q)cp $< $@
$(B)/coverage/test_card: tests/sim/test_card.c $(B)/tests/sim/host.o $(B)/coverage/card/bin/sluice-sim | $(B)/tests/sim/sluice-sim
	$(Q)$(CC) $(CFLAGS_TEST) -DRTL_PROGRAM='"$(B)/coverage/card/bin/sluice-sim"' $< $(B)/tests/sim/host.o -o $@ -lcmocka -lpcap

# (Not read before all rules are: HIF_TESTS_COVER is of a later file.)
COVERAGE_TESTS = $(HIF_TESTS_COVER) $(addprefix $(B)/coverage/,age_test hbm_test test_card)
COVERAGE_NEED = $(RTL_LIB_COVER) $(RTL_LIB_HBM_COVER) $(COVERAGE_TESTS) $(COSIM) $(B)/bin/vectors $(B)/vectors/corpus.json \
	$(B)/coverage/engine_rtl_test
coverage: ## line coverage of the RTL
	$(Q)$(MAKE) --no-print-directory $(COVERAGE_NEED)
	$(Q)rm -rf $(COVERAGE_DATA) && mkdir -p $(COVERAGE_DATA)
	$(Q)SL_RTL_COVER=$(COVERAGE_DATA) timeout 600 $(VECTORS_RUNNER) --corpus $(VECTORS_CORPUS) --engine rtl \
		--rtl $(abspath $(RTL_LIB_COVER))
	$(Q)SL_RTL_COVER=$(COVERAGE_DATA) timeout 600 $(COSIM) --other $(abspath $(RTL_LIB_COVER)) --seed $(COVERAGE_SEED) \
		--packets $(COVERAGE_PACKETS) --stall 30
	$(Q)SL_RTL_COVER=$(COVERAGE_DATA) timeout 600 $(COSIM) --other $(abspath $(RTL_LIB_HBM_COVER)) --seed $(COVERAGE_SEED) \
		--packets $(COVERAGE_HBM_PACKETS) --stall 30
	$(Q)SL_RTL_COVER=$(COVERAGE_DATA) timeout 300 $(B)/coverage/engine_rtl_test
	$(Q)for t in $(COVERAGE_TESTS); do echo "$$t"; SL_RTL_COVER=$(COVERAGE_DATA) timeout 600 $$t >$$t.log 2>&1 \
		|| { tail -20 $$t.log; exit 1; }; done
	$(Q)$(PYTHON) -B tests/coverage/report.py --min $(COVERAGE_MIN) --write $(B)/coverage/lines.txt $(COVERAGE_DATA) \
		$(NIC_SRC)
.PHONY: coverage
