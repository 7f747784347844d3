/* SPDX-License-Identifier: BSD-3-Clause */
/* The firmware on the core: boot, then turn for ever, with a look at the stack's guard word in each turn. */
#include "firmware/crash.h"
#include "firmware/firmware.h"

#define STACK_GUARD 0x5AFE57ACu

extern uint32_t sl_stack_bottom[]; /* link.ld */

int main(void);

int main(void)
{
	static struct sl_firmware fw;
	volatile uint32_t *guard = sl_stack_bottom;

	*guard = STACK_GUARD;
	sl_firmware_boot(&fw);
	for (;;) {
		sl_firmware_turn(&fw);
		if (*guard != STACK_GUARD)
			sl_crash_trap(SL_CRASH_STACK, (uint32_t)__builtin_return_address(0), *guard);
	}
}
