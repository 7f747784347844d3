/* SPDX-License-Identifier: BSD-3-Clause */
/* See doctor_wire.h. */
#include "host/doctor_wire.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* -- what the kernel tells ---------------------------------------------------------------------------------------- */

static int ask(int fd, const char *name, void *command)
{
	struct ifreq ifr = { .ifr_data = command };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, SIOCETHTOOL, &ifr);
}

/* Bit of a feature among the driver's, or -1; how many there are in *count. */
static int feature_bit(int fd, const char *name, const char *feature, uint32_t *count)
{
	struct {
		struct ethtool_sset_info head;
		uint32_t size;
	} set = { .head = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = UINT64_C(1) << ETH_SS_FEATURES } };
	struct ethtool_gstrings *strings;
	int bit = -1;

	if (ask(fd, name, &set) || !set.head.sset_mask || set.size == 0)
		return -1;
	strings = calloc(1, sizeof(*strings) + (size_t)set.size * ETH_GSTRING_LEN);
	if (!strings)
		return -1;
	*strings = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = set.size };
	for (uint32_t i = 0; ask(fd, name, strings) == 0 && i < set.size && bit < 0; i++)
		if (!strncmp((const char *)strings->data + (size_t)i * ETH_GSTRING_LEN, feature, ETH_GSTRING_LEN))
			bit = (int)i;
	free(strings);
	*count = set.size;
	return bit;
}

static bool feature_on(int fd, const char *name, const char *feature)
{
	struct ethtool_gfeatures *features;
	uint32_t count = 0, blocks;
	const int bit = feature_bit(fd, name, feature, &count);
	bool on;

	if (bit < 0)
		return false;
	blocks = (count + 31) / 32;
	features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (!features)
		return false;
	features->cmd = ETHTOOL_GFEATURES;
	features->size = blocks;
	on = ask(fd, name, features) == 0 && features->features[bit / 32].active >> bit % 32 & 1;
	free(features);
	return on;
}

static void read_addresses(const char *name, char *text, size_t size)
{
	struct ifaddrs *all, *a;
	size_t used = 0;

	text[0] = '\0';
	if (getifaddrs(&all))
		return;
	for (a = all; a; a = a->ifa_next) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a->ifa_addr;
		const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a->ifa_addr;
		char address[INET6_ADDRSTRLEN];

		if (!a->ifa_addr || strcmp(a->ifa_name, name) || used + sizeof(address) + 2 > size)
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			inet_ntop(AF_INET, &four->sin_addr, address, sizeof(address));
		else if (a->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
			inet_ntop(AF_INET6, &six->sin6_addr, address, sizeof(address));
		else
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", address);
	}
	freeifaddrs(all);
}

void sl_wire_read(int fd, const char *name, struct sl_wire *wire)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq ifr = { .ifr_flags = 0 };

	*wire = (struct sl_wire){ .queues = 0 };
	snprintf(wire->name, sizeof(wire->name), "%s", name);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	wire->loopback = ioctl(fd, SIOCGIFFLAGS, &ifr) == 0 && ifr.ifr_flags & IFF_LOOPBACK;
	if (ask(fd, name, &channels) == 0) {
		wire->queues = channels.combined_count + channels.rx_count;
		wire->queues_max = channels.max_combined + channels.max_rx;
	}
	if (ask(fd, name, &flags) == 0 && flags.data & ETH_FLAG_LRO)
		wire->offloads |= SL_WIRE_LRO;
	if (feature_on(fd, name, "rx-gro-hw"))
		wire->offloads |= SL_WIRE_GRO_HW;
	read_addresses(name, wire->addresses, sizeof(wire->addresses));
}

/* -- what follows ------------------------------------------------------------------------------------------------- */

static void judge_queues(const struct sl_wire *w, unsigned int workers, struct sl_wire_word *word)
{
	char idle[40];

	snprintf(idle, sizeof(idle), w->queues + 1 == workers ? "worker %u" : "workers %u to %u", w->queues, workers - 1);
	snprintf(word->found, sizeof(word->found), "%s has %u receive queue%s for %u workers: %s receive%s nothing from it, and work%s on what others "
		 "hand over", w->name, w->queues, w->queues == 1 ? "" : "s", workers, idle, w->queues + 1 == workers ? "s" : "",
		 w->queues + 1 == workers ? "s" : "");
	if (w->queues_max >= workers)
		snprintf(word->remedy, sizeof(word->remedy), "ethtool -L %s combined %u (or rx %u), before sluiced starts", w->name, workers, workers);
	else
		snprintf(word->remedy, sizeof(word->remedy), "it cannot have more than %u: node.workers: %u, unless other ports feed the others",
			 w->queues_max > w->queues ? w->queues_max : w->queues, w->queues_max > w->queues ? w->queues_max : w->queues);
}

unsigned int sl_wire_judge(const struct sl_wire *w, unsigned int workers, const char *kernel_interface,
			   struct sl_wire_word words[SL_WIRE_WORDS])
{
	unsigned int n = 0;

	if (w->loopback) {
		snprintf(words[n].found, sizeof(words[n].found), "%s is the loopback interface: no client's frame comes by it", w->name);
		snprintf(words[n++].remedy, sizeof(words[0].remedy), "name the interface that the network is at (ip -br link); tests use a veth pair");
		return n; /* it has addresses and one queue, as it should */
	}
	if (w->addresses[0]) {
		snprintf(words[n].found, sizeof(words[n].found), "the kernel has %s at %s: while sluiced runs all that arrives goes to %s, the answers to ARP and ND "
			 "too, so what is sent from there gets lost", w->addresses, w->name, kernel_interface);
		snprintf(words[n++].remedy, sizeof(words[0].remedy), "move them to kernel.addresses of the port (and routes to %s): `ip addr flush dev %s`, not "
			 "over a connection by that address", kernel_interface, w->name);
	}
	if (w->queues && w->queues < workers)
		judge_queues(w, workers, &words[n++]);
	if (w->offloads) {
		snprintf(words[n].found, sizeof(words[n].found), "%s merges frames before XDP sees them (%s%s%s): native XDP is refused, or they are too big "
			 "for the port and get lost", w->name, w->offloads & SL_WIRE_LRO ? "LRO" : "",
			 w->offloads == (SL_WIRE_LRO | SL_WIRE_GRO_HW) ? ", " : "", w->offloads & SL_WIRE_GRO_HW ? "GRO-HW" : "");
		snprintf(words[n++].remedy, sizeof(words[0].remedy), "ethtool -K %s%s%s", w->name, w->offloads & SL_WIRE_LRO ? " lro off" : "",
			 w->offloads & SL_WIRE_GRO_HW ? " rx-gro-hw off" : "");
	}
	return n;
}
