/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated bus; see bus.h. */
#include "sim/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sluice/contract.h"

#define BUS_GUESTS_MAX 8   /* connections that have not said HELLO */
#define BUS_BATCH      128 /* messages handled in one step */
#define BUS_FDS_MAX    (SL_QUEUES + 1)

struct sl_bus {
	int epoll;
	int listener;
	int owner;                 /* -1 none */
	int owner_pid;
	int irq[SL_QUEUES];        /* the owner's eventfds */
	int guest[BUS_GUESTS_MAX]; /* -1 free */
	unsigned int guest_next;   /* slot that the next guest takes, by turns */
	struct sl_iova *memory;
	const struct sl_bus_ops *ops;
	void *ctx;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* One received message with what came along. */
struct message {
	struct sl_bus_frame frame;
	int fds[BUS_FDS_MAX];
	unsigned int fd_count;
};

static void fail(char *err, size_t err_len, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err, err_len, format, ap);
	va_end(ap);
}

static int peer_pid(int fd)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 ? (int)cred.pid : 0;
}

/* True if a process listens at the address. */
static bool address_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool served = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return served;
}

static int watch(const struct sl_bus *bus, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(bus->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int listen_at(struct sl_bus *bus, const char *path, char *err, size_t err_len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		fail(err, err_len, "bus socket: the path is longer than %zu bytes: %s", sizeof(address.sun_path) - 1, path);
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	memcpy(bus->path, path, strlen(path) + 1);
	if (address_served(&address)) {
		bus->path[0] = '\0';
		fail(err, err_len, "bus socket %s: another simulated card listens there", path);
		return -1;
	}
	unlink(path);
	bus->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bus->listener < 0 || bind(bus->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(bus->listener, BUS_GUESTS_MAX) != 0 || watch(bus, bus->listener) != 0) {
		fail(err, err_len, "bus socket %s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

struct sl_bus *sl_bus_create(const char *path, struct sl_iova *memory, const struct sl_bus_ops *ops, void *ctx,
			     char *err, size_t err_len)
{
	struct sl_bus *bus = calloc(1, sizeof(*bus));

	if (bus == NULL) {
		fail(err, err_len, "bus socket %s: out of memory", path);
		return NULL;
	}
	bus->listener = -1;
	bus->owner = -1;
	for (unsigned int i = 0; i < BUS_GUESTS_MAX; i++)
		bus->guest[i] = -1;
	for (unsigned int i = 0; i < SL_QUEUES; i++)
		bus->irq[i] = -1;
	bus->memory = memory;
	bus->ops = ops;
	bus->ctx = ctx;
	bus->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (bus->epoll < 0) {
		fail(err, err_len, "bus socket %s: epoll: %s", path, strerror(errno));
		free(bus);
		return NULL;
	}
	if (listen_at(bus, path, err, err_len) != 0) {
		sl_bus_destroy(bus);
		return NULL;
	}
	return bus;
}

static void close_all(int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static void owner_drop(struct sl_bus *bus)
{
	if (bus->owner < 0)
		return;
	bus->ops->closed(bus->ctx);
	sl_iova_clear(bus->memory);
	close_all(bus->irq, SL_QUEUES);
	close(bus->owner);
	bus->owner = -1;
	bus->owner_pid = 0;
}

void sl_bus_destroy(struct sl_bus *bus)
{
	if (bus == NULL)
		return;
	owner_drop(bus);
	close_all(bus->guest, BUS_GUESTS_MAX);
	if (bus->listener >= 0) {
		close(bus->listener);
		unlink(bus->path);
	}
	close(bus->epoll);
	free(bus);
}

int sl_bus_fd(const struct sl_bus *bus)
{
	return bus->epoll;
}

int sl_bus_owner(const struct sl_bus *bus)
{
	return bus->owner_pid;
}

void sl_bus_raise(struct sl_bus *bus, unsigned int vector)
{
	const uint64_t one = 1;

	/* A full counter (EAGAIN) still wakes whoever waits. */
	if (bus->owner >= 0 && write(bus->irq[vector], &one, sizeof(one)) < 0 && errno != EAGAIN)
		fprintf(stderr, "sluice-sim: interrupt %u: %s\n", vector, strerror(errno));
}

static bool answer(int fd, enum sl_bus_msg type, uint64_t a, uint64_t b)
{
	const struct sl_bus_frame frame = { .type = type, .a = a, .b = b };

	return send(fd, &frame, sizeof(frame), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(frame);
}

static void take_fds(struct msghdr *header, struct message *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		unsigned int n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (unsigned int i = 0; i < n && m->fd_count < BUS_FDS_MAX; i++)
			memcpy(&m->fds[m->fd_count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
}

/* 1: a message of the right size. 0: none yet. -EPIPE: closed. -EPROTO: not a message of this bus. The descriptors in *m are the
 * caller's in every case. */
static int receive(int fd, struct message *m)
{
	union {
		char bytes[CMSG_SPACE(BUS_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { .iov_base = &m->frame, .iov_len = sizeof(m->frame) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	m->fd_count = 0;
	n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
	take_fds(&header, m);
	if (n == 0)
		return -EPIPE;
	if (n != (ssize_t)sizeof(m->frame) || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return -EPROTO;
	return 1;
}

/* What a HELLO is refused with, 0 if it is welcome. */
static int hello_check(const struct sl_bus *bus, const struct message *m)
{
	if (m->frame.type != SL_BUS_MSG_HELLO)
		return EPROTO;
	if (m->frame.a != SL_BUS_VERSION)
		return EPROTONOSUPPORT;
	if (bus->owner >= 0)
		return EBUSY;
	return m->fd_count == SL_QUEUES ? 0 : EPROTO;
}

static bool guest_step(struct sl_bus *bus, int *guest)
{
	struct message m;
	int rc = receive(*guest, &m);

	if (rc == 0)
		return false;
	rc = rc > 0 ? hello_check(bus, &m) : -rc;
	if (rc == 0 && answer(*guest, SL_BUS_MSG_WELCOME, SL_BUS_VERSION, SL_BAR_SIZE)) {
		memcpy(bus->irq, m.fds, sizeof(bus->irq));
		for (unsigned int i = 0; i < SL_QUEUES; i++)
			fcntl(bus->irq[i], F_SETFL, O_NONBLOCK);
		bus->owner = *guest;
		bus->owner_pid = peer_pid(*guest);
		*guest = -1;
		return true;
	}
	if (rc != 0 && rc != EPIPE)
		answer(*guest, SL_BUS_MSG_REFUSED, (uint64_t)rc, rc == EBUSY ? (uint64_t)bus->owner_pid : 0);
	close_all(m.fds, m.fd_count);
	close(*guest);
	*guest = -1;
	return true;
}

/* Executes the owner's message; 0 or -EPROTO. */
static int execute(struct sl_bus *bus, const struct message *m)
{
	const struct sl_bus_frame *f = &m->frame;
	const bool offset_good = f->a < SL_BAR_SIZE && f->a % sizeof(uint32_t) == 0;
	int rc;

	if (m->fd_count != (f->type == SL_BUS_MSG_MAP ? 1u : 0u))
		return -EPROTO;
	switch (f->type) {
	case SL_BUS_MSG_READ:
		return offset_good && answer(bus->owner, SL_BUS_MSG_VALUE, f->a, bus->ops->read(bus->ctx, (uint32_t)f->a))
			       ? 0 : -EPROTO;
	case SL_BUS_MSG_WRITE:
		if (!offset_good)
			return -EPROTO;
		bus->ops->write(bus->ctx, (uint32_t)f->a, (uint32_t)f->b);
		return 0;
	case SL_BUS_MSG_MAP:
		rc = sl_iova_map(bus->memory, f->a, f->b, m->fds[0], f->c);
		return answer(bus->owner, SL_BUS_MSG_MAPPED, (uint64_t)-rc, 0) ? 0 : -EPROTO;
	case SL_BUS_MSG_UNMAP:
		rc = sl_iova_unmap(bus->memory, f->a, f->b);
		return answer(bus->owner, SL_BUS_MSG_MAPPED, (uint64_t)-rc, 0) ? 0 : -EPROTO;
	default:
		return -EPROTO;
	}
}

/* One message of the owner. False if there is none. */
static bool owner_step(struct sl_bus *bus)
{
	struct message m;
	int rc = receive(bus->owner, &m);

	if (rc == 0)
		return false;
	if (rc > 0)
		rc = execute(bus, &m);
	close_all(m.fds, m.fd_count);
	if (rc == -EPROTO) {
		answer(bus->owner, SL_BUS_MSG_REFUSED, EPROTO, 0);
		fprintf(stderr, "sluice-sim: driver %d: a message that does not belong on this bus (type %u)\n",
			bus->owner_pid, m.frame.type);
	}
	if (rc < 0)
		owner_drop(bus);
	return true;
}

/* A guest that never speaks loses its place to a later one. */
static bool accept_guest(struct sl_bus *bus)
{
	int fd = accept4(bus->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned int slot = bus->guest_next;

	if (fd < 0)
		return false;
	if (watch(bus, fd) != 0) {
		close(fd);
		return true;
	}
	for (unsigned int i = 0; i < BUS_GUESTS_MAX && bus->guest[slot] >= 0; i++)
		slot = (slot + 1) % BUS_GUESTS_MAX;
	close_all(&bus->guest[slot], 1);
	bus->guest[slot] = fd;
	bus->guest_next = (slot + 1) % BUS_GUESTS_MAX;
	return true;
}

bool sl_bus_step(struct sl_bus *bus)
{
	bool worked = false;
	unsigned int handled = 0;

	while (bus->owner >= 0 && handled < BUS_BATCH && owner_step(bus))
		handled++;
	worked = handled > 0;
	worked |= accept_guest(bus);
	/* An owner may have gone with messages still unread: nobody is told EBUSY before they are. */
	for (unsigned int i = 0; i < BUS_GUESTS_MAX && handled < BUS_BATCH; i++)
		if (bus->guest[i] >= 0)
			worked |= guest_step(bus, &bus->guest[i]);
	return worked;
}
