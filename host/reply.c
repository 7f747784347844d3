/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies are built from nothing but the offending frame; checksums are computed in full, as they are rare. */
#include "host/reply.h"

#include <string.h>

#include "hw/model/edit.h"
#include "hw/model/window.h"
#include "sluice/record.h"

#define REPLY_TTL 64
#define ICMP4_UNREACHABLE 3
#define ICMP4_FRAG_NEEDED 4
#define ICMP4_TIME_EXCEEDED 11
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define PROTO_ICMP4 1
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_ICMP6 58
#define QUOTE_V4 548  /* bytes of the offending packet: the whole error is at most 576 (RFC 1812 4.3.2.3) */
#define QUOTE_V6 1232 /* at most 1280 (RFC 4443 2.4 c) */
#define ICMP_HEADER 8
#define TCP_FIN 1
#define TCP_SYN 2
#define TCP_RST 4
#define TCP_ACK 16

bool sl_reply_allowed(struct sl_reply_limit *limit, enum sl_reply_kind kind, uint64_t now_ms)
{
	if (limit->second != now_ms / 1000) {
		memset(limit->used, 0, sizeof(limit->used));
		limit->second = now_ms / 1000;
	}
	return limit->used[kind]++ < SL_REPLY_RATE;
}

static uint32_t sum_bytes(uint32_t sum, const uint8_t *p, uint32_t n)
{
	for (; n > 1; n -= 2, p += 2)
		sum += sl_load_be16(p);
	if (n)
		sum += (uint32_t)p[0] << 8;
	return sum;
}

/* Checksum of an L4 message behind an IP header at ip; ICMPv4 has no pseudo header. */
static uint16_t l4_checksum(const uint8_t *ip, unsigned int family, unsigned int proto, const uint8_t *l4, uint32_t n)
{
	uint32_t sum = sum_bytes(0, l4, n);

	if (family == 4 && proto != PROTO_ICMP4)
		sum = sum_bytes(sum, ip + 12, 8) + proto + n;
	if (family == 6)
		sum = sum_bytes(sum, ip + 8, 32) + proto + n;
	return (uint16_t)~sl_csum_fold(sum);
}

/* The Ethernet header turned round, with its tag if it had one. Returns its length. */
static uint32_t put_eth_back(uint8_t *out, const uint8_t *frame, const struct sl_packet *packet)
{
	const uint32_t n = (uint32_t)packet->l3_off - packet->eth_off;

	memcpy(out, frame + packet->eth_off, n);
	memcpy(out, frame + packet->eth_off + 6, 6);
	memcpy(out + 6, frame + packet->eth_off, 6);
	return n;
}

/* An IP header from the offending packet's destination to its source. Returns its length. */
static uint32_t put_ip_back(uint8_t *ip, const struct sl_packet *packet, unsigned int proto, uint32_t payload)
{
	if (packet->family == 4) {
		memset(ip, 0, 20);
		ip[0] = 0x45;
		sl_store_be16(ip + 2, 20 + payload);
		ip[8] = REPLY_TTL;
		ip[9] = (uint8_t)proto;
		memcpy(ip + 12, packet->dst, 4);
		memcpy(ip + 16, packet->src, 4);
		sl_store_be16(ip + 10, (uint16_t)~sl_csum_fold(sum_bytes(0, ip, 20)));
		return 20;
	}
	memset(ip, 0, 8);
	ip[0] = 0x60;
	sl_store_be16(ip + 4, payload);
	ip[6] = (uint8_t)proto;
	ip[7] = REPLY_TTL;
	memcpy(ip + 8, packet->dst, 16);
	memcpy(ip + 24, packet->src, 16);
	return 40;
}

static bool may_answer(const uint8_t *frame, const struct sl_packet *packet)
{
	static const uint8_t none[16];

	if (frame[packet->eth_off] & 1 || !memcmp(packet->src, none, sizeof(none)))
		return false;
	return packet->family == 4 ? packet->src[0] < 224 && packet->dst[0] < 224
				   : packet->src[0] != 0xff && packet->dst[0] != 0xff;
}

static bool icmp_error(const uint8_t *frame, const struct sl_packet *packet, unsigned int type, unsigned int code,
		       uint32_t word, struct sl_reply *reply)
{
	const unsigned int proto = packet->family == 4 ? PROTO_ICMP4 : PROTO_ICMP6;
	const uint32_t most = packet->family == 4 ? QUOTE_V4 : QUOTE_V6;
	uint32_t quote = (uint32_t)packet->l3_end - packet->l3_off, n;
	uint8_t *ip, *icmp;

	if (!may_answer(frame, packet))
		return false;
	quote = quote < most ? quote : most;
	n = put_eth_back(reply->frame, frame, packet);
	ip = reply->frame + n;
	n += put_ip_back(ip, packet, proto, ICMP_HEADER + quote);
	icmp = reply->frame + n;
	icmp[0] = (uint8_t)type;
	icmp[1] = (uint8_t)code;
	sl_store_be16(icmp + 2, 0);
	sl_store_be16(icmp + 4, word >> 16);
	sl_store_be16(icmp + 6, word & 0xffff);
	memcpy(icmp + ICMP_HEADER, frame + packet->l3_off, quote);
	sl_store_be16(icmp + 2, l4_checksum(ip, packet->family, proto, icmp, ICMP_HEADER + quote));
	reply->len = n + ICMP_HEADER + quote;
	return true;
}

