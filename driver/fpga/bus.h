/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way to a card: registers, memory that the card may reach, interrupts. One implementation per kind of bus;
 * bus_socket.c is that of the simulated card. All functions may be called by any thread at any time.
 *
 * Every function returns 0 or a negative errno. After the card has gone all of them return -EIO at once.
 */
#ifndef SLUICE_DRIVER_FPGA_BUS_H
#define SLUICE_DRIVER_FPGA_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct sl_bus;

struct sl_bus_ops {
	/* A register of the BAR. Returns after all earlier writes have taken effect. */
	int (*read32)(struct sl_bus *bus, uint32_t offset, uint32_t *value);
	/* Posted. May wait for room up to wait_ms; with 0 it never waits and returns -EAGAIN instead. */
	int (*write32)(struct sl_bus *bus, uint32_t offset, uint32_t value, unsigned int wait_ms);
	/* Bytes [offset, offset + len) of the file fd appear to the card at iova; multiples of 4096. */
	int (*map)(struct sl_bus *bus, uint64_t iova, uint64_t len, int fd, uint64_t offset);
	int (*unmap)(struct sl_bus *bus, uint64_t iova, uint64_t len);
	/* eventfd of an interrupt vector; owned by the bus. */
	int (*irq_fd)(const struct sl_bus *bus, unsigned int vector);
	/* A descriptor on which epoll reports EPOLLRDHUP or EPOLLHUP when the card has gone; owned by the bus. */
	int (*watch_fd)(const struct sl_bus *bus);
	/* True once the card has gone. */
	bool (*gone)(const struct sl_bus *bus);
	/* From now on the card counts as gone (it broke its contract). */
	void (*abandon)(struct sl_bus *bus);
	/* Leaves the card: it resets its host interface and goes on forwarding. Frees the bus. */
	void (*close)(struct sl_bus *bus);
};

struct sl_bus {
	const struct sl_bus_ops *ops;
};

/* Connects to the simulated card behind the Unix socket at path. -EBUSY: *owner is the process that has the card. No
 * answer is waited for longer than timeout_ms (then -ETIMEDOUT; a card that answers again is of use again). */
int sl_bus_socket_open(const char *path, unsigned int timeout_ms, struct sl_bus **bus, uint64_t *owner);

#endif
