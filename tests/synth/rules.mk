# SPDX-License-Identifier: BSD-3-Clause
# The synthesis report on small designs whose area, paths and faults are known.
SUITES += synth
test-synth:
	$(Q)YOSYS=$(YOSYS) timeout 300 $(PYTHON) -B tests/synth/synth_test.py $(B)/synth/test
.PHONY: test-synth
