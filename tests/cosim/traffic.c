/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/cosim/traffic.h"

#include <string.h>

/* A frame under construction and where its headers are, outermost first. */
struct build {
	const struct world *w;
	struct chance *c;
	struct traffic_frame *f;
	uint32_t l3[4], l4[4];
	uint8_t family[4], proto[4]; /* proto: behind extension headers */
	unsigned int layers;
	bool clean;
};

static void put(struct build *b, const void *data, uint32_t n)
{
	if (b->f->len + n > TRAFFIC_FRAME_MAX)
		n = TRAFFIC_FRAME_MAX - b->f->len;
	memcpy(b->f->data + b->f->len, data, n);
	b->f->len += n;
}

static void put16(struct build *b, uint32_t v)
{
	put(b, (const uint8_t[2]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

static void put_random(struct build *b, uint32_t n)
{
	if (b->f->len + n > TRAFFIC_FRAME_MAX)
		n = TRAFFIC_FRAME_MAX - b->f->len;
	chance_fill(b->c, b->f->data + b->f->len, n);
	b->f->len += n;
}

static void set16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void ipv4_checksum(uint8_t *ip)
{
	const unsigned int words = (ip[0] & 15u) * 2;
	uint32_t sum = 0;

	set16(ip + 10, 0);
	for (unsigned int i = 0; i < words; i++)
		sum += (uint32_t)ip[2 * i] << 8 | ip[2 * i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	set16(ip + 10, 0xffff & ~sum);
}

static void put_tag(struct build *b)
{
	struct chance *c = b->c;

	put16(b, b->w->vlan[chance_below(c, WORLD_VLANS)] | (chance_percent(c, 20) ? chance_below(c, 16) << 12 : 0));
}

static void put_eth(struct build *b, bool inner, uint8_t family)
{
	struct chance *c = b->c;

	put(b, b->w->mac[chance_percent(c, 80) ? 0 : chance_below(c, WORLD_MACS)], 6);
	if (!inner && chance_percent(c, 3))
		memset(b->f->data, 0xff, 6);
	put(b, b->w->mac[chance_below(c, 3)], 6);
	if (chance_percent(c, inner ? 5 : 25) && !(inner && b->clean)) {
		const bool two = !inner && chance_percent(c, 40);

		put16(b, two && chance_percent(c, 60) ? 0x88a8 : 0x8100);
		put_tag(b);
		if (two) {
			put16(b, 0x8100);
			put_tag(b);
		}
	}
	if (!b->clean && chance_percent(c, 4))
		put16(b, chance_percent(c, 60) ? (chance_percent(c, 50) ? 0x8100 : 0x88a8) : (uint32_t)chance_word(c));
	else
		put16(b, family == 4 ? 0x0800 : 0x86dd);
}

/* A header whose length is filled in by end_ip(). */
static void put_ip(struct build *b, uint8_t family, const uint8_t *src, const uint8_t *dst, uint8_t proto)
{
	const uint8_t ttl = (uint8_t)(chance_percent(b->c, 85) ? 64 : chance_below(b->c, 4));
	uint8_t h[40] = {0};

	b->l3[b->layers] = b->f->len;
	b->family[b->layers] = family;
	b->proto[b->layers] = proto;
	if (family == 4) {
		h[0] = 0x45;
		h[1] = (uint8_t)chance_word(b->c);
		set16(h + 4, (uint32_t)chance_word(b->c));
		h[6] = chance_percent(b->c, 70) ? 0x40 : 0;
		h[8] = ttl;
		h[9] = proto;
		memcpy(h + 12, src, 4);
		memcpy(h + 16, dst, 4);
		put(b, h, 20);
	} else {
		h[0] = 0x60 | (chance_word(b->c) & 15);
		h[1] = (uint8_t)chance_word(b->c);
		h[6] = proto;
		h[7] = ttl;
		memcpy(h + 8, src, 16);
		memcpy(h + 24, dst, 16);
		put(b, h, 40);
	}
	b->l4[b->layers++] = b->f->len;
}

static void put_l4(struct build *b, uint8_t proto, uint32_t sport, uint32_t dport)
{
	uint8_t h[20] = {0};

	set16(h, sport);
	set16(h + 2, dport);
	if (proto == 6) {
		chance_fill(b->c, h + 4, 8);
		h[12] = 0x50;
		h[13] = (uint8_t)(chance_percent(b->c, 60) ? 0x10 : chance_word(b->c));
		chance_fill(b->c, h + 14, 6);
		put(b, h, 20);
	} else {
		if (chance_percent(b->c, 80))
			chance_fill(b->c, h + 6, 2);
		put(b, h, 8);
	}
}

/* Lengths and checksum of every layer, from the frame's present end. */
static void end_ip(struct build *b)
{
	for (unsigned int i = 0; i < b->layers; i++) {
		uint8_t *ip = b->f->data + b->l3[i], *l4 = b->f->data + b->l4[i];
		const uint8_t proto = b->proto[i];

		if (b->family[i] == 4)
			set16(ip + 2, b->f->len - b->l3[i]);
		else
			set16(ip + 4, b->f->len - b->l3[i] - 40);
		if (proto == 17 && b->f->len - b->l4[i] >= 8)
			set16(l4 + 4, b->f->len - b->l4[i]);
		if (b->family[i] == 4)
			ipv4_checksum(ip);
	}
}

static uint32_t payload_size(struct chance *c, bool clean)
{
	const uint32_t kind = chance_below(c, 1000);

	if (kind < 700)
		return chance_below(c, 24);
	if (kind < 930 || clean)
		return chance_below(c, 240);
	if (kind < 996)
		return chance_below(c, 1460);
	return chance_between(c, 8000, 9650);
}

/* IPv4 options: mostly harmless, often one that is not. */
static void put_options(struct build *b)
{
	static const uint8_t asks[][2] = { { 131, 7 }, { 137, 3 }, { 148, 4 }, { 131, 2 }, { 148, 5 }, { 7, 39 }, { 68, 12 } };
	struct chance *c = b->c;
	const unsigned int words = chance_between(c, 1, 10);
	uint8_t *options = b->f->data + b->f->len;

	b->f->data[b->l3[b->layers - 1]] = (uint8_t)(0x45 + words);
	if (b->f->len + 40 > TRAFFIC_FRAME_MAX)
		return;
	put_random(b, 4 * words);
	if (chance_percent(c, 60))
		memset(options, 1, 4 * words);
	if (chance_percent(c, 30))
		memcpy(options + chance_below(c, 4 * words - 1), asks[chance_below(c, 7)], 2);
	b->l4[b->layers - 1] = b->f->len;
}

/* IPv6 extension headers: most chains can be followed, some just not. */
static void put_extensions(struct build *b, uint8_t proto)
{
	static const uint8_t kinds[] = { 0, 60, 43, 0, 60, 43, 44, 51, 140, 0 };
	struct chance *c = b->c;
	const unsigned int n = chance_percent(c, 90) ? chance_between(c, 1, 2) : 3;
	uint8_t *next = b->f->data + b->l3[b->layers - 1] + 6;

	for (unsigned int i = 0; i < n; i++) {
		const unsigned int words = chance_percent(c, 70) ? chance_below(c, 2) : chance_below(c, 5);
		uint8_t *header = b->f->data + b->f->len;

		if (b->f->len + 40 > TRAFFIC_FRAME_MAX)
			return;
		*next = kinds[chance_below(c, 10)];
		if (*next == 0 && i != 0 && chance_percent(c, 80))
			*next = 60;
		put_random(b, 8 * words + 8);
		next = header;
		header[1] = (uint8_t)words;
		header[2] = chance_percent(c, 90) ? 4 : (uint8_t)chance_below(c, 2);
		header[3] = chance_percent(c, 90) ? 0 : 1;
		if (chance_percent(c, 15))
			memcpy(header + chance_between(c, 2, 8 * words + 6), (const uint8_t[2]){ 5, 2 }, 2);
	}
	*next = proto;
	b->l4[b->layers - 1] = b->f->len;
}

/* An ICMP error about a packet of the tuple's other direction, or something near that. */
static void put_icmp(struct build *b, const struct tuple *t)
{
	static const uint8_t types[2][8] = { { 3, 11, 12, 3, 3, 8, 4, 5 }, { 1, 2, 3, 4, 2, 128, 0, 5 } };
	struct chance *c = b->c;
	const bool six = t->family == 6;
	uint8_t icmp[8] = { types[six][chance_below(c, 8)] }, *ip;
	const uint32_t at = b->f->len;

	put_ip(b, t->family, b->w->address[six][chance_below(c, WORLD_ADDRESSES)], t->dst, six ? 58 : 1);
	if (!six && chance_percent(c, 5))
		put_options(b);
	if (six && chance_percent(c, 5))
		put_extensions(b, 58);
	put(b, icmp, 8);
	ip = b->f->data + b->f->len;
	put_ip(b, t->family, t->dst, t->src, chance_percent(c, 95) ? t->proto : (uint8_t)chance_word(c));
	b->layers--; /* its lengths are nobody's business */
	if (b->f->len < at + 48)
		return;
	if (!six && chance_percent(c, 10))
		set16(ip + 6, (uint32_t)chance_word(c) & 0x6001);
	if (chance_percent(c, 5))
		ip[0] = (uint8_t)chance_word(c);
	put16(b, t->dport);
	put16(b, t->sport);
	put_random(b, chance_percent(c, 80) ? chance_between(c, 4, 16) : chance_below(c, 5));
}

static void put_packet(struct build *b, const struct tuple *t)
{
	struct chance *c = b->c;
	const bool mapped = b->clean || chance_percent(c, 85);
	const uint8_t proto = mapped ? t->proto : (uint8_t)chance_word(c);

	put_ip(b, t->family, t->src, t->dst, proto);
	if (t->family == 4 && !b->clean && chance_percent(c, 10))
		put_options(b);
	if (t->family == 6 && !b->clean && chance_percent(c, 15))
		put_extensions(b, proto);
	if (t->family == 4 && !b->clean && chance_percent(c, 4))
		set16(b->f->data + b->l3[b->layers - 1] + 6, (uint32_t)chance_word(c));
	put_l4(b, proto, chance_percent(c, 3) && !b->clean ? (uint32_t)chance_word(c) : t->sport, t->dport);
}

/* The rest of a tunnel that is not VXLAN; what it says it carries, of that family. True: an Ethernet header follows. */
static bool put_other_tunnel(struct build *b, int six, unsigned int mode, uint8_t inner)
{
	const uint8_t *src = b->w->address[six][chance_below(b->c, WORLD_ADDRESSES)];
	const uint8_t *dst = b->w->address[six][chance_below(b->c, WORLD_ADDRESSES)];
	const uint8_t number = inner == 4 ? 4 : 41;
	const bool lie = chance_percent(b->c, 10), key = chance_percent(b->c, 50), variant = chance_percent(b->c, 50);
	const uint32_t vni = b->w->vni[chance_below(b->c, WORLD_VNIS)], type = inner == 4 ? 0x0800 : 0x86dd;
	bool ethernet = false;

	put_ip(b, (uint8_t)(six ? 6 : 4), src, dst, mode == SL_TUNNEL_MODE_IPIP ? number : mode == SL_TUNNEL_MODE_GRE ? 47 : 17);
	if (!b->clean && chance_percent(b->c, 3) && !six)
		put_options(b);
	switch (mode) {
	case SL_TUNNEL_MODE_GRE:
		put16(b, (key ? 0x2000u : 0) | (!lie ? 0 : variant ? 0x8000u : (uint32_t)chance_word(b->c) & 0xffff));
		put16(b, chance_percent(b->c, 95) ? type : 0x6558);
		if (key) {
			put16(b, chance_percent(b->c, 80) ? vni >> 16 : (uint32_t)chance_word(b->c));
			put16(b, vni);
		}
		break;
	case SL_TUNNEL_MODE_GUE:
		put_l4(b, 17, (uint32_t)chance_word(b->c), SL_GUE_PORT);
		if (!variant) {
			put16(b, (lie && key ? (uint32_t)chance_word(b->c) & 0xff00 : 0) | number);
			put16(b, lie && !key ? (uint32_t)chance_word(b->c) & 0xffff : 0);
		}
		break;
	case SL_TUNNEL_MODE_GENEVE:
		ethernet = key;
		put_l4(b, 17, (uint32_t)chance_word(b->c), SL_GENEVE_PORT);
		put16(b, lie ? (uint32_t)chance_word(b->c) : 0);
		put16(b, ethernet ? 0x6558 : type);
		put16(b, vni >> 8);
		put16(b, vni << 8);
		break;
	default:
		break;
	}
	return ethernet;
}

/* True: an Ethernet header follows, else a packet of the family inner. */
static bool put_tunnel(struct build *b, uint8_t inner)
{
	struct chance *c = b->c;
	const int six = chance_percent(c, 40);
	const uint32_t vni = b->w->vni[chance_below(c, WORLD_VNIS)];
	uint8_t vxlan[8] = {(uint8_t)(chance_percent(c, 97) ? 0x08 : chance_word(c)), 0, 0, 0,
			    (uint8_t)(vni >> 16), (uint8_t)(vni >> 8), (uint8_t)vni, 0};

	put_eth(b, b->layers != 0, six ? 6 : 4);
	if (chance_percent(c, 60))
		return put_other_tunnel(b, six, chance_between(c, SL_TUNNEL_MODE_GENEVE, SL_TUNNEL_MODE_IPIP), inner);
	put_ip(b, six ? 6 : 4, b->w->address[six][chance_below(c, WORLD_ADDRESSES)],
	       b->w->address[six][chance_below(c, WORLD_ADDRESSES)], 17);
	put_l4(b, 17, (uint32_t)chance_word(c), b->w->vxlan_port & 0xffff);
	put(b, vxlan, 8);
	return true;
}

/* One lie. */
static void mutate(struct build *b)
{
	struct chance *c = b->c;
	struct traffic_frame *f = b->f;
	const unsigned int layer = b->layers ? chance_below(c, b->layers) : 0;
	uint8_t *ip = f->data + b->l3[layer], *l4 = f->data + b->l4[layer];
	const int delta = (int)chance_below(c, 9) - 4;

	switch (chance_below(c, 10)) {
	case 0: /* cut anywhere, mostly among the headers */
		f->len = chance_between(c, 1, f->len < 120 || chance_percent(c, 20) ? f->len : 120);
		break;
	case 1:
		f->data[chance_below(c, f->len)] ^= (uint8_t)(1u << chance_below(c, 8));
		break;
	case 2: /* the IP packet says another length */
		if (b->layers)
			ip[b->family[layer] == 4 ? 3 : 5] = (uint8_t)(ip[b->family[layer] == 4 ? 3 : 5] + delta);
		break;
	case 3: /* UDP length, TCP data offset */
		if (b->layers && chance_percent(c, 50))
			l4[5] = (uint8_t)(l4[5] + delta);
		else if (b->layers)
			l4[12] = (uint8_t)chance_word(c);
		break;
	case 4: /* version and header length */
		if (b->layers)
			ip[0] = (uint8_t)(chance_percent(c, 50) ? (0x40 | chance_below(c, 16)) : chance_word(c));
		break;
	case 5: /* protocol or next header */
		if (b->layers)
			ip[b->family[layer] == 4 ? 9 : 6] = (uint8_t[]){0, 43, 44, 50, 51, 60, 135, 139, 140, 1, 58, 4, 41, 6, 17,
									59}[chance_below(c, 16)];
		break;
	case 6: /* fragment fields, or the address that follows in IPv6 */
		if (b->layers)
			set16(ip + 6, (uint32_t)chance_word(c));
		break;
	case 7: /* noise */
		for (int i = 0; i < 5; i++)
			f->data[chance_below(c, f->len)] = (uint8_t)chance_word(c);
		break;
	case 8: /* padding */
		put_random(b, chance_below(c, 80));
		break;
	default: /* the payload ends early, lengths stay */
		f->len -= chance_below(c, f->len < 40 ? f->len : 40);
	}
	for (unsigned int i = 0; i < b->layers && chance_percent(c, 80); i++)
		if (b->family[i] == 4 && b->l3[i] + 60 < f->len)
			ipv4_checksum(f->data + b->l3[i]);
}

void traffic_frame(const struct world *w, struct chance *c, bool clean, struct traffic_frame *frame)
{
	struct build b = {.w = w, .c = c, .f = frame, .clean = clean};
	unsigned int index = chance_below(c, 1 + chance_below(c, WORLD_TUPLES));
	const uint32_t kind = chance_below(c, 100);
	bool ethernet = true;

	frame->len = 0;
	frame->bad_fcs = !clean && chance_percent(c, 1);
	if (clean)
		index &= ~1u;
	if (!clean && kind < 2) { /* noise, of any length up to beyond the limit */
		put_random(&b, chance_percent(c, 60) ? chance_between(c, 1, 80) : chance_between(c, 1, 1000));
		if (chance_percent(c, 3))
			put_random(&b, chance_between(c, 9550, TRAFFIC_FRAME_MAX) - frame->len);
		return;
	}
	if (!clean && kind < 4)
		ethernet = put_tunnel(&b, 4);
	if (kind < 30 && ethernet)
		ethernet = put_tunnel(&b, w->tuple[index].family);
	if (ethernet)
		put_eth(&b, b.layers != 0, w->tuple[index].family);
	if (!clean && chance_percent(c, 8)) {
		put_icmp(&b, &w->tuple[index]);
	} else {
		put_packet(&b, &w->tuple[index]);
		put_random(&b, payload_size(c, clean));
	}
	end_ip(&b);
	if (chance_percent(c, 15))
		put_random(&b, chance_below(c, 46));
	for (int i = 0; i < 3 && !clean && chance_percent(c, 30); i++)
		mutate(&b);
}
