# SPDX-License-Identifier: BSD-3-Clause
# `make synth`: for the whole card, area, LUT levels and an estimated clock rate by module (see report.py), and their growth since
# baseline.json. SYNTH_HBM=1 is the card with records in HBM, of which no figures are stored. Both limits are seconds: of the processor for one module, and of all of them together.
SYNTH_LOG2 ?= 16
SYNTH_HBM ?= 0
SYNTH_SECONDS ?= 120
SYNTH_TOTAL ?= 1800
SYNTH_BASELINE := hw/synth/baseline.json
SYNTH_RUN = YOSYS=$(YOSYS) $(PYTHON) -B hw/synth/report.py
SYNTH_ARGS = $(NIC_LIST) TABLE_LOG2=$(SYNTH_LOG2),RECORDS_HBM=$(SYNTH_HBM) $(B)/synth/$(if $(filter 1,$(SYNTH_HBM)),hbm,chip) \
	$(SYNTH_SECONDS) $(SYNTH_TOTAL) $(SYNTH_BASELINE)
synth: $(B)/contract.stamp ## estimate area, LUT levels and clock rate of the RTL (minutes; unchanged modules are kept)
	$(Q)$(SYNTH_RUN) estimate $(SYNTH_ARGS)
synth-baseline: $(B)/contract.stamp ## the same, and store the figures that `make synth` compares with
	$(Q)$(SYNTH_RUN) baseline $(SYNTH_ARGS)
# Real, but of single small modules: the largest part that Debian has a placer for has 7,680 cells. Its package is not
# among those that a build needs.
PNR_MODULES ?=
pnr: $(B)/contract.stamp ## place and route small modules on an iCE40 HX8K (6 minutes; installs nextpnr-ice40)
	$(Q).ci/deps nextpnr-ice40
	$(Q)YOSYS=$(YOSYS) $(PYTHON) -B hw/synth/place.py hw/rtl/sl_nic.f $(B)/synth/place $(PNR_MODULES)
.PHONY: synth synth-baseline pnr
