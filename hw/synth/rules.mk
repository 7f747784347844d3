# SPDX-License-Identifier: BSD-3-Clause
# `make synth`: area and LUT levels by module, an estimate (see report.py). The table is reduced to SYNTH_LOG2, which
# changes only the number of memory blocks, so that it ends in minutes.
SYNTH_LOG2 ?= 10
SYNTH_SECONDS ?= 150
synth: $(B)/contract.stamp ## estimate area and LUT levels of the RTL (reduced table)
	$(Q)YOSYS=$(YOSYS) $(PYTHON) hw/synth/report.py $(RTL_LIST) $(SYNTH_LOG2) $(B)/synth $(SYNTH_SECONDS)
.PHONY: synth
