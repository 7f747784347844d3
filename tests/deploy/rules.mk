# SPDX-License-Identifier: BSD-3-Clause
# `make install` into a folder below build/, and what lies there then.
SUITES += install

test-install: $(SLUICED) $(SLUICE) $(DECAP) $(SL_PMD)
	$(Q)timeout 300 $(PYTHON) -B tests/deploy/install_test.py $(B)/tests/deploy

.PHONY: test-install
