# SPDX-License-Identifier: BSD-3-Clause
# The simulated card, build/bin/sluice-sim. The model engine is linked in; the card in RTL is loaded from build/lib
# when asked for (sim/nic_rtl builds it).
SIM_SRC := $(addprefix sim/,main.c options.c card.c bus.c iova.c queue.c dma.c mgmt.c core_unicorn.c flash.c \
	engine_find.c engine_model.c port.c port_tap.c port_packet.c port_pcap.c port_segment.c)
SIM_LIBS := -lunicorn -lpcap -ldl -lm
ALL += $(B)/bin/sluice-sim

$(B)/sim/%.o: sim/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -c $< -o $@

$(B)/sim/loader_rom.o: sim/loader_rom.S $(B)/firmware/sluice-rom.bin
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -DLOADER_ROM='"$(B)/firmware/sluice-rom.bin"' -c $< -o $@

$(B)/bin/sluice-sim: $(SIM_SRC:%.c=$(B)/%.o) $(B)/sim/loader_rom.o $(MODEL_LIB)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(SIM_LIBS)
