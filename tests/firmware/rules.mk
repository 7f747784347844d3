# SPDX-License-Identifier: BSD-3-Clause
# The firmware's unit tests: its host build against fakes, and the real image on the simulated management core.
T_FW := $(B)/tests/firmware
# Finds the RTL engine in ../lib, so it lives one folder up.
T_FW_ENGINES := $(B)/tests/firmware-engines
T_FW_HOST := $(patsubst %.c,$(T_FW)/host/%.o,$(filter-out main.c memory.c,$(FW_SRC)))

UNIT_TESTS += $(T_FW)/boot $(T_FW)/commands $(T_FW)/flash $(T_FW)/mgmt $(T_FW)/prefixes $(T_FW)/processors \
	$(T_FW)/update $(T_FW_ENGINES)

$(T_FW)/host/%.o: firmware/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_FW)/%.o: tests/firmware/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_FW)/sim/%.o: sim/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_FW)/model/%.o: hw/model/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_FW)/prefixes: $(T_FW)/model/prefix.o
$(T_FW)/boot $(T_FW)/commands $(T_FW)/flash $(T_FW)/prefixes: %: %.o $(T_FW)/core.o $(T_FW)/arguments.o $(T_FW)/fake.o $(T_FW)/sim/flash.o $(T_FW_HOST)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -lcmocka

# Its flash may stay busy.
$(T_FW)/update: WRAP := -Wl,--wrap=sl_flash_status
$(T_FW)/mgmt $(T_FW)/update: %: %.o $(T_FW)/fake.o $(T_FW)/sim/mgmt.o $(T_FW)/sim/core_unicorn.o $(T_FW)/sim/flash.o $(B)/sim/loader_rom.o \
	| $(B)/firmware/sluice-fw.bin
	$(Q)$(CC) $(CFLAGS_TEST) $(WRAP) -o $@ $^ -lunicorn -lcmocka

$(T_FW)/processors: $(addprefix $(T_FW)/,processors.o core_qemu.o fake.o sim/mgmt.o sim/core_unicorn.o sim/flash.o) $(B)/sim/loader_rom.o \
	| $(B)/firmware/sluice-fw.bin
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -lunicorn -lcmocka

$(T_FW)/engines.o: CFLAGS_TEST += -DRTL_LIB='"$(RTL_LIB)"'
$(T_FW_ENGINES): $(T_FW)/engines.o $(T_FW)/fake.o $(addprefix $(T_FW)/sim/,mgmt.o core_unicorn.o flash.o engine_model.o) $(B)/sim/loader_rom.o $(MODEL_LIB) \
	| $(B)/firmware/sluice-fw.bin $(RTL_LIB)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -lunicorn -lcmocka -ldl -lm
