# SPDX-License-Identifier: BSD-3-Clause
# The demo and the system tests: real TCP in network namespaces through a card and an agent.
SUITES += system

DEMO_ENGINE ?= rtl
# What the demo runs, and no more: a first run should not wait for what only tests need.
DEMO_NEEDS = $(SLUICED) $(SLUICE) $(DECAP) $(SL_PMD) $(B)/bin/sluice-sim $(FW_B)/sluice-fw.bin \
	$(if $(filter rtl,$(DEMO_ENGINE)),$(NIC_LIB))
demo: $(B)/deps.stamp ## the main job: real HTTP through the simulated card (DEMO_ENGINE=rtl|model|xdp|software)
	@echo "demo: building (first time some minutes)"
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(DEMO_NEEDS)
	$(Q)$(PYTHON) tests/system/demo.py --engine $(DEMO_ENGINE) --json $(B)/demo.json

SYSTEM_ENGINES ?= software xdp model rtl
test-system: all
	$(Q)$(PYTHON) tests/system/system_test.py $(foreach e,$(SYSTEM_ENGINES),--engine $(e))

.PHONY: demo test-system
