/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's side of a card, as small as a test needs it: memory, registers, rings. The card is a process behind the
 * simulated bus, or a queue set in the test's own process. Only docs/device.md is assumed of it. Failures end the test.
 */
#ifndef SLUICE_TESTS_SIM_HOST_H
#define SLUICE_TESTS_SIM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sluice/contract.h"

#define HOST_MEMORY (8u << 20)
#define HOST_IOVA   0x7f0000000000ull
#define HOST_SPLIT  (3u << 20) /* the memory is mapped in two pieces that meet here */

struct host {
	uint32_t (*read)(struct host *h, uint32_t offset);
	void (*write)(struct host *h, uint32_t offset, uint32_t value);
	void (*poll)(struct host *h); /* lets the card work; NULL: it is a process of its own */
	void *ctx;
	int memfd;
	uint8_t *memory;
	size_t used;
	int bus; /* socket, -1 none */
	int irq[SL_QUEUES];
};

struct ring {
	struct host *host;
	unsigned int number;
	uint32_t size, sq_entry, cq_entry;
	size_t sq, cq; /* offsets in the host's memory */
	uint32_t sq_tail, cq_head;
	uint8_t phase;
};

/* Memory without a card. */
void host_open(struct host *h);
void host_close(struct host *h);
/* n bytes, zeroed; the offset in the host's memory. */
size_t host_alloc(struct host *h, size_t n, size_t align);
static inline uint64_t host_iova(size_t offset)
{
	return HOST_IOVA + offset;
}

/* Connects without speaking; -1 on failure. */
int bus_connect(const char *path);
/* Sends one message with descriptors; the answer is received if `reply` is not NULL. 0, or -1 if the card has closed. */
int bus_call(int fd, const struct sl_bus_frame *frame, const int *fds, unsigned int fd_count, struct sl_bus_frame *reply);
/* HELLO and MAP of all memory; 0, or the errno that the card refused with (*owner is then the present owner). */
int host_attach(struct host *h, const char *path, uint64_t *owner);

/* Rings of 2^log2 entries each. */
void ring_start(struct ring *r, struct host *h, unsigned int number, unsigned int log2, unsigned int port);
void *ring_sq(struct ring *r); /* the entry at the tail */
void ring_push(struct ring *r); /* the tail moves on, without a doorbell */
void ring_doorbell(struct ring *r);
/* The completion at the head, NULL if there is none. */
const void *ring_peek(struct ring *r);
/* Waits for it for up to two seconds. */
const void *ring_wait(struct ring *r);
void ring_pop(struct ring *r); /* with doorbell */

/* One admin command; its status, the answer in *cpl. */
unsigned int host_admin(struct ring *admin, unsigned int opcode, const void *arg, uint32_t len, struct sl_admin_cpl *cpl);

/* Starts a program and returns its process id once it has printed a line that begins with `line`. */
pid_t program_start(const char *const argv[], const char *line);
/* SIGTERM; its exit status. */
int program_stop(pid_t pid);

#endif
