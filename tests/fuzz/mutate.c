/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mutator of the datapath's fuzzer: changes of the state, and of frames by their layers: fields to what is near a border,
 * options, extension headers, tags, fragments, tunnels around and off, lengths; afterwards lengths and checksums are mostly made right
 * again, so that the lie is found by the stage that has to find it. Besides, bytes as libFuzzer likes.
 */
#include "tests/fuzz/mutate.h"

#include <string.h>

#include "tests/cosim/chance.h"
#include "tests/fuzz/layers.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#define PICK(c, list) ((list)[chance_below(c, sizeof(list) / sizeof((list)[0]))])

/* ---- bytes of a frame -------------------------------------------------------------------------------------------- */

static bool insert(struct scene_frame *f, uint32_t at, const void *bytes, uint32_t n)
{
	if (at > f->given || f->given + n > SCENE_FRAME_BYTES || f->len + n > SCENE_FRAME_MAX)
		return false;
	memmove(f->data + at + n, f->data + at, f->given - at);
	memcpy(f->data + at, bytes, n);
	f->given += n;
	f->len += n;
	return true;
}

static void erase(struct scene_frame *f, uint32_t at, uint32_t n)
{
	if (at + n > f->given || n == f->len)
		return;
	memmove(f->data + at, f->data + at + n, f->given - at - n);
	f->given -= n;
	f->len -= n;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* A layer of one of two kinds, or NULL. */
static const struct layer *find(struct chance *c, const struct layer *layer, unsigned int count, uint8_t kind, uint8_t or_kind)
{
	const struct layer *found = NULL;
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++)
		if ((layer[i].kind == kind || layer[i].kind == or_kind) && chance_below(c, ++n) == 0)
			found = &layer[i];
	return found;
}

/* ---- what can be done to a frame ---------------------------------------------------------------------------------- */

static void field_byte(struct chance *c, struct scene_frame *f, const struct layer *l)
{
	static const uint8_t bytes[] = { 0, 1, 2, 4, 5, 6, 8, 17, 0x10, 0x20, 0x40, 0x45, 0x46, 0x4f, 0x50, 0x60, 0x7f, 0x80, 0xf0, 0xff, 41,
					 43, 44, 47, 50, 51, 58, 59, 60, 94, 132, 135, 139, 140, 148, 253 };
	uint8_t *b = &f->data[l->at + chance_below(c, l->len)];

	switch (chance_below(c, 4)) {
	case 0:
		*b ^= (uint8_t)(1u << chance_below(c, 8));
		break;
	case 1:
		*b = (uint8_t)(*b + chance_between(c, 0, 4) - 2);
		break;
	case 2:
		*b = (uint8_t)chance_word(c);
		break;
	default:
		*b = PICK(c, bytes);
	}
}

static void field_word(struct chance *c, struct scene_frame *f, const struct layer *l)
{
	static const uint16_t words[] = { 0, 1, 7, 8, 20, 28, 40, 0x1fff, 0x2000, 0x4000, 0x8000, 0xffff, 0x0800, 0x0806, 0x86dd, 0x8100,
					  0x88a8, 0x6558, SL_VXLAN_PORT, SL_GENEVE_PORT, SL_GUE_PORT, 80, 0x2001, 0x0001 };
	const uint32_t at = l->at + 2 * chance_below(c, l->len / 2u);

	if (at + 2 > f->given)
		return;
	if (chance_percent(c, 50))
		put16(&f->data[at], PICK(c, words));
	else
		put16(&f->data[at], f->len - l->at - (chance_percent(c, 50) ? l->len : 0u) + chance_between(c, 0, 6) - 3);
}

