/* SPDX-License-Identifier: BSD-3-Clause */
/* See eal.h. */
#include "host/eal.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "host/log.h"

#define EAL_ARGS 48
#define SPARE_MB 160u /* that costs nothing where pages are taken as they are used */

_Static_assert(SL_EAL_HEADROOM == RTE_PKTMBUF_HEADROOM && SL_EAL_BUFFER >= sizeof(struct rte_mbuf) + 64, "host/eal_need.c does without DPDK");

/* Lcores 0 (control) to n (workers), all free to run on every one of these CPUs. */
static void lcores_text(char *text, size_t len, unsigned int workers, const cpu_set_t *cpus)
{
	size_t n = (size_t)snprintf(text, len, "(0-%u)@(", workers);
	bool first = true;

	for (int cpu = 0; cpu < CPU_SETSIZE && n + 8 < len; cpu++) {
		if (CPU_ISSET(cpu, cpus)) {
			n += (size_t)snprintf(text + n, len - n, "%s%d", first ? "" : ",", cpu);
			first = false;
		}
	}
	snprintf(text + n, len - n, ")");
}

/* Loads the drivers beside the agent (../lib/librte_net_*.so seen from its binary; DPDK's own are found by EAL). Not by
 * EAL's -d: it refuses paths below a world-writable folder, but these files are trusted as the agent itself is. */
static int drivers_load(char *err, size_t err_len)
{
	char exe[512], pattern[640];
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	glob_t found = { 0 };
	int rc = 0;

	if (n <= 0)
		return 0;
	exe[n] = '\0';
	snprintf(pattern, sizeof(pattern), "%s/../lib/librte_net_*.so", dirname(exe));
	if (glob(pattern, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc && !rc; i++) {
		if (!dlopen(found.gl_pathv[i], RTLD_NOW | RTLD_GLOBAL)) {
			snprintf(err, err_len, "driver %s cannot be loaded: %s", found.gl_pathv[i], dlerror());
			rc = -ELIBBAD;
		}
	}
	globfree(&found);
	return rc;
}

static int devices_allow(char **argv, int argc, const struct sl_config *config)
{
	const int before = argc;

	for (unsigned int i = 0; i < config->port_count && argc + 2 < EAL_ARGS; i++) {
		if (!sl_eal_is_pci(config->ports[i].device))
			continue;
		argv[argc++] = (char *)"-a";
		argv[argc++] = (char *)(uintptr_t)config->ports[i].device;
	}
	if (argc == before)
		argv[argc++] = (char *)"--no-pci";
	return argc;
}

int sl_eal_init(const struct sl_config *config, const char *extra, char *err, size_t err_len)
{
	char lcores[512], prefix[96], words[512], megabytes[24], *argv[EAL_ARGS], *word, *save = NULL;
	struct sl_eal_host host = { .sys = "/sys", .meminfo = "/proc/meminfo" };
	struct sl_eal_need need;
	int argc = 0, rc = drivers_load(err, err_len);

	if (rc)
		return rc;
	sched_getaffinity(0, sizeof(host.cpus), &host.cpus);
	sl_eal_need(config, &host, &need);
	lcores_text(lcores, sizeof(lcores), config->node.workers, &need.cpus);
	snprintf(prefix, sizeof(prefix), "--file-prefix=sluice-%s", config->node.name);
	argv[argc++] = (char *)"sluiced";
	argv[argc++] = (char *)"--lcores";
	argv[argc++] = lcores;
	argv[argc++] = prefix;
	argv[argc++] = (char *)"--no-telemetry";
	argv[argc++] = (char *)"--log-level=lib.eal:warning";
	if (need.huge) {
		argv[argc++] = (char *)"--in-memory";
	} else {
		argv[argc++] = (char *)"--no-huge";
		argv[argc++] = (char *)"--no-shconf";
		argv[argc++] = (char *)"-m";
		snprintf(megabytes, sizeof(megabytes), "%llu", (unsigned long long)(need.megabytes + SPARE_MB));
		argv[argc++] = megabytes;
	}
	argc = devices_allow(argv, argc, config);
	snprintf(words, sizeof(words), "%s", extra ? extra : "");
	for (word = strtok_r(words, " ", &save); word && argc < EAL_ARGS; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	rc = rte_eal_init(argc, argv);
	if (rc < 0) {
		snprintf(err, err_len, "DPDK's EAL did not start: %s (its own words are above)", rte_strerror(rte_errno));
		return -rte_errno;
	}
	return 0;
}
