/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processor on QEMU. One process a reset; the memory file outlives them. The gdb protocol: "$" text "#" checksum, each
 * answered by another; a new packet acknowledges the answer before it. An access costs two round trips, so
 * commands wait for the packet that needs an answer.
 */
#include "tests/firmware/core_qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sluice/contract.h"
#include "sluice/image.h"

#define QEMU "qemu-system-riscv32"
#define MEMORY_BYTES (SL_ROM_BASE + SL_ROM_BYTES) /* sparse: RAM, a hole that may not be touched, ROM */
#define PACKET_MAX 8192u
#define SILENT_MS 2000  /* a processor that makes no access for so long hangs */
#define ANSWER_MS 20000 /* QEMU itself does not answer */
#define PC 32u
#define REGISTERS 33u
#define JUMP_TO_ITSELF 0x0000006fu

#define STR(x) #x
#define TEXT(x) STR(x)

struct sl_core {
	struct sl_core_bus *bus;
	int memory_fd, gdb;
	uint8_t *memory;
	pid_t qemu;
	bool hangs;
	char in[PACKET_MAX], out[PACKET_MAX];
	size_t in_len, out_len;
	unsigned int unanswered; /* of the packets in `out` */
	uint32_t x[REGISTERS]; /* as of the last stop */
};

static _Noreturn void broken(const char *what)
{
	fprintf(stderr, "%s: %s\n", QEMU, what);
	abort(); /* only a test can get here, and it has failed */
}

/* ---- the gdb protocol ---- */

static void queue(struct sl_core *core, const char *text)
{
	uint8_t sum = 0;

	for (const char *c = text; *c; c++)
		sum = (uint8_t)(sum + (uint8_t)*c);
	core->out_len += (size_t)snprintf(core->out + core->out_len, sizeof(core->out) - core->out_len, "$%s#%02x", text, sum);
	if (core->out_len >= sizeof(core->out))
		broken("too long a packet");
}

/* The next packet without its frame, until the next call; NULL if none comes in time. */
static const char *get(struct sl_core *core, int timeout_ms)
{
	static char text[PACKET_MAX];

	for (;;) {
		char *start = memchr(core->in, '$', core->in_len);
		char *end = start ? memchr(start, '#', core->in_len - (size_t)(start - core->in)) : NULL;
		struct pollfd fd = { core->gdb, POLLIN, 0 };
		ssize_t n;

		if (end && end + 3 <= core->in + core->in_len) {
			memcpy(text, start + 1, (size_t)(end - start - 1));
			text[end - start - 1] = 0;
			core->in_len -= (size_t)(end + 3 - core->in);
			memmove(core->in, end + 3, core->in_len);
			return text;
		}
		if (poll(&fd, 1, timeout_ms) <= 0)
			return NULL;
		n = read(core->gdb, core->in + core->in_len, sizeof(core->in) - core->in_len);
		if (n <= 0)
			broken("it has ended");
		core->in_len += (size_t)n;
	}
}

static const char *answer(struct sl_core *core)
{
	const char *text = get(core, ANSWER_MS);

	if (!text)
		broken("its gdb stub does not answer");
	return text;
}

/* Behind what queue_command() has left, in one write: its answers are taken first. */
static void put(struct sl_core *core, const char *text)
{
	queue(core, text);
	if (write(core->gdb, core->out, core->out_len) != (ssize_t)core->out_len)
		broken("its gdb stub is gone");
	core->out_len = 0;
	for (; core->unanswered; core->unanswered--)
		if (strcmp(answer(core), "OK"))
			broken("it has refused a command");
}

/* One that is answered with OK, to go out before the next put(). */
static void queue_command(struct sl_core *core, const char *text)
{
	queue(core, text);
	core->unanswered++;
}

/* Registers and memory are in the target's order of bytes. */
static uint32_t swapped(uint32_t word)
{
	return __builtin_bswap32(word);
}

