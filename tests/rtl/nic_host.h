/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of a whole card in RTL (a library with sl_engine_rtl that brings its own DMA): one piece of memory at BASE and
 * nothing elsewhere, rings in it, all that is random from one seed. A program has one card.
 */
#ifndef SLUICE_TESTS_RTL_NIC_HOST_H
#define SLUICE_TESTS_RTL_NIC_HOST_H

#include "tests/rtl/rtl_card.h"

#define BASE     0x40000000ull
#define MEMORY   (4u << 20)
#define NOWHERE  0x7700000000ull
#define LOG2     6u
#define RING     (1u << LOG2)
#define PORTS    2u

struct ring {
	unsigned int number, entry, cpl_entry;
	uint32_t sq, cq; /* offsets in memory */
	uint32_t tail, head;
	uint8_t phase;
};

static const struct sl_engine_ops *ops;
static struct sl_engine *e;
static uint8_t memory[MEMORY];
static uint32_t used, time_ms = 1;
static uint64_t random_state;

static inline uint32_t below(uint32_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)(random_state * 0x2545f4914f6cdd1dull >> 33) % n;
}

static inline bool mapped(uint64_t iova, size_t n)
{
	return iova >= BASE && n <= MEMORY && iova - BASE <= MEMORY - n;
}

static inline bool host_read(void *ctx, uint64_t iova, void *to, size_t n)
{
	(void)ctx;
	if (mapped(iova, n))
		memcpy(to, memory + (iova - BASE), n);
	return mapped(iova, n);
}

static inline bool host_write(void *ctx, uint64_t iova, const void *from, size_t n)
{
	(void)ctx;
	if (mapped(iova, n))
		memcpy(memory + (iova - BASE), from, n);
	return mapped(iova, n);
}

static inline void host_raise(void *ctx, unsigned int vector)
{
	(void)ctx;
	(void)vector;
}

static inline uint32_t take(uint32_t n)
{
	const uint32_t at = used;

	used += (n + 4095) & ~4095u;
	assert_true(used <= MEMORY);
	return at;
}

static inline void ring_start(struct ring *r)
{
	memset(memory + r->cq, 0, RING * r->cpl_entry);
	r->tail = r->head = 0;
	r->phase = 1;
	ops->nic->bar_write(e, SL_BAR_Q_CTRL(r->number), 0);
	ops->nic->bar_write(e, SL_BAR_Q_SQ_LO(r->number), (uint32_t)BASE + r->sq);
	ops->nic->bar_write(e, SL_BAR_Q_CQ_LO(r->number), (uint32_t)BASE + r->cq);
	ops->nic->bar_write(e, SL_BAR_Q_SIZE(r->number), LOG2 | LOG2 << 8);
	ops->nic->bar_write(e, SL_BAR_Q_CTRL(r->number), 1 | (r->number & 1u) << 8);
	assert_int_equal(ops->nic->bar_read(e, SL_BAR_Q_CTRL(r->number)) & 1u, 1);
}

static inline void ring_make(struct ring *r, unsigned int number, unsigned int entry, unsigned int cpl_entry)
{
	*r = (struct ring){ .number = number, .entry = entry, .cpl_entry = cpl_entry, .sq = take(RING * entry),
			    .cq = take(RING * cpl_entry) };
	ring_start(r);
}

static inline void *ring_put(struct ring *r)
{
	void *at = memory + r->sq + r->tail * r->entry;

	r->tail = (r->tail + 1) % RING;
	return at;
}

static inline void ring_doorbell(struct ring *r)
{
	ops->nic->bar_write(e, SL_BAR_DB_SQ_TAIL(r->number), r->tail);
}

/* The next completion, NULL if there is none. */
static inline const void *ring_get(struct ring *r)
{
	const uint8_t *at = memory + r->cq + r->head * r->cpl_entry;

	if ((at[r->cpl_entry - 1] & 1u) != r->phase)
		return NULL;
	r->head = (r->head + 1) % RING;
	r->phase ^= r->head == 0;
	return at;
}

static inline void ring_done(struct ring *r)
{
	ops->nic->bar_write(e, SL_BAR_DB_CQ_HEAD(r->number), r->head);
}

/* It always comes to rest. */
static inline void rest(void)
{
	for (unsigned int i = 0; i < 200 && !ops->idle(e); i++)
		ops->step(e, time_ms, 5000);
	assert_true(ops->idle(e));
}

/* A card on its board, powered on, its memory empty; nothing is configured. */
static inline void nic_start(uint64_t seed, unsigned int stall_pct)
{
	const struct sl_engine_config config = { .ports = PORTS, .stall_seed = seed, .stall_pct = stall_pct };
	const struct sl_nic_host host = { .read = host_read, .write = host_write, .raise = host_raise };
	const struct sl_nic_port port[PORTS] = { { .mac = { 2 }, .mtu = 1500, .up = true },
						 { .mac = { 2 }, .mtu = 1500 } };
	char err[256];

	random_state = seed;
	used = 0;
	e = ops->create(&config, err, sizeof(err));
	if (e == NULL)
		fail_msg("%s", err);
	ops->nic->attach(e, &host, port, PORTS);
}

#endif
