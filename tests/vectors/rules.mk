# SPDX-License-Identifier: BSD-3-Clause
# The vector corpus and its runner on card engines. VECTORS_CORPUS, VECTORS_LOAD and VECTORS_LIBS are for other runners.
VECTORS_CORPUS := $(B)/vectors/corpus.json
VECTORS_LOAD := tests/vectors/load.c
VECTORS_LIBS := -ljansson
VECTORS_PY := $(wildcard tests/vectors/*.py tests/vectors/cases/*.py)

$(VECTORS_CORPUS): $(VECTORS_PY) $(CONTRACT_SRC)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) -B tests/vectors/corpus.py $@
