/* SPDX-License-Identifier: BSD-3-Clause */
/* See path_mtu.h. */
#include "host/path_mtu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <linux/filter.h>
#include <netinet/in.h>

#include "host/log.h"

#define READS_PER_WAKE 64

static const uint8_t protocols[] = { IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_UDP, IPPROTO_GRE };

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

struct sl_path_mtu {
	uv_poll_t poll[2 * PROTOCOLS];
	int fd[2 * PROTOCOLS];
	unsigned int count;
	unsigned int open; /* handles not closed yet */
	sl_path_mtu_fn *changed;
	void *ctx;
};

/* A socket that receives nothing but errors, or -errno. */
static int socket_open(int family, int protocol)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog filter = { .len = 1, .filter = &nothing };
	const int one = 1, fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	int rc;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    (family == AF_INET ? setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one))
			       : setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one)))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* One error of the queue; false if there is none. */
static bool error_read(const struct sl_path_mtu *p, int fd)
{
	_Alignas(8) char control[512];
	struct sockaddr_storage to = { .ss_family = AF_UNSPEC };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_control = control, .msg_controllen = sizeof(control) };
	bool about_size = false;
	struct sl_addr addr;

	if (recvmsg(fd, &msg, MSG_ERRQUEUE) < 0)
		return errno == EINTR;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		const struct sock_extended_err *e = (const struct sock_extended_err *)(const void *)CMSG_DATA(c);

		about_size |= ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			       (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) && e->ee_errno == EMSGSIZE;
	}
	if (!about_size || !p->changed || (to.ss_family != AF_INET && to.ss_family != AF_INET6))
		return true;
	addr = to.ss_family == AF_INET ? sl_addr_make(4, (const uint8_t *)&((const struct sockaddr_in *)(const void *)&to)->sin_addr)
				       : sl_addr_make(6, (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)&to)->sin6_addr);
	p->changed(p->ctx, &addr);
	return true;
}

/* libuv ends a poll that meets an error condition, which a queue of errors is. */
static void on_error(uv_poll_t *poll, int status, int events)
{
	const struct sl_path_mtu *p = poll->data;
	const int fd = p->fd[poll - p->poll];
	socklen_t len = sizeof(int);
	int pending;

	(void)events;
	for (unsigned int i = 0; i < READS_PER_WAKE && error_read(p, fd); i++)
		;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &len);
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_error);
}

struct sl_path_mtu *sl_path_mtu_open(uv_loop_t *loop, sl_path_mtu_fn *changed, void *ctx)
{
	struct sl_path_mtu *p = calloc(1, sizeof(*p));
	int rc = p ? 0 : -ENOMEM;

	for (unsigned int i = 0; p && i < 2 * PROTOCOLS; i++) {
		const int fd = socket_open(i < PROTOCOLS ? AF_INET : AF_INET6, protocols[i % PROTOCOLS]);

		if (fd < 0 || uv_poll_init(loop, &p->poll[p->count], fd)) {
			rc = fd < 0 ? fd : -EIO;
			if (fd >= 0)
				close(fd);
			continue;
		}
		p->poll[p->count].data = p;
		p->fd[p->count] = fd;
		uv_poll_start(&p->poll[p->count++], UV_READABLE, on_error);
	}
	if (rc)
		sl_log(SL_LOG_WARN, "path-mtu", "sockets=%u error=%s what=\"errors about tunnels' own packets are not followed, or not all\"",
		       p ? p->count : 0, strerror(-rc));
	if (!p || !p->count) {
		free(p);
		return NULL;
	}
	p->open = p->count;
	p->changed = changed;
	p->ctx = ctx;
	return p;
}

static void closed(uv_handle_t *handle)
{
	struct sl_path_mtu *p = handle->data;

	close(p->fd[(uv_poll_t *)handle - p->poll]);
	if (--p->open == 0)
		free(p);
}

void sl_path_mtu_close(struct sl_path_mtu *p)
{
	if (!p)
		return;
	p->changed = NULL;
	for (unsigned int i = 0; i < p->count; i++)
		uv_close((uv_handle_t *)&p->poll[i], closed);
}
