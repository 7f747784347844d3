/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/layers.h"

#include <string.h>

struct walk {
	const struct scene_frame *f;
	struct layer *layer;
	unsigned int count;
	uint32_t at;
};

static uint32_t word(const struct scene_frame *f, uint32_t at)
{
	return at + 1 < f->given ? (uint32_t)f->data[at] << 8 | f->data[at + 1] : 0;
}

/* False: the frame or the list is full. */
static bool add(struct walk *w, enum layer_kind kind, uint32_t len)
{
	if (w->count == LAYERS_MAX || w->at + len > w->f->given)
		return false;
	w->layer[w->count++] = (struct layer){ .kind = (uint8_t)kind, .at = (uint16_t)w->at, .len = (uint16_t)len };
	w->at += len;
	return true;
}

static uint32_t walk_ethernet(struct walk *w)
{
	uint32_t type;

	if (!add(w, LAYER_ETHERNET, 14))
		return 0;
	for (type = word(w->f, w->at - 2); type == 0x8100 || type == 0x88a8 || type == 0x9100; type = word(w->f, w->at - 2))
		if (!add(w, LAYER_TAG, 4))
			return 0;
	return type;
}

/* What comes behind UDP by its destination port: an Ethertype, or 0. */
static uint32_t walk_udp(struct walk *w, uint32_t dport)
{
	uint32_t options;

	switch (dport) {
	case SL_VXLAN_PORT:
		return add(w, LAYER_TUNNEL, 8) ? walk_ethernet(w) : 0;
	case SL_GENEVE_PORT:
		options = w->at < w->f->given ? 4 * (w->f->data[w->at] & 0x3fu) : 0;
		if (!add(w, LAYER_TUNNEL, 8 + options))
			return 0;
		options = word(w->f, w->at - options - 6);
		return options == 0x6558 ? walk_ethernet(w) : options;
	case SL_GUE_PORT:
		options = w->at < w->f->given ? w->f->data[w->at] : 0;
		if (options >> 5 == 2 || options >> 5 == 3) /* an IP header at once */
			return options >> 4 == 4 ? 0x0800 : 0x86dd;
		options = w->at + 1 < w->f->given ? w->f->data[w->at + 1] : 0;
		return !add(w, LAYER_TUNNEL, 4 + 4 * (w->f->data[w->at] & 0x1fu)) ? 0 : options == 4 ? 0x0800 : options == 41 ? 0x86dd : 0;
	}
	return 0;
}

static uint32_t walk_l4(struct walk *w, uint32_t proto)
{
	uint32_t flags;

	switch (proto) {
	case 4:
		return 0x0800;
	case 41:
		return 0x86dd;
	case 6:
		add(w, LAYER_TCP, 20);
		return 0;
	case 1:
	case 58:
		return add(w, LAYER_ICMP, 8) ? (w->at < w->f->given && w->f->data[w->at] >> 4 == 4 ? 0x0800 : 0x86dd) : 0;
	case 17:
		return add(w, LAYER_UDP, 8) ? walk_udp(w, word(w->f, w->at - 6)) : 0;
	case 47:
		flags = word(w->f, w->at);
		proto = word(w->f, w->at + 2);
		if (!add(w, LAYER_GRE, 4 + 4 * ((flags >> 15 & 1) + (flags >> 13 & 1) + (flags >> 12 & 1))))
			return 0;
		return proto == 0x6558 ? walk_ethernet(w) : proto;
	}
	return 0;
}

static uint32_t walk_ip(struct walk *w, bool v4)
{
	const uint32_t ip = w->count;
	uint32_t next;

	if (v4) {
		next = w->at < w->f->given ? 4 * (w->f->data[w->at] & 15u) : 0;
		if (!add(w, LAYER_IPV4, next < 20 ? 20 : next))
			return 0;
		next = w->f->data[w->layer[ip].at + 9];
	} else {
		if (!add(w, LAYER_IPV6, 40))
			return 0;
		next = w->f->data[w->at - 34];
		while ((next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135 || next == 139) &&
		       w->at + 1 < w->f->given) {
			const uint32_t len = next == 44 ? 8 : next == 51 ? 4 * (w->f->data[w->at + 1] + 2u) :
							     8 * (w->f->data[w->at + 1] + 1u);

			next = w->f->data[w->at];
			if (!add(w, LAYER_EXTENSION, len))
				break;
		}
	}
	w->layer[ip].proto = (uint8_t)next;
	return walk_l4(w, next);
}

unsigned int layers_of(const struct scene_frame *f, struct layer *layer)
{
	struct walk w = { .f = f, .layer = layer };
	uint32_t type = walk_ethernet(&w);

	while (type == 0x0800 || type == 0x86dd)
		type = walk_ip(&w, type == 0x0800);
	return w.count;
}

static void put_word(struct scene_frame *f, uint32_t at, uint32_t value)
{
	if (at + 1 < f->given) {
		f->data[at] = (uint8_t)(value >> 8);
		f->data[at + 1] = (uint8_t)value;
	}
}

/* Bytes [at, at + len), those that are not given being zeroes. */
static uint32_t sum_of(const struct scene_frame *f, uint32_t at, uint32_t len)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < len && at + i < f->given; i++)
		sum += i % 2 ? f->data[at + i] : (uint32_t)f->data[at + i] << 8;
	return sum;
}

static uint32_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static void fix_l4(struct scene_frame *f, const struct layer *ip, const struct layer *l4, uint32_t end)
{
	const uint32_t field = l4->at + (l4->kind == LAYER_TCP ? 16u : 6u), len = end - l4->at;
	uint32_t sum = ip->proto + len;

	put_word(f, field, 0);
	sum += ip->kind == LAYER_IPV4 ? sum_of(f, ip->at + 12, 8) : sum_of(f, ip->at + 8, 32);
	sum = fold(sum + sum_of(f, l4->at, len));
	put_word(f, field, sum ? sum : 0xffff);
}

void layers_fix(struct scene_frame *f, bool lengths, bool checksums)
{
	struct layer layer[LAYERS_MAX];
	const struct layer *ip = NULL;

	for (unsigned int n = layers_of(f, layer); n--;) {
		const struct layer *l = &layer[n];

		for (unsigned int i = n + 1; i--;) { /* the IP header that it is behind */
			ip = &layer[i];
			if (ip->kind == LAYER_IPV4 || ip->kind == LAYER_IPV6)
				break;
		}
		if (lengths && l->kind == LAYER_UDP)
			put_word(f, l->at + 4u, f->len - l->at);
		if (lengths && l->kind == LAYER_IPV4)
			put_word(f, l->at + 2u, f->len - l->at);
		if (lengths && l->kind == LAYER_IPV6)
			put_word(f, l->at + 4u, f->len - l->at - 40);
		if (checksums && (l->kind == LAYER_TCP || (l->kind == LAYER_UDP && word(f, l->at + 6u))) && n)
			fix_l4(f, ip, l, f->len);
		if (checksums && l->kind == LAYER_IPV4) {
			put_word(f, l->at + 10u, 0);
			put_word(f, l->at + 10u, fold(sum_of(f, l->at, l->len)));
		}
	}
}
