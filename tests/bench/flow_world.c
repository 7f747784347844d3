/* SPDX-License-Identifier: BSD-3-Clause */
/* See flow_world.h. */
#include "tests/bench/flow_world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "host/fastpath.h"
#include "sluice/record.h"
#include "tests/host/one_port.h"

#define HUGE_BYTES (UINT64_C(2) << 20)
#define BURST SL_FAST_BURST
#define WORTH 16u

static const uint8_t own[6] = { 2, 0, 0, 0, 0, 1 }, client[6] = { 2, 0, 0, 0, 0, 2 };

/* One side of these connections is seen, or both. */
#define ONE_SIDED \
	"node: {name: bench, max_connections: 33554432}\n" \
	"ports: [{name: p0, device: d0, vtep: 10.0.0.1, kernel: {interface: sl0}}]\n" \
	"services:\n" \
	S("l2", "192.0.2.1", "tcp", "dsr-l2", PLAIN) \
	S("ipip", "192.0.2.2", "tcp", "ipip", PLAIN) \
	S("flood-ipip", "192.0.2.4", "tcp", "ipip", PLAIN) \
	S("flood-udp", "192.0.2.4", "udp", "ipip", PLAIN)
#define TWO_SIDED \
	S("nat", "192.0.2.3", "tcp", "nat", PORT_8080) \
	S("flood-nat", "192.0.2.5", "tcp", "nat", "{name: b2, address: 10.1.0.2, port: 8080}")
#define S(name, vip, protocol, mode, backends) \
	"- {name: " name ", vip: " vip ", protocol: " protocol ", port: 80, mode: " mode ", health: {type: none}, " \
	"timeouts: {fin_ms: 1000}, admission: {half_open: 65536}, backends: [" backends "]}\n"
#define PLAIN "{name: b1, address: 10.1.0.1}, {name: b2, address: 10.1.0.2}, {name: b3, address: 10.1.0.3}"
#define PORT_8080 "{name: b1, address: 10.1.0.1, port: 8080}"

static const char one_sided[] = ONE_SIDED, all[] = ONE_SIDED TWO_SIDED;

static const struct {
	uint32_t vip, backend;
	uint16_t backend_port;
	uint8_t proto;
} service_of[WORLD_SERVICES] = {
	[WORLD_L2] = { 0xc0000201, 0x0a010001, 80, 6 },
	[WORLD_IPIP] = { 0xc0000202, 0x0a010001, 80, 6 },
	[WORLD_NAT] = { 0xc0000203, 0x0a010001, 8080, 6 },
	[WORLD_FLOOD_IPIP] = { 0xc0000204, 0x0a010001, 80, 6 },
	[WORLD_FLOOD_NAT] = { 0xc0000205, 0x0a010002, 8080, 6 },
	[WORLD_FLOOD_UDP] = { 0xc0000204, 0x0a010001, 80, 17 },
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "datapath_bench: %s\n", what);
	exit(1);
}