static void options(struct chance *c, struct scene_frame *f, const struct layer *l)
{
	static const uint8_t kinds[] = { 0, 1, 1, 7, 68, 130, 131, 136, 137, 148, 0x82, 0xff };
	uint8_t bytes[40];
	const uint32_t n = 4 * chance_between(c, 1, 10), room = (15u - (f->data[l->at] & 15u)) * 4;

	if (l->kind != LAYER_IPV4 || n > room)
		return;
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = chance_percent(c, 60) ? PICK(c, kinds) : (uint8_t)chance_between(c, 0, n);
	if (insert(f, l->at + l->len, bytes, n))
		f->data[l->at] += (uint8_t)(n / 4);
}

static void extension(struct chance *c, struct scene_frame *f, const struct layer *l)
{
	static const uint8_t kinds[] = { 0, 43, 44, 44, 51, 60, 60, 135, 139, 50, 253 };
	const uint8_t kind = PICK(c, kinds);
	uint8_t bytes[64] = { 0 };
	const uint32_t n = kind == 44 ? 8 : 8 * chance_between(c, 1, 3);

	if (l->kind != LAYER_IPV6)
		return;
	bytes[0] = f->data[l->at + 6];
	bytes[1] = kind == 51 ? (uint8_t)(n / 4 - 2) : kind == 44 ? 0 : (uint8_t)(n / 8 - 1);
	if (kind == 44 && chance_percent(c, 70))
		put16(&bytes[2], chance_below(c, 3) << 3 | chance_below(c, 2));
	else if (kind != 44 && chance_percent(c, 50))
		chance_fill(c, bytes + 2, n - 2);
	if (insert(f, l->at + 40u, bytes, n))
		f->data[l->at + 6] = kind;
}

static void tag(struct chance *c, struct scene_frame *f)
{
	static const uint16_t types[] = { 0x8100, 0x8100, 0x88a8, 0x9100 };
	uint8_t bytes[4];

	put16(bytes, PICK(c, types));
	put16(bytes + 2, chance_percent(c, 80) ? chance_between(c, 1, 12) : (uint32_t)chance_word(c));
	if (f->given >= 14)
		insert(f, 12, bytes, 4);
}

static void fragment(struct chance *c, struct scene_frame *f, const struct layer *l)
{
	static const uint16_t words[] = { 0x2000, 0x2000, 0x0001, 0x2001, 0x1fff, 0x4000, 0x6000, 0x8000, 0x00b9 };

	if (l->kind == LAYER_IPV4)
		put16(&f->data[l->at + 6], PICK(c, words));
}

/* The tunnel's own header in front of what is in it; *dport or *proto says which it is. Its bytes. */
static uint32_t tunnel_header(struct chance *c, bool inner_v4, uint8_t *h, uint32_t *dport, uint8_t *proto, bool *ethernet)
{
	uint32_t n;

	memset(h, 0, 64);
	*ethernet = false;
	*proto = 17;
	switch (chance_below(c, 5)) {
	case 0:
		*proto = inner_v4 ? 4 : 41;
		return 0;
	case 1:
		*proto = 47;
		h[0] = PICK(c, ((const uint8_t[]){ 0, 0x20, 0x20, 0xb0, 0x10, 0x80 }));
		*ethernet = chance_percent(c, 20);
		put16(h + 2, *ethernet ? 0x6558 : inner_v4 ? 0x0800 : 0x86dd);
		n = 4 + 4u * ((h[0] >> 7 & 1u) + (h[0] >> 5 & 1u) + (h[0] >> 4 & 1u));
		h[n - 1] = (uint8_t)chance_between(c, 0, 9);
		return n;
	case 2:
		*dport = SL_VXLAN_PORT;
		*ethernet = true;
		h[0] = 8;
		h[6] = (uint8_t)chance_between(c, 0, 9);
		return 8;
	case 3:
		*dport = SL_GENEVE_PORT;
		n = 4 * chance_below(c, 4);
		h[0] = (uint8_t)(n / 4);
		h[1] = chance_percent(c, 90) ? 0 : 0x40;
		*ethernet = chance_percent(c, 50);
		put16(h + 2, *ethernet ? 0x6558 : inner_v4 ? 0x0800 : 0x86dd);
		h[6] = (uint8_t)chance_between(c, 0, 9);
		return 8 + n;
	default:
		*dport = SL_GUE_PORT;
		if (chance_percent(c, 30))
			return 0;
		n = 4 * chance_below(c, 3);
		h[0] = (uint8_t)(n / 4);
		h[1] = inner_v4 ? 4 : 41;
		return 4 + n;
	}
}

