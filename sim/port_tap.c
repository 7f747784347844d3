/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port whose wire ends in a TAP interface: the card holds the TAP's descriptor, the kernel interface of that name is
 * the other end of the wire (put it into a bridge or a namespace). It is created here and goes with the process. No
 * offloads are negotiated, so the kernel completes checksums and segments before a frame reaches us.
 */
#include "sim/port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAP_MTU_DEFAULT 1500

static uint32_t tap_recv(struct sl_port *port, uint8_t *frame)
{
	ssize_t n = read(port->fd, frame, SL_PORT_FRAME_ROOM);

	if (n <= 0) {
		port->stats.rx_errors += n < 0 && errno != EAGAIN && errno != EINTR;
		port->ended = n < 0 && errno == EBADFD; /* somebody deleted the interface */
		return 0;
	}
	port->stats.rx_frames++;
	return (uint32_t)n;
}

static void tap_send(struct sl_port *port, const uint8_t *frame, uint32_t len)
{
	if (write(port->fd, frame, len) == (ssize_t)len)
		port->stats.tx_frames++;
	else
		port->stats.tx_dropped++; /* EIO: the interface is down, as a wire without a partner */
}

/* The descriptor is writable exactly while the interface is up, also when it has been moved to another namespace, where its
 * name can no longer be asked. */
static bool tap_link(struct sl_port *port)
{
	struct pollfd writable = { .fd = port->fd, .events = POLLOUT };

	return poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0;
}

static void tap_close(struct sl_port *port)
{
	close(port->fd);
	free(port);
}

static const struct sl_port_ops tap_ops = {
	.recv = tap_recv,
	.send = tap_send,
	.link = tap_link,
	.close = tap_close,
};

/* Sets the MTU and brings the interface up; 0 or -errno. */
static int tap_up(const char *name, uint16_t mtu)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	memcpy(request.ifr_name, name, strlen(name) + 1);
	request.ifr_mtu = mtu;
	if (fd < 0 || ioctl(fd, SIOCSIFMTU, &request) != 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0) {
		rc = -errno;
	} else {
		request.ifr_flags |= IFF_UP;
		rc = ioctl(fd, SIOCSIFFLAGS, &request) != 0 ? -errno : 0;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

struct sl_port *sl_port_tap_open(const struct sl_port_spec *spec, char *err, size_t err_len)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL };
	struct sl_port *port;
	int fd, rc;

	if (strlen(spec->name) >= IFNAMSIZ) {
		snprintf(err, err_len, "port tap:%s: an interface name has at most %d characters", spec->name, IFNAMSIZ - 1);
		return NULL;
	}
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		snprintf(err, err_len, "port tap:%s: /dev/net/tun: %s", spec->name, strerror(errno));
		return NULL;
	}
	memcpy(request.ifr_name, spec->name, strlen(spec->name) + 1);
	if (ioctl(fd, TUNSETIFF, &request) != 0) {
		snprintf(err, err_len, "port tap:%s: %s", spec->name,
			 errno == EBUSY ? "the interface exists already; the card creates its own" : strerror(errno));
		close(fd);
		return NULL;
	}
	rc = tap_up(spec->name, spec->mtu != 0 ? spec->mtu : TAP_MTU_DEFAULT);
	port = calloc(1, sizeof(*port));
	if (rc != 0 || port == NULL) {
		snprintf(err, err_len, "port tap:%s: cannot bring it up: %s", spec->name, strerror(rc != 0 ? -rc : ENOMEM));
		close(fd);
		free(port);
		return NULL;
	}
	port->ops = &tap_ops;
	port->kind = "tap";
	port->fd = fd;
	memcpy(port->name, spec->name, sizeof(port->name));
	memcpy(port->mac, spec->mac, sizeof(port->mac));
	port->mtu = spec->mtu != 0 ? spec->mtu : TAP_MTU_DEFAULT;
	return port;
}
