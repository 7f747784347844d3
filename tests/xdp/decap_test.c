/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A backend's programs in this kernel: each frame of decap.json through BPF_PROG_TEST_RUN, under the configuration that
 * sluice-decap makes of the frame's options. Compared are what comes out, byte for byte, and every counter.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "host/decap.h"

#define FAILURES_SHOWN 50
#define COUNTERS (SL_DECAP_KINDS * SL_DECAP_RESULTS)
#define WORDS_MAX 24

struct program {
	struct bpf_object *object;
	struct sl_decap_state state;
	int fd;
};

/* The names of counters, in the order of the numbers: what `show -j` says is checked against tests/system. */
static const char *const opened_names[SL_DECAP_RESULTS] = { "opened",	     "bad-inner",   "bad-ecn",	     "failed", "other-mac",
							    "other-destination", "not-trusted", "other-network", "no-ip",  "not-a-vip" };
static const char *const clamped_names[SL_CLAMP_RESULTS] = { "lowered", "fits", "no-option", "bad-options" };

static struct sl_decap_options options;
static unsigned int passed, failed;

void sl_decap_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static struct program load(const char *path, const char *name)
{
	struct program p = { .object = bpf_object__open(path) };

	if (!p.object || bpf_object__load(p.object))
		sl_decap_fail("%s: not loaded: %s", path, strerror(errno));
	p.fd = bpf_program__fd(bpf_object__find_program_by_name(p.object, name));
	for (unsigned int i = 0; i < SL_DECAP_MAPS; i++)
		p.state.map[i] = bpf_object__find_map_fd_by_name(p.object, sl_decap_map_name(i));
	return p;
}

/* The clamp has no list of prefixes; its test writes them into the other program's map. */
static void configure(struct program *p, const json_t *row, const char *mac)
{
	static char words[WORDS_MAX][128]; /* copies: the reader cuts lists up */
	char *argv[WORDS_MAX] = { "sluice-decap", "attach", "-i", "eth0" };
	struct sl_decap_interface interface = { .index = 1 };
	struct sl_decap_config config;
	int argc = 4;
	size_t n;
	json_t *word;

	json_array_foreach(json_object_get(row, "options"), n, word) {
		snprintf(words[argc], sizeof(words[argc]), "%s", json_string_value(word));
		argv[argc] = words[argc];
		argc++;
	}
	sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &interface.mac[0], &interface.mac[1], &interface.mac[2], &interface.mac[3],
	       &interface.mac[4], &interface.mac[5]);
	interface.mtu = (uint32_t)json_integer_value(json_object_get(row, "mtu"));
	optind = 0;
	sl_decap_options_read(&options, argc, argv);
	sl_decap_options_config(&options, &interface, &config);
	sl_decap_config_set(&p->state, &options, &config);
}

static void read_counters(const struct program *p, bool clamp, uint64_t packets[COUNTERS], uint64_t bytes[COUNTERS])
{
	struct sl_counter_pair pair[512];

	for (uint32_t i = 0; i < (clamp ? SL_CLAMP_RESULTS : COUNTERS); i++) {
		packets[i] = 0;
		bytes[i] = 0;
		if (bpf_map_lookup_elem(p->state.map[clamp ? SL_DECAP_MAP_CLAMPED : SL_DECAP_MAP_OPENED], &i, pair))
			sl_decap_fail("counter %u: %s", i, strerror(errno));
		for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
			packets[i] += pair[cpu].packets;
			bytes[i] += pair[cpu].bytes;
		}
	}
}

static uint32_t index_of(const char *const *names, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	sl_decap_fail("there is no counter \"%s\"", name);
}

