/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated card's bus: bus_frame messages over a SOCK_SEQPACKET Unix socket (docs/device.md, chapter 12). Requests
 * that are answered are serialised by a mutex; posted writes are single sends and need none. The socket does not block:
 * whoever may wait polls with a bound.
 */
#include "driver/fpga/bus.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sluice/contract.h"

struct socket_bus {
	struct sl_bus bus;
	int fd;
	int irq[SL_QUEUES];
	unsigned int timeout_ms;
	bool gone; /* atomic */
	bool late; /* an answer is owed to a request that was given up; answers come in order */
	pthread_mutex_t lock; /* one request and its answer, and `late` */
};

static struct socket_bus *of(const struct sl_bus *bus)
{
	return (struct socket_bus *)(uintptr_t)bus;
}

static bool socket_gone(const struct sl_bus *bus)
{
	return __atomic_load_n(&of(bus)->gone, __ATOMIC_RELAXED);
}

static void socket_abandon(struct sl_bus *bus)
{
	__atomic_store_n(&of(bus)->gone, true, __ATOMIC_RELAXED);
	shutdown(of(bus)->fd, SHUT_RDWR);
}

/* Turns errno of a failed socket call into the bus's terms. */
static int socket_error(struct socket_bus *s)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
		return -EAGAIN;
	if (errno == EINTR)
		return -EINTR;
	socket_abandon(&s->bus);
	return -EIO;
}

static int socket_send(struct socket_bus *s, const struct sl_bus_frame *frame, const int *fds, unsigned int n_fds,
		       unsigned int wait_ms)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * SL_QUEUES)];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)frame, .iov_len = sizeof(*frame)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct pollfd room = {.fd = s->fd, .events = POLLOUT};

	if (socket_gone(&s->bus))
		return -EIO;
	if (n_fds) {
		msg.msg_control = control.space;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
	}
	for (unsigned int tries = 0; tries < 8; tries++) {
		int rc;

		if (sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*frame))
			return 0;
		rc = socket_error(s);
		if (rc == -EIO || (rc == -EAGAIN && wait_ms == 0))
			return rc;
		if (rc == -EAGAIN && poll(&room, 1, (int)wait_ms) == 0)
			return -ETIMEDOUT;
	}
	return -EAGAIN;
}