uint64_t world_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void *world_memory(size_t bytes)
{
	const size_t size = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
	void *p = aligned_alloc(HUGE_BYTES, size);

	must(p, "out of memory");
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

static bool no_card(enum sl_offload_op op, uint32_t index, unsigned int port)
{
	(void)port;
	(void)op;
	(void)index;
	return false;
}

static uint32_t no_caps(void)
{
	return 0;
}

static void services_make(struct world *w, bool nat)
{
	struct sl_nexthop hop = { .state = SL_NEXTHOP_READY, .ifindex = 5, .mtu = 1500, .mac = { 2, 0xb0, 0, 0, 0, 1 } };
	struct sl_config_error error;
	const struct sl_services *s;
	char err[256];

	if (sl_config_parse("bench", nat ? all : one_sided, nat ? sizeof(all) - 1 : sizeof(one_sided) - 1, &w->config, &error))
		must(false, error.text);
	w->services = sl_service_table_create(w->config, &(struct sl_service_table_ops){ 0 }, err, sizeof(err));
	must(w->services, err);
	s = sl_services_current();
	sl_egress_configure(w->config);
	sl_egress_services_changed(s, NULL);
	for (uint32_t id = 1; id < SL_SERVICE_IDS; id++) {
		if (s->backend[id])
			sl_egress_nexthop_changed(s, &s->backend[id]->address, &hop);
	}
}

/* What is there from the start is taken here, the rest when it is touched, or as host/conn takes it in a file. */
static void entries_make(struct world *w, uint32_t capacity, bool file)
{
	w->memory_bytes = sl_conn_memory_bytes(capacity, &w->entries_bytes);
	w->fd = file ? memfd_create("connections", MFD_CLOEXEC) : -1;
	must(!file || (w->fd >= 0 && !ftruncate(w->fd, (off_t)w->memory_bytes) && !posix_fallocate(w->fd, 0, (off_t)w->entries_bytes)),
	     "out of shared memory");
	if (file) {
		w->entries = mmap(NULL, w->memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd, 0);
		must(w->entries != MAP_FAILED, "out of memory");
		return;
	}
	w->entries = aligned_alloc(HUGE_BYTES, (w->memory_bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES);
	must(w->entries, "out of memory");
	madvise(w->entries, w->memory_bytes, MADV_HUGEPAGE);
	memset(w->entries, 0, w->entries_bytes);
}

struct world *world_make(uint32_t capacity, bool file, bool nat)
{
	static const uint64_t key[2] = { 0x0123456789abcdef, 0xfedcba9876543210 };
	struct world *w = calloc(1, sizeof(*w));
	uint32_t adopted, dropped;

	must(w, "out of memory");
	port0 = (struct sl_port){ .mtu = 1500, .kernel_ifindex = 5 };
	memcpy(port0.mac, own, 6);
	services_make(w, nat);
	capacity = (capacity + SL_CONN_SHARDS - 1) / SL_CONN_SHARDS * SL_CONN_SHARDS;
	entries_make(w, capacity, file);
	w->retry = world_memory(capacity * sizeof(*w->retry));
	w->ring = world_memory(WORLD_RING * WORLD_STRIDE);
	w->table = sl_conn_table_create(w->entries, capacity, key, &adopted, &dropped);
	must(w->table, "out of memory for a table");
	if (file)
		sl_conn_table_in_file(w->table, w->fd, 0);
	w->sp = (struct sl_slowpath){ .table = w->table, .shards = 0xffff, .services = sl_services_current(), .now_ms = 1000000,
				      .stats = &w->stats, .backends = w->backends, .retry = w->retry, .offload = no_card,
				      .fragments = sl_fragments_create(5), .admission = sl_admission_create(SL_CONN_SHARDS),
				      .capable = no_caps };
	w->sp.port[0] = (struct sl_slow_port){ .up = true, .vtep = { w->config->ports[0].vtep[0] } };
	memcpy(w->sp.port[0].mac, own, 6);
	return w;
}

void world_end(struct world *w)
{
	sl_egress_clear();
	sl_service_table_destroy(w->services);
	sl_conn_table_destroy(w->table);
	sl_fragments_destroy(w->sp.fragments);
	sl_admission_destroy(w->sp.admission);
	sl_shed_destroy(w->sp.shed);
	sl_config_free(w->config);
	if (w->fd < 0) {
		free(w->entries);
	} else {
		munmap(w->entries, w->memory_bytes);
		close(w->fd);
	}
	free(w->retry);
	free(w->ring);
	free(w);
}

static uint32_t flow_address(uint32_t flow)
{
	return 0x0b000000 + (flow >> 14);
}

static uint16_t flow_port(uint32_t flow)
{
	return (uint16_t)(1024 + (flow & 0x3fff));
}

void world_key(enum world_service service, uint32_t flow, struct sl_key *key)
{
	const uint32_t src = htonl(flow_address(flow)), dst = htonl(service_of[service].vip);

	memset(key, 0, sizeof(*key));
	memcpy(key->src, &src, 4);
	memcpy(key->dst, &dst, 4);
	key->sport = htons(flow_port(flow));
	key->dport = htons(80);
	key->proto = service_of[service].proto;
	key->family = 4;
}

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void world_stamp(struct world *w, uint32_t i, enum world_service service, uint32_t flow, uint8_t flags, bool back)
{
	uint8_t *f = w->ring + i * WORLD_STRIDE + WORLD_ROOM, *ip = f + 14, *l4 = ip + 20;
	const uint32_t mine = htonl(flow_address(flow));
	const uint32_t other = htonl(back ? service_of[service].backend : service_of[service].vip);
	uint32_t sum = 0;

	memset(f, 0, WORLD_FRAME);
	memcpy(f, own, 6);
	memcpy(f + 6, client, 6);
	put16(f + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, WORLD_FRAME - 14);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = service_of[service].proto;
	memcpy(ip + 12, back ? &other : &mine, 4);
	memcpy(ip + 16, back ? &mine : &other, 4);
	for (unsigned int n = 0; n < 20; n += 2)
		sum += (uint32_t)ip[n] << 8 | ip[n + 1];
	put16(ip + 10, (uint16_t)~sl_csum_fold(sum));
	put16(l4, back ? service_of[service].backend_port : flow_port(flow));
	put16(l4 + 2, back ? flow_port(flow) : 80);
	if (ip[9] == 6) {
		put16(l4 + 6, back ? 1000 : 0); /* sequence number, and what is acknowledged */
		put16(l4 + 10, back ? 1 : 1001);
		l4[12] = 0x50;
		l4[13] = flags;
	} else {
		put16(l4 + 4, WORLD_FRAME - 34);
	}
	w->frame[i] = (struct world_frame){ f, WORLD_FRAME, false };
}

/* The new head in front of the payload, as host/worker does it. */
static bool forward(const struct world_frame *f, const struct sl_slow_verdict *v)
{
	if (v->fate != SL_SLOW_FORWARD)
		return false;
	memcpy(f->data + v->rewrite.payload_off - v->rewrite.head_len, v->rewrite.head, v->rewrite.head_len);
	return true;
}

/* As host/receive does it: frames of the ring from *next on, less what is shed. */
static unsigned int receive(struct world *w, uint32_t *next, uint32_t n, struct world_frame *burst[BURST])
{
	unsigned int kept = 0, got, most;

	do {
		most = BURST - kept;
		got = n - *next < most ? n - *next : most;
		if (w->sp.shed) /* a full ring is refilled while it is worked on */
			sl_shed_burst(w->sp.shed, w->sp.services, 0, got, n == WORLD_RING ? got : most, w->sp.now_ms);
		for (uint32_t i = *next; i < *next + got; i++)
			__builtin_prefetch(w->frame[i].data);
		for (uint32_t i = *next; i < *next + got; i++) {
			struct world_frame *f = &w->frame[i];

			if (!w->sp.shed || !w->sp.shed->count || !sl_fastpath_sheds(&w->sp, f->data, f->len, f->len, 0))
				burst[kept++] = f;
		}
		*next += got;
	} while (got == most && BURST - kept >= WORTH);
	return kept;
}

uint32_t world_run(struct world *w, uint32_t n)
{
	static struct sl_fast_burst burst;
	static struct sl_slow_verdict v;
	struct world_frame *frame[BURST];
	uint32_t forwarded = 0, next = 0;

	while (next < n) {
		const uint64_t start = w->watch ? world_ns() : 0;

		burst.count = receive(w, &next, n, frame);
		for (uint32_t i = 0; i < burst.count; i++) {
			burst.frame[i].data = frame[i]->data;
			burst.frame[i].len = frame[i]->len;
			burst.frame[i].port = 0;
			burst.frame[i].fit = true;
		}
		sl_fastpath_begin(&w->sp, &burst);
		for (uint32_t i = 0; i < burst.count; i++) {
			struct world_frame *f = frame[i];

			f->forwarded = sl_fastpath_run(&w->sp, &burst, i);
			if (!f->forwarded && !burst.frame[i].shed) {
				sl_slowpath_run(&w->sp, f->data, f->len, 0, false, &v);
				f->forwarded = forward(f, &v);
			}
			forwarded += f->forwarded;
		}
		if (w->watch) {
			const uint64_t us = (world_ns() - start) / 1000;

			w->bursts[us < WORLD_US ? us : WORLD_US - 1]++;
		}
	}
	return forwarded;
}