static void tunnel(struct chance *c, struct scene_frame *f, const struct layer *ip)
{
	const bool inner_v4 = ip->kind == LAYER_IPV4, v4 = chance_percent(c, 60);
	uint8_t bytes[40 + 8 + 64 + 14] = { 0 }, header[64], proto;
	uint32_t n = v4 ? 20 : 40, dport = 0, own;
	bool ethernet;

	own = tunnel_header(c, inner_v4, header, &dport, &proto, &ethernet);
	if (v4) {
		bytes[0] = 0x45;
		bytes[1] = (uint8_t)chance_below(c, 4);
		bytes[8] = 64;
		bytes[9] = proto;
		memcpy(bytes + 12, (const uint8_t[]){ 10, 0, 0, 9, 10, 0, 0, 1 }, 8);
	} else {
		bytes[0] = 0x60;
		bytes[6] = proto;
		bytes[7] = 64;
		bytes[23] = bytes[39] = 1;
	}
	/* As another tunnel of this state has it, if the packet is in one. */
	if (chance_percent(c, 60) && (ip->kind == LAYER_IPV4) == v4)
		memcpy(bytes + (v4 ? 12 : 8), f->data + ip->at + (v4 ? 12 : 8), v4 ? 8 : 32);
	if (proto == 17) {
		put16(bytes + n, 50000);
		put16(bytes + n + 2, dport);
		n += 8;
	}
	memcpy(bytes + n, header, own);
	n += own;
	if (ethernet) {
		memcpy(bytes + n, f->data, 12);
		put16(bytes + n + 12, inner_v4 ? 0x0800 : 0x86dd);
		n += 14;
	}
	if (insert(f, ip->at, bytes, n) && ip->at >= 14)
		put16(f->data + ip->at - 2, v4 ? 0x0800 : 0x86dd);
}

/* An ICMP error about the packet, from its destination. */
static void icmp_error(struct chance *c, struct scene_frame *f, const struct layer *ip)
{
	const bool v4 = ip->kind == LAYER_IPV4;
	const uint32_t n = v4 ? 20 : 40, addresses = v4 ? 12 : 8, len = v4 ? 4 : 16;
	uint8_t bytes[48] = { 0 };

	memcpy(bytes, f->data + ip->at, n);
	bytes[0] = v4 ? 0x45 : bytes[0];
	bytes[v4 ? 9 : 6] = v4 ? 1 : 58;
	memcpy(bytes + addresses, f->data + ip->at + addresses + len, len);
	memcpy(bytes + addresses + len, f->data + ip->at + addresses, len);
	bytes[n] = v4 ? PICK(c, ((const uint8_t[]){ 3, 3, 11, 12, 5, 4, 0 })) : (uint8_t)chance_between(c, 1, 5);
	bytes[n + 1] = (uint8_t)chance_below(c, 5);
	put16(bytes + n + 6, 1400);
	insert(f, ip->at, bytes, n + 8);
}

static void swap(struct scene_frame *f, const struct layer *ip)
{
	const uint32_t len = ip->kind == LAYER_IPV4 ? 4 : 16;
	uint8_t *src = f->data + ip->at + (ip->kind == LAYER_IPV4 ? 12 : 8), kept[16];

	memcpy(kept, src, len);
	memmove(src, src + len, len);
	memcpy(src + len, kept, len);
}

