/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the driver makes of services that an earlier owner's program decides (driver/xdp/first.c): a table of another build or one that says
 * what cannot be is taken from the program, and the others stay. Needs CAP_BPF.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "driver/fpga/log.h"
#include "driver/xdp/first.h"

static unsigned int warnings, failed;
int sl_driver_logtype;

int rte_log(uint32_t level, uint32_t type, const char *format, ...)
{
	(void)type;
	(void)format;
	warnings += level == RTE_LOG_WARNING;
	return 0;
}

int sl_card_port_of(struct sl_card *card, uint16_t ethdev_id)
{
	(void)card;
	(void)ethdev_id;
	return 0;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "adopt_test: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void expect(bool good, const char *what)
{
	if (good)
		return;
	printf("adopt_test: %s\n", what);
	failed++;
}

static struct sl_first_key key_of(unsigned int n)
{
	return (struct sl_first_key){ .vip = { 192, 0, 2, (uint8_t)n }, .port = 80, .proto = 6, .family = 4 };
}

static int table_map(uint32_t bytes)
{
	const int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "first_table", sizeof(uint32_t), bytes, 1, NULL);

	must(fd >= 0, "a table");
	return fd;
}

/* The map of services, whose tables have that many bytes each. */
static int services_map(uint32_t bytes)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int inner = table_map(bytes), fd;

	opts.inner_map_fd = (uint32_t)inner;
	fd = bpf_map_create(BPF_MAP_TYPE_HASH_OF_MAPS, "first", sizeof(struct sl_first_key), sizeof(uint32_t), SL_FIRST_SERVICES, &opts);
	must(fd >= 0, "services");
	close(inner);
	return fd;
}

static void service_add(int services, uint32_t bytes, unsigned int n, uint32_t slot)
{
	struct sl_first_table *table = calloc(1, sizeof(*table) + 64);
	const struct sl_first_key key = key_of(n);
	const int fd = table_map(bytes);
	const uint32_t zero = 0;

	must(table, "memory");
	table->key = key;
	table->slot = slot;
	must(!bpf_map_update_elem(fd, &zero, table, BPF_ANY) && !bpf_map_update_elem(services, &key, &fd, BPF_ANY), "a service");
	close(fd);
	free(table);
}

static unsigned int services_in(int map)
{
	struct sl_first_key key, before;
	unsigned int n = 0;

	while (!bpf_map_get_next_key(map, n ? &before : NULL, &key)) {
		before = key;
		n++;
	}
	return n;
}

static struct sl_xdp *owner_make(int services)
{
	struct sl_xdp *x = calloc(1, sizeof(*x));

	must(x, "memory");
	x->maps.first = services;
	x->maps.config = calloc(SL_PORTS_MAX, sizeof(*x->maps.config));
	must(x->maps.config, "memory");
	return x;
}

static void owner_end(struct sl_xdp *x)
{
	close(x->maps.first);
	free(x->maps.config);
	free(x);
}

static void other_build(uint32_t bytes, const char *what)
{
	struct sl_xdp *x = owner_make(services_map(bytes));

	for (unsigned int n = 0; n < 3; n++)
		service_add(x->maps.first, bytes, n, n);
	warnings = 0;
	expect(sl_xdp_first_adopt(x) == 0, what);
	expect(services_in(x->maps.first) == 0 && warnings == 3, what);
	for (unsigned int i = 0; i < SL_FIRST_SERVICES; i++)
		expect(!x->first_used[i], what);
	expect(!x->maps.config[0].first, what);
	owner_end(x);
}

static void one_of_three(void)
{
	struct sl_xdp *x = owner_make(services_map(sizeof(struct sl_first_table)));
	const struct sl_first_key one = key_of(1), three = key_of(3);

	service_add(x->maps.first, sizeof(struct sl_first_table), 1, 7);
	service_add(x->maps.first, sizeof(struct sl_first_table), 2, SL_FIRST_SERVICES); /* no such slot */
	service_add(x->maps.first, sizeof(struct sl_first_table), 3, 9);
	warnings = 0;
	expect(sl_xdp_first_adopt(x) == 0, "three services: not adopted");
	expect(services_in(x->maps.first) == 2 && warnings == 1, "three services: not two are left");
	expect(x->first_used[7] && !memcmp(&x->first_key[7], &one, sizeof(one)), "three services: not the first");
	expect(x->first_used[9] && !memcmp(&x->first_key[9], &three, sizeof(three)), "three services: not the third");
	expect(x->maps.config[0].first, "three services: the program is not told");
	owner_end(x);
}

int main(void)
{
	other_build(sizeof(struct sl_first_table) - 64, "tables of an earlier build, which are shorter");
	other_build(sizeof(struct sl_first_table) + 64, "tables of a later build, which are longer");
	one_of_three();
	if (failed)
		return 1;
	puts("adopt_test: services of an earlier owner: ok");
	return 0;
}
