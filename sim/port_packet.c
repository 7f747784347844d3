/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port on an existing interface, through a packet socket. What comes from the peer of a veth, or through GRO, may have
 * an unfinished checksum or be far longer than the MTU; the socket says so in a virtio-net header, and port_segment makes
 * wire frames of it. The kernel keeps the VLAN tag beside the frame; it is put back. Frames that this host sends are not
 * the wire's and are ignored.
 */
#include "sim/port.h"
#include "sim/port_segment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PACKET_FRAME_ROOM (512u * 1024u) /* the kernel's largest GSO frame */
#define PACKET_RCVBUF     (8 * 1024 * 1024)
#define MAC_BYTES         12u
#define TAG_BYTES         4u

struct packet_port {
	struct sl_port port; /* first */
	struct sl_segment segment;
	bool pending; /* segment has more frames */
	bool tagged;  /* put tag back into each */
	uint8_t tag[TAG_BYTES];
	uint8_t frame[PACKET_FRAME_ROOM];
};

/* The tag that the kernel took out of the frame. */
static void tag_take(struct packet_port *p, struct msghdr *header)
{
	struct tpacket_auxdata aux;
	uint16_t tpid, tci;

	p->tagged = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA || c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if ((aux.tp_status & TP_STATUS_VLAN_VALID) == 0)
			continue;
		p->tagged = true;
		tpid = htons((aux.tp_status & TP_STATUS_VLAN_TPID_VALID) ? aux.tp_vlan_tpid : ETH_P_8021Q);
		tci = htons(aux.tp_vlan_tci);
		memcpy(p->tag, &tpid, sizeof(tpid));
		memcpy(p->tag + 2, &tci, sizeof(tci));
	}
}

/* Reads what the socket has next; false if it has nothing, or nothing that can be made whole. */
static bool frame_read(struct packet_port *p)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
		struct cmsghdr align;
	} control;
	struct virtio_net_hdr offload;
	struct iovec parts[2] = { { &offload, sizeof(offload) }, { p->frame, sizeof(p->frame) } };
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = 2, .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(p->port.fd, &header, MSG_DONTWAIT);

	if (n < (ssize_t)sizeof(offload) || (header.msg_flags & MSG_TRUNC) != 0) {
		p->port.stats.rx_errors += n >= 0 || (errno != EAGAIN && errno != EINTR && errno != ENETDOWN);
		return false;
	}
	tag_take(p, &header);
	if (sl_segment_begin(&p->segment, &offload, p->frame, (uint32_t)n - sizeof(offload)) != 0) {
		p->port.stats.rx_errors++;
		return false;
	}
	p->port.stats.rx_csums += (offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
	return true;
}

static uint32_t packet_recv(struct sl_port *port, uint8_t *frame)
{
	struct packet_port *p = (struct packet_port *)port;
	uint32_t len = p->pending ? sl_segment_next(&p->segment, frame) : 0;

	if (len == 0) {
		p->pending = frame_read(p);
		if (!p->pending)
			return 0;
		len = sl_segment_next(&p->segment, frame);
	}
	p->pending = !p->segment.done;
	p->port.stats.rx_segments += p->segment.proto != 0;
	if (p->tagged) {
		memmove(frame + MAC_BYTES + TAG_BYTES, frame + MAC_BYTES, len - MAC_BYTES);
		memcpy(frame + MAC_BYTES, p->tag, TAG_BYTES);
		len += TAG_BYTES;
	}
	p->port.stats.rx_frames++;
	return len;
}

static void packet_send(struct sl_port *port, const uint8_t *frame, uint32_t len)
{
	struct virtio_net_hdr offload = { 0 };
	struct iovec parts[2] = { { &offload, sizeof(offload) }, { (void *)(uintptr_t)frame, len } };

	if (writev(port->fd, parts, 2) == (ssize_t)(sizeof(offload) + len))
		port->stats.tx_frames++;
	else
		port->stats.tx_dropped++;
}

static bool packet_link(struct sl_port *port)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, port->name, IFNAMSIZ - 1);
	return ioctl(port->fd, SIOCGIFFLAGS, &request) == 0 &&
	       (request.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

static void packet_close(struct sl_port *port)
{
	close(port->fd);
	free(port);
}

static const struct sl_port_ops packet_ops = {
	.recv = packet_recv,
	.send = packet_send,
	.link = packet_link,
	.close = packet_close,
};

/* Everything that the socket needs; NULL, or the step that failed (errno is set). Binding comes last, so that no frame is
 * taken before the options hold. */
static const char *socket_setup(int fd, const char *name, struct ifreq *request)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq membership = { .mr_type = PACKET_MR_PROMISC };
	const int on = 1, room = PACKET_RCVBUF;

	memcpy(request->ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, SIOCGIFINDEX, request) != 0)
		return "no such interface";
	address.sll_ifindex = request->ifr_ifindex;
	membership.mr_ifindex = request->ifr_ifindex;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0)
		return "PACKET_VNET_HDR";
	if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) != 0)
		return "PACKET_AUXDATA";
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0)
		return "PACKET_IGNORE_OUTGOING";
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof(membership)) != 0)
		return "promiscuous mode";
	/* The forced size needs CAP_NET_ADMIN; the default serves too. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return "bind";
	return NULL;
}

struct sl_port *sl_port_packet_open(const struct sl_port_spec *spec, char *err, size_t err_len)
{
	struct ifreq request = { 0 };
	const char *step = "packet socket";
	struct packet_port *p = NULL;
	int fd = -1;

	if (strlen(spec->name) >= IFNAMSIZ) {
		snprintf(err, err_len, "port afpacket:%s: an interface name has at most %d characters", spec->name,
			 IFNAMSIZ - 1);
		return NULL;
	}
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto failed;
	step = socket_setup(fd, spec->name, &request);
	if (step != NULL)
		goto failed;
	step = "memory";
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		goto failed;
	p->port.ops = &packet_ops;
	p->port.kind = "afpacket";
	p->port.fd = fd;
	memcpy(p->port.name, spec->name, sizeof(p->port.name));
	step = "interface";
	if (ioctl(fd, SIOCGIFMTU, &request) != 0)
		goto failed;
	p->port.mtu = spec->mtu != 0 ? spec->mtu : (uint16_t)(request.ifr_mtu > UINT16_MAX ? UINT16_MAX : request.ifr_mtu);
	if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
		goto failed;
	memcpy(p->port.mac, spec->has_mac ? spec->mac : (uint8_t *)request.ifr_hwaddr.sa_data, sizeof(p->port.mac));
	return &p->port;
failed:
	snprintf(err, err_len, "port afpacket:%s: %s: %s", spec->name, step, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(p);
	return NULL;
}
