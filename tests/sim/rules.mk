# SPDX-License-Identifier: BSD-3-Clause
# Unit tests of the simulated card, and tests of the whole card as a process. That process is the same sources as
# build/bin/sluice-sim, built with the sanitizers.
SIM_T := $(B)/tests/sim
SIM_TESTS := $(addprefix $(SIM_T)/,test_iova test_dma test_bus test_segment)
UNIT_TESTS += $(SIM_TESTS)

$(SIM_T)/%.o: tests/sim/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c $< -o $@

$(SIM_T)/sim/%.o: sim/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c $< -o $@

$(SIM_T)/test_iova: $(SIM_T)/sim/iova.o
$(SIM_T)/test_bus: $(addprefix $(SIM_T)/,host.o sim/iova.o sim/bus.o)
$(SIM_T)/test_segment: $(SIM_T)/sim/port_segment.o
$(SIM_T)/test_dma: $(addprefix $(SIM_T)/,host.o sim/iova.o sim/queue.o sim/dma.o)

$(SIM_TESTS): $(SIM_T)/%: $(SIM_T)/%.o
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ -lcmocka -lpcap
