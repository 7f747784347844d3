/* SPDX-License-Identifier: BSD-3-Clause */
/* The fake datapath. */
#include "tests/firmware/fake.h"

#include <string.h>

void fake_reset(struct sl_engine *e, unsigned int ports)
{
	memset(e, 0, sizeof(*e));
	e->id = SL_DATAPATH_ID;
	e->abi = SL_ABI_VERSION;
	e->config = SL_TABLE_LOG2_DEFAULT | ports << 8;
	e->clearing = 5;
	for (uint32_t i = 0; i < SL_REASONS; i++) {
		e->reason[i].packets = 1000 + i;
		e->reason[i].bytes = (uint64_t)i << 33 | 7;
	}
	for (uint32_t i = 0; i < 2 * SL_PORTS_MAX; i++) {
		e->port[i].packets = 100 + i;
		e->port[i].bytes = (uint64_t)(i + 1) << 32;
	}
	for (uint32_t i = 0; i < SL_CLASS_RULES; i++)
		e->rule_count[i].packets = 10 + i;
}

/* The entry that TBL_SEL names and its size in bytes; NULL if there is none. */
static void *selected(struct sl_engine *e, uint32_t *bytes, bool *writable)
{
	const uint32_t index = e->tbl_sel & 0xffffff;
	const struct {
		void *base;
		uint32_t entries, size;
		bool writable;
	} tables[] = {
		[SL_CSR_TABLE_CLASS] = { e->rule, SL_CLASS_RULES, sizeof(e->rule[0]), true },
		[SL_CSR_TABLE_ACTION] = { e->action, SL_ACTIONS, sizeof(e->action[0]), true },
		[SL_CSR_TABLE_METER] = { e->meter, SL_METERS, sizeof(e->meter[0]), true },
		[SL_CSR_TABLE_PREFIX] = { e->bucket, SL_PREFIX_BUCKETS, sizeof(e->bucket[0]), true },
		[SL_CSR_TABLE_REASON] = { e->reason, 128, sizeof(e->reason[0]), false },
		[SL_CSR_TABLE_PORT] = { e->port, 2 * (e->config >> 8 & 0xff), sizeof(e->port[0]), false },
		[SL_CSR_TABLE_RULE] = { e->rule_count, SL_CLASS_RULES, sizeof(e->rule_count[0]), false },
	};
	const uint32_t table = e->tbl_sel >> 24;

	if (table == 0 || table >= sizeof(tables) / sizeof(tables[0]) || index >= tables[table].entries)
		return NULL;
	*bytes = tables[table].size;
	*writable = tables[table].writable;
	return (uint8_t *)tables[table].base + (size_t)index * tables[table].size;
}

static void table_command(struct sl_engine *e, uint32_t cmd)
{
	bool writable = false;
	uint32_t bytes = 0;
	void *entry = selected(e, &bytes, &writable);

	e->tbl_status = 2;
	for (; cmd == 3 && entry; entry = ++e->tbl_sel % SL_PREFIX_FIND_BUCKETS ? selected(e, &bytes, &writable) : NULL) {
		const struct sl_class_prefix *slot = entry;

		if (e->tbl_sel >> 24 != SL_CSR_TABLE_PREFIX)
			return;
		if (slot[0].family || slot[1].family || slot[2].family || slot[3].family)
			break;
	}
	if (!entry || (cmd == 2 && !writable))
		return;
	e->tbl_status = 0;
	if (cmd == 2) {
		memcpy(entry, e->tbl_data, bytes);
		e->table_writes++;
		e->table_stuck |= e->writes_left && --e->writes_left == 0;
	} else {
		memcpy(e->tbl_data, entry, bytes);
	}
}

uint32_t fake_csr_read(struct sl_engine *e, uint32_t offset)
{
	if (offset >= SL_CSR_TBL_DATA(0) && offset < SL_CSR_TBL_DATA(SL_CSR_TBL_DATA_COUNT))
		return e->tbl_data[(offset - SL_CSR_TBL_DATA(0)) / 4];
	if (offset >= SL_CSR_PORT_FLAGS(0) && offset < SL_CSR_PORT_FLAGS(SL_PORTS_MAX))
		return e->port_flags[(offset - SL_CSR_PORT_FLAGS(0)) / 4];
	switch (offset) {
	case SL_CSR_ID: return e->id;
	case SL_CSR_ABI: return e->abi;
	case SL_CSR_CONFIG: return e->config;
	case SL_CSR_STATUS:
		if (e->clearing == 0)
			return 0;
		e->clearing -= e->clearing != UINT32_MAX;
		return 1;
	case SL_CSR_CTRL: return e->ctrl;
	case SL_CSR_EPOCH: return e->epoch;
	case SL_CSR_VXLAN_PORT: return e->vxlan_port;
	case SL_CSR_AGE_PERIOD: return e->age_period;
	case SL_CSR_OCCUPANCY: return e->occupancy;
	case SL_CSR_MOVES: return e->moves;
	case SL_CSR_REFUSED: return e->refused;
	case SL_CSR_PREFIXES: return e->prefixes;
	case SL_CSR_TBL_SEL: return e->tbl_sel;
	case SL_CSR_TBL_STATUS: return e->table_stuck ? 1 : e->tbl_status;
	default: return 0;
	}
}

