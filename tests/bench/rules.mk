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

.PHONY: bench-model
