/* SPDX-License-Identifier: BSD-3-Clause */
/* Records that a frame shows: number n, of 16 bits, is in all that NAT changes, so that a frame tells with which record it
 * was made, or that it was made with two. */
#ifndef SLUICE_TESTS_RTL_NUMBERED_H
#define SLUICE_TESTS_RTL_NUMBERED_H

#include "tests/rtl/rtl_card.h"

static inline struct sl_record numbered(const struct sl_key *key, unsigned int n)
{
	struct sl_record r = { .flags = SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST };

	memcpy(r.new_src, key->src, 16);
	memcpy(r.new_dst, key->dst, 16);
	rtl_put16(key->family == 6 ? r.new_src + 14 : r.new_src + 2, n);
	rtl_put16(key->family == 6 ? r.new_dst + 14 : r.new_dst + 2, n);
	rtl_put16((uint8_t *)&r.new_sport, n);
	rtl_put16((uint8_t *)&r.new_dport, n);
	sl_record_set_deltas(key, &r);
	return r;
}

static inline unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* The number of the record that made the frame. */
static inline unsigned int number_of(const uint8_t *f)
{
	const uint8_t *ip = f + RTL_ETH;
	const bool six = ip[0] >> 4 == 6;
	const uint8_t *l4 = ip + (six ? 40 : 20);
	const unsigned int n = get16(l4);

	assert_int_equal(get16(l4 + 2), n);
	assert_int_equal(get16(six ? ip + 22 : ip + 14), n);
	assert_int_equal(get16(six ? ip + 38 : ip + 18), n);
	return n;
}

/* Ports up, rule 0: all frames to the flows of RTL_TENANT; action 0, which numbered records name. */
static inline void numbered_configure(const struct sl_engine_ops *engine, struct sl_engine *card)
{
	struct sl_class_rule rule = { .valid = 1, .verdict = SL_VERDICT_FLOWS, .tenant = RTL_TENANT, .port_mask = 3,
				      .ttl_max = 255, .sport_hi = 0xffff, .dport_hi = 0xffff };
	struct sl_action a = rtl_action(RTL_L2);

	engine->csr_write(card, SL_CSR_PORT_FLAGS(0), 1);
	engine->csr_write(card, SL_CSR_PORT_FLAGS(1), 1);
	rtl_table_write(engine, card, SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	rtl_table_write(engine, card, SL_CSR_TABLE_ACTION, 0, &a, sizeof(a));
	engine->csr_write(card, SL_CSR_CTRL, 1);
}

#endif
