/* SPDX-License-Identifier: BSD-3-Clause */
/* See offload.h. Maps of a card are written and read by system calls, each of which its driver may refuse. */
#include "driver/xdp/offload.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "driver/fpga/log.h"
#include "driver/xdp/datapath.h"
#include "hw/model/sip.h"
#include "hw/xdp/attach.h"
#include "hw/xdp/offload.h"

#define PROGRAM "sluice_offload"
#define ROOM_MIN 2u
#define ROOM_MAX (1u << 20)
#define IDLE_MS 10000u /* a flow without a packet for so long gives way to one that waits */
#define SLOT_BITS 28   /* of sl_xdp.in_card: port, and slot + 1 */

/* object.S */
extern const uint8_t sl_xdp_offload_object[], sl_xdp_offload_object_end[];

/* A flow in the card. Who has no more than sl_xdp.lock cannot look at the table: what the card counted is owed to the flow until then. */
struct placed {
	struct sl_key key;
	uint32_t flow_id, memo, action, rule;
	uint64_t packets, bytes; /* that were read */
	uint64_t owed_packets, owed_bytes;
	bool gone; /* not in the card any more */
};

struct sl_xdp_offload {
	struct bpf_object *object;
	int config, count, flows;
	struct sl_xdp_offload_config told;
	struct placed *placed;
	uint32_t room;    /* entries of the card's map */
	uint32_t used;
	uint32_t limit;   /* room, or with how many the card said that it was full */
	uint32_t waiting; /* flows that found no room since the last sweep began, and in the one before */
	uint32_t waited;
	int refused;      /* errno of an insertion that failed otherwise in this sweep, 0 none */
	int full;         /* errno with which the card said that it was full, 0 never */
	bool said_full, said_refused;
	bool off; /* its program was taken off; what is owed is left */
};

static struct sl_xdp_offload *of(const struct sl_xdp *x, uint32_t port)
{
	return x->port[port].offload;
}

/* -- the card's program and maps ------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int refuse(struct sl_xdp_port *p, int error, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(p->refusal, sizeof(p->refusal), format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof(p->refusal))
		snprintf(p->refusal + n, sizeof(p->refusal) - (size_t)n, ": %s%s%s%s", strerror(error), *sl_attach_said() ? " (" : "",
			 sl_attach_said(), *sl_attach_said() ? ")" : "");
	return -error;
}

static int make_map(const struct sl_xdp_port *p, enum bpf_map_type type, const char *name, uint32_t key, uint32_t value, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_ifindex = (uint32_t)p->ifindex);
	const int fd = bpf_map_create(type, name, key, value, entries, &opts);

	return fd < 0 ? -errno : fd;
}

/* A map for as many flows as the card takes: half as many each time that it says no, but for reasons that have nothing to do with it. */
static int make_flows(struct sl_xdp_offload *o, struct sl_xdp_port *p, uint32_t wanted)
{
	int fd = -EINVAL;

	for (o->room = wanted; o->room >= ROOM_MIN; o->room /= 2) {
		fd = make_map(p, BPF_MAP_TYPE_HASH, "offload_flows", sizeof(struct sl_key), sizeof(struct sl_xdp_offload_flow), o->room);
		if (fd >= 0 || (fd != -ENOMEM && fd != -E2BIG && fd != -ENOSPC && fd != -EINVAL))
			break;
	}
	o->flows = fd;
	if (fd == -EOPNOTSUPP || fd == -EINVAL)
		return refuse(p, -fd, "%s: its driver takes no maps for the card: one with XDP offload is needed, and its firmware for it",
			      p->name);
	return fd < 0 ? refuse(p, -fd, "%s: the card takes no map of even %u flows", p->name, ROOM_MIN) : 0;
}

static int make_maps(struct sl_xdp_offload *o, struct sl_xdp_port *p, uint32_t wanted)
{
	int rc = make_flows(o, p, wanted);

	if (rc)
		return rc;
	o->config = make_map(p, BPF_MAP_TYPE_ARRAY, "offload_config", sizeof(uint32_t), sizeof(struct sl_xdp_offload_config), 1);
	if (o->config < 0)
		return refuse(p, -o->config, "%s: the card takes no map for its configuration", p->name);
	o->count = make_map(p, BPF_MAP_TYPE_ARRAY, "offload_count", sizeof(uint32_t), sizeof(struct sl_counter_pair), 1);
	return o->count < 0 ? refuse(p, -o->count, "%s: the card takes no map for its counters", p->name) : 0;
}