/* -ETIMEDOUT: the card hangs, and may answer later. */
static int socket_receive(struct socket_bus *s, struct sl_bus_frame *frame)
{
	struct pollfd ready = {.fd = s->fd, .events = POLLIN};

	for (unsigned int tries = 0; tries < 8; tries++) {
		int n = poll(&ready, 1, (int)s->timeout_ms);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			return -ETIMEDOUT;
		if (recv(s->fd, frame, sizeof(*frame), MSG_DONTWAIT) == (ssize_t)sizeof(*frame))
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	socket_abandon(&s->bus);
	return -EIO;
}

/* Takes the answer that came late, so that it is not taken for the next one's. Until it comes nothing more is asked. */
static int socket_settle(struct socket_bus *s)
{
	struct sl_bus_frame answer;
	int rc = s->late ? socket_receive(s, &answer) : 0;

	if (rc == 0)
		s->late = false;
	return rc;
}

/* Sends a request and waits for the answer, which must be of this type. */
static int socket_ask(struct socket_bus *s, const struct sl_bus_frame *request, int fd, uint32_t answer_type,
		      struct sl_bus_frame *answer)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = socket_settle(s);
	if (rc == 0)
		rc = socket_send(s, request, &fd, fd >= 0 ? 1 : 0, s->timeout_ms);
	if (rc == 0) {
		rc = socket_receive(s, answer);
		s->late = rc == -ETIMEDOUT;
	}
	if (rc == 0 && answer->type != answer_type) {
		socket_abandon(&s->bus);
		rc = -EIO;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static int socket_read32(struct sl_bus *bus, uint32_t offset, uint32_t *value)
{
	const struct sl_bus_frame request = {.type = SL_BUS_MSG_READ, .a = offset};
	struct sl_bus_frame answer;
	int rc = socket_ask(of(bus), &request, -1, SL_BUS_MSG_VALUE, &answer);

	if (rc == 0)
		*value = (uint32_t)answer.b;
	return rc;
}

static int socket_write32(struct sl_bus *bus, uint32_t offset, uint32_t value, unsigned int wait_ms)
{
	const struct sl_bus_frame frame = {.type = SL_BUS_MSG_WRITE, .a = offset, .b = value};

	return socket_send(of(bus), &frame, NULL, 0, wait_ms);
}

static int socket_map(struct sl_bus *bus, uint64_t iova, uint64_t len, int fd, uint64_t offset)
{
	const struct sl_bus_frame request = {.type = SL_BUS_MSG_MAP, .a = iova, .b = len, .c = offset};
	struct sl_bus_frame answer;
	int rc = socket_ask(of(bus), &request, fd, SL_BUS_MSG_MAPPED, &answer);

	return rc ? rc : -(int)answer.a;
}

static int socket_unmap(struct sl_bus *bus, uint64_t iova, uint64_t len)
{
	const struct sl_bus_frame request = {.type = SL_BUS_MSG_UNMAP, .a = iova, .b = len};
	struct sl_bus_frame answer;
	int rc = socket_ask(of(bus), &request, -1, SL_BUS_MSG_MAPPED, &answer);

	return rc ? rc : -(int)answer.a;
}

static int socket_irq_fd(const struct sl_bus *bus, unsigned int vector)
{
	return of(bus)->irq[vector];
}

static int socket_watch_fd(const struct sl_bus *bus)
{
	return of(bus)->fd;
}

static void socket_close(struct sl_bus *bus)
{
	struct socket_bus *s = of(bus);

	for (unsigned int i = 0; i < SL_QUEUES; i++)
		if (s->irq[i] >= 0)
			close(s->irq[i]);
	if (s->fd >= 0)
		close(s->fd);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct sl_bus_ops socket_ops = {
	.read32 = socket_read32,
	.write32 = socket_write32,
	.map = socket_map,
	.unmap = socket_unmap,
	.irq_fd = socket_irq_fd,
	.watch_fd = socket_watch_fd,
	.gone = socket_gone,
	.abandon = socket_abandon,
	.close = socket_close,
};

static int socket_hello(struct socket_bus *s, uint64_t *owner)
{
	const struct sl_bus_frame hello = {.type = SL_BUS_MSG_HELLO, .a = SL_BUS_VERSION, .b = (uint64_t)getpid()};
	struct sl_bus_frame answer;
	int rc = socket_send(s, &hello, s->irq, SL_QUEUES, s->timeout_ms);

	if (rc == 0)
		rc = socket_receive(s, &answer);
	if (rc)
		return rc;
	if (answer.type == SL_BUS_MSG_REFUSED) {
		*owner = answer.b;
		return answer.a > 0 && answer.a < 4096 ? -(int)answer.a : -EPROTO;
	}
	if (answer.type != SL_BUS_MSG_WELCOME || answer.a != SL_BUS_VERSION || answer.b < SL_BAR_SIZE)
		return -EPROTONOSUPPORT;
	return 0;
}

int sl_bus_socket_open(const char *path, unsigned int timeout_ms, struct sl_bus **bus, uint64_t *owner)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct socket_bus *s;
	int rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->bus.ops = &socket_ops;
	s->timeout_ms = timeout_ms;
	pthread_mutex_init(&s->lock, NULL);
	memset(s->irq, 0xff, sizeof(s->irq));
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		goto failed;
	for (unsigned int i = 0; i < SL_QUEUES; i++) {
		s->irq[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (s->irq[i] < 0)
			goto failed;
	}
	if (connect(s->fd, (const struct sockaddr *)&address, sizeof(address)))
		goto failed;
	rc = socket_hello(s, owner);
	if (rc == 0) {
		*bus = &s->bus;
		return 0;
	}
	socket_close(&s->bus);
	return rc;
failed:
	rc = -errno;
	socket_close(&s->bus);
	return rc;
}