static void registers_read(struct sl_core *core)
{
	const char *text;

	put(core, "g");
	text = answer(core);
	if (strlen(text) < REGISTERS * 8)
		broken("too few registers");
	for (unsigned int i = 0; i < REGISTERS; i++) {
		uint32_t word = 0;

		sscanf(text + i * 8, "%8x", &word);
		core->x[i] = swapped(word);
	}
}

static void register_write(struct sl_core *core, unsigned int n, uint32_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "P%x=%08x", n, swapped(value));
	queue_command(core, text);
}

/* ---- the bus ---- */

static uint32_t access_bus(struct sl_core *core, uint32_t address, bool store, bool word, uint32_t value)
{
	if (!(address - SL_CSR_BASE < SL_CSR_SIZE || address - SL_MGMT_BASE < SL_MGMT_SIZE)) {
		fprintf(stderr, "pc 0x%x, address 0x%x\n", core->x[PC], address);
		broken("an access where the card has nothing");
	}
	if (!word || address % 4)
		return 0;
	if (store)
		core->bus->write(core->bus->user, address, value);
	else
		return core->bus->read(core->bus->user, address);
	return 0;
}

/* Does the load or store at which a watchpoint has stopped the processor, and goes behind it. */
static void access_do(struct sl_core *core)
{
	uint32_t insn, *x = core->x;
	bool word;

	memcpy(&insn, core->memory + x[PC], sizeof(insn));
	word = (insn >> 12 & 7) == 2;
	if ((insn & 0x7f) == 0x03) {
		const unsigned int to = insn >> 7 & 31;
		const uint32_t value = access_bus(core, x[insn >> 15 & 31] + (uint32_t)((int32_t)insn >> 20), false, word, 0);

		if (to)
			register_write(core, to, value);
	} else if ((insn & 0x7f) == 0x23) {
		const int32_t high = (int32_t)insn >> 25;
		const uint32_t at = x[insn >> 15 & 31] + (uint32_t)(high * 32) + (insn >> 7 & 31);

		access_bus(core, at, true, word, x[insn >> 20 & 31]);
	} else {
		broken("stopped where no load or store is");
	}
	register_write(core, PC, x[PC] + 4);
}

/* ---- the processor ---- */

static void qemu_exec(int memory_fd, int gdb)
{
	char memory[128], chardev[64];

	snprintf(memory, sizeof(memory), "memory-backend-file,id=ram,size=%u,share=on,mem-path=/proc/self/fd/%d", MEMORY_BYTES,
		 memory_fd);
	snprintf(chardev, sizeof(chardev), "socket,id=gdb,fd=%d", gdb);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execlp(QEMU, QEMU, "-machine", "none,memory-backend=ram", "-object", memory, "-m", TEXT(536879104) "B", "-cpu",
	       "rv32,a=off,f=off,d=off,c=off,resetvec=" TEXT(SL_ROM_BASE), "-nodefaults", "-display", "none", "-S", "-chardev",
	       chardev, "-gdb", "chardev:gdb", NULL);
	fprintf(stderr, "%s: %s\n", QEMU, strerror(errno));
	_exit(127);
}
_Static_assert(MEMORY_BYTES == 536879104, "-m");

static void qemu_end(struct sl_core *core)
{
	if (core->qemu > 0) {
		kill(core->qemu, SIGKILL);
		waitpid(core->qemu, NULL, 0);
		close(core->gdb);
	}
	core->qemu = 0;
}

static int qemu_start(struct sl_core *core)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -errno;
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	core->qemu = fork();
	if (core->qemu == 0)
		qemu_exec(core->memory_fd, pair[1]);
	close(pair[1]);
	core->gdb = pair[0];
	core->in_len = core->out_len = core->unanswered = 0;
	return core->qemu < 0 ? -errno : 0;
}

