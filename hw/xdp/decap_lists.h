/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The maps with a backend's configuration, and the question whether something is in one of its lists: for both programs. */
#ifndef SLUICE_XDP_DECAP_LISTS_H
#define SLUICE_XDP_DECAP_LISTS_H

#include <linux/bpf.h>

#include "hw/xdp/decap.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint32_t);
} bank SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SL_DECAP_BANKS);
	__type(key, uint32_t);
	__type(value, struct sl_decap_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SL_DECAP_BANKS * SL_DECAP_LISTS * SL_DECAP_LIST_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sl_decap_member);
	__type(value, uint8_t);
} members SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sl_decap_scratch);
} scratch SEC(".maps");

static __always_inline const struct sl_decap_config *config_now(uint32_t *now)
{
	const uint32_t zero = 0;
	const uint32_t *current = bpf_map_lookup_elem(&bank, &zero);

	if (!current)
		return NULL;
	*now = *current;
	return bpf_map_lookup_elem(&config, now);
}

/* The key is on the stack: kernels before 6.2 take none from a map's value that a function was given. */
static __always_inline void key_set(struct sl_decap_prefix *key, uint32_t in_bank, uint32_t list, uint32_t family,
				    const uint8_t value[16])
{
	key->bits = 32 + 128;
	key->member.bank = (uint8_t)in_bank;
	key->member.list = (uint8_t)list;
	key->member.family = (uint8_t)family;
	key->member.reserved = 0;
	__builtin_memcpy(key->member.value, value, sizeof(key->member.value));
}

static __always_inline void count(void *map, uint32_t index, uint32_t len)
{
	struct sl_counter_pair *pair = bpf_map_lookup_elem(map, &index);

	if (pair) {
		pair->packets++;
		pair->bytes += len;
	}
}

/* The value as the compiler must take it, so that its comparisons stay in a form that the verifier takes as bounds. */
static __always_inline uint64_t opaque(uint64_t value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}

#endif
