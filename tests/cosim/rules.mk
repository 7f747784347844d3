# SPDX-License-Identifier: BSD-3-Clause
# Co-simulation of the RTL against the model. `make cosim` is configurable: COSIM_SEED, COSIM_PACKETS, COSIM_STALL (percent
# of stalled clocks), COSIM_WORLD (where to begin, to replay), COSIM_LIB. test-cosim is the run of CI: the small table for
# most of it, so that it is often full, then the table as it is in the card.
COSIM := $(B)/bin/cosim
COSIM_SRC := $(addprefix tests/cosim/,cosim.c pair.c reproduce.c traffic.c world.c) tests/vectors/card.c sim/engine_model.c \
	$(MODEL_SRC)
COSIM_OBJ := $(patsubst %.c,$(B)/tests/cosim/obj/%.o,$(COSIM_SRC))
COSIM_RTL := $(filter $(B)/lib/libsl_rtl_small.so,$(ALL))
COSIM_RTL_FULL := $(filter $(B)/lib/libsl_rtl_assert.so,$(ALL))
COSIM_LIB ?= $(COSIM_RTL)
COSIM_SEED ?= $(shell date +%s)
COSIM_PACKETS ?= 500000
COSIM_CI_PACKETS ?= 2000000
COSIM_LONG_PACKETS ?= 20000000
COSIM_STALL ?= 30
COSIM_WORLD ?= 0
ALL += $(COSIM)

$(B)/tests/cosim/obj/%.o: %.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -c $< -o $@

$(COSIM): $(COSIM_OBJ)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ -ljansson -ldl

cosim: $(COSIM) $(COSIM_LIB) ## RTL against model on random frames (COSIM_SEED, COSIM_PACKETS, COSIM_STALL, COSIM_WORLD)
	$(Q)$(COSIM) --other $(abspath $(COSIM_LIB)) --seed $(COSIM_SEED) --packets $(COSIM_PACKETS) --stall $(COSIM_STALL) \
		--world $(COSIM_WORLD)

.PHONY: cosim

# CI: streams with and without stalls; mutants of the model prove first that differences are seen.
SUITES += cosim
test-cosim: $(COSIM) $(COSIM_RTL) $(COSIM_RTL_FULL) $(B)/bin/vectors $(B)/vectors/corpus.json
	$(Q)timeout 300 $(PYTHON) -B tests/cosim/mutants.py --build $(B)/cosim/mutants --cosim $(COSIM) \
		--vectors $(B)/bin/vectors --corpus $(B)/vectors/corpus.json
	$(Q)timeout 1800 $(PYTHON) -B tests/cosim/streams.py --cosim $(COSIM) --build $(B)/cosim --library $(COSIM_RTL) \
		--library $(COSIM_RTL_FULL) --packets $(COSIM_CI_PACKETS) --seed $(COSIM_SEED)

# Records in HBM: the vectors and a short co-simulation, and the whole card by itself and with its firmware. (With driver
# and agent: tests/system.)
HBM_COSIM_PACKETS ?= 200000
SUITES += hbm
test-hbm: $(COSIM) $(RTL_LIB_HBM_SMALL) $(RTL_LIB_HBM_ASSERT) $(B)/bin/vectors $(B)/vectors/corpus.json \
		$(B)/tests/sim/test_card $(NIC_LIB_HBM)
	$(Q)timeout 600 $(B)/bin/vectors --corpus $(B)/vectors/corpus.json --engine rtl \
		--rtl $(abspath $(RTL_LIB_HBM_SMALL))
	$(Q)timeout 900 $(PYTHON) -B tests/cosim/streams.py --cosim $(COSIM) --build $(B)/cosim/hbm \
		--library $(RTL_LIB_HBM_SMALL) --library $(RTL_LIB_HBM_ASSERT) --packets $(HBM_COSIM_PACKETS) --seed $(COSIM_SEED)
	$(Q)SL_CARD_ENGINE=rtl-hbm tests/run-unit $(NIC_HBM_TESTS) $(B)/tests/sim/test_card

cosim-long: $(COSIM) $(COSIM_RTL) $(COSIM_RTL_FULL) ## twenty million packets in many streams (COSIM_LONG_PACKETS, COSIM_SEED)
	$(Q)$(PYTHON) -B tests/cosim/streams.py --cosim $(COSIM) --build $(B)/cosim --library $(COSIM_RTL) \
		--library $(COSIM_RTL_FULL) --packets $(COSIM_LONG_PACKETS) --seed $(COSIM_SEED)

.PHONY: test-cosim test-hbm cosim-long
