/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulated bus: who is let in, what is a violation, what closing does. Registers are an array in this file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/bus.h"
#include "tests/sim/host.h"

static char path[64];
static struct sl_iova memory;
static struct sl_bus *bus;
static uint32_t registers[SL_BAR_SIZE / 4];
static unsigned int closed;
static size_t mappings_at_close;

static uint32_t reg_read(void *ctx, uint32_t offset)
{
	(void)ctx;
	return registers[offset / 4];
}

static void reg_write(void *ctx, uint32_t offset, uint32_t value)
{
	(void)ctx;
	registers[offset / 4] = value;
}

static void on_closed(void *ctx)
{
	(void)ctx;
	closed++;
	mappings_at_close = memory.count;
}

static const struct sl_bus_ops ops = { .read = reg_read, .write = reg_write, .closed = on_closed };

static int setup(void **state)
{
	char err[256];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/sluice-bus-test.%d", (int)getpid());
	memset(registers, 0, sizeof(registers));
	closed = 0;
	bus = sl_bus_create(path, &memory, &ops, NULL, err, sizeof(err));
	assert_non_null(bus);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sl_bus_destroy(bus);
	assert_int_equal(access(path, F_OK), -1);
	return 0;
}

static void drain(void)
{
	while (sl_bus_step(bus))
		;
}

