/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksum deltas of a flow record. A flow's key holds every address and port that its packets carry, so what NAT
 * changes is known when the record is made: the card adds one constant to each checksum (RFC 1624, equation 3). Whoever
 * makes a record (driver, host, tests) calls sl_record_set_deltas() last.
 */
#ifndef SLUICE_RECORD_H
#define SLUICE_RECORD_H

#include "sluice/contract.h"

/* One's-complement sum of (~old + new) over n bytes (even) taken as big-endian words; not folded. */
static inline uint32_t sl_csum_delta(const uint8_t *before, const uint8_t *after, unsigned int n)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < n; i += 2) {
		sum += 0xffffu & ~((uint32_t)before[i] << 8 | before[i + 1]);
		sum += (uint32_t)after[i] << 8 | after[i + 1];
	}
	return sum;
}

static inline uint16_t sl_csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Sets l3_delta and l4_delta from the key and the record's flags and operands. */
static inline void sl_record_set_deltas(const struct sl_key *key, struct sl_record *record)
{
	const unsigned int n = key->family == 4 ? 4 : 16;
	uint32_t addresses = 0, ports = 0;

	if (record->flags & SL_RECORD_FLAG_NAT_SRC) {
		addresses += sl_csum_delta(key->src, record->new_src, n);
		ports += sl_csum_delta((const uint8_t *)&key->sport, (const uint8_t *)&record->new_sport, 2);
	}
	if (record->flags & SL_RECORD_FLAG_NAT_DST) {
		addresses += sl_csum_delta(key->dst, record->new_dst, n);
		ports += sl_csum_delta((const uint8_t *)&key->dport, (const uint8_t *)&record->new_dport, 2);
	}
	record->l3_delta = key->family == 4 ? sl_csum_fold(addresses) : 0;
	record->l4_delta = sl_csum_fold(addresses + ports);
}

#endif
