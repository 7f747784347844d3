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

#include "host/log.h"

unsigned int if_nametoindex(const char *name); /* <net/if.h> clashes with <linux/if.h> */
char *if_indextoname(unsigned int index, char *name);

#define ADDRESS_PROTO 0x53 /* IFA_PROTO of addresses that are services' */

static int address_set(int ifindex, const struct sl_prefix *prefix, unsigned int scope, bool answer_only, bool add)
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
				   .ifa_flags = prefix->addr.family == 4 ? 0 : IFA_F_NODAD, .ifa_scope = (unsigned char)scope,
				   .ifa_index = (unsigned int)ifindex };
	mnl_attr_put(nlh, IFA_LOCAL, len, prefix->addr.bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, len, prefix->addr.bytes);
	if (answer_only && prefix->addr.family == 6)
		mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(never), &never);
	if (answer_only && add)
		mnl_attr_put_u8(nlh, IFA_PROTO, ADDRESS_PROTO);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 || mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		rc = -errno;
	n = rc ? 0 : mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (!rc && (n < 0 || mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), NULL, NULL) < 0))
		rc = -errno;
	mnl_socket_close(nl);
	return rc == -EEXIST || rc == -EADDRNOTAVAIL ? 0 : rc;
}

int sl_kernel_address(int ifindex, const struct sl_prefix *prefix, bool answer_only, bool add)
{
	return address_set(ifindex, prefix, RT_SCOPE_UNIVERSE, answer_only, add);
}

/* ---- addresses of an earlier agent ------------------------------------------------------------------------------ */

#define CLEAN_MAX 256 /* at a time; who has more calls again */

struct clean {
	int ifindex;
	bool (*wanted)(const void *arg, const struct sl_addr *addr);
	const void *arg;
	unsigned int count;
	struct sl_prefix found[CLEAN_MAX];
};

static int clean_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr **to = data;

	if (mnl_attr_get_type(attr) == IFA_PROTO)
		to[0] = attr;
	else if (mnl_attr_get_type(attr) == IFA_LOCAL || (mnl_attr_get_type(attr) == IFA_ADDRESS && !to[1]))
		to[1] = attr;
	return MNL_CB_OK;
}

static int clean_message(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr[2] = { NULL, NULL };
	struct clean *c = data;
	struct sl_prefix *p = &c->found[c->count];

	if ((int)ifa->ifa_index != c->ifindex || (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6) || c->count == CLEAN_MAX)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*ifa), clean_attr, attr);
	if (!attr[0] || mnl_attr_get_u8(attr[0]) != ADDRESS_PROTO || !attr[1])
		return MNL_CB_OK;
	*p = (struct sl_prefix){ .addr.family = ifa->ifa_family == AF_INET ? 4 : 6, .len = ifa->ifa_prefixlen };
	memcpy(p->addr.bytes, mnl_attr_get_payload(attr[1]), p->addr.family == 4 ? 4 : 16);
	c->count += !c->wanted(c->arg, &p->addr);
	return MNL_CB_OK;
}

void sl_kernel_addresses_clean(int ifindex, bool (*wanted)(const void *arg, const struct sl_addr *addr), const void *arg)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	struct clean c = { .ifindex = ifindex, .wanted = wanted, .arg = arg };
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtgenmsg *family = mnl_nlmsg_put_extra_header(nlh, sizeof(*family));
	ssize_t n = -1;

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	family->rtgen_family = AF_UNSPEC;
	if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) >= 0 && mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0)
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	while (n > 0 && mnl_cb_run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), clean_message, &c) > MNL_CB_STOP)
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (nl)
		mnl_socket_close(nl);
	for (unsigned int i = 0; i < c.count; i++)
		sl_kernel_address(ifindex, &c.found[i], true, false);
}

/* ---- interfaces ------------------------------------------------------------------------------------------------- */

/* What cannot be set is as the system has it. */
static void knob_set(const char *name, const char *knob, const char *value)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%.*s/conf/%s/%s", 4, knob, name, knob + 5);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		sl_log(SL_LOG_WARN, "kernel-interface", "interface=%s setting=%s value=%s error=%s", name, knob, value, strerror(errno));
	close(fd);
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

/* The kernel refuses all that comes by an interface without an IPv4 address from who is behind another one, unless rp_filter is off,
 * for which all of the host would have to agree. With an address "loose" is enough. It is the IPv4 dummy address (RFC 7600, 4.8), of this
 * host's links alone. */
static void beside_address(int ifindex)
{
	const struct sl_prefix dummy = { .addr = { .family = 4, .bytes = { 192, 0, 0, 8 } }, .len = 32 };

	address_set(ifindex, &dummy, RT_SCOPE_LINK, false, true);
}

int sl_kernel_addresses(int ifindex, const char *name, const struct sl_prefix *addresses, unsigned int count, char *err,
			size_t err_len)
{
	char text[SL_ADDR_TEXT];

	for (unsigned int i = 0; i < count; i++) {
		const int rc = sl_kernel_address(ifindex, &addresses[i], false, true);

		if (!rc)
			continue;
		snprintf(err, err_len, "kernel interface \"%s\": cannot add %s/%u: %s", name,
			 sl_addr_text(&addresses[i].addr, text), addresses[i].len, strerror(-rc));
		return rc;
	}
	return 0;
}

int sl_kernel_open(struct sl_kernel *kernel, const char *name, const uint8_t mac[6], uint16_t mtu, bool beside, char *err,
		   size_t err_len)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
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
	if (beside) {
		knob_set(name, "ipv4/rp_filter", "2");
		knob_set(name, "ipv6/addr_gen_mode", "1");
	}
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = sock < 0 ? -errno : link_set(sock, name, mac, mtu);
	if (rc) {
		snprintf(err, err_len, "kernel interface \"%s\": cannot set MAC, MTU %u or up: %s", name, mtu, strerror(-rc));
		goto fail;
	}
	kernel->ifindex = (int)if_nametoindex(name);
	if (beside)
		beside_address(kernel->ifindex);
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
