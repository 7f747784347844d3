# SPDX-License-Identifier: BSD-3-Clause
# `make synth`: area and LUT levels by module, an estimate (see report.py). The table is reduced to 2^SYNTH_LOG2 slots.
# Both limits are seconds: of one run of Yosys, and of all of them together; what does not end in time is named.
SYNTH_LOG2 ?= 8
SYNTH_SECONDS ?= 120
SYNTH_TOTAL ?= 420
synth: $(B)/contract.stamp ## estimate area and LUT levels of the RTL (reduced table, at most about 8 minutes)
	$(Q)YOSYS=$(YOSYS) $(PYTHON) hw/synth/report.py $(RTL_LIST) $(SYNTH_LOG2) $(B)/synth $(SYNTH_SECONDS) $(SYNTH_TOTAL)
.PHONY: synth
