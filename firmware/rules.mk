# SPDX-License-Identifier: BSD-3-Clause
# The management core's firmware: build/firmware/sluice-fw.elf and the sealed image sluice-fw.bin; and its loader's ROM,
# sluice-rom.bin. No libc; libgcc only.
FW_B := $(B)/firmware
FW_CC := riscv64-unknown-elf-gcc
FW_SRC := main.c firmware.c mailbox.c selftest.c table.c rule.c prefix.c action.c meter.c port.c stats.c event.c log.c crash.c \
	flash.c memory.c
FW_OBJ := $(FW_SRC:%.c=$(FW_B)/%.o) $(FW_B)/start.o
FW_STACK_BYTES := 4096
FW_ARCH := -march=rv32im -mabi=ilp32 -mcmodel=medany
FW_CFLAGS := -std=c11 -Os -g $(FW_ARCH) -ffreestanding -fno-builtin -fno-tree-loop-distribute-patterns -msmall-data-limit=0 \
	-ffunction-sections -fdata-sections -fno-common -fcallgraph-info=su $(WARN) -Wstack-usage=512 -Wvla -Walloca \
	-I$(B)/include -Iinclude -I. -MMD -MP

ALL += $(FW_B)/sluice-fw.bin $(FW_B)/sluice-rom.bin

# (A compiler cache gives back the object alone, without the call graph beside it.)
$(FW_B)/%.o: firmware/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)CCACHE_DISABLE=1 $(FW_CC) $(FW_CFLAGS) -c -o $@ $<

$(FW_B)/start.o: firmware/start.S
	$(Q)mkdir -p $(@D)
	$(Q)$(FW_CC) $(FW_ARCH) -c -o $@ $<

$(FW_B)/sluice-fw.elf: $(FW_OBJ) firmware/link.ld firmware/stack.py
	$(Q)$(FW_CC) $(FW_ARCH) -nostdlib -nostartfiles -static -Wl,--gc-sections -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments -Wl,-T,firmware/link.ld \
		-Wl,--defsym=sl_image_version=$$(sed -n 's/^#define SL_FIRMWARE_VERSION \(0x[0-9a-f]*\)u.*/\1/p' firmware/firmware.h) \
		-Wl,--defsym=sl_image_abi=$$(sed -n 's/^#define SL_ABI_VERSION \([0-9]*\).*/\1/p' $(CONTRACT_H)) \
		-Wl,-Map=$(FW_B)/sluice-fw.map -o $@ $(FW_OBJ) -lgcc
	$(Q)$(PYTHON) firmware/stack.py $(FW_STACK_BYTES) main,sl_crash_trap $(FW_SRC:%.c=$(FW_B)/%.ci)

$(FW_B)/sluice-fw.bin: $(FW_B)/sluice-fw.elf firmware/image.py
	$(Q)riscv64-unknown-elf-objcopy -O binary $< $@.raw
	$(Q)$(PYTHON) firmware/image.py $@.raw $@ && rm -f $@.raw
	@echo "firmware image: $$(stat -c %s $@) bytes of $$((0x1D000))"

# For speed: at every start it sums up every byte of an image.
$(FW_B)/loader/%.o: firmware/loader/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)CCACHE_DISABLE=1 $(FW_CC) $(FW_CFLAGS) -O2 -funroll-loops -c -o $@ $<

$(FW_B)/loader/start.o: firmware/loader/start.S
	$(Q)mkdir -p $(@D)
	$(Q)$(FW_CC) $(FW_ARCH) -c -o $@ $<

$(FW_B)/sluice-rom.elf: $(FW_B)/loader/start.o $(FW_B)/loader/loader.o $(FW_B)/memory.o firmware/loader/link.ld firmware/stack.py
	$(Q)$(FW_CC) $(FW_ARCH) -nostdlib -nostartfiles -static -Wl,--gc-sections -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments \
		-Wl,-T,firmware/loader/link.ld -o $@ $(filter %.o,$^) -lgcc
	$(Q)$(PYTHON) firmware/stack.py $(FW_STACK_BYTES) sl_loader_run $(FW_B)/loader/loader.ci $(FW_B)/memory.ci

$(FW_B)/sluice-rom.bin: $(FW_B)/sluice-rom.elf
	$(Q)riscv64-unknown-elf-objcopy -O binary $< $@
	@echo "loader: $$(stat -c %s $@) bytes of $$((0x2000))"
