/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * MSS clamp of a backend, as a program of the tc egress hook: a SYN (or SYN-ACK) that leaves with a VIP as its source
 * tells the client how long its segments may be. They will come in a tunnel whose headers the client knows nothing of,
 * so the MSS option is lowered to what fits into the path's MTU with them. MSS counts neither IP nor TCP options
 * (RFC 6691); where there is no option the client takes the default of its family (RFC 9293, 3.7.1), which is less.
 */
#include <linux/pkt_cls.h>

#include "hw/xdp/decap_lists.h"

#define PROTO_TCP 6
#define TCP_LEN 20
#define TCP_CSUM 16
#define TCP_FLAG_SYN 2
#define OPTIONS_MAX 40
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_LEN 4

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SL_CLAMP_RESULTS);
	__type(key, uint32_t);
	__type(value, struct sl_counter_pair);
} clamped SEC(".maps");

/*
 * Where the value of the MSS option is in the window; -SL_CLAMP_NO_OPTION, -SL_CLAMP_BAD. The options end in the
 * window, so masking changes no offset, but gives all turns of the loop one range: the verifier of 6.1 gives up otherwise.
 */
__noinline int find_mss(struct sl_decap_scratch *s)
{
	SL_NONNULL(s);
	const uint32_t l4 = s->headers.outer.l4_off;
	const uint32_t end = l4 + 4 * (uint32_t)(s->window.b[sl_window_offset(l4 + 12)] >> 4);
	uint32_t off = l4 + TCP_LEN;

	for (uint32_t i = 0; i < OPTIONS_MAX; i++) {
		const uint8_t *option = &s->window.b[sl_window_offset(off)];

		if (off >= end || option[0] == OPTION_END)
			return -SL_CLAMP_NO_OPTION;
		if (option[0] == OPTION_NOP) {
			off = sl_window_offset(off + 1);
			continue;
		}
		if (off + 2 > end || option[1] < 2 || off + option[1] > end)
			return -SL_CLAMP_BAD;
		if (option[0] == OPTION_MSS)
			return option[1] == OPTION_MSS_LEN ? (int)off + 2 : -SL_CLAMP_BAD;
		off = sl_window_offset(off + option[1]);
	}
	return -SL_CLAMP_NO_OPTION;
}

/* Whether the clamp is for this packet: a SYN from a VIP. */
__noinline int concerned(struct sl_decap_scratch *s, const struct sl_decap_config *c, uint32_t in_bank)
{
	SL_NONNULL(s && c);
	const struct sl_packet *p = &s->headers.outer;
	struct sl_decap_prefix key;

	if (!(p->flags & SL_PACKET_L4) || p->proto != PROTO_TCP || !(p->tcp_flags & TCP_FLAG_SYN))
		return 0;
	if (!(c->lists & 1u << SL_DECAP_VIP))
		return 1;
	key_set(&key, in_bank, SL_DECAP_VIP, p->family, p->src);
	return bpf_map_lookup_elem(&members, &key.member) != NULL;
}

/* An old and a new value as they are summed into the checksum: at an odd place the bytes of both are the other way round. */
static __always_inline uint16_t summed(uint32_t value, bool odd)
{
	return odd ? (uint16_t)value : (uint16_t)(value >> 8 | value << 8);
}

/* A checksum that the card will complete covers the bytes that it finds: then the helper does nothing, rightly. */
static __always_inline uint32_t lower(struct __sk_buff *skb, struct sl_decap_scratch *s, uint32_t most)
{
	const uint32_t l4 = s->headers.outer.l4_off;
	const int at = find_mss(s);
	uint16_t value;
	uint32_t mss;
	bool odd;

	if (at < 0)
		return (uint32_t)-at;
	mss = sl_load_be16(&s->window.b[sl_window_offset((uint32_t)at)]);
	if (mss <= most)
		return SL_CLAMP_FITS;
	odd = ((uint32_t)at - l4) & 1;
	if (bpf_l4_csum_replace(skb, l4 + TCP_CSUM, summed(mss, odd), summed(most, odd), 2))
		return SL_CLAMP_BAD;
	value = summed(most, false);
	return bpf_skb_store_bytes(skb, (uint32_t)at, &value, sizeof(value), 0) ? SL_CLAMP_BAD : SL_CLAMP_LOWERED;
}

static __always_inline int load_window(struct __sk_buff *skb, struct sl_decap_scratch *s, uint32_t len)
{
	const uint64_t n = opaque(len > SL_WINDOW_BYTES ? SL_WINDOW_BYTES : len);

	if (n < SL_FRAME_MIN || n > SL_WINDOW_BYTES)
		return -1;
	return (int)bpf_skb_load_bytes(skb, 0, s->window.b, (uint32_t)n);
}

SEC("tc")
int sluice_clamp(struct __sk_buff *skb)
{
	const uint32_t zero = 0, len = skb->len;
	struct sl_decap_scratch *s = bpf_map_lookup_elem(&scratch, &zero);
	uint32_t in_bank, most;
	const struct sl_decap_config *c = config_now(&in_bank);

	/* A SYN that is longer than the longest frame is none. */
	if (!s || !c || c->mss4 == 0 || len < SL_FRAME_MIN || len > SL_FRAME_MAX || load_window(skb, s, len))
		return TC_ACT_UNSPEC;
	if (sl_parse(&s->window, len, 0, 0, &s->headers) || !concerned(s, c, in_bank))
		return TC_ACT_UNSPEC;
	most = s->headers.outer.family == 4 ? c->mss4 : c->mss6;
	count(&clamped, lower(skb, s, most), len);
	return TC_ACT_UNSPEC;
}

char sl_license[] SEC("license") = "Dual BSD/GPL";
