/* SPDX-License-Identifier: BSD-3-Clause */
/* `sluice-decap show`: configuration and statistics as JSON, and the same for people. */
#include "host/decap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <jansson.h>

#include "host/cli_table.h"

struct word {
	const char *name, *text;
};

static const struct word opened_words[SL_DECAP_RESULTS] = {
	[SL_DECAP_OPENED] = { "opened", "opened: the packet inside went to the kernel" },
	[SL_DECAP_DROPPED_BAD_INNER] = { "bad-inner", "dropped: the inner IP header is bad" },
	[SL_DECAP_DROPPED_BAD_ECN] = { "bad-ecn", "dropped: congestion experienced outside, no ECN inside (RFC 6040, 4.2)" },
	[SL_DECAP_DROPPED_FAILED] = { "failed", "dropped: the driver's buffer could not be changed" },
	[SL_DECAP_PASSED_MAC] = { "other-mac", "left as it is: for another Ethernet address" },
	[SL_DECAP_PASSED_TO] = { "other-destination", "left as it is: to none of the tunnel addresses (--to)" },
	[SL_DECAP_PASSED_FROM] = { "not-trusted", "left as it is: its sender is not trusted (--from)" },
	[SL_DECAP_PASSED_NETWORK] = { "other-network", "left as it is: another VNI or key (--vni, --key)" },
	[SL_DECAP_PASSED_NO_IP] = { "no-ip", "left as it is: no IP packet inside" },
	[SL_DECAP_PASSED_VIP] = { "not-a-vip", "left as it is: what is inside is for no VIP (--vip)" },
};

static const struct word clamped_words[SL_CLAMP_RESULTS] = {
	[SL_CLAMP_LOWERED] = { "lowered", "SYN of a VIP: MSS lowered" },
	[SL_CLAMP_FITS] = { "fits", "SYN of a VIP: its MSS fits" },
	[SL_CLAMP_NO_OPTION] = { "no-option", "SYN of a VIP without MSS: the client sends 536 or 1220 bytes" },
	[SL_CLAMP_BAD] = { "bad-options", "SYN of a VIP whose TCP options contradict the header: left as it is" },
};

static const char *const list_names[SL_DECAP_LISTS] = {
	[SL_DECAP_TO] = "to", [SL_DECAP_FROM] = "from", [SL_DECAP_VIP] = "vip", [SL_DECAP_VNI] = "vni", [SL_DECAP_KEY] = "key",
};

/* The sum over the CPUs. */
static struct sl_counter_pair total(const struct sl_decap_state *s, enum sl_decap_map map, uint32_t index)
{
	const int cpus = libbpf_num_possible_cpus();
	struct sl_counter_pair sum = { 0 }, *of = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*of));

	if (cpus < 1 || !of || bpf_map_lookup_elem(s->map[map], &index, of))
		sl_decap_fail("map \"%s\" cannot be read: %s", sl_decap_map_name(map), strerror(errno));
	for (int cpu = 0; cpu < cpus; cpu++) {
		sum.packets += of[cpu].packets;
		sum.bytes += of[cpu].bytes;
	}
	free(of);
	return sum;
}

static json_t *counter(const struct sl_decap_state *s, enum sl_decap_map map, uint32_t index, const struct word *word)
{
	const struct sl_counter_pair sum = total(s, map, index);

	return json_pack("{sssIsIss}", "name", word->name, "packets", (json_int_t)sum.packets, "bytes", (json_int_t)sum.bytes,
			 "text", word->text);
}

/* One object for each kind of tunnel; the number of kinds and results is small, so all are listed, zeros too. */
static json_t *opened(const struct sl_decap_state *s)
{
	json_t *tunnels = json_array();

	for (uint32_t kind = 0; kind < SL_DECAP_KINDS; kind++) {
		json_t *results = json_array();

		for (uint32_t r = 0; sl_decap_kind_name(kind) && r < SL_DECAP_RESULTS; r++)
			json_array_append_new(results, counter(s, SL_DECAP_MAP_OPENED, sl_decap_counter(kind, r), &opened_words[r]));
		if (json_array_size(results))
			json_array_append_new(tunnels, json_pack("{ssso}", "tunnel", sl_decap_kind_name(kind), "results", results));
		else
			json_decref(results);
	}
	return tunnels;
}

static json_t *clamped(const struct sl_decap_state *s)
{
	json_t *results = json_array();

	for (uint32_t r = 0; r < SL_CLAMP_RESULTS; r++)
		json_array_append_new(results, counter(s, SL_DECAP_MAP_CLAMPED, r, &clamped_words[r]));
	return results;
}

/* A member of a list as it was given; bits: of the prefix, or -1. */
static json_t *member_text(const struct sl_decap_member *m, int bits)
{
	char text[INET6_ADDRSTRLEN + 12];

	if (m->family == 0)
		return json_integer((json_int_t)m->value[0] << 24 | m->value[1] << 16 | m->value[2] << 8 | m->value[3]);
	inet_ntop(m->family == 4 ? AF_INET : AF_INET6, m->value, text, sizeof(text));
	if (bits >= 0)
		snprintf(text + strlen(text), 12, "/%d", bits);
	return json_string(text);
}