static int load_program(struct sl_xdp_offload *o, struct sl_xdp_port *p)
{
	const struct { const char *name; int fd; } maps[] = {
		{ "offload_config", o->config }, { "offload_count", o->count }, { "offload_flows", o->flows },
	};
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = PROGRAM);
	struct bpf_program *program;
	int rc = 0;

	sl_attach_hear();
	o->object = bpf_object__open_mem(sl_xdp_offload_object, (size_t)(sl_xdp_offload_object_end - sl_xdp_offload_object), &opts);
	program = o->object ? bpf_object__find_program_by_name(o->object, PROGRAM) : NULL;
	if (!program)
		return refuse(p, EINVAL, "the card's BPF object is not understood");
	bpf_program__set_ifindex(program, (uint32_t)p->ifindex);
	for (unsigned int i = 0; i < sizeof(maps) / sizeof(maps[0]) && rc == 0; i++)
		rc = bpf_map__reuse_fd(bpf_object__find_map_by_name(o->object, maps[i].name), maps[i].fd);
	if (rc == 0)
		rc = bpf_object__load(o->object);
	return rc ? refuse(p, -rc, "%s: the card's driver does not take the program", p->name) : 0;
}

/* Program and maps of the card as far as they are this process's. */
static void leave_card(struct sl_xdp_offload *o)
{
	int *const fds[] = { &o->config, &o->count, &o->flows };

	bpf_object__close(o->object);
	o->object = NULL;
	for (unsigned int i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static void forget(struct sl_xdp *x, uint32_t port)
{
	struct sl_xdp_offload *o = of(x, port);

	for (uint32_t slot = 0; slot < o->used; slot++)
		x->in_card[o->placed[slot].flow_id] = 0;
	leave_card(o);
	free(o->placed);
	free(o);
	x->port[port].offload = NULL;
}

/* The id of the program that the card runs, 0 none. */
static uint32_t program_of(const struct sl_xdp_port *p)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	return bpf_xdp_query(p->ifindex, 0, &opts) ? 0 : opts.hw_prog_id;
}

/* Takes the card's program off. An interface that has gone took it along. */
static int detach(const struct sl_xdp_port *p)
{
	const int rc = bpf_xdp_detach(p->ifindex, XDP_FLAGS_HW_MODE, NULL);

	return rc == -ENODEV ? 0 : rc;
}

static bool is_ours(int program)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &len) == 0 && strcmp(info.name, PROGRAM) == 0;
}

/* -- what the card knows --------------------------------------------------------------------------------------------- */

/* What the card has counted of a flow since it was asked last is owed to it. 0, or errno of a card that does not answer. */
static int read_counts(struct sl_xdp_offload *o, struct placed *at)
{
	struct sl_xdp_offload_flow now;

	if (at->gone)
		return 0;
	if (bpf_map_lookup_elem(o->flows, &at->key, &now))
		return errno == ENOENT ? 0 : errno;
	if (now.flow_id != at->flow_id || now.packets <= at->packets)
		return 0;
	at->owed_packets += now.packets - at->packets;
	at->owed_bytes += now.bytes - at->bytes;
	at->packets = now.packets;
	at->bytes = now.bytes;
	return 0;
}

/* Under the flow queue's lock: to the table's counters, and those that the host's program counts for all flows. */
static void pay(struct sl_xdp *x, struct placed *at)
{
	struct sl_xdp_count c = { at->owed_packets, at->owed_bytes, SL_REASON_FORWARDED, at->rule };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &c, .ctx_size_in = sizeof(c));

	if (c.packets == 0)
		return;
	sl_xdp_table_add(&x->table, at->flow_id, c.packets, c.bytes, sl_xdp_now(x));
	bpf_prog_test_run_opts(x->count_prog, &opts);
	at->owed_packets = at->owed_bytes = 0;
}

/* The card cannot be told what it has to know: from now on all is the host's. */
static void take_off(struct sl_xdp *x, uint32_t port, const char *what, int error)
{
	struct sl_xdp_offload *o = of(x, port);
	struct sl_xdp_port *p = &x->port[port];
	int rc;

	sl_attach_hear();
	refuse(p, error, "%s: %s, so its program was taken off", p->name, what);
	rc = detach(p);
	SL_LOG(ERR, "%s; start the port again to have it back", p->refusal);
	if (rc)
		SL_LOG(ERR, "%s: the program stays in the card and forwards by what was (%s): `ip link set dev %s xdpoffload off`", p->name,
		       strerror(-rc), p->name);
	/* Each question to a card that hangs takes its driver's patience: only one is asked in vain. */
	for (uint32_t slot = 0, silent = 0; slot < o->used; slot++) {
		silent = silent || read_counts(o, &o->placed[slot]);
		o->placed[slot].gone = true;
	}
	o->off = true;
	o->told.generation = 0;
	leave_card(o);
}

