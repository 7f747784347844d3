# SPDX-License-Identifier: BSD-3-Clause
# `make lint`: Verilator's -Wall over the RTL: the datapath with both table sizes in use, the whole card with records on the chip
# and in HBM, and the card in a shell. Waivers are in waivers.vlt, one line each with its reason. Then what Verilator does not see:
# constructs outside the safe subset, and whether Yosys, which goes on with wrong hardware after some of its warnings, reads both
# cards without one of these; and whether the mutants that show that proofs can fail still name lines of the RTL.
SUITES += lint
lint: $(B)/contract.stamp ## lint the RTL
	$(Q)$(VERILATOR) --lint-only -Wall --top-module sl_core hw/lint/waivers.vlt -f $(RTL_LIST)
	$(Q)$(VERILATOR) --lint-only -Wall --assert -GTABLE_LOG2=8 --top-module sl_core hw/lint/waivers.vlt -f $(RTL_LIST)
	$(Q)$(VERILATOR) --lint-only -Wall --assert --top-module sl_nic hw/lint/waivers.vlt -f $(NIC_LIST)
	$(Q)$(VERILATOR) --lint-only -Wall --assert -GRECORDS_HBM=1 --top-module sl_nic hw/lint/waivers.vlt -f $(NIC_LIST)
	$(Q)$(VERILATOR) --lint-only -Wall --assert --top-module corundum_stub hw/lint/waivers.vlt -f $(SHELL_STUB_LIST)
	$(Q)hw/lint/check $(NIC_SRC) $(SHELL_SRC)
	$(Q)YOSYS=$(YOSYS) $(PYTHON) -B hw/synth/report.py check $(NIC_LIST) TABLE_LOG2=16 $(B)/synth/check
	$(Q)YOSYS=$(YOSYS) $(PYTHON) -B hw/synth/report.py check $(NIC_LIST) TABLE_LOG2=16,RECORDS_HBM=1 $(B)/synth/check
	$(Q)$(PYTHON) -B hw/formal/prove.py --check
	@echo "lint: clean"
test-lint: lint
.PHONY: lint test-lint