bool sl_reply_too_big(const uint8_t *frame, const struct sl_packet *packet, uint16_t mtu, struct sl_reply *reply)
{
	if (packet->family == 4)
		return icmp_error(frame, packet, ICMP4_UNREACHABLE, ICMP4_FRAG_NEEDED, mtu, reply);
	return icmp_error(frame, packet, ICMP6_TOO_BIG, 0, mtu, reply);
}

bool sl_reply_ttl_expired(const uint8_t *frame, const struct sl_packet *packet, struct sl_reply *reply)
{
	return icmp_error(frame, packet, packet->family == 4 ? ICMP4_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED, 0, 0, reply);
}

static uint32_t load_be32(const uint8_t *p)
{
	return sl_load_be16(p) << 16 | sl_load_be16(p + 2);
}

static void store_be32(uint8_t *p, uint32_t value)
{
	sl_store_be16(p, value >> 16);
	sl_store_be16(p + 2, value & 0xffff);
}

/* A TCP header without options from the frame's destination to its source, at reply->frame + n; checksummed by end_tcp(). */
static uint8_t *begin_tcp(const uint8_t *frame, const struct sl_packet *packet, uint8_t flags, uint8_t **ip, struct sl_reply *reply)
{
	const uint8_t *tcp = frame + packet->l4_off;
	uint32_t n = put_eth_back(reply->frame, frame, packet);
	uint8_t *out;

	*ip = reply->frame + n;
	n += put_ip_back(*ip, packet, PROTO_TCP, 20);
	out = reply->frame + n;
	memset(out, 0, 20);
	memcpy(out, tcp + 2, 2);
	memcpy(out + 2, tcp, 2);
	out[12] = 0x50;
	out[13] = flags;
	reply->len = n + 20;
	return out;
}

static void end_tcp(const uint8_t *ip, const struct sl_packet *packet, uint8_t *out)
{
	sl_store_be16(out + 16, l4_checksum(ip, packet->family, PROTO_TCP, out, 20));
}

bool sl_reply_reset(const uint8_t *frame, const struct sl_packet *packet, struct sl_reply *reply)
{
	const uint8_t *tcp = frame + packet->l4_off;
	const uint32_t header = (uint32_t)(tcp[12] >> 4) * 4, flags = packet->tcp_flags;
	uint32_t segment = (uint32_t)packet->l3_end - packet->l4_off - header;
	uint8_t *ip, *out;

	if (flags & TCP_RST || !may_answer(frame, packet))
		return false;
	out = begin_tcp(frame, packet, flags & TCP_ACK ? TCP_RST : TCP_RST | TCP_ACK, &ip, reply);
	if (flags & TCP_ACK) {
		memcpy(out + 4, tcp + 8, 4);
	} else {
		segment += (flags & TCP_SYN ? 1u : 0u) + (flags & TCP_FIN ? 1u : 0u);
		store_be32(out + 8, load_be32(tcp + 4) + segment);
	}
	end_tcp(ip, packet, out);
	return true;
}

bool sl_reply_challenge(const uint8_t *frame, const struct sl_packet *packet, uint32_t number, struct sl_reply *reply)
{
	const uint8_t *tcp = frame + packet->l4_off;
	const uint32_t header = (uint32_t)(tcp[12] >> 4) * 4, isn = load_be32(tcp + 4);
	const uint32_t sent = (uint32_t)packet->l3_end - packet->l4_off - header; /* with the SYN (RFC 7413) */
	uint8_t *ip, *out;

	if (number - isn - 1 <= sent || !may_answer(frame, packet))
		return false;
	out = begin_tcp(frame, packet, TCP_ACK, &ip, reply);
	store_be32(out + 8, number);
	end_tcp(ip, packet, out);
	return true;
}

