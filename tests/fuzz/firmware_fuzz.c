/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer against the firmware's host build: admin queue, mailbox, boot flash, log, crash record and boot. An input is a
 * sequence of steps that share one state, each a byte that chooses and what it needs:
 *
 *	COMMAND opcode, argument            of the opcode's length, what the input lacks is 0
 *	RAW     opcode, flags, len, words   a header as no driver writes it
 *	TURN    pending bits, link          a turn of the firmware with nothing or something to do
 *	TIME    ms                          passes; ten seconds let an image confirm itself
 *	RESTART cause, BOOT_SLOT            another start, with the RAM that survives it
 *	CRASH   cause                       the trap handler, then a restart
 *	FAULT   what                        table or flash that hangs, flash that keeps other bits, registers that read ones
 *	POKE    address, word               into the boot flash: a power cut, or wear
 *	SEAL    slot                        makes the checksum of the slot's image right, so that SELECT can be reached
 *
 * Beside the sanitizers, after each step: one completion a command, with its tag, none of it beyond its length, nothing of it
 * if it was refused; no access to a register that does not exist; no longer without a heartbeat than the watchdog waits; the image
 * that runs is as it was.
 *
 * With SL_FUZZ_SEEDS=FOLDER it writes seeds there, from the unit tests' good arguments, and ends.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crash.h"
#include "firmware/firmware.h"
#include "sluice/image.h"
#include "tests/firmware/arguments.h"
#include "tests/firmware/core.h"
#include "tests/fuzz/input.h"

#define STEPS_MAX 32u /* of one input */
#define OPCODES (SL_ADMIN_OP_IMAGE_SELECT + 1u)
#define WATCHDOG_MS 1000u

enum step { COMMAND, RAW, TURN, TIME, RESTART, CRASH, FAULT, POKE, SEAL, STEPS };

static struct sl_firmware fw;
static uint8_t runs[SL_FLASH_STATE]; /* the image that runs, as it was when it was started */

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

static void take_bytes(struct input *in, void *to, size_t n)
{
	const size_t has = n < in->left ? n : in->left;

	memset(to, 0, n);
	memcpy(to, in->at, has);
	in->at += has;
	in->left -= has;
}

/* ---- what must hold ---- */

static uint32_t running(void)
{
	return core.boot_slot & 0xff;
}

static void remember_image(void)
{
	if (running() < SL_FLASH_SLOTS)
		memcpy(runs, core.flash.bytes + running() * SL_FLASH_SLOT_BYTES, sizeof(runs));
}

static void check(void)
{
	MUST(core.bad_accesses == 0);
	MUST(core.silence_ms < WATCHDOG_MS);
	MUST(running() >= SL_FLASH_SLOTS ||
	     memcmp(runs, core.flash.bytes + running() * SL_FLASH_SLOT_BYTES, sizeof(runs)) == 0);
}

static void check_answer(unsigned int responses, uint8_t opcode, uint16_t tag)
{
	static const uint8_t zero[sizeof(core.response.answer)];
	const struct sl_admin_cpl *cpl = &core.response;

	MUST(core.responses == responses + 1 && core.pending == 0);
	MUST(cpl->opcode == opcode && cpl->tag == tag);
	MUST(cpl->status <= SL_STATUS_FLASH_ERROR && cpl->len <= sizeof(cpl->answer));
	MUST(memcmp(cpl->answer + cpl->len, zero, sizeof(zero) - cpl->len) == 0);
	MUST(cpl->status == SL_STATUS_OK || cpl->len == 0);
}

/* ---- steps ---- */

static void submit(const struct sl_admin_cmd *cmd)
{
	const unsigned int responses = core.responses;

	core.request = *cmd;
	memset(&core.response, 0xee, sizeof(core.response));
	core.pending = SL_PENDING_MAILBOX;
	core.event_count = 0;
	sl_firmware_turn(&fw);
	check_answer(responses, cmd->opcode, cmd->tag);
}

static void start(uint32_t cause, uint32_t boot_slot)
{
	core.boot_cause = cause;
	core.boot_slot = boot_slot;
	core.boots++;
	core.beat_ms = core.time_ms;
	core.event_count = 0;
	remember_image();
	sl_firmware_boot(&fw);
}

static void restart(uint32_t cause, uint32_t boot_slot)
{
	start(cause % 3, (boot_slot & 0x300) | (boot_slot % 4 < SL_FLASH_SLOTS ? boot_slot % 4 : SL_SLOT_NONE));
}

static void command(struct input *in)
{
	uint8_t good[sizeof(((struct sl_admin_cmd *)0)->arg)];
	struct sl_admin_cmd cmd = { .opcode = (uint8_t)(take(in, 1) % OPCODES), .tag = (uint16_t)core.responses };

	cmd.len = core_argument(cmd.opcode, good);
	take_bytes(in, cmd.arg, cmd.len);
	submit(&cmd);
	if (fw.reset) {
		const uint32_t cause = fw.reset;

		MUST(core.response.status == SL_STATUS_OK);
		restart(cause, core.boot_slot);
	}
}

static void raw(struct input *in)
{
	struct sl_admin_cmd cmd;

	take_bytes(in, &cmd, offsetof(struct sl_admin_cmd, arg) + 8);
	memset((uint8_t *)&cmd + offsetof(struct sl_admin_cmd, arg) + 8, 0, sizeof(cmd.arg) - 8);
	submit(&cmd);
	fw.reset = 0;
}

