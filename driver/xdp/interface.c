/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel knows of a port's interface, by ioctl(2) and rtnetlink(7): no file of /sys, which may be another namespace's. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "driver/xdp/datapath.h"

static int ask(const char *name, unsigned long request, struct ifreq *ifr)
{
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (sock < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	rc = ioctl(sock, request, ifr) ? -errno : 0;
	close(sock);
	return rc;
}

static uint32_t speed_of(const char *name)
{
	struct ethtool_cmd cmd = { .cmd = ETHTOOL_GSET };
	struct ifreq ifr = { .ifr_data = (char *)&cmd };
	uint32_t speed;

	if (ask(name, SIOCETHTOOL, &ifr))
		return 0;
	speed = ethtool_cmd_speed(&cmd);
	return speed == (uint32_t)SPEED_UNKNOWN ? 0 : speed;
}

int sl_xdp_link_get(const char *name, struct sl_xdp_link *link)
{
	struct ifreq ifr = { 0 };
	int rc = ask(name, SIOCGIFHWADDR, &ifr);

	if (rc == 0 && ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		rc = -EPFNOSUPPORT;
	memcpy(link->mac, ifr.ifr_hwaddr.sa_data, sizeof(link->mac));
	if (rc == 0)
		rc = ask(name, SIOCGIFMTU, &ifr);
	link->mtu = (uint16_t)(ifr.ifr_mtu > UINT16_MAX ? UINT16_MAX : ifr.ifr_mtu);
	if (rc == 0)
		rc = ask(name, SIOCGIFFLAGS, &ifr);
	link->running = ifr.ifr_flags & IFF_UP && ifr.ifr_flags & IFF_RUNNING;
	link->speed_mbps = rc ? 0 : speed_of(name);
	return rc;
}

int sl_xdp_link_mac_set(const char *name, const uint8_t mac[6])
{
	struct ifreq ifr = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };

	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	return ask(name, SIOCSIFHWADDR, &ifr);
}

int sl_xdp_link_flags(const char *name, short flags, bool set)
{
	struct ifreq ifr = { 0 };
	int rc = ask(name, SIOCGIFFLAGS, &ifr);
	const short want = (short)(set ? ifr.ifr_flags | flags : ifr.ifr_flags & ~flags);

	if (rc || want == ifr.ifr_flags)
		return rc;
	ifr.ifr_flags = want;
	return ask(name, SIOCSIFFLAGS, &ifr);
}

unsigned int sl_xdp_link_queues(const char *name)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { .ifr_data = (char *)&channels };
	unsigned int n;

	if (ask(name, SIOCETHTOOL, &ifr))
		return 1;
	n = channels.combined_count ? channels.combined_count : channels.rx_count;
	return n < 1 ? 1 : n > SL_XDP_QUEUES ? SL_XDP_QUEUES : n;
}

/* RTM_GETSTATS of one interface; the answer is one message with one attribute. */
int sl_xdp_link_stats(int ifindex, struct sl_port_stats *stats)
{
	struct { struct nlmsghdr nl; struct if_stats_msg msg; } request = {
		.nl = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETSTATS, .nlmsg_flags = NLM_F_REQUEST },
		.msg = { .ifindex = (uint32_t)ifindex, .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) },
	};
	struct { struct nlmsghdr nl; struct if_stats_msg msg; struct rtattr attr; struct rtnl_link_stats64 s; } answer;
	int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;

	if (sock >= 0 && send(sock, &request, sizeof(request), 0) == sizeof(request))
		n = recv(sock, &answer, sizeof(answer), 0);
	if (sock >= 0)
		close(sock);
	/* Older kernels tell fewer counters than we know, newer ones more: the first four have always been there. */
	if (n < (ssize_t)(offsetof(typeof(answer), s) + 4 * sizeof(uint64_t)) || answer.nl.nlmsg_type != RTM_NEWSTATS ||
	    answer.attr.rta_type != IFLA_STATS_LINK_64)
		return -EIO;
	*stats = (struct sl_port_stats){ .rx_packets = answer.s.rx_packets, .rx_bytes = answer.s.rx_bytes,
					 .tx_packets = answer.s.tx_packets, .tx_bytes = answer.s.tx_bytes };
	return 0;
}
