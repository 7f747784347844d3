# SPDX-License-Identifier: BSD-3-Clause
# The vector corpus and its runner on card engines. VECTORS_CORPUS, VECTORS_LOAD and VECTORS_LIBS are for other runners.
VECTORS_CORPUS := $(B)/vectors/corpus.json
VECTORS_LOAD := tests/vectors/load.c
VECTORS_LIBS := -ljansson
VECTORS_PY := $(wildcard tests/vectors/*.py tests/vectors/cases/*.py)

$(VECTORS_CORPUS): $(VECTORS_PY) $(CONTRACT_SRC)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) -B tests/vectors/corpus.py $@

# The runner is built with sanitizers. The RTL is a library and is loaded when it is there; one built with its assertions
# is preferred. Rules of hw/ and sim/ come before this file, so ALL already names the libraries.
VECTORS_RUNNER := $(B)/bin/vectors
VECTORS_CARD := tests/vectors/card.c
VECTORS_SRC := $(addprefix tests/vectors/,vectors.c drive.c bounds.c load.c) $(VECTORS_CARD)
RTL_LIBS := $(filter $(B)/lib/libsl_rtl.so $(B)/lib/libsl_rtl_assert.so,$(ALL))
RTL_TEST_LIB := $(or $(filter %_assert.so,$(RTL_LIBS)),$(RTL_LIBS))
ALL += $(VECTORS_RUNNER) $(VECTORS_CORPUS)
SUITES += vectors

$(B)/tests/vectors/%.o: tests/vectors/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c $< -o $@

$(B)/tests/vectors/engine_model.o: sim/engine_model.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c $< -o $@

$(B)/tests/vectors/model/%.o: hw/model/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c $< -o $@

$(VECTORS_RUNNER): $(VECTORS_SRC:%.c=$(B)/%.o) $(B)/tests/vectors/engine_model.o \
		$(patsubst hw/model/%.c,$(B)/tests/vectors/model/%.o,$(MODEL_SRC))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ $(VECTORS_LIBS) -ldl

VECTORS_ENGINES ?= model $(if $(RTL_TEST_LIB),rtl)
test-vectors: $(VECTORS_RUNNER) $(VECTORS_CORPUS) $(RTL_TEST_LIB)
	$(Q)timeout 300 $(VECTORS_RUNNER) --corpus $(VECTORS_CORPUS) $(foreach e,$(VECTORS_ENGINES),--engine $(e)) \
		$(if $(RTL_TEST_LIB),--rtl $(abspath $(RTL_TEST_LIB)))

.PHONY: test-vectors