static void turn(struct input *in)
{
	core.pending = take(in, 1) & (SL_PENDING_LINK | SL_PENDING_HOST_IF_RESET);
	core.link = take(in, 1);
	core.event_count = 0;
	sl_firmware_turn(&fw);
}

static void pass_time(struct input *in)
{
	core.time_ms += take(in, 2);
	core.beat_ms = core.time_ms; /* asleep, not silent */
	sl_firmware_turn(&fw);
}

static void crash(struct input *in)
{
	sl_crash_trap(take(in, 1), 0x100, take(in, 4));
	restart(SL_RESET_KIND_FIRMWARE, core.boot_slot);
}

static void fault(struct input *in)
{
	const uint32_t what = take(in, 1);

	core.datapath.table_stuck = what & 1;
	core.flash_stuck = what & 2;
	core.flash_flip = what & 4 ? 0x10 : 0;
	core.datapath.clear_after_epoch = what & 8 ? UINT32_MAX : 3;
	core.datapath.config = what & 16 ? UINT32_MAX : SL_TABLE_LOG2_DEFAULT | 2 << 8;
}

/* Not the image that runs: that one is in RAM. */
static uint8_t *flash_at(uint32_t address)
{
	address %= SL_FLASH_BYTES - 3;
	if (address / SL_FLASH_SLOT_BYTES == running() && address % SL_FLASH_SLOT_BYTES < SL_FLASH_STATE)
		address ^= SL_FLASH_SLOT_BYTES;
	return core.flash.bytes + (address & ~3u);
}

static void poke(struct input *in)
{
	uint8_t *at = flash_at(take(in, 3));
	const uint32_t word = take(in, 4);

	memcpy(at, &word, sizeof(word));
}

static void seal(struct input *in)
{
	const uint32_t slot = take(in, 1) % SL_FLASH_SLOTS;
	uint8_t *image = core.flash.bytes + slot * SL_FLASH_SLOT_BYTES;
	struct sl_image_header h;

	memcpy(&h, image, sizeof(h));
	if (slot == running() || sl_image_header_check(&h))
		return;
	h.crc32 = sl_image_crc32(sl_image_header_crc32(&h), image + sizeof(h), h.length - sizeof(h));
	memcpy(image, &h, sizeof(h));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const steps[STEPS])(struct input *in) = {
		[COMMAND] = command, [RAW] = raw, [TURN] = turn, [TIME] = pass_time, [RESTART] = NULL, [CRASH] = crash,
		[FAULT] = fault, [POKE] = poke, [SEAL] = seal,
	};
	struct input in = { data, size };

	core_power_on();
	core_flash_image();
	memset(core.flash.bytes, 0x5a, SL_FLASH_STATE); /* what runs must be such that a change of it shows */
	sl_crash_forget();
	start(0, 0);
	for (unsigned int i = 0; i < STEPS_MAX && in.left; i++) {
		const uint32_t step = take(&in, 1) % STEPS;

		if (step == RESTART) {
			const uint32_t cause = take(&in, 1);

			restart(cause, take(&in, 2));
		} else {
			steps[step](&in);
		}
		check();
	}
	return 0;
}

/* ---- seeds ---- */

static void seed_write(const char *folder, const char *name, const uint8_t *bytes, size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "wb");
	MUST(f && fwrite(bytes, 1, n, f) == n);
	fclose(f);
}

static size_t seed_command(uint8_t *to, unsigned int opcode)
{
	uint8_t arg[240];
	const uint32_t len = core_argument(opcode, arg);

	to[0] = COMMAND;
	to[1] = (uint8_t)opcode;
	memcpy(to + 2, arg, len);
	return 2 + len;
}

/* Each command; all of them one after the other; and each after a crash, with a fault, in an image on trial. */
static void seeds_write(const char *folder)
{
	static const struct { const char *name; uint8_t bytes[12]; size_t n; } before[] = {
		{ "", { 0 }, 0 },
		{ "crash-", { CRASH, 2, 0, 0, 0, 0 }, 6 },
		{ "fault-", { FAULT, 7 }, 2 },
		{ "trial-", { SEAL, 1, RESTART, 1, 1, 1, TIME, 0x10, 0x27 }, 9 },
		{ "turn-", { TURN, 0xff, 3 }, 3 },
	};
	uint8_t all[8192], one[300];
	size_t n = 0;

	for (size_t b = 0; b < sizeof(before) / sizeof(before[0]); b++) {
		for (unsigned int opcode = 0; opcode < OPCODES; opcode++) {
			char name[64];

			memcpy(one, before[b].bytes, before[b].n);
			snprintf(name, sizeof(name), "%s%s", before[b].name, sl_admin_op_name(opcode));
			seed_write(folder, name, one, before[b].n + seed_command(one + before[b].n, opcode));
			if (b == 0)
				n += seed_command(all + n, opcode);
		}
	}
	seed_write(folder, "all", all, n);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("SL_FUZZ_SEEDS");

	(void)argc;
	(void)argv;
	if (!folder)
		return 0;
	seeds_write(folder);
	exit(0);
}