static void resize(struct chance *c, struct scene_frame *f)
{
	static const uint16_t lens[] = { 1, 13, 14, 33, 34, 42, 54, 60, 64, 128, 255, 256, 257, 590, 1294, 1514, 1515, 1518, 9000, 9600, 9601 };

	f->len = chance_percent(c, 40) ? PICK(c, lens) : f->len + chance_between(c, 0, 40) - 20;
	if (f->len == 0 || f->len > SCENE_FRAME_MAX)
		f->len = SCENE_FRAME_MAX;
	if (f->given > f->len)
		f->given = f->len;
}

static void raw(struct scene_frame *f, const struct layer *l)
{
	const size_t n = LLVMFuzzerMutate(f->data + l->at, l->len, l->len);

	(void)n;
}

static void mutate_layer(struct chance *c, struct scene_frame *f, const struct layer *layer, unsigned int count)
{
	const struct layer *l = &layer[chance_below(c, count)], *ip = find(c, layer, count, LAYER_IPV4, LAYER_IPV6);

	switch (chance_below(c, ip ? 14 : 5)) {
	case 0: case 1: field_byte(c, f, l); break;
	case 2: field_word(c, f, l); break;
	case 3: raw(f, l); break;
	case 4: tag(c, f); break;
	case 5: erase(f, l->at, l->len); break;
	case 6: options(c, f, ip); break;
	case 7: extension(c, f, ip); break;
	case 8: fragment(c, f, ip); break;
	case 9: case 10: tunnel(c, f, ip); break;
	case 11: icmp_error(c, f, ip); break;
	case 12: swap(f, ip); break;
	default: /* TTL, protocol, type of service: what is looked at most */
		f->data[ip->at + (ip->kind == LAYER_IPV4 ? PICK(c, ((const uint8_t[]){ 1, 8, 9 })) :
							   PICK(c, ((const uint8_t[]){ 0, 1, 6, 7 })))] ^= (uint8_t)(1u << chance_below(c, 8));
	}
}

/* Like a frame that there is already, but for a TCP flag or the TTL; often with a rule for such. */
static void one_like_it(struct chance *c, struct scene *s)
{
	struct scene_change rule = { .what = SCENE_RULE_NEW, .at = 0 };
	struct layer layer[LAYERS_MAX];
	struct scene_frame *f;
	unsigned int count;

	if (s->frames == 0 || s->frames == SCENE_FRAMES)
		return;
	s->frame[s->frames] = s->frame[chance_below(c, s->frames)];
	f = &s->frame[s->frames++];
	count = layers_of(f, layer);
	for (unsigned int i = 0; i < count; i++) {
		const uint8_t bit = (uint8_t)chance_below(c, 6), ttl = (uint8_t)chance_below(c, 4);

		if (layer[i].kind == LAYER_TCP && chance_percent(c, 70)) {
			f->data[layer[i].at + 13] ^= (uint8_t)(1u << bit);
			rule.index = bit;
			rule.value = 1u << bit;
		} else if ((layer[i].kind == LAYER_IPV4 || layer[i].kind == LAYER_IPV6) && chance_percent(c, 30)) {
			f->data[layer[i].at + (layer[i].kind == LAYER_IPV4 ? 8 : 7)] = ttl;
			rule.at = 2;
			rule.value = ttl;
		}
	}
	layers_fix(f, false, true);
	if (s->changes < SCENE_CHANGES && chance_percent(c, 50))
		s->change[s->changes++] = rule;
}

/* A frame's double, longer by a byte, and an action whose MTU the first one just fits. */
static void one_too_long(struct chance *c, struct scene *s)
{
	struct layer layer[LAYERS_MAX];
	const struct layer *ip;
	struct scene_frame *f;

	if (s->frames == 0 || s->frames == SCENE_FRAMES || s->changes == SCENE_CHANGES)
		return;
	s->frame[s->frames] = s->frame[chance_below(c, s->frames)];
	f = &s->frame[s->frames];
	ip = find(c, layer, layers_of(f, layer), LAYER_IPV4, LAYER_IPV6);
	if (!ip || f->len == SCENE_FRAME_MAX)
		return;
	s->frames++;
	s->change[s->changes++] = (struct scene_change){ .what = SCENE_ACTION, .index = (uint8_t)chance_below(c, 2),
							 .value = f->len - ip->at };
	f->len++;
	layers_fix(f, true, true);
}

