# SPDX-License-Identifier: BSD-3-Clause
# Benchmarks. Nothing here runs in `make test`.
BENCH_MODEL := $(B)/tests/bench/model_bench

# Compiled for this machine (-march=native), all sources at once, so that the figure is the code's and not the linker's.
$(BENCH_MODEL): tests/bench/model_bench.c $(MODEL_SRC) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -march=native -flto $< $(MODEL_SRC) -o $@

bench-model: $(BENCH_MODEL) ## speed of the datapath model on one core (JSON: build/bench/model.json)
	$(Q)mkdir -p $(B)/bench
	$(Q)$(BENCH_MODEL) $(B)/bench/model.json

BENCH_GEN := $(B)/bench/wire_gen
$(BENCH_GEN): tests/bench/wire_gen.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror $(shell pkg-config --cflags libdpdk) $< -o $@ \
		$(shell pkg-config --libs libdpdk)

bench-software-path: all $(BENCH_GEN) ## the agent's software path against testpmd mac-swap over memif
	$(Q)$(PYTHON) tests/bench/software_bench.py --json $(B)/bench/software-path.json

bench: bench-model bench-rtl bench-software-path ## every benchmark, one after the other

.PHONY: bench bench-model bench-software-path
