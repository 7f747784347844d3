/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's side of a card for tests; see host.h. */
#include "tests/sim/host.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

void host_open(struct host *h)
{
	*h = (struct host){ .bus = -1 };
	h->memfd = memfd_create("sluice-test", MFD_CLOEXEC);
	assert_true(h->memfd >= 0);
	assert_int_equal(ftruncate(h->memfd, HOST_MEMORY), 0);
	h->memory = mmap(NULL, HOST_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, h->memfd, 0);
	assert_ptr_not_equal(h->memory, MAP_FAILED);
	for (unsigned int i = 0; i < SL_QUEUES; i++)
		h->irq[i] = -1;
}

void host_close(struct host *h)
{
	munmap(h->memory, HOST_MEMORY);
	close(h->memfd);
	if (h->bus >= 0)
		close(h->bus);
	for (unsigned int i = 0; i < SL_QUEUES; i++)
		if (h->irq[i] >= 0)
			close(h->irq[i]);
}

size_t host_alloc(struct host *h, size_t n, size_t align)
{
	size_t at = (h->used + align - 1) / align * align;

	assert_true(at + n <= HOST_MEMORY);
	h->used = at + n;
	memset(h->memory + at, 0, n);
	return at;
}

int bus_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

int bus_call(int fd, const struct sl_bus_frame *frame, const int *fds, unsigned int fd_count, struct sl_bus_frame *reply)
{
	union {
		char bytes[CMSG_SPACE((SL_QUEUES + 2) * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)frame, .iov_len = sizeof(*frame) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	if (fd_count > 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, fd_count * sizeof(int));
	}
	if (sendmsg(fd, &header, MSG_NOSIGNAL) != (ssize_t)sizeof(*frame))
		return -1;
	if (reply == NULL)
		return 0;
	return poll(&readable, 1, 5000) == 1 && recv(fd, reply, sizeof(*reply), 0) == (ssize_t)sizeof(*reply) ? 0 : -1;
}

static uint32_t bus_read(struct host *h, uint32_t offset)
{
	const struct sl_bus_frame frame = { .type = SL_BUS_MSG_READ, .a = offset };
	struct sl_bus_frame reply = { 0 };

	assert_int_equal(bus_call(h->bus, &frame, NULL, 0, &reply), 0);
	assert_int_equal(reply.type, SL_BUS_MSG_VALUE);
	assert_int_equal(reply.a, offset);
	return (uint32_t)reply.b;
}

static void bus_write(struct host *h, uint32_t offset, uint32_t value)
{
	const struct sl_bus_frame frame = { .type = SL_BUS_MSG_WRITE, .a = offset, .b = value };

	assert_int_equal(bus_call(h->bus, &frame, NULL, 0, NULL), 0);
}

static void map(struct host *h, size_t from, size_t to)
{
	const struct sl_bus_frame frame = { .type = SL_BUS_MSG_MAP, .a = host_iova(from), .b = to - from, .c = from };
	struct sl_bus_frame reply = { 0 };

	assert_int_equal(bus_call(h->bus, &frame, &h->memfd, 1, &reply), 0);
	assert_int_equal(reply.type, SL_BUS_MSG_MAPPED);
	assert_int_equal(reply.a, 0);
}

int host_attach(struct host *h, const char *path, uint64_t *owner)
{
	const struct sl_bus_frame hello = { .type = SL_BUS_MSG_HELLO, .a = SL_BUS_VERSION, .b = (uint64_t)getpid() };
	struct sl_bus_frame reply = { 0 };

	h->bus = bus_connect(path);
	assert_true(h->bus >= 0);
	for (unsigned int i = 0; i < SL_QUEUES; i++)
		h->irq[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_int_equal(bus_call(h->bus, &hello, h->irq, SL_QUEUES, &reply), 0);
	if (reply.type == SL_BUS_MSG_REFUSED) {
		if (owner != NULL)
			*owner = reply.b;
		return (int)reply.a;
	}
	assert_int_equal(reply.type, SL_BUS_MSG_WELCOME);
	assert_int_equal(reply.a, SL_BUS_VERSION);
	assert_int_equal(reply.b, SL_BAR_SIZE);
	h->read = bus_read;
	h->write = bus_write;
	map(h, 0, HOST_SPLIT);
	map(h, HOST_SPLIT, HOST_MEMORY);
	return 0;
}

static void sizes_of(struct ring *r)
{
	if (r->number == SL_QUEUE_ADMIN) {
		r->sq_entry = sizeof(struct sl_admin_cmd);
		r->cq_entry = sizeof(struct sl_admin_cpl);
	} else if (r->number == SL_QUEUE_EVENT) {
		r->cq_entry = sizeof(struct sl_event);
	} else if (r->number < SL_QUEUE_RX0) {
		r->sq_entry = sizeof(struct sl_flow_cmd);
		r->cq_entry = sizeof(struct sl_flow_cpl);
	} else if (r->number < SL_QUEUE_TX0) {
		r->sq_entry = sizeof(struct sl_rx_desc);
		r->cq_entry = sizeof(struct sl_rx_cpl);
	} else {
		r->sq_entry = sizeof(struct sl_tx_desc);
		r->cq_entry = sizeof(struct sl_tx_cpl);
	}
}

void ring_start(struct ring *r, struct host *h, unsigned int number, unsigned int log2, unsigned int port)
{
	*r = (struct ring){ .host = h, .number = number, .size = 1u << log2, .phase = 1 };
	sizes_of(r);
	r->sq = host_alloc(h, (size_t)r->size * r->sq_entry, SL_RING_ALIGN);
	r->cq = host_alloc(h, (size_t)r->size * r->cq_entry, SL_RING_ALIGN);
	h->write(h, SL_BAR_Q_SQ_LO(number), (uint32_t)host_iova(r->sq));
	h->write(h, SL_BAR_Q_SQ_HI(number), (uint32_t)(host_iova(r->sq) >> 32));
	h->write(h, SL_BAR_Q_CQ_LO(number), (uint32_t)host_iova(r->cq));
	h->write(h, SL_BAR_Q_CQ_HI(number), (uint32_t)(host_iova(r->cq) >> 32));
	h->write(h, SL_BAR_Q_SIZE(number), log2 | log2 << 8);
	h->write(h, SL_BAR_Q_CTRL(number), 1u | port << 8);
	assert_int_equal(h->read(h, SL_BAR_Q_CTRL(number)) & 1u, 1);
}

void *ring_sq(struct ring *r)
{
	return r->host->memory + r->sq + (size_t)r->sq_tail * r->sq_entry;
}

void ring_push(struct ring *r)
{
	r->sq_tail = (r->sq_tail + 1) % r->size;
}

void ring_doorbell(struct ring *r)
{
	r->host->write(r->host, SL_BAR_DB_SQ_TAIL(r->number), r->sq_tail);
}

const void *ring_peek(struct ring *r)
{
	const uint8_t *entry = r->host->memory + r->cq + (size_t)r->cq_head * r->cq_entry;

	return (__atomic_load_n(&entry[r->cq_entry - 1], __ATOMIC_ACQUIRE) & 1u) == r->phase ? entry : NULL;
}

const void *ring_wait(struct ring *r)
{
	for (unsigned int i = 0; i < 20000; i++) {
		const void *entry = ring_peek(r);

		if (entry != NULL)
			return entry;
		if (r->host->poll != NULL)
			r->host->poll(r->host);
		else
			usleep(100);
		if (r->host->poll != NULL && i > 1000)
			break;
	}
	fail_msg("queue %u: no completion", r->number);
	return NULL;
}

void ring_pop(struct ring *r)
{
	r->cq_head = (r->cq_head + 1) % r->size;
	if (r->cq_head == 0)
		r->phase ^= 1u;
	r->host->write(r->host, SL_BAR_DB_CQ_HEAD(r->number), r->cq_head);
}

unsigned int host_admin(struct ring *admin, unsigned int opcode, const void *arg, uint32_t len, struct sl_admin_cpl *cpl)
{
	struct sl_admin_cmd *cmd = ring_sq(admin);

	memset(cmd, 0, sizeof(*cmd));
	cmd->opcode = (uint8_t)opcode;
	cmd->tag = (uint16_t)(0x4000u + admin->sq_tail);
	cmd->len = len;
	if (len > 0)
		memcpy(cmd->arg, arg, len);
	ring_push(admin);
	ring_doorbell(admin);
	memcpy(cpl, ring_wait(admin), sizeof(*cpl));
	ring_pop(admin);
	assert_int_equal(cpl->opcode, opcode);
	assert_int_equal(cpl->tag, cmd->tag);
	assert_int_equal(cpl->sq_head, admin->sq_tail);
	return cpl->status;
}

pid_t program_start(const char *const argv[], const char *line)
{
	char text[512];
	int out[2];
	FILE *from;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		alarm(100); /* never outlives a test that hangs */
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(out[1]);
	from = fdopen(out[0], "r");
	assert_non_null(from);
	while (fgets(text, sizeof(text), from) != NULL)
		if (strncmp(text, line, strlen(line)) == 0)
			break;
	if (feof(from))
		fail_msg("%s ended before it said \"%s\"", argv[0], line);
	fclose(from);
	return pid;
}

int program_stop(pid_t pid)
{
	int status = -1;

	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
