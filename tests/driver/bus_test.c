/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated bus's socket, against a card that answers, refuses, lies, is silent, or goes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "driver/fpga/bus.h"
#include "sluice/contract.h"

enum behaviour { ANSWERS, REFUSES, OTHER_VERSION, SILENT, GOES_AT_READ, LIES_AT_READ, SLOW_AT_READ };

static struct {
	char path[64];
	int listener;
	enum behaviour behaviour;
	pthread_t thread;
	unsigned int fds;         /* that came with HELLO */
	uint32_t written;         /* last WRITE */
	unsigned int reads;
} card;

static int receive(int fd, struct sl_bus_frame *frame)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * SL_QUEUES)];
	} control;
	struct iovec iov = {.iov_base = frame, .iov_len = sizeof(*frame)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, 0);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (c) {
		card.fds = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (unsigned int i = 0; i < card.fds; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (frame->type == SL_BUS_MSG_HELLO && i == 5)
				eventfd_write(got, 1);
			close(got);
		}
	}
	return n == (ssize_t)sizeof(*frame) ? 0 : -1;
}

static void answer(int fd, uint32_t type, uint64_t a, uint64_t b)
{
	const struct sl_bus_frame frame = {.type = type, .a = a, .b = b};

	send(fd, &frame, sizeof(frame), MSG_NOSIGNAL);
}

static bool serve(int fd, const struct sl_bus_frame *frame)
{
	switch (frame->type) {
	case SL_BUS_MSG_HELLO:
		if (card.behaviour == REFUSES)
			answer(fd, SL_BUS_MSG_REFUSED, EBUSY, 4711);
		else if (card.behaviour != SILENT)
			answer(fd, SL_BUS_MSG_WELCOME, card.behaviour == OTHER_VERSION ? 99 : SL_BUS_VERSION,
				SL_BAR_SIZE);
		return card.behaviour != REFUSES;
	case SL_BUS_MSG_READ:
		if (card.behaviour == LIES_AT_READ)
			answer(fd, SL_BUS_MSG_MAPPED, 0, 0);
		if (card.behaviour == SLOW_AT_READ && !card.reads++)
			usleep(350000);
		if (card.behaviour != LIES_AT_READ && card.behaviour != GOES_AT_READ)
			answer(fd, SL_BUS_MSG_VALUE, frame->a, frame->a == 8 ? card.written : 0xabcd);
		return card.behaviour != GOES_AT_READ;
	case SL_BUS_MSG_WRITE:
		card.written = (uint32_t)frame->b;
		return true;
	default:
		answer(fd, SL_BUS_MSG_MAPPED, frame->a == 0x1000 ? 0 : EEXIST, 0);
		return true;
	}
}

static void *run(void *arg)
{
	int fd = accept(card.listener, NULL, NULL);
	struct sl_bus_frame frame;

	(void)arg;
	while (receive(fd, &frame) == 0 && serve(fd, &frame))
		;
	close(fd);
	return NULL;
}

static int start(enum behaviour behaviour, struct sl_bus **bus, uint64_t *owner)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int rc;

	memset(&card, 0, sizeof(card));
	card.behaviour = behaviour;
	snprintf(card.path, sizeof(card.path), "/tmp/sluice-bus-test.%d", (int)getpid());
	unlink(card.path);
	strcpy(address.sun_path, card.path);
	card.listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(card.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(card.listener, 1), 0);
	assert_int_equal(pthread_create(&card.thread, NULL, run, NULL), 0);
	rc = sl_bus_socket_open(card.path, 100, bus, owner);
	unlink(card.path);
	return rc;
}

static void finish(struct sl_bus *bus)
{
	if (bus)
		bus->ops->close(bus);
	pthread_join(card.thread, NULL);
	close(card.listener);
}

static void test_conversation(void **state)
{
	struct sl_bus *bus;
	uint32_t value;
	uint64_t count, owner;

	(void)state;
	assert_int_equal(start(ANSWERS, &bus, &owner), 0);
	assert_int_equal(card.fds, SL_QUEUES);
	assert_int_equal(read(bus->ops->irq_fd(bus, 5), &count, sizeof(count)),
		sizeof(count)); /* vector n is descriptor n */
	assert_int_equal(read(bus->ops->irq_fd(bus, 4), &count, sizeof(count)), -1);
	assert_int_equal(bus->ops->read32(bus, 4, &value), 0);
	assert_int_equal(value, 0xabcd);
	assert_int_equal(bus->ops->write32(bus, 8, 77, 0), 0);
	assert_int_equal(bus->ops->read32(bus, 8, &value), 0);
	assert_int_equal(value, 77);
	assert_int_equal(bus->ops->map(bus, 0x1000, 4096, 0, 0), 0);
	assert_int_equal(card.fds, 1);
	assert_int_equal(bus->ops->map(bus, 0x2000, 4096, 0, 0), -EEXIST);
	assert_int_equal(bus->ops->unmap(bus, 0x1000, 4096), 0);
	assert_false(bus->ops->gone(bus));
	finish(bus);
}

static void test_refusals(void **state)
{
	struct sl_bus *bus = NULL;
	uint64_t owner = 0;
	char path[200];

	(void)state;
	assert_int_equal(start(REFUSES, &bus, &owner), -EBUSY);
	assert_int_equal(owner, 4711);
	finish(NULL);
	assert_int_equal(start(OTHER_VERSION, &bus, &owner), -EPROTONOSUPPORT);
	finish(NULL);
	assert_int_equal(start(SILENT, &bus, &owner), -ETIMEDOUT);
	finish(NULL);
	assert_int_equal(sl_bus_socket_open("/nonexistent/bus", 100, &bus, &owner), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(sl_bus_socket_open(path, 100, &bus, &owner), -ENAMETOOLONG);
}

static void test_end(void **state)
{
	static const struct {
		enum behaviour behaviour;
		int rc;
	} rows[] = {{GOES_AT_READ, -EIO}, {LIES_AT_READ, -EIO}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_bus *bus;
		uint32_t value;
		uint64_t owner;

		assert_int_equal(start(rows[i].behaviour, &bus, &owner), 0);
		assert_int_equal(bus->ops->read32(bus, 0, &value), rows[i].rc);
		assert_true(bus->ops->gone(bus));
		assert_int_equal(bus->ops->read32(bus, 0, &value), -EIO);
		assert_int_equal(bus->ops->write32(bus, 0, 1, 100), -EIO);
		assert_int_equal(bus->ops->map(bus, 0x1000, 4096, 0, 0), -EIO);
		finish(bus);
	}
}

/* A card that hangs for longer than anybody waits, and comes back: its late answer is nobody's, and it is of use again. */
static void test_hang(void **state)
{
	struct sl_bus *bus;
	uint32_t value;
	uint64_t owner;

	(void)state;
	assert_int_equal(start(SLOW_AT_READ, &bus, &owner), 0);
	assert_int_equal(bus->ops->write32(bus, 8, 77, 0), 0);
	assert_int_equal(bus->ops->read32(bus, 4, &value), -ETIMEDOUT);
	assert_int_equal(bus->ops->read32(bus, 4, &value), -ETIMEDOUT); /* waits, and asks no more */
	assert_false(bus->ops->gone(bus));
	usleep(350000);
	assert_int_equal(bus->ops->read32(bus, 8, &value), 0);
	assert_int_equal(value, 77);
	assert_int_equal(card.reads, 2);
	assert_int_equal(bus->ops->map(bus, 0x1000, 4096, 0, 0), 0);
	finish(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conversation), cmocka_unit_test(test_refusals), cmocka_unit_test(test_end),
		cmocka_unit_test(test_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
