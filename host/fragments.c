/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams are in sets of a hash; what waits is in a ring, oldest first, each linked to its datagram by number. */
#include "host/fragments.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hw/model/edit.h"

#define IPV4_MORE 0x2000u
#define IPV4_OFFSET 0x1fffu
#define IPV6_FRAGMENT_LEN 8u
#define IPV6_OFFSET 0xfff8u
#define IPV6_LEN 40u
#define UDP_LEN 8u
#define TCP_LEN 20u
#define DATAGRAM_MAX 65535u
#define KEY_BYTES offsetof(struct sl_fragment, begin)
#define SETS (SL_FRAGMENT_DATAGRAMS / SL_FRAGMENT_WAYS)

struct piece {
	uint16_t begin, end;
};

struct datagram {
	struct sl_fragment key; /* up to KEY_BYTES */
	uint64_t since_ms;
	bool live, first, refused;
	uint8_t pieces;
	uint32_t serial; /* tells what waits for it from what waited for an earlier one in its place */
	uint32_t ports;
	uint32_t total;  /* 0: the last fragment has not been seen */
	uint32_t seen;   /* bytes */
	struct piece piece[SL_FRAGMENT_PIECES];
};

struct held {
	void *frame; /* NULL: free */
	uint64_t since_ms;
	uint32_t datagram, serial;
	unsigned int port;
};

struct sl_fragments {
	uint64_t seed;
	uint32_t serial;
	uint32_t oldest, newest; /* of the ring, counted on: the oldest that may be in use, and where the next one goes */
	uint32_t held_count;
	struct datagram datagram[SL_FRAGMENT_DATAGRAMS];
	struct held held[SL_FRAGMENT_HELD];
};

_Static_assert(KEY_BYTES == 40, "the key of a datagram has no padding");
_Static_assert(!(SL_FRAGMENT_HELD & (SL_FRAGMENT_HELD - 1)), "the ring's counts wrap");

/* ---- packets ---------------------------------------------------------------------------------------------------- */

/* The L4 header of a first fragment: ports and flags as of a whole packet. False: it is not all there (RFC 1858 3). */
static bool read_first(const uint8_t *frame, struct sl_packet *p, struct sl_fragment *f)
{
	const uint8_t *l4 = frame + p->l4_off;

	p->l4_len = f->proto == IPPROTO_UDP ? UDP_LEN : TCP_LEN;
	if (f->end < p->l4_len)
		return false;
	memcpy(&f->ports, l4, sizeof(f->ports));
	f->tcp_flags = p->tcp_flags = f->proto == IPPROTO_TCP ? l4[13] : 0;
	p->sport = (uint16_t)sl_load_be16(l4);
	p->dport = (uint16_t)sl_load_be16(l4 + 2);
	return true;
}

static bool read_ipv6_header(const uint8_t *frame, struct sl_packet *p, struct sl_fragment *f)
{
	const uint8_t *header = frame + p->l4_off;
	/* The rewritten head has room for so many bytes of headers in front of L4. */
	const uint32_t room = IPV6_LEN + SL_EXT_BYTES - IPV6_FRAGMENT_LEN;

	if (p->proto != IPPROTO_FRAGMENT || (uint32_t)p->l3_end < p->l4_off + IPV6_FRAGMENT_LEN ||
	    (uint32_t)p->l4_off - p->l3_off > room)
		return false;
	f->begin = sl_load_be16(header + 2) & IPV6_OFFSET;
	f->more = header[3] & 1;
	f->id = sl_load_be16(header + 4) << 16 | sl_load_be16(header + 6);
	p->proto = header[0];
	p->l4_off = (uint16_t)(p->l4_off + IPV6_FRAGMENT_LEN);
	return true;
}

bool sl_fragment_read(const uint8_t *frame, struct sl_packet *p, uint16_t tenant, struct sl_fragment *f)
{
	memset(f, 0, sizeof(*f));
	f->tenant = tenant;
	f->family = p->family;
	memcpy(f->src, p->src, sizeof(f->src));
	memcpy(f->dst, p->dst, sizeof(f->dst));
	if (p->family == 4) {
		const uint32_t word = sl_load_be16(frame + p->l3_off + 6);

		f->id = sl_load_be16(frame + p->l3_off + 4);
		f->begin = (word & IPV4_OFFSET) * 8;
		f->more = word & IPV4_MORE;
	} else if (!read_ipv6_header(frame, p, f)) {
		return false;
	}
	f->proto = p->proto;
	f->end = f->begin + p->l3_end - p->l4_off;
	if (f->proto != IPPROTO_TCP && f->proto != IPPROTO_UDP)
		return false;
	return f->begin || read_first(frame, p, f);
}

void sl_fragment_rewrite(const uint8_t *frame, const struct sl_packet *packet, const struct sl_record *record,
			 const struct sl_action *action, struct sl_rewrite *rewrite)
{
	const uint32_t l3_len = (uint32_t)packet->l4_off - packet->l3_off;
	const uint32_t l2_len = action->hdr_len; /* the agent's actions strip the Ethernet header */
	uint8_t *l3 = rewrite->head + l2_len;

	memcpy(rewrite->head, action->hdr, sizeof(action->hdr));
	sl_edit_outer(rewrite->head + action->l3_off, rewrite->head + action->l4_off, action, record, packet->tos,
		      (uint32_t)packet->l3_end - packet->l3_off, rewrite->hash);
	memcpy(l3, frame + packet->l3_off, l3_len);
	if (packet->family == 4)
		sl_edit_ipv4(l3, packet->tos, record);
	else
		sl_edit_ipv6(l3, packet->tos, record);
	rewrite->head_len = (uint16_t)(l2_len + l3_len);
	rewrite->payload_off = packet->l4_off;
	rewrite->payload_end = packet->l3_end;
	rewrite->reserved = 0;
}

