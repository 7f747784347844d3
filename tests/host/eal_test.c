/* SPDX-License-Identifier: BSD-3-Clause */
/* What DPDK's EAL is told of CPUs and memory, on hosts that are folders here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/eal.h"

#define MIB (UINT64_C(1) << 20)

static char root[64];

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		mkdir(full, 0700);
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int up(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/eal_test.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static struct sl_config *config_of(unsigned int workers, unsigned int ports, const char *const devices[], uint16_t mtu)
{
	struct sl_config *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->node.workers = workers;
	c->port_count = ports;
	for (unsigned int i = 0; i < ports; i++) {
		snprintf(c->ports[i].device, sizeof(c->ports[i].device), "%s", devices[i]);
		c->ports[i].mtu = mtu;
	}
	return c;
}

/* On CPUs 0 to 7. */
static struct sl_eal_need need_of(struct sl_config *c)
{
	char meminfo[96];
	struct sl_eal_host host = { .sys = root, .meminfo = meminfo };
	struct sl_eal_need need;

	snprintf(meminfo, sizeof(meminfo), "%s/meminfo", root);
	for (unsigned int i = 0; i < 8; i++)
		CPU_SET(i, &host.cpus);
	sl_eal_need(c, &host, &need);
	free(c);
	return need;
}

/* Every queue can be full, and every worker's rings, and there are buffers left to receive into. */
static void a_pool_holds_what_queues_hold(void **state)
{
	(void)state;
	for (unsigned int workers = 1; workers <= 16; workers++) {
		const uint32_t n = sl_eal_mbufs(workers, workers, workers, 3);

		assert_true(n >= 4 * workers * SL_EAL_RING + workers * SL_EAL_RING + 1024);
		assert_true(sl_eal_mbufs(64, workers, workers, 1) <= 6 * workers * SL_EAL_RING + 8191);
	}
	assert_true(sl_eal_room(9000) >= 9000 + 14 + 8 + 128);
	assert_true(sl_eal_room(64) >= 2048 + 128);
}

static void memory_is_what_ports_need(void **state)
{
	static const char *const devices[] = { "net_a0", "net_a1", "net_a2", "net_a3", "net_a4", "net_a5", "net_a6", "net_a7" };
	const struct sl_eal_need one = need_of(config_of(1, 1, devices, 1500)), jumbo = need_of(config_of(1, 4, devices, 9000)),
				 many = need_of(config_of(16, 8, devices, 1500));

	(void)state;
	assert_in_range(one.megabytes, 64, 256);
	assert_true(jumbo.megabytes * MIB > UINT64_C(4) * 8191 * 9000);
	assert_true(many.megabytes * MIB > UINT64_C(8) * sl_eal_mbufs(16, 16, 16, 8) * 2048);
	assert_false(one.huge);
}

/* Huge pages are used if all that is needed fits. */
static void huge_pages_have_to_do(void **state)
{
	static const char *const devices[] = { "net_a0", "net_a1" };

	(void)state;
	put("meminfo", "MemTotal: 1 kB\nHugePages_Total:      64\nHugePages_Free:       64\nHugepagesize:       2048 kB\n");
	assert_true(need_of(config_of(1, 1, devices, 1500)).huge);
	assert_false(need_of(config_of(1, 2, devices, 9000)).huge);
	put("meminfo", "HugePages_Free:        1\nHugepagesize:       1048576 kB\n");
	assert_true(need_of(config_of(1, 2, devices, 9000)).huge);
	put("meminfo", "HugePages_Free:       20\n");
	assert_false(need_of(config_of(1, 1, devices, 1500)).huge);
}

static void workers_stay_with_their_ports(void **state)
{
	static const char *const both[] = { "0000:3b:00.0,x=1", "net_sluice_xdp0,iface=eth7,pin=/p" }, *const short_address[] = { "3b:00.0" },
			   *const unknown[] = { "0000:3b:00.0", "net_null0" };
	struct sl_eal_need need;

	(void)state;
	put("bus/pci/devices/0000:3b:00.0/numa_node", "1\n");
	put("class/net/eth7/device/numa_node", "1\n");
	put("devices/system/node/node1/cpulist", "2-3,6,12-15\n");
	need = need_of(config_of(3, 2, both, 1500));
	assert_int_equal(need.node, 1);
	assert_int_equal(CPU_COUNT(&need.cpus), 3);
	assert_true(CPU_ISSET(2, &need.cpus) && CPU_ISSET(3, &need.cpus) && CPU_ISSET(6, &need.cpus));
	assert_int_equal(need_of(config_of(1, 1, short_address, 1500)).node, 1);
	/* More workers than it has, a port that does not say, or that is elsewhere: all CPUs. */
	need = need_of(config_of(4, 2, both, 1500));
	assert_int_equal(need.node, -1);
	assert_int_equal(CPU_COUNT(&need.cpus), 8);
	assert_int_equal(need_of(config_of(1, 2, unknown, 1500)).node, -1);
	put("class/net/eth7/device/numa_node", "0\n");
	assert_int_equal(need_of(config_of(1, 2, both, 1500)).node, -1);
	put("bus/pci/devices/0000:3b:00.0/numa_node", "-1\n");
	assert_int_equal(need_of(config_of(1, 1, both, 1500)).node, -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
	const struct CMUnitTest tests[] = { T(a_pool_holds_what_queues_hold), T(memory_is_what_ports_need), T(huge_pages_have_to_do),
					    T(workers_stay_with_their_ports) };

	return cmocka_run_group_tests_name("host/eal", tests, NULL, NULL);
}
