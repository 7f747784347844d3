# SPDX-License-Identifier: BSD-3-Clause
# Benchmarks. Nothing here runs in `make test`.
BENCH_MODEL := $(B)/tests/bench/model_bench

# Compiled for this machine (-march=native), all sources at once, so that the figure is the code's and not the linker's.
$(BENCH_MODEL): tests/bench/model_bench.c $(MODEL_SRC) $(MODEL_H) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -march=native -flto $< $(MODEL_SRC) -o $@

bench-model: $(BENCH_MODEL) ## speed of the datapath model on one core (JSON: build/bench/model.json)
	$(Q)mkdir -p $(B)/bench
	$(Q)$(BENCH_MODEL) $(B)/bench/model.json

# Flow table, latency and rates of the card, in clocks; minutes. table_load.c runs in the model alone.
BENCH_CARD := $(B)/tests/bench/card_bench
BENCH_CARD_SRC := $(addprefix tests/bench/,card_bench.c record_memory.c table_load.c whole_card.c) tests/rtl/churn.c sim/engine_model.c \
	$(MODEL_SRC)
$(BENCH_CARD): $(BENCH_CARD_SRC) $(addprefix tests/bench/,table_load.h record_memory.h whole_card.h) \
		$(addprefix tests/rtl/,churn.h rate.h rtl_card.h nic_host.h numbered.h) $(MODEL_H) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -march=native $(BENCH_CARD_SRC) -o $@ -lcmocka -ldl

bench-card: $(BENCH_CARD) $(RTL_LIB) $(RTL_LIB_HBM) $(NIC_LIB) $(NIC_LIB_HBM) ## clocks of the card: hits, commands under line-rate hits, load before refusal (JSON: build/bench/card.json)
	$(Q)mkdir -p $(B)/bench
	$(Q)$(PYTHON) -B tests/bench/table_memory.py $(VERILATOR) $(RTL_LIST) $(B)/bench/memory > $(B)/bench/memory.txt
	$(Q)timeout 1500 $< $(RTL_LIB) $(RTL_LIB_HBM) $(NIC_LIB) $(NIC_LIB_HBM) $(B)/bench/memory.txt $(B)/bench/card.json
	$(Q)$(PYTHON) -B hw/synth/report.py rates $(SYNTH_BASELINE) $(B)/bench/card.json
	$(Q)$(PYTHON) -B tests/bench/card_targets.py $(B)/bench/card.json

BENCH_GEN := $(B)/bench/wire_gen
$(BENCH_GEN): tests/bench/wire_gen.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror $(shell pkg-config --cflags libdpdk) $< -o $@ \
		$(shell pkg-config --libs libdpdk)

# The software datapath from memory, with the agent's objects.
BENCH_DATAPATH := $(B)/tests/bench/datapath_bench
BENCH_DATAPATH_OBJ = $(patsubst %.c,$(B)/%.o,$(SLOW_PARTS:%.o=host/%.c) host/fastpath.c $(HOST_CONTROL_SRC))
$(BENCH_DATAPATH): tests/bench/datapath_bench.c tests/bench/flow_world.c tests/bench/flow_world.h $(BENCH_DATAPATH_OBJ) $(MODEL_LIB)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ $(filter-out %.h,$^) $(DPDK_LIBS) $(HOST_CONTROL_LIBS)

bench-datapath: $(BENCH_DATAPATH) ## the software datapath from memory: packets, lookup against rte_hash, connections a second (JSON: build/bench/datapath.json)
	$(Q)mkdir -p $(B)/bench
	$(Q)$< $(B)/bench/datapath.json

# What floods of one service take from another, with the same objects.
BENCH_FLOOD := $(B)/tests/bench/flood_bench
$(BENCH_FLOOD): tests/bench/flood_bench.c tests/bench/flow_world.c tests/bench/flow_world.h $(BENCH_DATAPATH_OBJ) $(MODEL_LIB)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ $(filter-out %.h,$^) $(DPDK_LIBS) $(HOST_CONTROL_LIBS)

bench-flood: $(BENCH_FLOOD) ## what floods of one service take from another in software (JSON: build/bench/flood.json, and docs/performance.md)
	$(Q)mkdir -p $(B)/bench
	$(Q)$< $(B)/bench/flood.json
	$(Q)$(PYTHON) -B tests/bench/flood_record.py $(B)/bench/flood.json docs/performance.md

bench-software-path: all $(BENCH_GEN) ## the agent's software path against testpmd mac-swap over memif
	$(Q)$(PYTHON) tests/bench/software_bench.py --json $(B)/bench/software-path.json

# The XDP program's time per frame, and the wrapper that makes the frames.
BENCH_XDP := $(B)/tests/bench/xdp_bench
$(B)/tests/bench/xdp_wrap.bpf.o: tests/bench/xdp_wrap.bpf.c tests/bench/xdp_wrap.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(XDP_CFLAGS) -c $< -o $@
$(BENCH_XDP): tests/bench/xdp_bench.c driver/xdp/table.c driver/xdp/named.c driver/xdp/table.h driver/xdp/named.h $(MODEL_H) $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) $(filter %.c,$^) -o $@ -lbpf
bench-xdp: $(BENCH_XDP) $(XDP_OBJ) $(B)/tests/bench/xdp_wrap.bpf.o ## nanoseconds of a frame in the XDP program beside a MAC swap (JSON: build/bench/xdp.json)
	$(Q)mkdir -p $(B)/bench
	$(Q)$(BENCH_XDP) $(XDP_OBJ) $(B)/tests/bench/xdp_wrap.bpf.o $(B)/bench/xdp.json

bench-software: bench-xdp bench-software-path bench-datapath ## what a host without a card does: all figures of XDP and software (JSON: build/bench/software.json, and docs/performance.md)
	$(Q)$(PYTHON) -B tests/bench/software_record.py $(B)/bench docs/performance.md

bench-peers: all ## Sluice beside HAProxy, nginx stream and nftables on the same namespaces (JSON: build/bench/peers.json, and docs/performance.md)
	$(Q).ci/deps haproxy libnginx-mod-stream
	$(Q)mkdir -p $(B)/bench
	$(Q)$(PYTHON) -B tests/bench/peers.py $(B)/bench/peers.json docs/performance.md

bench: bench-model bench-rtl bench-card bench-software bench-flood bench-peers ## every benchmark, one after the other

.PHONY: bench bench-peers bench-xdp bench-card bench-model bench-software bench-software-path bench-datapath bench-flood