/* Offset of the quoted IP packet from the start of the frame, 0 if this is no error with a whole quoted header and ports. */
static uint32_t quote_offset(const uint8_t *frame, uint32_t len, const struct sl_packet *packet, uint32_t *l4_off)
{
	const uint8_t *icmp = frame + packet->l4_off;
	const uint32_t quote = (uint32_t)packet->l4_off + ICMP_HEADER, least = packet->family == 4 ? 20 : 40;

	if (packet->flags & (SL_PACKET_FRAGMENT | SL_PACKET_EXTENSION) || packet->l3_end > len ||
	    quote + least + 8 > packet->l3_end)
		return 0;
	if (packet->family == 4) {
		if (icmp[0] != ICMP4_UNREACHABLE && icmp[0] != ICMP4_TIME_EXCEEDED && icmp[0] != 12)
			return 0;
		*l4_off = quote + (frame[quote] & 15) * 4u;
		if (frame[quote] >> 4 != 4 || sl_load_be16(frame + quote + 6) & 0x1fff)
			return 0;
	} else {
		if (icmp[0] < 1 || icmp[0] > 4)
			return 0;
		*l4_off = quote + 40;
		if (frame[quote] >> 4 != 6)
			return 0;
	}
	return *l4_off >= quote + least && *l4_off + 8 <= packet->l3_end ? quote : 0;
}

bool sl_reply_quoted_key(const uint8_t *frame, uint32_t len, const struct sl_packet *packet, uint16_t tenant,
			 struct sl_key *key)
{
	const unsigned int n = packet->family == 4 ? 4 : 16;
	uint32_t l4_off = 0, quote = quote_offset(frame, len, packet, &l4_off), proto;

	if (!quote)
		return false;
	proto = frame[quote + (packet->family == 4 ? 9 : 6)];
	if (proto != PROTO_TCP && proto != PROTO_UDP)
		return false;
	memset(key, 0, sizeof(*key));
	memcpy(key->dst, frame + quote + (packet->family == 4 ? 12 : 8), n);
	memcpy(key->src, frame + quote + (packet->family == 4 ? 16 : 24), n);
	memcpy(&key->dport, frame + l4_off, 2);
	memcpy(&key->sport, frame + l4_off + 2, 2);
	key->tenant = tenant;
	key->proto = (uint8_t)proto;
	key->family = packet->family;
	return true;
}

/* Addresses and ports of an error and of the packet in it. quote, l4: of the quoted headers. */
static void nat_apply(uint8_t *ip, uint8_t *quote, uint8_t *l4, unsigned int family, const struct sl_reply_nat *nat)
{
	const uint32_t n = family == 4 ? 4 : 16, src = family == 4 ? 12 : 8, dst = family == 4 ? 16 : 24;

	/* The quoted checksums are left: receivers know the connection by addresses, ports and sequence number. */
	if (nat->to_backend) {
		memcpy(ip + dst, nat->address, n);
		memcpy(quote + src, nat->address, n);
		memcpy(l4, &nat->port, 2);
		if (nat->other) {
			memcpy(quote + dst, nat->other, n);
			memcpy(l4 + 2, &nat->other_port, 2);
		}
		return;
	}
	if (!memcmp(ip + src, nat->backend, n))
		memcpy(ip + src, nat->address, n);
	memcpy(quote + dst, nat->address, n);
	memcpy(l4 + 2, &nat->port, 2);
	if (nat->other) {
		memcpy(ip + dst, nat->other, n);
		memcpy(quote + src, nat->other, n);
		memcpy(l4, &nat->other_port, 2);
	}
}

bool sl_reply_pass(const uint8_t *frame, const struct sl_packet *packet, const struct sl_action *action, uint64_t hash,
		   const struct sl_reply_nat *nat, struct sl_reply *reply)
{
	const uint32_t ip_len = (uint32_t)packet->l3_end - packet->l3_off, shift = action->hdr_len - packet->l3_off;
	const unsigned int proto = packet->family == 4 ? PROTO_ICMP4 : PROTO_ICMP6;
	const struct sl_record record = { .flags = SL_RECORD_FLAG_COPY_ECN | SL_RECORD_FLAG_DEC_TTL };
	uint32_t l4_off = 0, quote = quote_offset(frame, packet->l3_end, packet, &l4_off);
	uint8_t *ip = reply->frame + action->hdr_len, *icmp = reply->frame + packet->l4_off + shift;

	if (!quote || packet->ttl <= 1 || action->hdr_len + ip_len > sizeof(reply->frame) || packet->l3_end > SL_REPLY_QUOTE)
		return false;
	memcpy(reply->frame, action->hdr, action->hdr_len);
	memcpy(ip, frame + packet->l3_off, ip_len);
	sl_edit_outer(reply->frame + action->l3_off, reply->frame + action->l4_off, action, &record, packet->tos, ip_len, hash);
	if (nat) {
		nat_apply(ip, reply->frame + quote + shift, reply->frame + l4_off + shift, packet->family, nat);
		sl_store_be16(icmp + 2, 0);
		sl_store_be16(icmp + 2, l4_checksum(ip, packet->family, proto, icmp, (uint32_t)packet->l3_end - packet->l4_off));
	}
	if (packet->family == 4) {
		ip[8]--;
		sl_store_be16(ip + 10, 0);
		sl_store_be16(ip + 10, (uint16_t)~sl_csum_fold(sum_bytes(0, ip, (ip[0] & 15) * 4u)));
	} else {
		ip[7]--;
	}
	reply->len = action->hdr_len + ip_len;
	return true;
}