void fake_csr_write(struct sl_engine *e, uint32_t offset, uint32_t value)
{
	if (offset >= SL_CSR_TBL_DATA(0) && offset < SL_CSR_TBL_DATA(SL_CSR_TBL_DATA_COUNT)) {
		e->tbl_data[(offset - SL_CSR_TBL_DATA(0)) / 4] = value;
		return;
	}
	if (offset >= SL_CSR_PORT_FLAGS(0) && offset < SL_CSR_PORT_FLAGS(SL_PORTS_MAX)) {
		e->port_flags[(offset - SL_CSR_PORT_FLAGS(0)) / 4] = value;
		return;
	}
	if (offset >= SL_CSR_MAC_LO(0) && offset < SL_CSR_MAC_LO(SL_MAC_FILTERS)) {
		(offset % 8 ? e->mac_hi : e->mac_lo)[(offset - SL_CSR_MAC_LO(0)) / 8] = value;
		return;
	}
	if (offset >= SL_CSR_HASH_KEY(0) && offset < SL_CSR_HASH_KEY(SL_CSR_HASH_KEY_COUNT)) {
		e->hash_key[(offset - SL_CSR_HASH_KEY(0)) / 4] = value;
		e->hash_key_writes++;
		e->bad_writes += e->ctrl & 1;
		return;
	}
	switch (offset) {
	case SL_CSR_CTRL: e->ctrl = value; break;
	case SL_CSR_EPOCH:
		e->epoch = value;
		e->occupancy = 0;
		e->clearing = e->clear_after_epoch;
		break;
	case SL_CSR_VXLAN_PORT: e->vxlan_port = value; break;
	case SL_CSR_AGE_PERIOD: e->age_period = value; break;
	case SL_CSR_MISS_MARK: e->miss_mark = value; break;
	case SL_CSR_MISS_FLAGS: e->miss_flags = value; break;
	case SL_CSR_TBL_SEL: e->tbl_sel = value; break;
	case SL_CSR_TBL_CMD: table_command(e, value); break;
	default: e->bad_writes++; break;
	}
}

static void reset_two_ports(struct sl_engine *e)
{
	fake_reset(e, 2);
}

const struct sl_engine_ops fake_engine = {
	.name = "fake",
	.csr_read = fake_csr_read,
	.csr_write = fake_csr_write,
	.reset = reset_two_ports,
};

struct sl_class_rule fake_good_rule(void)
{
	return (struct sl_class_rule){
		.valid = 1, .verdict = SL_VERDICT_FLOWS, .flags = SL_RULE_FLAG_COPY, .meter = 3, .tenant = 77,
		.copy_mark = 0xc0, .cookie = 0x1122334455667788, .port_mask = 3, .l3 = 4, .vlan_mode = SL_VLAN_MODE_UNTAGGED,
		.proto = 6, .proto_mask = 255, .tcp_flags = 1, .tcp_flags_mask = 5, .ttl_max = 255,
		.tunnel_mode = SL_TUNNEL_MODE_NONE, .sport_hi = 65535, .dport_lo = 80, .dport_hi = 80,
		.dst = { 192, 0, 2, 1 }, .dst_plen = 32,
	};
}

/* Ethernet, IPv4, UDP, VXLAN, inner Ethernet. */
struct sl_action fake_good_action(void)
{
	struct sl_action a = {
		.hdr_len = 14 + 20 + 8 + 8 + 14, .l3_off = 14, .l4_off = 34, .port = 1, .mtu = 1500, .generation = 9,
		.flags = SL_ACTION_FLAG_VALID | SL_ACTION_FLAG_STRIP_L2 | SL_ACTION_FLAG_OUTER_V4 | SL_ACTION_FLAG_OUTER_UDP,
	};
	/* 198.51.100.1 -> 198.51.100.2, total length 0 */
	static const uint8_t ip[20] = { 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 198, 51, 100, 1, 198, 51, 100, 2 };
	uint32_t sum = 0;

	memcpy(a.hdr + 14, ip, sizeof(ip));
	for (unsigned int i = 0; i < sizeof(ip); i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	a.hdr[24] = (uint8_t)(sum >> 8);
	a.hdr[25] = (uint8_t)sum;
	a.hdr[36] = 0x12; /* UDP destination port 4789 */
	a.hdr[37] = 0xb5;
	return a;
}
