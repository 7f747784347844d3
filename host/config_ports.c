/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports of the configuration file: devices, interfaces with an engine, bonds of either, kernel interfaces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/config_reader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const engine_words[] = { "xdp", "dpdk" };
enum { ENGINE_XDP, ENGINE_DPDK };
static const char *const xdp_words[] = { "auto", "offload", "native", "generic" };
static const char *const bond_words[] = { "active-backup", "balance-xor" };

const char *sl_bond_mode_name(unsigned int mode)
{
	return mode < COUNT(bond_words) ? bond_words[mode] : "?";
}

SL_READER_NAME(read_port_name, struct sl_config_port, name)
SL_READER_TEXT(read_device, struct sl_config_port, device)
SL_READER_NUMBER(read_mtu, struct sl_config_port, mtu, 1280, 9582)

static void interface_name(struct sl_reader *r, const char *key, yaml_node_t *v, char out[16])
{
	char name[SL_CONFIG_NAME_MAX];

	if (!sl_reader_name(r, key, v, name))
		return;
	if (strlen(name) > 15)
		sl_reader_error(r, v, "%s \"%s\" is too long for an interface's name; at most 15 bytes", key, name);
	else
		memcpy(out, name, strlen(name) + 1);
}

static void read_interface(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	interface_name(r, key, v, ((struct sl_config_port *)out)->kernel_interface);
}

static void read_pass(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	sl_reader_bool(r, key, v, &((struct sl_config_port *)out)->kernel_pass);
}

static bool read_prefix(struct sl_reader *r, const char *key, const yaml_node_t *v, struct sl_prefix *out)
{
	const char *text = sl_reader_text(r, key, v);
	char addr[64], *slash, *end;
	unsigned long len;

	if (!text)
		return false;
	snprintf(addr, sizeof(addr), "%s", text);
	slash = strchr(addr, '/');
	if (!slash || strlen(text) >= sizeof(addr))
		goto bad;
	*slash = '\0';
	if (sl_addr_parse(addr, &out->addr) || slash[1] < '0' || slash[1] > '9')
		goto bad;
	len = strtoul(slash + 1, &end, 10);
	if (*end || len < 1 || len > (out->addr.family == 4 ? 32 : 128))
		goto bad;
	out->len = (uint8_t)len;
	return true;
bad:
	sl_reader_error(r, v, "%s \"%.64s\" is not an address with a prefix length, such as 192.0.2.1/24", key, text);
	return false;
}

static void read_addresses(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	unsigned int n = sl_reader_list(r, key, v, SL_CONFIG_ADDRESSES_MAX);
	struct sl_config_port *p = out;

	for (unsigned int i = 0; i < n; i++)
		if (read_prefix(r, key, sl_reader_item(r, v, i), &p->kernel_address[p->kernel_address_count]))
			p->kernel_address_count++;
}

static void read_kernel(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const struct sl_reader_key keys[] = {
		{ "interface", read_interface, true },
		{ "addresses", read_addresses, false },
		{ "pass", read_pass, false },
	};

	(void)key;
	sl_reader_map(r, v, keys, COUNT(keys), out);
}

static void add_vtep(struct sl_reader *r, const char *key, const yaml_node_t *v, struct sl_config_port *p)
{
	struct sl_addr addr;

	if (!sl_reader_addr(r, key, v, &addr))
		return;
	for (unsigned int i = 0; i < p->vtep_count; i++)
		if (p->vtep[i].family == addr.family) {
			sl_reader_error(r, v, "%s has two IPv%u addresses; at most one of each family", key,
					addr.family);
			return;
		}
	p->vtep[p->vtep_count++] = addr;
}

static void read_vtep(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	unsigned int n;

	if (v->type == YAML_SCALAR_NODE) {
		add_vtep(r, key, v, out);
		return;
	}
	n = sl_reader_list(r, key, v, 2);
	for (unsigned int i = 0; i < n; i++)
		add_vtep(r, key, sl_reader_item(r, v, i), out);
}

struct port_member {
	struct sl_config_port port; /* name and device */
	char wire[16];
};

/* An item of the list: `port`, or of a bond what its members have in common, and these. */
struct port_item {
	struct sl_config_port port;
	/* With `engine`, in the place of `device`. */
	uint8_t engine, xdp_mode;
	char wire[16];
	char pin[108];
	struct port_member member[SL_CONFIG_PORTS_MAX];
};

