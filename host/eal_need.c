/* SPDX-License-Identifier: BSD-3-Clause */
/* What EAL is to be told (eal.h); without DPDK, as `sluice doctor` says it too. */
#include <stdio.h>
#include <string.h>

#include "host/eal.h"

#define MBUFS_LEAST 8191u
#define PAGE 4096u
#define OTHER_MB 96u /* EAL's own, rings, what drivers take */

uint32_t sl_eal_mbufs(unsigned int rx_queues, unsigned int tx_queues, unsigned int workers, unsigned int ports)
{
	/* What is received by more queues than that is copied into a buffer when a worker takes it (XDP). */
	const unsigned int receiving = rx_queues < 2 * workers ? rx_queues : 2 * workers;
	const uint32_t held = (receiving + tx_queues * ports + 2 * workers) * SL_EAL_RING + workers * 512 + 2047;

	return held > MBUFS_LEAST ? held : MBUFS_LEAST;
}

uint32_t sl_eal_room(uint32_t mtu)
{
	return SL_EAL_HEADROOM + (mtu + 64 > 2048 ? mtu + 64 : 2048);
}

bool sl_eal_is_pci(const char *devargs)
{
	return memchr(devargs, ':', strcspn(devargs, ","));
}

/* A number of a line "name: number", else 0. */
static uint64_t meminfo_of(const char *path, const char *name)
{
	const size_t len = strlen(name);
	unsigned long long n = 0;
	char line[128];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, len) && line[len] == ':' && sscanf(line + len + 1, "%llu", &n) == 1)
			break;
	}
	if (f)
		fclose(f);
	return n;
}

/* The value of an argument of devargs, as iface=eth1. False: it has none. */
static bool argument(const char *devargs, const char *name, char *value, size_t len)
{
	const size_t n = strlen(name);

	for (const char *at = strchr(devargs, ','); at; at = strchr(at + 1, ',')) {
		if (strncmp(at + 1, name, n) || at[1 + n] != '=')
			continue;
		snprintf(value, len, "%.*s", (int)strcspn(at + 2 + n, ","), at + 2 + n);
		return *value;
	}
	return false;
}

/* -1: not told. */
static int node_of(const char *sys, const char *devargs)
{
	char path[512], name[64];
	int node = -1;
	FILE *f;

	if (sl_eal_is_pci(devargs)) /* without a domain it is the first one's */
		snprintf(path, sizeof(path), "%s/bus/pci/devices/%s%.*s/numa_node", sys, strchr(strchr(devargs, ':') + 1, ':') ? "" : "0000:",
			 (int)strcspn(devargs, ","), devargs);
	else if (argument(devargs, "iface", name, sizeof(name)))
		snprintf(path, sizeof(path), "%s/class/net/%s/device/numa_node", sys, name);
	else
		return -1;
	f = fopen(path, "r");
	if (f && fscanf(f, "%d", &node) != 1)
		node = -1;
	if (f)
		fclose(f);
	return node;
}

/* A list as in sysfs: 0-3,8. */
static void cpus_of_node(const char *sys, int node, cpu_set_t *cpus)
{
	char path[512];
	unsigned int from, to;
	FILE *f;

	CPU_ZERO(cpus);
	snprintf(path, sizeof(path), "%s/devices/system/node/node%d/cpulist", sys, node);
	f = fopen(path, "r");
	while (f && fscanf(f, "%u", &from) == 1) {
		to = from;
		if (fscanf(f, "-%u", &to) != 1)
			to = from;
		for (; from <= to && from < CPU_SETSIZE; from++)
			CPU_SET(from, cpus);
		if (fgetc(f) != ',')
			break;
	}
	if (f)
		fclose(f);
}

static void cpus_choose(const struct sl_config *config, const struct sl_eal_host *host, struct sl_eal_need *need)
{
	cpu_set_t near;

	need->cpus = host->cpus;
	need->node = config->port_count ? node_of(host->sys, config->ports[0].device) : -1;
	for (unsigned int i = 1; i < config->port_count; i++) {
		if (node_of(host->sys, config->ports[i].device) != need->node)
			need->node = -1;
	}
	if (need->node < 0)
		return;
	cpus_of_node(host->sys, need->node, &near);
	CPU_AND(&near, &near, &host->cpus);
	if ((unsigned int)CPU_COUNT(&near) >= config->node.workers)
		need->cpus = near;
	else
		need->node = -1;
}

void sl_eal_need(const struct sl_config *config, const struct sl_eal_host *host, struct sl_eal_need *need)
{
	const unsigned int workers = config->node.workers;
	const uint64_t page = meminfo_of(host->meminfo, "Hugepagesize") * 1024;
	uint64_t bytes = (uint64_t)OTHER_MB << 20, dense = bytes, free_pages, reserved;

	cpus_choose(config, host, need);
	for (unsigned int i = 0; i < config->port_count; i++) {
		/* Beside the frame: what the pool and the library keep of it; without huge pages none crosses a page if it can help it. */
		const uint64_t each = sl_eal_room(config->ports[i].mtu) + SL_EAL_BUFFER;

		bytes += sl_eal_mbufs(2 * workers, workers, workers, config->port_count) * ((each + PAGE - 1) / PAGE * PAGE);
		dense += sl_eal_mbufs(2 * workers, workers, workers, config->port_count) * each;
	}
	need->megabytes = (bytes + (1 << 20) - 1) >> 20;
	free_pages = meminfo_of(host->meminfo, "HugePages_Free");
	reserved = meminfo_of(host->meminfo, "HugePages_Rsvd");
	need->huge = page && free_pages > reserved && (free_pages - reserved) * page >= dense;
}