/* Sends bytes with copies of one descriptor; the answer's type, 0 if there was none, -1 if the card has closed. */
static int say(int fd, const void *bytes, size_t len, int give, unsigned int count, struct sl_bus_frame *reply)
{
	union {
		char bytes[CMSG_SPACE(128 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	if (count > 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
		for (unsigned int i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &give, sizeof(int));
	}
	if (sendmsg(fd, &header, MSG_NOSIGNAL) < 0)
		return -1;
	drain();
	n = recv(fd, reply, sizeof(*reply), MSG_DONTWAIT);
	if (n == 0)
		return -1;
	return n < 0 ? 0 : (int)reply->type;
}

/* The card's end is gone. */
static bool hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static int attach(int *event)
{
	const struct sl_bus_frame hello = { .type = SL_BUS_MSG_HELLO, .a = SL_BUS_VERSION };
	struct sl_bus_frame reply;
	int fd = bus_connect(path);

	assert_true(fd >= 0);
	*event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_int_equal(say(fd, &hello, sizeof(hello), *event, SL_QUEUES, &reply), SL_BUS_MSG_WELCOME);
	assert_int_equal(reply.a, SL_BUS_VERSION);
	assert_int_equal(reply.b, SL_BAR_SIZE);
	return fd;
}

static void hellos(void **state)
{
	static const struct {
		const char *what;
		uint32_t type;
		uint64_t version;
		size_t len;
		unsigned int fds;
		int refused; /* errno */
	} rows[] = {
		{ "newer version", SL_BUS_MSG_HELLO, SL_BUS_VERSION + 1, 32, SL_QUEUES, EPROTONOSUPPORT },
		{ "version beyond 32 bits", SL_BUS_MSG_HELLO, 0x100000001ull, 32, SL_QUEUES, EPROTONOSUPPORT },
		{ "no eventfds", SL_BUS_MSG_HELLO, SL_BUS_VERSION, 32, 0, EPROTO },
		{ "one eventfd too few", SL_BUS_MSG_HELLO, SL_BUS_VERSION, 32, SL_QUEUES - 1, EPROTO },
		{ "one eventfd too many", SL_BUS_MSG_HELLO, SL_BUS_VERSION, 32, SL_QUEUES + 1, EPROTO },
		{ "many eventfds too many", SL_BUS_MSG_HELLO, SL_BUS_VERSION, 32, SL_QUEUES + 20, EPROTO },
		{ "not a HELLO", SL_BUS_MSG_READ, 0, 32, 0, EPROTO },
		{ "short", SL_BUS_MSG_HELLO, SL_BUS_VERSION, 31, SL_QUEUES, EPROTO },
		{ "long", SL_BUS_MSG_HELLO, SL_BUS_VERSION, 33, SL_QUEUES, EPROTO },
		{ "one byte", SL_BUS_MSG_HELLO, SL_BUS_VERSION, 1, 0, EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct {
			struct sl_bus_frame frame;
			uint8_t more[8];
		} message = { .frame = { .type = rows[i].type, .a = rows[i].version } };
		struct sl_bus_frame reply = { 0 };
		int fd = bus_connect(path), event = eventfd(0, EFD_CLOEXEC);

		if (say(fd, &message, rows[i].len, event, rows[i].fds, &reply) != SL_BUS_MSG_REFUSED)
			fail_msg("%s: answer %u", rows[i].what, reply.type);
		assert_int_equal(reply.a, rows[i].refused);
		assert_true(hung_up(fd));
		close(fd);
		close(event);
	}
	assert_int_equal(closed, 0); /* nobody was the owner */
}

static void second_owner(void **state)
{
	const struct sl_bus_frame hello = { .type = SL_BUS_MSG_HELLO, .a = SL_BUS_VERSION };
	struct sl_bus_frame reply;
	int event, first = attach(&event), second = bus_connect(path);

	(void)state;
	assert_int_equal(sl_bus_owner(bus), getpid());
	assert_int_equal(say(second, &hello, sizeof(hello), event, SL_QUEUES, &reply), SL_BUS_MSG_REFUSED);
	assert_int_equal(reply.a, EBUSY);
	assert_int_equal(reply.b, getpid());
	assert_true(hung_up(second));
	close(second);
	close(event);
	assert_int_equal(closed, 0);
	/* The owner leaves and another comes in the same moment. */
	close(first);
	first = attach(&event);
	assert_int_equal(closed, 1);
	close(first);
	close(event);
	drain();
	assert_int_equal(closed, 2);
	assert_int_equal(sl_bus_owner(bus), 0);
}

static void violations(void **state)
{
	static const struct {
		const char *what;
		struct sl_bus_frame frame;
		size_t len;
		unsigned int fds;
	} rows[] = {
		{ "short", { .type = SL_BUS_MSG_WRITE }, 16, 0 },
		{ "long", { .type = SL_BUS_MSG_WRITE }, 40, 0 },
		{ "type 0", { .type = 0 }, 32, 0 },
		{ "an answer", { .type = SL_BUS_MSG_VALUE }, 32, 0 },
		{ "unknown type", { .type = 77 }, 32, 0 },
		{ "second HELLO", { .type = SL_BUS_MSG_HELLO, .a = SL_BUS_VERSION }, 32, SL_QUEUES },
		{ "odd read", { .type = SL_BUS_MSG_READ, .a = 2 }, 32, 0 },
		{ "odd write", { .type = SL_BUS_MSG_WRITE, .a = 0x1001 }, 32, 0 },
		{ "read beyond the BAR", { .type = SL_BUS_MSG_READ, .a = SL_BAR_SIZE }, 32, 0 },
		{ "write far beyond the BAR", { .type = SL_BUS_MSG_WRITE, .a = 0x100000000ull }, 32, 0 },
		{ "write with a descriptor", { .type = SL_BUS_MSG_WRITE }, 32, 1 },
		{ "map without a descriptor", { .type = SL_BUS_MSG_MAP, .b = 4096 }, 32, 0 },
		{ "map with two", { .type = SL_BUS_MSG_MAP, .b = 4096 }, 32, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct {
			struct sl_bus_frame frame;
			uint8_t more[8];
		} message = { .frame = rows[i].frame };
		struct sl_bus_frame reply = { 0 };
		int event, fd = attach(&event);

		if (say(fd, &message, rows[i].len, event, rows[i].fds, &reply) != SL_BUS_MSG_REFUSED)
			fail_msg("%s: answer %u", rows[i].what, reply.type);
		assert_int_equal(reply.a, EPROTO);
		assert_true(hung_up(fd));
		assert_int_equal(closed, i + 1);
		close(fd);
		close(event);
	}
}

static void registers_and_interrupts(void **state)
{
	struct sl_bus_frame f = { .type = SL_BUS_MSG_WRITE, .a = 0x1010, .b = 0xdeadbeef }, reply;
	int event, fd = attach(&event);
	uint64_t count;

	(void)state;
	assert_int_equal(say(fd, &f, sizeof(f), -1, 0, &reply), 0); /* posted */
	f = (struct sl_bus_frame){ .type = SL_BUS_MSG_READ, .a = 0x1010 };
	assert_int_equal(say(fd, &f, sizeof(f), -1, 0, &reply), SL_BUS_MSG_VALUE);
	assert_int_equal(reply.a, 0x1010);
	assert_int_equal(reply.b, 0xdeadbeef);
	sl_bus_raise(bus, 0);
	sl_bus_raise(bus, SL_QUEUES - 1);
	assert_int_equal(read(event, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 2);
	close(fd);
	drain();
	sl_bus_raise(bus, 0); /* without an owner nothing happens */
	assert_int_equal(read(event, &count, sizeof(count)), -1);
	close(event);
}

static void mappings(void **state)
{
	struct sl_bus_frame f = { .type = SL_BUS_MSG_MAP, .a = 0x10000, .b = 8192, .c = 4096 }, reply;
	int event, fd = attach(&event), file = memfd_create("sluice-bus", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(file, 12288), 0);
	assert_int_equal(say(fd, &f, sizeof(f), file, 1, &reply), SL_BUS_MSG_MAPPED);
	assert_int_equal(reply.a, 0);
	assert_true(sl_iova_write(&memory, 0x10000, "x", 1));
	assert_int_equal(say(fd, &f, sizeof(f), file, 1, &reply), SL_BUS_MSG_MAPPED);
	assert_int_equal(reply.a, EEXIST);
	f.a = 0x20000;
	f.c = 8192;
	assert_int_equal(say(fd, &f, sizeof(f), file, 1, &reply), SL_BUS_MSG_MAPPED);
	assert_int_equal(reply.a, ERANGE);
	f = (struct sl_bus_frame){ .type = SL_BUS_MSG_UNMAP, .a = 0x10000, .b = 4096 };
	assert_int_equal(say(fd, &f, sizeof(f), -1, 0, &reply), SL_BUS_MSG_MAPPED);
	assert_int_equal(reply.a, ENOENT);
	f.b = 8192;
	assert_int_equal(say(fd, &f, sizeof(f), -1, 0, &reply), SL_BUS_MSG_MAPPED);
	assert_int_equal(reply.a, 0);
	assert_false(sl_iova_write(&memory, 0x10000, "x", 1));
	f = (struct sl_bus_frame){ .type = SL_BUS_MSG_MAP, .a = 0x10000, .b = 8192, .c = 0 };
	assert_int_equal(say(fd, &f, sizeof(f), file, 1, &reply), SL_BUS_MSG_MAPPED);
	assert_int_equal(reply.a, 0);
	close(fd);
	drain();
	assert_int_equal(closed, 1);
	assert_int_equal(mappings_at_close, 1); /* the card was told before they went */
	assert_int_equal(memory.count, 0);
	close(file);
	close(event);
}

/* Connections that never speak do not keep others out. */
static void silent_guests(void **state)
{
	int silent[40], event, fd;

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		silent[i] = bus_connect(path);
		assert_true(silent[i] >= 0);
		drain();
	}
	fd = attach(&event);
	assert_int_equal(sl_bus_owner(bus), getpid());
	for (unsigned int i = 0; i < 40; i++)
		close(silent[i]);
	drain();
	assert_int_equal(closed, 0);
	close(fd);
	close(event);
}

static void socket_files(void **state)
{
	struct sl_iova other = { 0 };
	struct sl_bus *second;
	char err[256], stale[80], longest[300];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	(void)state;
	second = sl_bus_create(path, &other, &ops, NULL, err, sizeof(err));
	assert_null(second);
	assert_non_null(strstr(err, "another simulated card"));
	assert_int_equal(access(path, F_OK), 0); /* and the first one's file is still there */
	snprintf(stale, sizeof(stale), "%s.stale", path);
	memcpy(address.sun_path, stale, sizeof(stale));
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* its file stays behind, as after SIGKILL */
	second = sl_bus_create(stale, &other, &ops, NULL, err, sizeof(err));
	assert_non_null(second);
	sl_bus_destroy(second);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(sl_bus_create(longest, &other, &ops, NULL, err, sizeof(err)));
	assert_non_null(strstr(err, "longer than"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		ROW(hellos), ROW(second_owner), ROW(violations), ROW(registers_and_interrupts), ROW(mappings),
		ROW(silent_guests), ROW(socket_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