static void read_engine(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	sl_reader_word(r, key, v, engine_words, COUNT(engine_words), &((struct port_item *)out)->engine);
}

static void read_xdp_mode(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	sl_reader_word(r, key, v, xdp_words, COUNT(xdp_words), &((struct port_item *)out)->xdp_mode);
}

static void read_wire(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	interface_name(r, key, v, ((struct port_item *)out)->wire);
}

static void read_pin(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	struct port_item *item = out;

	if (sl_reader_copy(r, key, v, item->pin, sizeof(item->pin)) && (*item->pin != '/' || strchr(item->pin, ',')))
		sl_reader_error(r, v, "pin \"%s\" is not an absolute path without commas, such as /sys/fs/bpf/sluice", item->pin);
}

/* The device of port `number` that an engine with its interface means. AF_PACKET's frames are in blocks, which hold some of the longest ones. */
static void engine_device(const struct port_item *item, unsigned int number, const char *wire, char to[SL_CONFIG_DEVICE_MAX])
{
	const unsigned int frame = item->port.mtu > 1900 ? 16384 : 2048;
	const size_t len = SL_CONFIG_DEVICE_MAX;

	if (item->engine == ENGINE_XDP)
		snprintf(to, len, "net_sluice_xdp%u,iface=%s,pin=%s,port=%u,mode=%s,kernel=%s", number, wire, item->pin, number,
			 xdp_words[item->xdp_mode], item->port.kernel_pass ? "keep" : "host");
	else
		snprintf(to, len, "net_af_packet%u,iface=%s,framecnt=1024,framesz=%u,blocksz=%u", number, wire, frame, 4 * frame);
}

/* Each member has a device, or with an engine an interface. */
static void members_kind(struct sl_reader *r, const yaml_node_t *bond, struct port_item *item, bool engine)
{
	const yaml_node_t *list = sl_reader_peek(r, bond, "members");

	for (unsigned int i = 0; i < item->port.bond.members; i++) {
		const yaml_node_t *member = sl_reader_item(r, list, i);
		const yaml_node_t *has[2] = { sl_reader_peek(r, member, "device"), sl_reader_peek(r, member, "interface") };

		if (has[!engine])
			sl_reader_error(r, has[!engine], engine ? "member %u: with an engine a member has an interface, no device" :
								  "member %u: interface needs an engine beside the bond; or give its device",
					i + 1);
		else if (!has[engine])
			sl_reader_error(r, member, "member %u: \"%s\" is missing", i + 1, engine ? "interface" : "device");
		else if (engine)
			engine_device(item, r->config->port_count + i, item->member[i].wire, item->member[i].port.device);
	}
}

/* What is sent and received by: device, engine with its interface, or a bond of either. */
static void port_kind(struct sl_reader *r, yaml_node_t *node, struct port_item *item)
{
	yaml_node_t *device = sl_reader_peek(r, node, "device"), *bond = sl_reader_peek(r, node, "bond");
	yaml_node_t *engine = sl_reader_peek(r, node, "engine"), *wire = sl_reader_peek(r, node, "interface");
	yaml_node_t *pin = sl_reader_peek(r, node, "pin"), *mode = sl_reader_peek(r, node, "xdp_mode");

	if (bond && (device || wire))
		sl_reader_error(r, bond, "give either %s, or bond with its members' %ss", device ? "device" : "interface",
				device ? "device" : "interface");
	else if (engine && device)
		sl_reader_error(r, engine, "give either device, or engine with its interface");
	else if (engine && !wire && !bond)
		sl_reader_error(r, node, "\"interface\" is missing: the one that the engine is for");
	else if (!engine && (wire || pin || mode))
		sl_reader_error(r, wire ? wire : pin ? pin : mode, "%s", wire ? "interface needs \"engine: xdp\" or \"engine: dpdk\""
							: "pin and xdp_mode need \"engine: xdp\"");
	else if (engine && item->engine != ENGINE_XDP && (pin || mode))
		sl_reader_error(r, pin ? pin : mode, "pin and xdp_mode need \"engine: xdp\"");
	if (item->port.kernel_pass && (bond || !engine || item->engine != ENGINE_XDP))
		sl_reader_error(r, sl_reader_peek(r, node, "kernel"), "pass needs \"engine: xdp\" and one interface: only there can the kernel "
									"have what no service needs");
	if (engine && !bond)
		engine_device(item, r->config->port_count, item->wire, item->port.device);
	if (bond)
		members_kind(r, bond, item, engine);
}

