# SPDX-License-Identifier: BSD-3-Clause
# What the whole tree must agree on. Needs nothing built but the contract.
SUITES += contract

test-contract: $(B)/contract.stamp
	$(Q)timeout 120 $(PYTHON) -B tests/contract/contract_test.py --build $(B)

.PHONY: test-contract