/* ---- datagrams -------------------------------------------------------------------------------------------------- */

struct sl_fragments *sl_fragments_create(uint64_t seed)
{
	struct sl_fragments *t = calloc(1, sizeof(*t));

	if (t)
		t->seed = seed;
	return t;
}

void sl_fragments_destroy(struct sl_fragments *t)
{
	free(t);
}

static bool too_old(uint64_t since_ms, uint64_t now_ms)
{
	return now_ms - since_ms >= SL_FRAGMENT_LIFE_MS;
}

/* The fragment's datagram, or a new one: in a free place of its set, or that of the oldest. */
static struct datagram *datagram_of(struct sl_fragments *t, const struct sl_fragment *f, uint64_t now_ms)
{
	struct datagram *set = &t->datagram[XXH64(f, KEY_BYTES, t->seed) % SETS * SL_FRAGMENT_WAYS], *place = NULL;

	for (unsigned int i = 0; i < SL_FRAGMENT_WAYS; i++) {
		struct datagram *d = &set[i];

		if (d->live && too_old(d->since_ms, now_ms))
			d->live = false;
		if (d->live && !memcmp(&d->key, f, KEY_BYTES))
			return d;
		if (!place || (place->live && (!d->live || d->since_ms < place->since_ms)))
			place = d;
	}
	*place = (struct datagram){ .live = true, .since_ms = now_ms, .serial = ++t->serial };
	memcpy(&place->key, f, KEY_BYTES);
	return place;
}

/* False: the piece overlaps, or cannot be one. A refused datagram stays so. */
static bool piece_add(struct datagram *d, const struct sl_fragment *f)
{
	bool again = false;

	if (d->refused)
		return false;
	for (unsigned int i = 0; i < d->pieces; i++) {
		if (d->piece[i].begin == f->begin && d->piece[i].end == f->end)
			again = true; /* RFC 8200 4.5: an exact duplicate may be ignored */
		else if (f->begin < d->piece[i].end && d->piece[i].begin < f->end)
			d->refused = true;
	}
	if (f->end <= f->begin || f->end > DATAGRAM_MAX || (f->more && f->end % 8) || (!f->more && d->total && d->total != f->end) ||
	    (d->total && f->end > d->total) || (d->pieces == SL_FRAGMENT_PIECES && !again))
		d->refused = true;
	for (unsigned int i = 0; !f->more && i < d->pieces; i++)
		d->refused |= d->piece[i].end > f->end;
	if (d->refused || again)
		return false;
	d->piece[d->pieces++] = (struct piece){ (uint16_t)f->begin, (uint16_t)f->end };
	d->seen += f->end - f->begin;
	if (!f->more)
		d->total = f->end;
	return true;
}

enum sl_fragment_fate sl_fragments_take(struct sl_fragments *t, const struct sl_fragment *f, uint64_t now_ms, uint32_t *ports,
					uint32_t *datagram)
{
	struct datagram *d = datagram_of(t, f, now_ms);

	*datagram = SL_FRAGMENT_NONE;
	if (!piece_add(d, f))
		return SL_FRAGMENT_REFUSE;
	if (f->begin == 0) {
		d->first = true;
		d->ports = f->ports;
		*datagram = (uint32_t)(d - t->datagram);
	}
	*ports = d->ports;
	if (!d->first) {
		*datagram = (uint32_t)(d - t->datagram);
		return SL_FRAGMENT_WAIT;
	}
	if (f->begin && d->seen == d->total)
		d->live = false;
	return SL_FRAGMENT_GO;
}

/* ---- what waits ------------------------------------------------------------------------------------------------- */

static struct held *held_at(struct sl_fragments *t, uint32_t i)
{
	return &t->held[i % SL_FRAGMENT_HELD];
}

static void *held_take(struct sl_fragments *t, struct held *h)
{
	void *frame = h->frame;

	h->frame = NULL;
	t->held_count -= frame != NULL;
	return frame;
}

void *sl_fragments_hold(struct sl_fragments *t, uint32_t datagram, void *frame, unsigned int port, uint64_t now_ms)
{
	void *gone = t->newest - t->oldest == SL_FRAGMENT_HELD ? held_take(t, held_at(t, t->oldest++)) : NULL;

	*held_at(t, t->newest++) = (struct held){ frame, now_ms, datagram, t->datagram[datagram].serial, port };
	t->held_count++;
	return gone;
}

void *sl_fragments_next(struct sl_fragments *t, uint32_t datagram, uint32_t *ports, unsigned int *port)
{
	struct datagram *d = &t->datagram[datagram];

	*ports = d->ports;
	for (uint32_t i = t->oldest; t->held_count && i != t->newest; i++) {
		struct held *h = held_at(t, i);

		if (h->frame && h->datagram == datagram && h->serial == d->serial) {
			*port = h->port;
			return held_take(t, h);
		}
	}
	if (d->seen == d->total)
		d->live = false;
	return NULL;
}

void *sl_fragments_expire(struct sl_fragments *t, uint64_t now_ms)
{
	while (t->oldest != t->newest) {
		struct held *h = held_at(t, t->oldest);

		if (h->frame && !too_old(h->since_ms, now_ms))
			break;
		t->oldest++;
		if (h->frame)
			return held_take(t, h);
	}
	return NULL;
}

void *sl_fragments_drain(struct sl_fragments *t)
{
	for (unsigned int i = 0; i < SL_FRAGMENT_HELD; i++)
		if (t->held[i].frame)
			return held_take(t, &t->held[i]);
	return NULL;
}