/* Of a card that has to answer. */
static void ask_card(struct sl_xdp *x, uint32_t port, struct placed *at)
{
	const int error = read_counts(of(x, port), at);

	if (error)
		take_off(x, port, "the card does not say what it has counted", error);
}

/* Takes the flow out of the card. */
static void withdraw(struct sl_xdp *x, uint32_t port, uint32_t slot)
{
	struct sl_xdp_offload *o = of(x, port);
	struct placed *at = &o->placed[slot];

	ask_card(x, port, at);
	if (at->gone)
		return;
	if (bpf_map_delete_elem(o->flows, &at->key) && errno != ENOENT) {
		take_off(x, port, "the card does not give a flow back", errno);
		return;
	}
	at->gone = true;
	o->limit = o->room;
}

/* Under the flow queue's lock: the flow is the host's alone. */
static void unplace(struct sl_xdp *x, uint32_t port, uint32_t slot)
{
	struct sl_xdp_offload *o = of(x, port);

	withdraw(x, port, slot);
	pay(x, &o->placed[slot]);
	x->in_card[o->placed[slot].flow_id] = 0;
	o->placed[slot] = o->placed[--o->used];
	if (slot < o->used)
		x->in_card[o->placed[slot].flow_id] = port << SLOT_BITS | (slot + 1);
}

static void tell(struct sl_xdp *x, uint32_t port)
{
	const struct sl_xdp_config *c = &x->maps.config[port];
	const bool on = c->pipeline.enabled && c->pipeline.filter.port_flags[port] & SL_PORT_FLAG_ENABLE;
	struct sl_xdp_offload_config now = {
		.port = port, .tunnels = c->pipeline.tunnels, .tenant = c->tenant, .tcp_flags = c->tcp_flags, .ttl_max = c->ttl_max,
		.generation = on ? c->generation : 0,
	};
	struct sl_xdp_offload *o = of(x, port);
	const uint32_t zero = 0;

	memcpy(now.mac, c->mac, sizeof(now.mac));
	if (now.generation == 0 && o->told.generation == 0) /* it looks at nothing else */
		return;
	if (memcmp(&now, &o->told, sizeof(now)) == 0)
		return;
	if (bpf_map_update_elem(o->config, &zero, &now, BPF_ANY))
		take_off(x, port, "the card does not take its configuration", errno);
	else
		o->told = now;
}

void sl_xdp_offload_tell(struct sl_xdp *x)
{
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		if (of(x, p) && !of(x, p)->off)
			tell(x, p);
}

/* -- attaching ------------------------------------------------------------------------------------------------------- */

/* A program that the card runs already. */
static int refuse_other(struct sl_xdp_port *p)
{
	const uint32_t id = program_of(p);
	const int program = id ? bpf_prog_get_fd_by_id(id) : -1;
	const bool ours = program >= 0 && is_ours(program);

	if (program >= 0)
		close(program);
	return id == 0 ? 0 : refuse(p, EBUSY, "%s: its card runs a program %s (`ip link set dev %s xdpoffload off` ends it)", p->name,
				    ours ? "that an earlier driver left there" : "of somebody else's", p->name);
}