static void add_lists(const struct sl_decap_state *s, uint32_t bank, const struct sl_decap_config *c, json_t *out)
{
	struct sl_decap_member m;
	struct sl_decap_prefix p;
	json_t *lists[SL_DECAP_LISTS];
	const void *from = NULL;

	/* A list that is not given is null: no limit. */
	for (unsigned int i = 0; i < SL_DECAP_LISTS; i++) {
		lists[i] = c->lists & 1u << i ? json_array() : json_null();
		json_object_set_new(out, list_names[i], lists[i]);
	}
	for (; bpf_map_get_next_key(s->map[SL_DECAP_MAP_MEMBERS], from, &m) == 0; from = &m) {
		if (m.bank == bank && m.list < SL_DECAP_LISTS)
			json_array_append_new(lists[m.list], member_text(&m, -1));
	}
	from = NULL;
	for (; bpf_map_get_next_key(s->map[SL_DECAP_MAP_TRUSTED], from, &p) == 0; from = &p) {
		if (p.member.bank == bank)
			json_array_append_new(lists[SL_DECAP_FROM], member_text(&p.member, (int)p.bits - 32));
	}
}

static json_t *kinds_of(const struct sl_decap_config *c)
{
	json_t *kinds = json_array();

	for (uint32_t kind = 0; kind < SL_DECAP_KINDS; kind++) {
		if (c->tunnels & sl_decap_kind_flag(kind))
			json_array_append_new(kinds, json_string(sl_decap_kind_name(kind)));
	}
	return kinds;
}

static json_t *answer(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i)
{
	struct sl_decap_config c;
	const uint32_t bank = sl_decap_config_get(s, &c);
	enum sl_decap_mode mode;
	bool alone;
	const bool attached = sl_decap_xdp_find(i, &mode, &alone);
	json_t *config = json_pack("{so}", "tunnel", kinds_of(&c)), *out;

	add_lists(s, bank, &c, config);
	out = json_pack("{sbsss{sbss*sb}s{sbsisi}sososo}", "ok", 1, "interface", o->interface, "xdp", "attached", attached, "mode",
			!attached ? NULL : mode == SL_DECAP_NATIVE ? "native" : "generic", "shared", attached && !alone, "clamp",
			"attached", sl_decap_clamp_find(i), "mss_ipv4", c.mss4, "mss_ipv6", c.mss6, "config", config, "tunnels",
			opened(s), "syns", clamped(s));
	if (!out)
		sl_decap_fail("no memory");
	return out;
}

/* -- for people --------------------------------------------------------------------------------------------------- */

static void print_list(const char *name, const json_t *list)
{
	size_t n;
	json_t *item;

	printf("  %-7s", name);
	if (!json_is_array(list))
		printf(" any");
	json_array_foreach(list, n, item)
		json_is_string(item) ? printf(" %s", json_string_value(item)) : printf(" %lld", json_integer_value(item));
	putchar('\n');
}

static void add_row(struct sl_table *t, const char *kind, const json_t *counter)
{
	char packets[24], bytes[24];
	const json_int_t n = json_integer_value(json_object_get(counter, "packets"));

	snprintf(packets, sizeof(packets), "%lld", n);
	snprintf(bytes, sizeof(bytes), "%lld", json_integer_value(json_object_get(counter, "bytes")));
	if (n)
		sl_table_row(t, kind, packets, bytes, json_string_value(json_object_get(counter, "text")));
}

static void print_counters(const json_t *out)
{
	struct sl_table *t = sl_table_create("TUNNEL|>PACKETS|>BYTES|WHAT BECAME OF THEM");
	size_t k, n;
	json_t *tunnel, *counter;

	json_array_foreach(json_object_get(out, "tunnels"), k, tunnel) {
		json_array_foreach(json_object_get(tunnel, "results"), n, counter)
			add_row(t, json_string_value(json_object_get(tunnel, "tunnel")), counter);
	}
	json_array_foreach(json_object_get(out, "syns"), n, counter)
		add_row(t, "-", counter);
	sl_table_print(t, stdout, "no packet of a tunnel has come, and no SYN has gone");
}

static void print(const json_t *out)
{
	const json_t *xdp = json_object_get(out, "xdp"), *clamp = json_object_get(out, "clamp");
	const json_t *config = json_object_get(out, "config");

	printf("%s: ", json_string_value(json_object_get(out, "interface")));
	if (json_is_true(json_object_get(xdp, "attached")))
		printf("XDP program in %s mode%s; ", json_string_value(json_object_get(xdp, "mode")),
		       json_is_true(json_object_get(xdp, "shared")) ? ", beside others by libxdp's dispatcher" : ", alone");
	else
		printf("THE XDP PROGRAM IS GONE: attach again; ");
	if (json_is_true(json_object_get(clamp, "attached")))
		printf("MSS at most %lld (IPv4), %lld (IPv6)\n", json_integer_value(json_object_get(clamp, "mss_ipv4")),
		       json_integer_value(json_object_get(clamp, "mss_ipv6")));
	else
		printf("%s\n", json_integer_value(json_object_get(clamp, "mss_ipv4")) ? "THE MSS CLAMP IS GONE: attach again" :
											  "MSS is left as it is");
	print_list("tunnel", json_object_get(config, "tunnel"));
	for (unsigned int i = 0; i < SL_DECAP_LISTS; i++)
		print_list(list_names[i], json_object_get(config, list_names[i]));
	print_counters(out);
}

void sl_decap_show(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i)
{
	json_t *out = answer(s, o, i);

	if (o->json) {
		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print(out);
	}
	json_decref(out);
}