static int core_reset(struct sl_core *core)
{
	char hole[32];
	int rc;

	qemu_end(core);
	rc = qemu_start(core);
	if (rc)
		return rc;
	core->hangs = false;
	core->bus->dead = false;
	put(core, "qXfer:features:read:target.xml:0,ff"); /* only then it lets single registers be written */
	answer(core);
	snprintf(hole, sizeof(hole), "Z4,%x,%x", SL_IMAGE_RAM_BYTES, SL_ROM_BASE - SL_IMAGE_RAM_BYTES);
	queue_command(core, hole);
	queue_command(core, "Z2," "20000000,2000"); /* ROM */
	queue_command(core, "Z4," "40000000,1000");
	queue_command(core, "Z4," "50000000,1000");
	return 0;
}
_Static_assert(SL_ROM_BASE == 0x20000000 && SL_ROM_BYTES == 0x2000 && SL_CSR_BASE == 0x40000000 && SL_CSR_SIZE == 0x1000 &&
	       SL_MGMT_BASE == 0x50000000 && SL_MGMT_SIZE == 0x1000, "watchpoints");

static bool jumps_to_itself(const struct sl_core *core)
{
	uint32_t insn = 0;

	if (core->x[PC] < MEMORY_BYTES - sizeof(insn))
		memcpy(&insn, core->memory + core->x[PC], sizeof(insn));
	return insn == JUMP_TO_ITSELF;
}

/* One run until the next stop; false if the processor hangs. */
static bool go_on(struct sl_core *core)
{
	const char *why;
	bool by_itself;

	put(core, "c");
	why = get(core, SILENT_MS);
	if (!why) {
		if (write(core->gdb, "\003", 1) != 1)
			broken("its gdb stub is gone");
		why = answer(core);
	}
	by_itself = strncmp(why, "T05", 3) == 0;
	registers_read(core);
	if (by_itself)
		return true;
	if (!jumps_to_itself(core)) {
		fprintf(stderr, "stopped at pc 0x%x\n", core->x[PC]);
		broken("no access for too long");
	}
	core->hangs = true;
	return false;
}

static uint64_t core_run(struct sl_core *core, uint64_t budget)
{
	uint64_t spent = 0;

	while (!core->bus->stop && spent < budget) {
		if (core->hangs || !go_on(core))
			return budget;
		access_do(core);
		spent++;
	}
	return spent;
}

static void core_poke(struct sl_core *core, const uint32_t *code, unsigned int n)
{
	char text[64];

	registers_read(core);
	for (unsigned int i = 0; i < n; i++) { /* by the stub, so that translated code is dropped */
		snprintf(text, sizeof(text), "M%x,4:%08x", core->x[PC] + 4 * i, swapped(code[i]));
		queue_command(core, text);
	}
}

static uint8_t *core_ram(struct sl_core *core)
{
	return core->memory;
}

static void core_destroy(struct sl_core *core)
{
	qemu_end(core);
	munmap(core->memory, MEMORY_BYTES);
	close(core->memory_fd);
	free(core);
}

/* This program and QEMU's two threads only ever wait for one another: on one CPU that takes half the time. */
static void one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static struct sl_core *core_create(struct sl_core_bus *bus, const uint8_t *rom, size_t rom_bytes, char *err, size_t err_len)
{
	struct sl_core *core = calloc(1, sizeof(*core));

	if (core) {
		core->bus = bus;
		core->memory_fd = memfd_create("sluice-core", 0);
	}
	if (!core || core->memory_fd < 0 || ftruncate(core->memory_fd, MEMORY_BYTES)) {
		snprintf(err, err_len, "memory of the second processor: %s", strerror(errno));
		free(core);
		return NULL;
	}
	core->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, core->memory_fd, 0);
	if (core->memory == MAP_FAILED) {
		snprintf(err, err_len, "memory of the second processor: %s", strerror(errno));
		close(core->memory_fd);
		free(core);
		return NULL;
	}
	one_cpu();
	memset(core->memory, 0xa5, SL_IMAGE_RAM_BYTES);
	memcpy(core->memory + SL_ROM_BASE, rom, rom_bytes);
	return core;
}

const struct sl_core_ops sl_core_qemu = {
	.create = core_create,
	.destroy = core_destroy,
	.reset = core_reset,
	.run = core_run,
	.poke = core_poke,
	.ram = core_ram,
};
