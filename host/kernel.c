/* SPDX-License-Identifier: BSD-3-Clause */
/* Kernel interfaces: TUN/TAP for the frames, ioctl for the link, rtnetlink for the addresses. */
#include "host/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

unsigned int if_nametoindex(const char *name); /* <net/if.h> clashes with <linux/if.h> */
char *if_indextoname(unsigned int index, char *name);

int sl_kernel_address(int ifindex, const struct sl_prefix *prefix, bool answer_only, bool add)
{
	const struct ifa_cacheinfo never = { .ifa_prefered = 0, .ifa_valid = UINT32_MAX };
	const unsigned int len = prefix->addr.family == 4 ? 4 : 16;
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	struct ifaddrmsg *ifa;
	ssize_t n;
	int rc = 0;

	if (!nl)
		return -errno;
	nlh->nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
	nlh->nlmsg_seq = 1;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	*ifa = (struct ifaddrmsg){ .ifa_family = prefix->addr.family == 4 ? AF_INET : AF_INET6, .ifa_prefixlen = prefix->len,
				   .ifa_flags = prefix->addr.family == 4 ? 0 : IFA_F_NODAD, .ifa_index = (unsigned int)ifindex };
	mnl_attr_put(nlh, IFA_LOCAL, len, prefix->addr.bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, len, prefix->addr.bytes);
	if (answer_only && prefix->addr.family == 6)
		mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(never), &never);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		rc = -errno;
	n = rc ? 0 : mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (!rc && (n < 0 || mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), NULL, NULL) < 0))
		rc = -errno;
	mnl_socket_close(nl);
	return rc == -EEXIST || rc == -EADDRNOTAVAIL ? 0 : rc;
}

static int link_set(int sock, const char *name, const uint8_t mac[6], uint16_t mtu)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	if (ioctl(sock, SIOCSIFHWADDR, &ifr))
		return -errno;
	ifr.ifr_mtu = mtu;
	if (ioctl(sock, SIOCSIFMTU, &ifr) || ioctl(sock, SIOCGIFFLAGS, &ifr))
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(sock, SIOCSIFFLAGS, &ifr) ? -errno : 0;
}

int sl_kernel_open(struct sl_kernel *kernel, const char *name, const uint8_t mac[6], uint16_t mtu,
		   const struct sl_prefix *addresses, unsigned int count, char *err, size_t err_len)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	char text[SL_ADDR_TEXT];
	int sock = -1, rc;

	snprintf(kernel->name, sizeof(kernel->name), "%s", name);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	kernel->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (kernel->fd < 0 || ioctl(kernel->fd, TUNSETIFF, &ifr)) {
		rc = -errno;
		snprintf(err, err_len, "kernel interface \"%s\": cannot make the TAP: %s%s", name, strerror(-rc),
			 rc == -EBUSY ? " (another sluiced or program has it; change ports.kernel.interface)" : "");
		goto fail;
	}
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = sock < 0 ? -errno : link_set(sock, name, mac, mtu);
	if (rc) {
		snprintf(err, err_len, "kernel interface \"%s\": cannot set MAC, MTU %u or up: %s", name, mtu, strerror(-rc));
		goto fail;
	}
	kernel->ifindex = (int)if_nametoindex(name);
	for (unsigned int i = 0; i < count; i++) {
		rc = sl_kernel_address(kernel->ifindex, &addresses[i], false, true);
		if (rc) {
			snprintf(err, err_len, "kernel interface \"%s\": cannot add %s/%u: %s", name,
				 sl_addr_text(&addresses[i].addr, text), addresses[i].len, strerror(-rc));
			goto fail;
		}
	}
	close(sock);
	return 0;
fail:
	if (sock >= 0)
		close(sock);
	if (kernel->fd >= 0)
		close(kernel->fd);
	kernel->fd = -1;
	return rc;
}

void sl_kernel_close(struct sl_kernel *kernel)
{
	if (kernel->fd >= 0)
		close(kernel->fd);
	kernel->fd = -1;
}

bool sl_kernel_vlan(int ifindex, int *below, uint16_t *vid)
{
	struct vlan_ioctl_args args = { .cmd = GET_VLAN_REALDEV_NAME_CMD };
	char name[16];
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = false;

	if (sock >= 0 && if_indextoname((unsigned int)ifindex, name)) {
		memcpy(args.device1, name, sizeof(name));
		if (!ioctl(sock, SIOCGIFVLAN, &args)) {
			*below = (int)if_nametoindex(args.u.device2);
			args.cmd = GET_VLAN_VID_CMD;
			found = !ioctl(sock, SIOCGIFVLAN, &args);
			*vid = (uint16_t)args.u.VID;
		}
	}
	if (sock >= 0)
		close(sock);
	return found;
}
