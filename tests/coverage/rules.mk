# SPDX-License-Identifier: BSD-3-Clause
# `make coverage`: line coverage of the RTL by the vectors, the co-simulation and the RTL's unit test, per module. It
# fails below COVERAGE_MIN percent in all. The table is the small one, so that it gets full.
COVERAGE_MIN ?= 95
COVERAGE_PACKETS ?= 100000
COVERAGE_SEED ?= 1
COVERAGE_DATA := $(B)/coverage/data
$(B)/coverage/engine_rtl_test: tests/rtl/engine_rtl_test.c tests/rtl/rtl_card.h $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -DRTL_LIBRARY='"$(RTL_LIB_COVER)"' -DRTL_LIBRARY_SMALL='"$(RTL_LIB_COVER)"' \
		-DRTL_TABLE_LOG2=$(RTL_SMALL_LOG2) $< -o $@ -lcmocka -ldl

COVERAGE_NEED := $(RTL_LIB_COVER) $(COSIM) $(B)/bin/vectors $(B)/vectors/corpus.json $(B)/coverage/engine_rtl_test
coverage: $(COVERAGE_NEED) ## line coverage of the RTL
	$(Q)rm -rf $(COVERAGE_DATA) && mkdir -p $(COVERAGE_DATA)
	$(Q)SL_RTL_COVER=$(COVERAGE_DATA) timeout 600 $(VECTORS_RUNNER) --corpus $(VECTORS_CORPUS) --engine rtl \
		--rtl $(abspath $(RTL_LIB_COVER))
	$(Q)SL_RTL_COVER=$(COVERAGE_DATA) timeout 600 $(COSIM) --other $(abspath $(RTL_LIB_COVER)) --seed $(COVERAGE_SEED) \
		--packets $(COVERAGE_PACKETS) --stall 30
	$(Q)SL_RTL_COVER=$(COVERAGE_DATA) timeout 300 $(B)/coverage/engine_rtl_test
	$(Q)$(PYTHON) -B tests/coverage/report.py --min $(COVERAGE_MIN) --write $(B)/coverage/lines.txt $(COVERAGE_DATA)
.PHONY: coverage