static void mutate_frame(struct chance *c, struct scene_frame *f)
{
	struct layer layer[LAYERS_MAX];
	const unsigned int count = layers_of(f, layer);

	if (chance_percent(c, 10))
		resize(c, f);
	else if (count == 0)
		f->given = (uint32_t)LLVMFuzzerMutate(f->data, f->given, f->len < SCENE_FRAME_BYTES ? f->len : SCENE_FRAME_BYTES);
	else if (chance_percent(c, 4))
		f->port ^= 1;
	else
		mutate_layer(c, f, layer, count);
	if (chance_percent(c, 75))
		layers_fix(f, chance_percent(c, 85), chance_percent(c, 90));
}

/* ---- scenes ------------------------------------------------------------------------------------------------------- */

static void mutate_change(struct chance *c, struct scene *s)
{
	static const uint32_t values[] = { 0, 1, 2, 4, 6, 17, 20, 28, 64, 255, 256, 576, 1280, 1400, 1500, 0xffff, 0x10000, 0x50000, 0xffffffff };
	struct scene_change *change;

	if (s->changes && chance_percent(c, 15)) {
		s->change[chance_below(c, s->changes)] = s->change[s->changes - 1];
		s->changes--;
		return;
	}
	if (s->changes < SCENE_CHANGES && (s->changes == 0 || chance_percent(c, 50)))
		change = &s->change[s->changes++];
	else
		change = &s->change[chance_below(c, s->changes)];
	change->what = (uint8_t)chance_below(c, SCENE_WHATS);
	change->index = chance_percent(c, 80) ? (uint8_t)chance_below(c, 4) : (uint8_t)chance_word(c);
	change->at = (uint16_t)chance_word(c);
	change->value = chance_percent(c, 50) ? PICK(c, values) : (uint32_t)chance_word(c);
}

static void mutate_frames(struct chance *c, struct scene *s, const struct sl_corpus *corpus)
{
	static struct scene other;
	struct scene_frame *f;

	if (s->frames == 0 || (s->frames < SCENE_FRAMES && chance_percent(c, 50))) {
		f = &s->frame[s->frames++];
		if (s->frames > 1 && chance_percent(c, 50)) {
			*f = s->frame[chance_below(c, s->frames - 1)];
			return;
		}
	} else if (s->frames > 1 && chance_percent(c, 40)) {
		s->frame[chance_below(c, s->frames)] = s->frame[s->frames - 1];
		s->frames--;
		return;
	} else {
		f = &s->frame[chance_below(c, s->frames)];
	}
	scene_of(&other, corpus, chance_percent(c, 70) ? s->base : chance_below(c, (uint32_t)corpus->count), chance_below(c, 8));
	if (other.frames)
		*f = other.frame[chance_below(c, other.frames)];
}

void scene_mutate(struct scene *s, uint32_t seed, const struct sl_corpus *corpus)
{
	struct chance c = { .state = seed };

	do {
		const uint32_t what = chance_below(&c, 100);

		if (what < 2)
			scene_of(s, corpus, chance_below(&c, (uint32_t)corpus->count), chance_below(&c, 4));
		else if (what < 4)
			s->base = (uint16_t)chance_below(&c, (uint32_t)corpus->count);
		else if (what < 25)
			mutate_change(&c, s);
		else if (what < 30)
			one_like_it(&c, s);
		else if (what < 33)
			one_too_long(&c, s);
		else if (what < 38 || s->frames == 0)
			mutate_frames(&c, s, corpus);
		else
			mutate_frame(&c, &s->frame[chance_below(&c, s->frames)]);
	} while (chance_percent(&c, 40));
}
