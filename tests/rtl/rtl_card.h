/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Verilated datapath set up for one IPv4 and one IPv6 TCP connection, for the tests and the benchmark of the RTL
 * library: loads the library, writes tables, makes frames.
 */
#ifndef SLUICE_TESTS_RTL_CARD_H
#define SLUICE_TESTS_RTL_CARD_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/engine.h"
#include "sluice/record.h"

#define RTL_TENANT 5
#define RTL_ETH 14

enum rtl_mode { RTL_L2, RTL_NAT, RTL_IPIP, RTL_VXLAN, RTL_VLAN, RTL_GRE, RTL_IPIP6, RTL_LONGEST, RTL_MODES };
static const char *const rtl_mode_name[RTL_MODES] = { "l2", "nat", "ipip", "vxlan", "vlan", "gre", "ipip6", "longest" };

static inline const struct sl_engine_ops *rtl_load(const char *library)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	const struct sl_engine_ops *ops = handle ? dlsym(handle, "sl_engine_rtl") : NULL;

	if (ops == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return ops;
}

static inline void rtl_table_write(const struct sl_engine_ops *ops, struct sl_engine *e, uint32_t table, uint32_t index,
				   const void *entry, size_t len)
{
	uint32_t words[32] = { 0 };

	memcpy(words, entry, len);
	for (uint32_t i = 0; i < len / 4; i++)
		ops->csr_write(e, SL_CSR_TBL_DATA(i), words[i]);
	ops->csr_write(e, SL_CSR_TBL_SEL, table << 24 | index);
	ops->csr_write(e, SL_CSR_TBL_CMD, 2);
}

/* First 64-bit number of an entry: the frames of a counter pair. */
static inline uint64_t rtl_count(const struct sl_engine_ops *ops, struct sl_engine *e, uint32_t table, uint32_t index)
{
	ops->csr_write(e, SL_CSR_TBL_SEL, table << 24 | index);
	ops->csr_write(e, SL_CSR_TBL_CMD, 1);
	return (uint64_t)ops->csr_read(e, SL_CSR_TBL_DATA(1)) << 32 | ops->csr_read(e, SL_CSR_TBL_DATA(0));
}

static inline uint16_t rtl_csum(const uint8_t *p, unsigned int n)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return (uint16_t)~sl_csum_fold(sum);
}

static inline void rtl_put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The connection number n: 10.0.0.1:1000+n -> 10.0.0.2:80. */
static inline struct sl_key rtl_key(unsigned int n)
{
	struct sl_key key = { .src = { 10, 0, 0, 1 }, .dst = { 10, 0, 0, 2 }, .tenant = RTL_TENANT, .proto = 6, .family = 4 };

	key.src[1] = (uint8_t)(n >> 16);
	rtl_put16((uint8_t *)&key.sport, 1000 + n);
	rtl_put16((uint8_t *)&key.dport, 80);
	return key;
}

/* The same number over IPv6, UDP: [2001:db8::n]:1000+n -> [2001:db8::]:53. */
static inline struct sl_key rtl_key_v6(unsigned int n)
{
	struct sl_key key = { .src = { 0x20, 1, 0x0d, 0xb8 }, .dst = { 0x20, 1, 0x0d, 0xb8 }, .tenant = RTL_TENANT, .proto = 17,
			      .family = 6 };

	memcpy(key.src + 12, &n, sizeof(n));
	rtl_put16((uint8_t *)&key.sport, 1000 + n);
	rtl_put16((uint8_t *)&key.dport, 53);
	return key;
}

