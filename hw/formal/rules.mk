# SPDX-License-Identifier: BSD-3-Clause
# `make formal`: proofs about the RTL (hw/formal/proofs.py); FORMAL_ONLY is a part of their names. `make formal-mutants`
# breaks the RTL in a copy, one line at a time, and expects each proof to fail.
SUITES += formal
FORMAL_ONLY ?=
FORMAL_RUN = YOSYS=$(YOSYS) $(PYTHON) -B hw/formal/prove.py --jobs $(JOBS) --only "$(FORMAL_ONLY)"
formal: $(B)/contract.stamp ## prove queues, arbiter, transmit, rings, counters, prefixes, flow table, meter, clock (FORMAL_ONLY)
	$(Q)hw/lint/check hw/formal/f_*.sv
	$(Q)$(FORMAL_RUN) --build $(B)/formal
formal-mutants: $(B)/contract.stamp ## break the RTL in copies; every proof must fail on its mutants
	$(Q)$(FORMAL_RUN) --build $(B)/formal/mutants --mutants
test-formal: formal
.PHONY: formal formal-mutants test-formal
