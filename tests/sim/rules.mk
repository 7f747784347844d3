# SPDX-License-Identifier: BSD-3-Clause
# Unit tests of the simulated card, and tests of the whole card as a process. That process is the same sources as
# build/bin/sluice-sim, built with the sanitizers.
SIM_T := $(B)/tests/sim
SIM_TESTS := $(addprefix $(SIM_T)/,test_options test_iova test_dma test_bus test_segment test_card test_packet)
SIM_CARD := $(SIM_T)/sluice-sim
UNIT_TESTS += $(SIM_TESTS)

$(SIM_T)/%.o: tests/sim/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c $< -o $@

$(SIM_T)/card/%.o: %.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c $< -o $@

$(SIM_CARD): $(patsubst %.c,$(SIM_T)/card/%.o,$(SIM_SRC) $(MODEL_SRC)) $(B)/sim/loader_rom.o
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ $(SIM_LIBS)

$(SIM_T)/test_options: $(addprefix $(SIM_T)/card/sim/,options.o port.o port_tap.o port_packet.o port_pcap.o port_segment.o)
$(SIM_T)/test_iova: $(SIM_T)/card/sim/iova.o
$(SIM_T)/test_dma: $(addprefix $(SIM_T)/,host.o card/sim/iova.o card/sim/queue.o card/sim/dma.o)
$(SIM_T)/test_bus: $(addprefix $(SIM_T)/,host.o card/sim/iova.o card/sim/bus.o)
$(SIM_T)/test_segment: $(SIM_T)/card/sim/port_segment.o
$(addprefix $(SIM_T)/,test_card test_packet): $(SIM_T)/host.o | $(SIM_CARD) $(B)/firmware/sluice-fw.bin
$(SIM_T)/test_card: | $(B)/bin/sluice-sim $(B)/lib/libsl_nic.so

$(SIM_TESTS): $(SIM_T)/%: $(SIM_T)/%.o
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ -lcmocka -lpcap
