/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening, adopting and leaving the XDP datapath; its flow commands and its sweep for aged flows. */
#include "driver/xdp/datapath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "driver/fpga/log.h"
#include "driver/xdp/first.h"
#include "driver/xdp/offload.h"

#define FLOWS_LOG2_DEFAULT 16
#define LOG2_FLOWS_OF_BUCKET 3 /* two banks, four ways */

void sl_xdp_grace(void)
{
	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0)) /* a grace period of RCU; each run of a program is in one */
		usleep(20000); /* without it: longer than a run takes */
}

uint32_t sl_xdp_now(const struct sl_xdp *x)
{
	struct sl_xdp_time t = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &t, .ctx_size_in = sizeof(t));

	bpf_prog_test_run_opts(x->time_prog, &opts);
	return t.now_ms;
}

/* -- maps ------------------------------------------------------------------------------------------------------------ */

static int fd_of(const struct sl_xdp *x, const char *name)
{
	return bpf_object__find_map_fd_by_name(x->object, name);
}

/* The whole of an array map, or NULL with errno. */
static void *map_memory(const struct sl_xdp *x, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(x->object, name);
	void *memory;

	if (!map) {
		errno = ENOENT;
		return NULL;
	}
	memory = mmap(NULL, (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map), PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_map__fd(map), 0);
	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap_memory(const struct sl_xdp *x, const char *name, void *memory)
{
	struct bpf_map *map = bpf_object__find_map_by_name(x->object, name);

	if (map && memory)
		munmap(memory, (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map));
}

#define MAPPED(do_it)                                        \
	do {                                                 \
		do_it("config", x->maps.config);             \
		do_it("rules", x->maps.rules);               \
		do_it("named", x->maps.named);               \
		do_it("prefixes", x->maps.prefixes);         \
		do_it("actions", x->maps.actions);           \
		do_it("meters", x->maps.meters);             \
		do_it("flows4", x->maps.flows.flows4);       \
		do_it("flows6", x->maps.flows.flows6);       \
		do_it("nat4", x->maps.flows.nat4);           \
		do_it("foreign4", x->maps.flows.foreign4);   \
		do_it("foreign6", x->maps.flows.foreign6);   \
		do_it("flow_meta", x->maps.flows.meta);      \
	} while (0)

static int map_all(struct sl_xdp *x)
{
#define TAKE(name, field) do { (field) = map_memory(x, name); if (!(field)) return -errno; } while (0)
	MAPPED(TAKE);
#undef TAKE
	x->maps.rule_count = fd_of(x, "rule_count");
	x->maps.reason_count = fd_of(x, "reason_count");
	x->maps.ports = fd_of(x, "ports");
	x->maps.xsks = fd_of(x, "xsks");
	x->maps.first = fd_of(x, "first");
	x->maps.first_count = fd_of(x, "first_count");
	x->maps.hints = fd_of(x, "hints");
	x->time_prog = bpf_program__fd(bpf_object__find_program_by_name(x->object, "sluice_time"));
	x->count_prog = bpf_program__fd(bpf_object__find_program_by_name(x->object, "sluice_count"));
	x->cpus = libbpf_num_possible_cpus();
	return x->maps.rule_count < 0 || x->maps.reason_count < 0 || x->maps.ports < 0 || x->maps.xsks < 0 || x->maps.first < 0 ||
	       x->maps.first_count < 0 || x->maps.hints < 0 || x->cpus < 1 ? -ENOENT : 0;
}

static void unmap_all(struct sl_xdp *x)
{
#define DROP(name, field) unmap_memory(x, name, field)
	MAPPED(DROP);
#undef DROP
}

/* log2 of the buckets of a bank of the table that is pinned; -1 none. */
static int pinned_log2(const struct sl_xdp *x)
{
	char path[sizeof(x->pin) + 32];
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd, rc;

	snprintf(path, sizeof(path), "%s/flows4", x->pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -1;
	rc = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	return rc || info.max_entries < 4 ? -1 : 31 - __builtin_clz(info.max_entries / SL_XDP_BANKS);
}

/* -- state ----------------------------------------------------------------------------------------------------------- */

/* Milliseconds of a jiffy x 65536. The coarse clock ticks with them. */
static uint32_t time_mul(void)
{
	struct timespec tick = { 0 };

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return (uint32_t)(((uint64_t)tick.tv_nsec * 65536 + 500000) / 1000000);
}

/* New maps: like a card after power-on and its firmware's start. */
static int set_up(struct sl_xdp *x, uint32_t log2)
{
	uint8_t random[sizeof(struct sl_xdp_seed) + sizeof(struct sl_hash_seed)];
	struct sl_xdp_config c = {
		.pipeline = { .ports = SL_PORTS_MAX, .tunnels = SL_VXLAN_PORT, .enabled = 1 },
		.time_mul = time_mul(), .log2_v4 = log2, .log2_v6 = log2, .ttl_max = 1,
	};

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	sl_xdp_seed_make(&c.seed, random);
	memcpy(&c.pipeline.seed, random + sizeof(struct sl_xdp_seed), sizeof(c.pipeline.seed));
	for (uint32_t i = 0; i < SL_METERS; i++)
		sl_punt_set(&x->maps.meters[i], 0, UINT16_MAX);
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++) {
		c.port = p;
		x->maps.config[p] = c;
	}
	for (uint32_t p = SL_PORTS_MAX; p-- > 0;)
		__atomic_store_n(&x->maps.config[p].layout, SL_XDP_LAYOUT, __ATOMIC_RELEASE);
	return 0;
}

/* What cards have counted, and what they still have. Under the flow queue's lock. */
static void ask_card(void *ctx, uint32_t flow_id, bool leaving)
{
	struct sl_xdp *x = ctx;

	if (!__atomic_load_n(&x->in_card, __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&x->lock);
	sl_xdp_offload_ask(x, flow_id, leaving);
	pthread_mutex_unlock(&x->lock);
}

/* Takes what is there, from whoever had it before. */
static int take(struct sl_xdp *x, uint32_t log2)
{
	const struct sl_xdp_config *c = &x->maps.config[0];
	int rc = c->layout == 0 ? set_up(x, log2) : 0;

	if (rc == 0 && c->layout != SL_XDP_LAYOUT) {
		SL_LOG(ERR, "%s: the pins are those of another build (layout %u, %u is needed): remove them, which ends their flows", x->pin,
		       c->layout, SL_XDP_LAYOUT);
		return -EPROTO;
	}
	x->maps.flows.log2_v4 = c->log2_v4;
	x->maps.flows.log2_v6 = c->log2_v6;
	x->maps.flows.seed = c->seed;
	x->maps.flows.ask = ask_card;
	x->maps.flows.ask_ctx = x;
	for (uint32_t p = 0; p < SL_PORTS_MAX; p++) /* the maximum that was given out: no memo is older */
		if (x->maps.config[p].generation > x->generation)
			x->generation = x->maps.config[p].generation;
	if (rc == 0)
		rc = sl_xdp_table_open(&x->table, &x->maps.flows);
	if (rc)
		return rc;
	sl_xdp_changed(x);
	sl_xdp_rooms(x); /* which an earlier build did not keep */
	if (x->generation == 0) /* an earlier owner ended in the middle of a change: its last number is not known */
		sl_xdp_table_forget_memos(&x->table);
	for (uint32_t b = 0; b < SL_PREFIX_BUCKETS; b++) {
		const struct sl_class_prefix *slot = &x->maps.prefixes[b].slot0;

		for (uint32_t way = 0; way < SL_PREFIX_WAYS; way++)
			x->prefixes += slot[way].family != 0;
	}
	x->rules_written = SL_XDP_RULE_TABLES - 1; /* which tables are read still is not known */
	memset(x->action_left, 1, sizeof(x->action_left));
	return 0;
}

/* -- the datapath ---------------------------------------------------------------------------------------------------- */

static void run_flow(struct sl_datapath *dp, const struct sl_flow_cmd *cmd, struct sl_flow_cpl *cpl, struct sl_flow_state *state)
{
	struct sl_xdp *x = sl_xdp_of(dp);

	sl_xdp_table_command(&x->table, cmd, sl_xdp_now(x), cpl, state);
}

static void sweep_cards(struct sl_xdp *x, uint32_t next, uint32_t batch, uint32_t now_ms)
{
	if (!__atomic_load_n(&x->in_card, __ATOMIC_ACQUIRE))
		return;
	pthread_mutex_lock(&x->lock);
	for (uint32_t id = next; id < x->table.ids && id - next < batch; id++)
		sl_xdp_offload_sweep(x, id, now_ms);
	if (x->table.ids - next <= batch)
		sl_xdp_offload_swept(x);
	pthread_mutex_unlock(&x->lock);
}

static void age(struct sl_datapath *dp, uint32_t *next, uint32_t batch, void (*told)(void *ctx, uint32_t flow_id), void *ctx)
{
	struct sl_xdp *x = sl_xdp_of(dp);
	const uint32_t now_ms = sl_xdp_now(x);

	if (*next == 0)
		sl_xdp_settle(x);
	sweep_cards(x, *next, batch, now_ms);
	for (uint32_t i = 0; i < batch && *next < x->table.ids; i++, ++*next)
		if (sl_xdp_table_age(&x->table, *next, now_ms))
			told(ctx, *next);
	if (*next == x->table.ids)
		*next = 0;
}

static void close_datapath(struct sl_datapath *dp)
{
	struct sl_xdp *x = sl_xdp_of(dp);

	sl_xdp_offload_close(x);
	sl_xdp_table_close(&x->table);
	if (x->object)
		unmap_all(x);
	bpf_object__close(x->object);
	if (x->dir >= 0)
		close(x->dir);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

static const struct sl_datapath_ops ops = {
	.admin = sl_xdp_admin,
	.flow = run_flow,
	.age = age,
	.close = close_datapath,
};

/* The process that has locked the directory, 0 if it is not known. */
static long owner_of(int dir)
{
	FILE *locks = fopen("/proc/locks", "r");
	unsigned long long inode;
	char line[256];
	struct stat st;
	long pid, owner = 0;

	while (locks && !owner && fstat(dir, &st) == 0 && fgets(line, sizeof(line), locks))
		if (sscanf(line, "%*d: FLOCK %*s WRITE %ld %*x:%*x:%llu", &pid, &inode) == 2 && inode == st.st_ino)
			owner = pid;
	if (locks)
		fclose(locks);
	return owner;
}

/* The directory of the pins, which one process has at a time. */
static int take_directory(struct sl_xdp *x)
{
	if (mkdir(x->pin, 0700) && errno != EEXIST) {
		SL_LOG(ERR, "%s: the directory of the pinned maps cannot be made: %s", x->pin, strerror(errno));
		return -errno;
	}
	x->dir = open(x->pin, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir < 0) {
		SL_LOG(ERR, "%s: a directory for the pinned maps is needed: %s", x->pin, strerror(errno));
		return -errno;
	}
	if (flock(x->dir, LOCK_EX | LOCK_NB)) {
		SL_LOG(ERR, "%s: the pinned maps are in use by process %ld; a datapath has one driver at a time", x->pin, owner_of(x->dir));
		return -EBUSY;
	}
	return 0;
}

int sl_xdp_open(const struct sl_card_config *config, struct sl_datapath **datapath)
{
	struct sl_xdp *x = calloc(1, sizeof(*x));
	uint32_t log2 = FLOWS_LOG2_DEFAULT - LOG2_FLOWS_OF_BUCKET;
	int rc, pinned;

	if (!x)
		return -ENOMEM;
	x->dp.ops = &ops;
	x->dir = -1;
	pthread_mutex_init(&x->lock, NULL);
	snprintf(x->pin, sizeof(x->pin), "%s", config->path);
	if (config->flows)
		log2 = 32 - (uint32_t)__builtin_clz(config->flows - 1) - LOG2_FLOWS_OF_BUCKET;
	rc = take_directory(x);
	if (rc)
		goto fail;
	pinned = pinned_log2(x);
	if (pinned >= 0 && config->flows && (uint32_t)pinned != log2)
		SL_LOG(WARNING, "%s: the pinned table has room for %u flows and keeps it: remove the pins for another size", x->pin,
		       1u << (pinned + LOG2_FLOWS_OF_BUCKET));
	log2 = pinned >= 0 ? (uint32_t)pinned : log2;
	x->object = sl_xdp_object_load(x, log2, 0);
	rc = x->object ? map_all(x) : -errno;
	if (rc == 0)
		rc = take(x, log2);
	if (rc == 0)
		rc = sl_xdp_first_adopt(x);
	if (rc)
		goto fail;
	*datapath = &x->dp;
	return 0;
fail:
	close_datapath(&x->dp);
	return rc ? rc : -EINVAL;
}