/* A frame of an IPv6 connection, len bytes, hop limit 64. */
static inline void rtl_frame_v6(uint8_t *f, uint32_t len, const struct sl_key *key)
{
	uint8_t *ip = f + RTL_ETH, *l4 = ip + 40;

	memcpy(f, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x01\x01\x86\xdd", RTL_ETH);
	memset(ip, 0, 60);
	ip[0] = 0x60;
	rtl_put16(ip + 4, len - RTL_ETH - 40);
	ip[6] = key->proto;
	ip[7] = 64;
	memcpy(ip + 8, key->src, 16);
	memcpy(ip + 24, key->dst, 16);
	memcpy(l4, &key->sport, 2);
	memcpy(l4 + 2, &key->dport, 2);
	if (key->proto == 17) {
		rtl_put16(l4 + 4, len - RTL_ETH - 40);
	} else {
		l4[12] = 0x50;
		l4[13] = 0x10;
	}
}

/* A frame of that connection, len bytes, TTL 64, ACK. */
static inline void rtl_frame(uint8_t *f, uint32_t len, const struct sl_key *key)
{
	uint8_t *ip = f + RTL_ETH, *tcp = ip + 20;

	for (uint32_t i = 0; i < len; i++)
		f[i] = (uint8_t)(i * 7);
	if (key->family == 6) {
		rtl_frame_v6(f, len, key);
		return;
	}
	memcpy(f, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x01\x01\x08\x00", RTL_ETH);
	memset(ip, 0, 40);
	ip[0] = 0x45;
	rtl_put16(ip + 2, len - RTL_ETH);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, key->src, 4);
	memcpy(ip + 16, key->dst, 4);
	rtl_put16(ip + 10, rtl_csum(ip, 20));
	memcpy(tcp, &key->sport, 2);
	memcpy(tcp + 2, &key->dport, 2);
	tcp[12] = 0x50;
	tcp[13] = 0x10;
	rtl_put16(tcp + 16, 0x1234);
}

/* Action entries from 0 on, one per mode, that leave by port 1. */
static inline struct sl_action rtl_action(enum rtl_mode mode)
{
	struct sl_action a = { .flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2, .port = 1, .hdr_len = RTL_ETH };
	uint8_t *ip = a.hdr + RTL_ETH;

	memcpy(a.hdr, "\x02\x00\x00\x00\x00\x99\x02\x00\x00\x00\x00\x01\x08\x00", RTL_ETH);
	a.l3_off = RTL_ETH;
	if (mode == RTL_VLAN) {
		memcpy(a.hdr + 12, "\x81\x00\x00\x07\x08\x00", 6);
		a.hdr_len += 4;
	}
	if (mode == RTL_IPIP6 || mode == RTL_LONGEST) {
		rtl_put16(a.hdr + 12, 0x86dd);
		a.flags |= SL_ACTION_FLAG_OUTER_V6;
		memcpy(ip, "\x60\0\0\0\0\0\x04\x40\x20\x01\x0d\xb8", 12);
		a.hdr_len += 40;
		if (mode == RTL_LONGEST) /* options of a tunnel, for example */
			a.hdr_len = sizeof(a.hdr);
	}
	if (mode == RTL_IPIP || mode == RTL_VXLAN || mode == RTL_GRE) {
		a.flags |= SL_ACTION_FLAG_OUTER_V4;
		memcpy(ip, "\x45\x00\x00\x00\x00\x00\x40\x00\x40\x04\x00\x00\xc0\xa8\x00\x01\xc0\xa8\x00\x02", 20);
		a.hdr_len += 20;
		if (mode == RTL_VXLAN) {
			ip[9] = 17;
			a.flags |= SL_ACTION_FLAG_OUTER_UDP;
			a.l4_off = a.hdr_len;
			rtl_put16(ip + 22, SL_VXLAN_PORT);
			ip[28] = 8;
			ip[34] = 77; /* VNI 77 */
			memcpy(ip + 36, a.hdr, RTL_ETH);
			a.hdr_len += 8 + 8 + RTL_ETH;
		}
		if (mode == RTL_GRE) {
			ip[9] = 47;
			rtl_put16(ip + 22, 0x0800);
			a.hdr_len += 4;
		}
		rtl_put16(ip + 10, rtl_csum(ip, 20));
	}
	return a;
}

/* The record that sends a connection the way of a mode. */
static inline struct sl_record rtl_record(const struct sl_key *key, enum rtl_mode mode)
{
	struct sl_record r = { .action = mode };

	if (mode == RTL_NAT) {
		r.flags = SL_RECORD_FLAG_NAT_SRC | SL_RECORD_FLAG_NAT_DST | SL_RECORD_FLAG_DEC_TTL;
		memcpy(r.new_src, "\xac\x10\x00\x01", 4);
		memcpy(r.new_dst, "\xac\x10\x00\x02", 4);
		rtl_put16((uint8_t *)&r.new_sport, 4000);
		rtl_put16((uint8_t *)&r.new_dport, 8080);
	}
	sl_record_set_deltas(key, &r);
	return r;
}

/* Bytes that a mode adds to a frame. */
static inline uint32_t rtl_added(enum rtl_mode mode)
{
	return rtl_action(mode).hdr_len - (uint32_t)RTL_ETH;
}

/* Ports up, rule 0: all frames to the flows of RTL_TENANT; the actions of all modes. */
static inline struct sl_engine *rtl_start(const struct sl_engine_ops *ops, const struct sl_engine_config *config)
{
	char err[256];
	struct sl_engine *e = ops->create(config, err, sizeof(err));
	struct sl_class_rule rule = { .valid = 1, .verdict = SL_VERDICT_FLOWS, .tenant = RTL_TENANT, .port_mask = 3,
				      .ttl_max = 255, .sport_hi = 0xffff, .dport_hi = 0xffff };

	if (e == NULL) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	for (uint32_t i = 0; i < 4; i++)
		ops->csr_write(e, SL_CSR_HASH_KEY(i), 0x01020304u * (i + 1));
	ops->csr_write(e, SL_CSR_VXLAN_PORT, SL_VXLAN_PORT);
	for (uint32_t p = 0; p < 2; p++)
		ops->csr_write(e, SL_CSR_PORT_FLAGS(p), 1);
	rtl_table_write(ops, e, SL_CSR_TABLE_CLASS, 0, &rule, sizeof(rule));
	for (uint32_t m = 0; m < RTL_MODES; m++) {
		struct sl_action a = rtl_action((enum rtl_mode)m);

		rtl_table_write(ops, e, SL_CSR_TABLE_ACTION, m, &a, sizeof(a));
	}
	ops->csr_write(e, SL_CSR_CTRL, 1);
	return e;
}

/* One flow command, run to its completion. */
static inline struct sl_flow_done rtl_command(const struct sl_engine_ops *ops, struct sl_engine *e, unsigned int op,
					      const struct sl_key *key, const struct sl_record *record, uint32_t time_ms)
{
	struct sl_flow_cmd cmd = { .opcode = (uint8_t)op, .tag = 7, .key = *key };
	struct sl_flow_done done;

	if (record != NULL)
		cmd.record = *record;
	memset(&done, 0xff, sizeof(done));
	ops->flow_submit(e, &cmd);
	for (int i = 0; i < 1000 && !ops->flow_done(e, &done); i++)
		ops->step(e, time_ms, 100);
	return done;
}

#endif