/* The counter that must move, or COUNTERS. */
static uint32_t counter_of(const json_t *row)
{
	const char *kind = json_string_value(json_object_get(row, "kind"));
	const char *result = json_string_value(json_object_get(row, "result"));

	if (!kind)
		return COUNTERS;
	if (strcmp(kind, "syn") == 0)
		return index_of(clamped_names, SL_CLAMP_RESULTS, result);
	for (uint32_t i = 0; i < SL_DECAP_KINDS; i++) {
		if (sl_decap_kind_name(i) && strcmp(sl_decap_kind_name(i), kind) == 0)
			return sl_decap_counter(i, index_of(opened_names, SL_DECAP_RESULTS, result));
	}
	sl_decap_fail("there is no tunnel \"%s\"", kind);
}

static size_t unhex(const char *text, uint8_t *out)
{
	const size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++)
		sscanf(text + 2 * i, "%2hhx", &out[i]);
	return n;
}

static const char *compare_counters(const json_t *row, bool clamp, size_t len, uint64_t packets[2][COUNTERS],
				    uint64_t bytes[2][COUNTERS])
{
	const uint32_t moves = counter_of(row);

	for (uint32_t i = 0; i < (clamp ? SL_CLAMP_RESULTS : COUNTERS); i++) {
		if (packets[1][i] - packets[0][i] != (i == moves) || bytes[1][i] - bytes[0][i] != (i == moves ? len : 0))
			return i == moves ? "its counter did not move by the frame" : "another counter moved";
	}
	return NULL;
}

/* One frame; what is wrong, or NULL. */
static const char *run(struct program *p, const json_t *row, const char *mac)
{
	static uint8_t in[65536], out[65536], want[65536];
	static uint64_t packets[2][COUNTERS], bytes[2][COUNTERS];
	const bool clamp = strcmp(json_string_value(json_object_get(row, "program")), "clamp") == 0;
	const size_t len = unhex(json_string_value(json_object_get(row, "frame")), in);
	const json_t *expected = json_object_get(row, "out");
	const size_t want_len = json_is_string(expected) ? unhex(json_string_value(expected), want) : 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = (uint32_t)len, .data_out = out,
		    .data_size_out = sizeof(out));

	configure(p, row, mac);
	read_counters(p, clamp, packets[0], bytes[0]);
	if (bpf_prog_test_run_opts(p->fd, &opts))
		return strerror(errno);
	read_counters(p, clamp, packets[1], bytes[1]);
	if (opts.retval != (clamp ? (uint32_t)TC_ACT_UNSPEC : json_is_string(expected) ? XDP_PASS : XDP_DROP))
		return "verdict";
	if (json_is_string(expected) && (opts.data_size_out != want_len || memcmp(out, want, want_len) != 0))
		return "bytes";
	return compare_counters(row, clamp, len, packets, bytes);
}

int main(int argc, char **argv)
{
	struct program programs[2];
	json_error_t error;
	json_t *all, *row;
	size_t n;

	if (argc != 4) {
		fprintf(stderr, "usage: decap_test DECAP.bpf.o CLAMP.bpf.o CASES.json\n");
		return 2;
	}
	programs[0] = load(argv[1], "sluice_decap");
	programs[1] = load(argv[2], "sluice_clamp");
	programs[1].state.map[SL_DECAP_MAP_TRUSTED] = programs[0].state.map[SL_DECAP_MAP_TRUSTED];
	all = json_load_file(argv[3], 0, &error);
	if (!all)
		sl_decap_fail("%s: %s", argv[3], error.text);
	json_array_foreach(json_object_get(all, "cases"), n, row) {
		const bool clamp = strcmp(json_string_value(json_object_get(row, "program")), "clamp") == 0;
		const char *wrong = run(&programs[clamp], row, json_string_value(json_object_get(all, "mac")));

		passed += !wrong;
		failed += wrong != NULL;
		if (wrong && failed <= FAILURES_SHOWN)
			printf("FAIL %s: %s\n", json_string_value(json_object_get(row, "name")), wrong);
	}
	printf("backend's programs: %u passed, %u failed\n", passed, failed);
	json_decref(all);
	bpf_object__close(programs[0].object);
	bpf_object__close(programs[1].object);
	return failed || passed < 1000 ? 1 : 0;
}
