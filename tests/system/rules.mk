# SPDX-License-Identifier: BSD-3-Clause
# The demo and the system tests: real TCP in network namespaces through a card and an agent.
SUITES += system

DEMO_ENGINE ?= rtl
# What the demo runs, and no more: a first run should not wait for what only tests need.
DEMO_NEEDS = $(SLUICED) $(SLUICE) $(DECAP) $(SL_PMD) $(B)/bin/sluice-sim $(FW_B)/sluice-fw.bin \
	$(if $(filter rtl,$(DEMO_ENGINE)),$(NIC_LIB)) $(if $(filter rtl-hbm,$(DEMO_ENGINE)),$(NIC_LIB_HBM))
demo: $(B)/deps.stamp ## the main job: real HTTP through the simulated card (DEMO_ENGINE=rtl|rtl-hbm|model|xdp|software)
	@echo "demo: building (first time some minutes)"
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(DEMO_NEEDS)
	$(Q)$(PYTHON) tests/system/demo.py --engine $(DEMO_ENGINE) --json $(B)/demo.json

SYSTEM_ENGINES ?= software xdp model rtl
# With records in HBM only what their time of coming could change. `SYSTEM_ENGINES=rtl-hbm` runs all cases.
SYSTEM_HBM_CASES := transfers_in_every_mode connection_moves_to_hardware evict_returns_to_software counters_are_exact \
	agent_killed_and_back agent_killed_in_a_storm an_empty_card_is_filled_again
test-system: all
	$(Q)$(PYTHON) tests/system/system_test.py $(foreach e,$(SYSTEM_ENGINES),--engine $(e))
	$(Q)$(PYTHON) tests/system/system_test.py --engine rtl-hbm $(foreach c,$(SYSTEM_HBM_CASES),--only $(c))

.PHONY: demo test-system