static void read_bond_mode(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	sl_reader_word(r, key, v, bond_words, COUNT(bond_words), &((struct port_item *)out)->port.bond.mode);
}

SL_READER_NUMBER(read_up_delay_ms, struct port_item, port.bond.up_delay_ms, 0, 300000)

static void read_member_wire(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	interface_name(r, key, v, ((struct port_member *)out)->wire);
}

static void read_members(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const struct sl_reader_key keys[] = {
		{ "name", read_port_name, true }, { "device", read_device, false }, { "interface", read_member_wire, false },
	};
	struct port_item *item = out;
	unsigned int n = sl_reader_list(r, key, v, SL_CONFIG_PORTS_MAX);
	char bond[sizeof(r->thing)];

	if (n == 1)
		sl_reader_error(r, v, "a bond has at least two members");
	memcpy(bond, r->thing, sizeof(bond));
	for (unsigned int i = 0; i < n; i++) {
		yaml_node_t *member = sl_reader_item(r, v, i);

		snprintf(r->thing, sizeof(r->thing), "%.80s, member %u", bond, i + 1);
		sl_reader_map(r, member, keys, COUNT(keys), &item->member[i]);
	}
	memcpy(r->thing, bond, sizeof(bond));
	item->port.bond.members = (uint8_t)n;
}

static void read_bond(struct sl_reader *r, const char *key, yaml_node_t *v, void *out)
{
	static const struct sl_reader_key keys[] = {
		{ "mode", read_bond_mode, false }, { "members", read_members, true }, { "up_delay_ms", read_up_delay_ms, false },
	};

	(void)key;
	((struct port_item *)out)->port.bond.up_delay_ms = 1000;
	sl_reader_map(r, v, keys, COUNT(keys), out);
}

/* The ports that an item of the list stands for. */
static void ports_add(struct sl_reader *r, const yaml_node_t *node, const struct port_item *item)
{
	struct sl_config *c = r->config;
	const unsigned int n = item->port.bond.members ? item->port.bond.members : 1;

	if (c->port_count + n > SL_CONFIG_PORTS_MAX) {
		sl_reader_error(r, node, "ports and members of bonds are %u; at most %u are possible", c->port_count + n,
				SL_CONFIG_PORTS_MAX);
		return;
	}
	for (unsigned int i = 0; i < n; i++) {
		struct sl_config_port *p = &c->ports[c->port_count++];

		*p = item->port;
		if (!item->port.bond.members)
			continue;
		memcpy(p->bond.name, item->port.name, sizeof(p->bond.name));
		memcpy(p->name, item->member[i].port.name, sizeof(p->name));
		memcpy(p->device, item->member[i].port.device, sizeof(p->device));
		p->bond.member = (uint8_t)i;
	}
}

void sl_config_ports_read(struct sl_reader *r, yaml_node_t *v)
{
	static const struct sl_reader_key keys[] = {
		{ "name", read_port_name, true }, { "device", read_device, false }, { "bond", read_bond, false },
		{ "mtu", read_mtu, false },	  { "kernel", read_kernel, true },  { "vtep", read_vtep, false },
		{ "engine", read_engine, false }, { "interface", read_wire, false }, { "pin", read_pin, false },
		{ "xdp_mode", read_xdp_mode, false },
	};
	unsigned int n;

	r->thing[0] = '\0';
	n = sl_reader_list(r, "ports", v, SL_CONFIG_PORTS_MAX);
	for (unsigned int i = 0; i < n; i++) {
		yaml_node_t *node = sl_reader_item(r, v, i), *bond = sl_reader_peek(r, node, "bond");
		static struct port_item item;

		memset(&item, 0, sizeof(item));
		item.port.mtu = 1500;
		strcpy(item.pin, "/sys/fs/bpf/sluice");
		sl_reader_thing(r, node, "port", i + 1);
		if (sl_reader_map(r, node, keys, COUNT(keys), &item) && !bond && !sl_reader_peek(r, node, "device") &&
		    !sl_reader_peek(r, node, "engine"))
			sl_reader_error(r, node, "\"device\" is missing");
		port_kind(r, node, &item);
		ports_add(r, node, &item);
	}
}