static int begin(struct sl_xdp *x, uint32_t port)
{
	struct sl_xdp_port *p = &x->port[port];
	struct sl_xdp_offload *o = of(x, port);
	uint32_t wanted = x->table.ids;
	int rc;

	sl_attach_hear();
	rc = refuse_other(p);
	if (rc)
		return rc;
	rc = make_maps(o, p, wanted > ROOM_MAX ? ROOM_MAX : wanted);
	if (rc)
		return rc;
	o->limit = o->room;
	o->placed = calloc(o->room, sizeof(*o->placed));
	if (!x->in_card)
		__atomic_store_n(&x->in_card, calloc(x->table.ids, sizeof(*x->in_card)), __ATOMIC_RELEASE);
	if (!o->placed || !x->in_card)
		return refuse(p, ENOMEM, "%s: no memory for a list of %u flows", p->name, o->room);
	rc = load_program(o, p);
	if (rc)
		return rc;
	sl_attach_hear();
	rc = bpf_xdp_attach(p->ifindex, bpf_program__fd(bpf_object__find_program_by_name(o->object, PROGRAM)),
			    XDP_FLAGS_HW_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	return rc ? refuse(p, -rc, "%s: the card does not take the program that its driver took", p->name) : 0;
}

int sl_xdp_offload_attach(struct sl_xdp *x, uint32_t port)
{
	struct sl_xdp_port *p = &x->port[port];
	int rc;

	if (p->offload && !p->offload->off)
		return 0;
	if (p->offload)
		forget(x, port);
	p->refusal[0] = '\0';
	p->offload = calloc(1, sizeof(*p->offload));
	if (!p->offload)
		return refuse(p, ENOMEM, "%s: no memory", p->name);
	p->offload->config = p->offload->count = p->offload->flows = -1;
	rc = begin(x, port);
	if (rc) {
		forget(x, port);
		return rc;
	}
	tell(x, port);
	return p->offload->off ? -EIO : 0;
}

/* The map of a program by its name, or a negative number. */
static int map_of_program(int program, const char *name)
{
	uint32_t ids[8], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 8, .map_ids = (uintptr_t)ids };

	if (bpf_obj_get_info_by_fd(program, &info, &len))
		return -1;
	for (uint32_t i = 0; i < info.nr_map_ids && i < 8; i++) {
		struct bpf_map_info map = { 0 };
		uint32_t map_len = sizeof(map);
		const int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &map, &map_len) == 0 && strcmp(map.name, name) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

void sl_xdp_offload_adopt(struct sl_xdp *x, uint32_t port)
{
	struct sl_xdp_port *p = &x->port[port];
	const uint32_t id = program_of(p), now_ms = sl_xdp_now(x);
	const int program = id ? bpf_prog_get_fd_by_id(id) : -1;
	struct sl_key key, *last = NULL;
	struct sl_xdp_offload_flow v;
	int map, rc;

	if (program < 0)
		return;
	if (is_ours(program)) {
		map = map_of_program(program, "offload_flows");
		rc = detach(p);
		for (uint32_t n = 0; map >= 0 && n < ROOM_MAX && bpf_map_get_next_key(map, last, &key) == 0; n++) {
			struct sl_xdp_flow_view flow;

			last = &key;
			if (bpf_map_lookup_elem(map, &key, &v)) {
				if (errno != ENOENT)
					break; /* it does not answer */
				continue;
			}
			if (v.packets && sl_xdp_table_view(&x->table, v.flow_id, &flow) &&
			    memcmp(&flow.key, &key, sizeof(key)) == 0)
				sl_xdp_table_add(&x->table, v.flow_id, 0, 0, now_ms);
		}
		if (map >= 0)
			close(map);
		if (rc)
			SL_LOG(ERR, "%s: the program that an earlier driver left in the card cannot be taken off: %s", p->name, strerror(-rc));
	}
	close(program);
}

/* -- flows ----------------------------------------------------------------------------------------------------------- */

void sl_xdp_offload_ask(struct sl_xdp *x, uint32_t flow_id, bool leaving)
{
	const uint32_t at = x->in_card[flow_id], port = at >> SLOT_BITS, slot = (at & ((1u << SLOT_BITS) - 1)) - 1;
	struct placed *p;

	if (at == 0)
		return;
	p = &of(x, port)->placed[slot];
	ask_card(x, port, p);
	pay(x, p);
	if (leaving)
		unplace(x, port, slot);
}

void sl_xdp_offload_action(struct sl_xdp *x, uint32_t action)
{
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		for (uint32_t slot = 0; of(x, p) && slot < of(x, p)->used; slot++)
			if (of(x, p)->placed[slot].action == action)
				withdraw(x, p, slot);
}

/* What the card said to a flow. */
static void not_placed(struct sl_xdp *x, uint32_t port, int error)
{
	struct sl_xdp_offload *o = of(x, port);
	const char *name = x->port[port].name;

	if (error == E2BIG || error == ENOSPC || error == ENOMEM) {
		o->limit = o->used;
		o->full = error;
		o->waiting++;
		if (!o->said_full)
			SL_LOG(NOTICE, "%s: the card is full with %u flows of %u that its map was made for (%s): others are the host's program's",
			       name, o->used, o->room, strerror(error));
		o->said_full = true;
		return;
	}
	o->refused = error;
	if (!o->said_refused)
		SL_LOG(WARNING, "%s: the card does not take a flow (%s): it is the host's program's, and tried again in the next sweep", name,
		       strerror(error));
	o->said_refused = true;
}

static uint64_t hash_of(const struct sl_key *key, const struct sl_hash_seed *seed)
{
	uint64_t src[2], dst[2], word;

	memcpy(src, key->src, sizeof(src));
	memcpy(dst, key->dst, sizeof(dst));
	memcpy(&word, &key->sport, sizeof(word));
	return key->family == 4 ? sl_sip_ipv4(seed, dst[0] << 32 | src[0], word) : sl_sip_ipv6(seed, src, dst, word);
}

static void place(struct sl_xdp *x, uint32_t flow_id, uint32_t now_ms)
{
	struct sl_xdp_offload_flow v = { .flow_id = flow_id };
	struct sl_xdp_flow_view flow;
	struct sl_xdp_offload *o;
	uint32_t port;

	if (!sl_xdp_table_view(&x->table, flow_id, &flow) || !(flow.memo & 0x80) ||
	    (int32_t)(now_ms - flow.last_seen_ms) > (int32_t)IDLE_MS)
		return;
	port = flow.memo & 0x7f;
	o = port < SL_PORTS_MAX ? of(x, port) : NULL;
	if (!o || o->off || o->refused || o->told.generation == 0 || flow.memo != sl_xdp_memo(o->told.generation, port, 0) ||
	    flow.record.action >= SL_ACTIONS)
		return;
	v.action = x->maps.actions[flow.record.action];
	if (!(v.action.flags & SL_ACTION_FLAG_VALID) || v.action.port != port)
		return;
	if (o->used >= o->limit) {
		o->waiting++;
		return;
	}
	v.record = flow.record;
	v.memo = flow.memo;
	v.hash = hash_of(&flow.key, &x->maps.config[port].pipeline.seed);
	if (bpf_map_update_elem(o->flows, &flow.key, &v, BPF_ANY)) {
		not_placed(x, port, errno);
		return;
	}
	o->said_refused = false;
	o->placed[o->used] = (struct placed){ .key = flow.key, .flow_id = flow_id, .memo = flow.memo, .action = flow.record.action,
					      .rule = flow.rule };
	x->in_card[flow_id] = port << SLOT_BITS | ++o->used;
}

void sl_xdp_offload_sweep(struct sl_xdp *x, uint32_t flow_id, uint32_t now_ms)
{
	const uint32_t at = x->in_card[flow_id], port = at >> SLOT_BITS, slot = (at & ((1u << SLOT_BITS) - 1)) - 1;
	struct sl_xdp_flow_view flow;
	struct sl_xdp_offload *o;
	struct placed *p;

	if (at == 0) {
		place(x, flow_id, now_ms);
		return;
	}
	o = of(x, port);
	p = &o->placed[slot];
	ask_card(x, port, p);
	pay(x, p);
	if (p->gone || !sl_xdp_table_view(&x->table, flow_id, &flow) || (o->told.generation && p->memo >> 16 != o->told.generation) ||
	    (o->waited && (int32_t)(now_ms - flow.last_seen_ms) > (int32_t)IDLE_MS))
		unplace(x, port, slot);
}

void sl_xdp_offload_swept(struct sl_xdp *x)
{
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++) {
		struct sl_xdp_offload *o = of(x, p);

		if (!o)
			continue;
		o->waited = o->waiting;
		o->waiting = 0;
		o->refused = 0;
		if (!o->waited)
			o->said_full = false;
	}
}

