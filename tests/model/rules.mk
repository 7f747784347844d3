# SPDX-License-Identifier: BSD-3-Clause
# Unit tests of the model, stage by stage, and of the engine made of it.
MODEL_TESTS := parse plain prefix class hash table rewrite engine
MODEL_TEST_BIN := $(MODEL_TESTS:%=$(B)/tests/model/%_test)
UNIT_TESTS += $(MODEL_TEST_BIN)

$(B)/include/tests/model/hash_vectors.inc: tests/model/hash_vectors.py
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $< > $@
$(B)/tests/model/hash_test: $(B)/include/tests/model/hash_vectors.inc

$(B)/tests/model/%_test: tests/model/%_test.c sim/engine_model.c $(MODEL_SRC) $(MODEL_H) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $< sim/engine_model.c $(MODEL_SRC) -o $@ -lcmocka
