# SPDX-License-Identifier: BSD-3-Clause
# `make card-campaign`: the long form of all that verifies the card, part after part (hours). Interrupted, it goes on with the
# part that it was at, as long as nothing of the tree has changed; CAMPAIGN_PARTS chooses parts.
CAMPAIGN_PARTS ?= formal formal-mutants cosim coverage stress fuzz mutants bench
CAMPAIGN_FUZZ_SECONDS ?= 3600
CAMPAIGN_STRESS_SEEDS ?= 200
CAMPAIGN_PART_SECONDS ?= 43200
CAMPAIGN_SEED ?= $(shell date +%s)

card-campaign: ## the long form of all that verifies the card, with a summary (hours; CAMPAIGN_PARTS)
	$(Q)tests/campaign/run $(B)/campaign $(CAMPAIGN_PART_SECONDS) $(CAMPAIGN_PARTS)

campaign-formal: formal
campaign-formal-mutants: formal-mutants
campaign-cosim: cosim-long
campaign-coverage: coverage
campaign-mutants: mutants-long
campaign-bench: bench-card
campaign-fuzz:
	$(Q)$(MAKE) --no-print-directory fuzz-firmware FUZZ_SECONDS=$(CAMPAIGN_FUZZ_SECONDS)
campaign-stress: $(NIC_STRESS)
	$(Q)echo "stress: seeds $(CAMPAIGN_SEED) and $(CAMPAIGN_STRESS_SEEDS) after it"
	$(Q)for i in $$(seq $(CAMPAIGN_STRESS_SEEDS)); do \
		NIC_SEED=$$(($(CAMPAIGN_SEED) + i)) $(NIC_STRESS) >$(B)/campaign/stress.txt 2>&1 \
			|| { cat $(B)/campaign/stress.txt; echo "again: NIC_SEED=$$(($(CAMPAIGN_SEED) + i)) $(NIC_STRESS)"; exit 1; }; \
	done; echo "stress: $(CAMPAIGN_STRESS_SEEDS) seeds passed"
.PHONY: card-campaign $(addprefix campaign-,formal formal-mutants cosim coverage mutants bench fuzz stress)