void sl_xdp_offload_say(const struct sl_xdp *x, uint32_t port, char *text, size_t size)
{
	const struct sl_xdp_port *p = &x->port[port];
	const struct sl_xdp_offload *o = p->offload;

	if (!o || o->off)
		snprintf(text, size, "%s%s", *p->refusal ? "no flows in the card: " : "flows in the card are not wanted", p->refusal);
	else if (o->waited || o->waiting)
		snprintf(text, size, "%u flows in the card, which is full (%s); %u more could be", o->used,
			 o->limit < o->room ? strerror(o->full) : "its map was made for so many", o->waited ? o->waited : o->waiting);
	else
		snprintf(text, size, "%u flows in the card, of %u%s", o->used, o->room, o->refused ? "; it refuses others" : "");
}

void sl_xdp_offload_leave(struct sl_xdp *x, uint32_t port)
{
	struct sl_xdp_offload *o = of(x, port);
	int rc;

	if (!o)
		return;
	rc = o->off ? 0 : detach(&x->port[port]);
	if (rc)
		SL_LOG(ERR, "%s: the card's program cannot be taken off: %s", x->port[port].name, strerror(-rc));
	for (uint32_t slot = 0, silent = 0; slot < o->used; slot++) {
		silent = silent || read_counts(o, &o->placed[slot]);
		pay(x, &o->placed[slot]);
	}
	forget(x, port);
}

void sl_xdp_offload_close(struct sl_xdp *x)
{
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++)
		if (of(x, p))
			forget(x, p);
	free(x->in_card);
}
