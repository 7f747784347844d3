/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The card's loop; see card.h. One turn does a small batch of everything, so that a frame crosses the card in few turns and
 * no part starves another: bus, wire to engine, host to engine, engine, engine to wire and host, firmware. A frame that the
 * engine cannot take waits in its port's single place; the wire behind it waits in the kernel.
 */
#include "sim/card.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "sim/bus.h"
#include "sim/dma.h"
#include "sim/iova.h"
#include "sim/mgmt.h"

#define PORT_BATCH       64     /* frames from one wire in a turn */
#define WIRE_OUT_BATCH   128    /* frames to the wires in a turn */
#define ENGINE_BUDGET    256    /* clocks (or items of work) in a turn */
#define FIRMWARE_BUDGET  5000   /* instructions in a turn, at most */
#define FIRMWARE_MINIMUM 500    /* and at least */
#define LINK_INTERVAL_MS 100
#define BOOT_LIMIT_MS    20000
#define CSR_CTRL_RUN     1u

enum { WATCH_BUS = SL_PORTS_MAX, WATCH_HOOK };

/* A port and the one frame that waits for the engine. */
struct card_port {
	struct sl_port *port;
	bool readable;
	bool started;     /* ports that wait: the card has enabled it */
	uint32_t waiting; /* length of the frame in `frame`, 0 none */
	uint8_t frame[SL_PORT_FRAME_ROOM];
};

struct sl_card {
	const struct sl_engine_ops *ops;
	struct sl_engine *engine;
	struct sl_mgmt *mgmt;
	struct sl_bus *bus;
	struct sl_iova memory;
	struct sl_dma dma;
	unsigned int ports;
	struct card_port port[SL_PORTS_MAX];
	int epoll;
	bool bus_ready;            /* the bus has something to say */
	uint64_t started_ms;
	uint32_t now_ms;           /* card time */
	uint32_t link_checked_ms;
	uint32_t firmware_credit;  /* instructions that time has earned */
	uint64_t turns, sleeps;
	uint8_t out[SL_FRAME_MAX];
};

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- registers ---- */

static void raise_vector(void *ctx, unsigned int vector)
{
	sl_bus_raise(((struct sl_card *)ctx)->bus, vector);
}

static void host_if_reset(struct sl_card *card)
{
	const struct sl_nic_ops *nic = card->ops->nic;

	if (nic != NULL) {
		nic->bar_write(card->engine, SL_BAR_RESET, SL_RESET_KIND_HOST_IF);
		while (nic->bar_read(card->engine, SL_BAR_RESET) != 0)
			; /* bounded: what is under way ends within the memory's latency */
		return;
	}
	sl_dma_host_if_reset(&card->dma);
	sl_mgmt_host_if_reset(card->mgmt);
}

static void card_reset(struct sl_card *card)
{
	card->ops->reset(card->engine);
	sl_dma_card_reset(&card->dma);
	sl_mgmt_host_if_reset(card->mgmt);
	sl_mgmt_reset(card->mgmt, SL_RESET_KIND_CARD);
	for (unsigned int i = 0; i < card->ports; i++)
		card->port[i].waiting = 0;
}

static bool memory_read(void *ctx, uint64_t iova, void *to, size_t len)
{
	return sl_iova_read(&((struct sl_card *)ctx)->memory, iova, to, len);
}

static bool memory_write(void *ctx, uint64_t iova, const void *from, size_t len)
{
	return sl_iova_publish(&((struct sl_card *)ctx)->memory, iova, from, len);
}

/* A card with its own DMA has reset something and wants its processor to start again. */
static void nic_restart(struct sl_card *card)
{
	const unsigned int cause = card->ops->nic->restart(card->engine);

	if (cause == 0)
		return;
	sl_mgmt_reset(card->mgmt, (enum sl_reset_kind)cause);
	for (unsigned int i = 0; i < card->ports && cause == SL_RESET_KIND_CARD; i++)
		card->port[i].waiting = 0;
}

static uint32_t bar_read(void *ctx, uint32_t offset)
{
	struct sl_card *card = ctx;
	uint32_t value;

	if (card->ops->nic != NULL) {
		value = card->ops->nic->bar_read(card->engine, offset);
		nic_restart(card);
		return value;
	}
	if (sl_queue_read(&card->dma.queues, offset, &value))
		return value;
	switch (offset) {
	case SL_BAR_ID:          return SL_CARD_ID;
	case SL_BAR_ABI:         return SL_ABI_VERSION;
	case SL_BAR_STATUS:      return sl_mgmt_status(card->mgmt);
	case SL_BAR_HEARTBEAT:   return sl_mgmt_heartbeat(card->mgmt);
	case SL_BAR_PORTS:       return card->ports;
	case SL_BAR_TIME_MS:     return card->now_ms;
	case SL_BAR_EVENTS_LOST: return sl_dma_events_lost(&card->dma);
	default:                 return 0; /* RESET too: a reset has ended when its write has */
	}
}

static void bar_write(void *ctx, uint32_t offset, uint32_t value)
{
	struct sl_card *card = ctx;

	if (card->ops->nic != NULL) {
		card->ops->nic->bar_write(card->engine, offset, value);
		nic_restart(card);
		return;
	}
	if (sl_queue_write(&card->dma.queues, offset, value) || offset != SL_BAR_RESET)
		return;
	if (value == SL_RESET_KIND_HOST_IF)
		host_if_reset(card);
	else if (value == SL_RESET_KIND_FIRMWARE)
		sl_mgmt_reset(card->mgmt, SL_RESET_KIND_FIRMWARE);
	else if (value == SL_RESET_KIND_CARD)
		card_reset(card);
}

static void owner_gone(void *ctx)
{
	host_if_reset(ctx);
}

static const struct sl_bus_ops bus_ops = { .read = bar_read, .write = bar_write, .closed = owner_gone };

/* ---- start and end ---- */

static int watch(struct sl_card *card, int fd, uint32_t what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = what };

	return epoll_ctl(card->epoll, EPOLL_CTL_ADD, fd, &event);
}

static struct sl_mgmt *mgmt_create(struct sl_card *card, const struct sl_card_config *config, char *err, size_t err_len)
{
	struct sl_mgmt_config mgmt = { .image_path = config->firmware_path,
				       .flash_path = config->flash_path, .ops = card->ops, .engine = card->engine,
				       .ports = card->ports, .console = stderr, .now_ms = card->now_ms };

	for (unsigned int i = 0; i < card->ports; i++) {
		struct sl_port *port = card->port[i].port;

		memcpy(mgmt.port[i].mac, port->mac, sizeof(port->mac));
		mgmt.port[i].mtu = port->mtu;
		mgmt.port[i].up = port->ops->link(port);
	}
	if (card->ops->nic != NULL) {
		const struct sl_nic_host host = { .read = memory_read, .write = memory_write, .raise = raise_vector, .ctx = card };

		card->ops->nic->attach(card->engine, &host, mgmt.port, card->ports);
	}
	return sl_mgmt_create(&mgmt, err, err_len);
}

struct sl_card *sl_card_create(const struct sl_card_config *config, char *err, size_t err_len)
{
	struct sl_card *card = calloc(1, sizeof(*card));

	snprintf(err, err_len, "out of memory");
	if (card == NULL)
		return NULL;
	card->ops = config->ops;
	card->ports = config->engine.ports;
	card->started_ms = clock_ms();
	for (unsigned int i = 0; i < card->ports; i++)
		card->port[i].port = config->port[i];
	card->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (card->epoll < 0)
		goto failed;
	card->engine = card->ops->create(&config->engine, err, err_len);
	if (card->engine == NULL)
		goto failed;
	card->mgmt = mgmt_create(card, config, err, err_len);
	if (card->mgmt == NULL)
		goto failed;
	if (card->ops->nic == NULL)
		sl_dma_init(&card->dma, &card->memory, card->ports, card->ops, card->engine, card->mgmt, raise_vector,
			    card);
	card->bus = sl_bus_create(config->bus_path, &card->memory, &bus_ops, card, err, err_len);
	if (card->bus == NULL)
		goto failed;
	snprintf(err, err_len, "epoll: cannot watch a port");
	if (watch(card, sl_bus_fd(card->bus), WATCH_BUS) != 0)
		goto failed;
	for (unsigned int i = 0; i < card->ports; i++)
		if (card->port[i].port->fd >= 0 && watch(card, card->port[i].port->fd, i) != 0)
			goto failed;
	return card;
failed:
	sl_card_destroy(card);
	return NULL;
}

void sl_card_destroy(struct sl_card *card)
{
	sl_bus_destroy(card->bus);
	if (card->mgmt != NULL)
		sl_mgmt_destroy(card->mgmt);
	if (card->engine != NULL)
		card->ops->destroy(card->engine);
	if (card->epoll >= 0)
		close(card->epoll);
	sl_iova_clear(&card->memory);
	free(card);
}

/* ---- one turn ---- */

/* True once the card receives on the port. */
static bool port_started(struct sl_card *card, unsigned int i)
{
	struct card_port *p = &card->port[i];

	if (!p->started && p->port->waits)
		p->started = (card->ops->csr_read(card->engine, SL_CSR_CTRL) & CSR_CTRL_RUN) != 0 &&
			     (card->ops->csr_read(card->engine, SL_CSR_PORT_FLAGS(i)) & SL_PORT_FLAG_ENABLE) != 0;
	return p->started || !p->port->waits;
}

static bool port_step(struct sl_card *card, unsigned int i)
{
	struct card_port *p = &card->port[i];
	bool worked = false;

	if (p->waiting == 0 && (p->port->ended || (p->port->fd >= 0 && !p->readable) || !port_started(card, i)))
		return false;
	for (unsigned int n = 0; n < PORT_BATCH; n++) {
		if (p->waiting == 0)
			p->waiting = p->port->ops->recv(p->port, p->frame);
		if (p->waiting == 0) {
			p->readable = false;
			if (p->port->ended && p->port->fd >= 0)
				epoll_ctl(card->epoll, EPOLL_CTL_DEL, p->port->fd, NULL);
			break;
		}
		if (!card->ops->wire_in(card->engine, i, p->frame, p->waiting, false))
			break;
		p->waiting = 0;
		worked = true;
	}
	return worked;
}

static bool wires_step(struct sl_card *card)
{
	bool worked = false;

	for (unsigned int n = 0; n < WIRE_OUT_BATCH; n++) {
		unsigned int port;
		uint32_t len = card->ops->wire_out(card->engine, &port, card->out);

		if (len == 0)
			break;
		worked = true;
		if (port < card->ports)
			card->port[port].port->ops->send(card->port[port].port, card->out, len);
	}
	return worked;
}

static bool firmware_step(struct sl_card *card, uint32_t elapsed_ms)
{
	const uint64_t credit = card->firmware_credit + (uint64_t)elapsed_ms * SL_MGMT_INSNS_PER_MS;
	uint32_t budget, spent;

	card->firmware_credit = credit > SL_MGMT_INSNS_PER_MS ? SL_MGMT_INSNS_PER_MS : (uint32_t)credit;
	budget = card->firmware_credit < FIRMWARE_BUDGET ? card->firmware_credit : FIRMWARE_BUDGET;
	budget = budget < FIRMWARE_MINIMUM ? FIRMWARE_MINIMUM : budget;
	spent = sl_mgmt_step(card->mgmt, card->now_ms, budget);
	card->firmware_credit -= spent < card->firmware_credit ? spent : card->firmware_credit;
	return spent > 0;
}

static void links_check(struct sl_card *card)
{
	if (card->now_ms - card->link_checked_ms < LINK_INTERVAL_MS)
		return;
	card->link_checked_ms = card->now_ms;
	for (unsigned int i = 0; i < card->ports; i++)
		sl_mgmt_link_set(card->mgmt, i, card->port[i].port->ops->link(card->port[i].port));
}

/* The DMA around an engine that has none; one that has is driven by its clock, and only its restarts are looked for. */
static bool dma_step(struct sl_card *card)
{
	if (card->ops->nic == NULL)
		return sl_dma_step(&card->dma, card->now_ms);
	nic_restart(card);
	return false;
}

/* False if every part had nothing to do. */
static bool turn(struct sl_card *card)
{
	const uint32_t before_ms = card->now_ms;
	bool worked;

	card->now_ms = (uint32_t)(clock_ms() - card->started_ms);
	card->turns++;
	worked = card->bus_ready && sl_bus_step(card->bus);
	card->bus_ready = false;
	for (unsigned int i = 0; i < card->ports; i++)
		worked |= port_step(card, i);
	worked |= dma_step(card);
	if (card->now_ms != before_ms || !card->ops->idle(card->engine))
		card->ops->step(card->engine, card->now_ms, ENGINE_BUDGET);
	worked |= wires_step(card);
	worked |= dma_step(card);
	worked |= !card->ops->idle(card->engine);
	worked |= firmware_step(card, card->now_ms - before_ms);
	if (sl_mgmt_card_reset_wanted(card->mgmt)) {
		sl_dma_step(&card->dma, card->now_ms); /* the completion of the command that asked */
		card_reset(card);
	}
	links_check(card);
	return worked;
}

/* How long nothing has to be done, seen from the clock alone. */
static int sleep_ms(const struct sl_card *card)
{
	const uint32_t firmware = sl_mgmt_wait_ms(card->mgmt, card->now_ms);

	return firmware < LINK_INTERVAL_MS ? (int)firmware : LINK_INTERVAL_MS;
}

/* Waits for events for at most timeout ms. True if the hook's descriptor is readable. */
static bool wait_events(struct sl_card *card, int timeout)
{
	struct epoll_event events[SL_PORTS_MAX + 2];
	bool hook = false;
	int n = epoll_wait(card->epoll, events, SL_PORTS_MAX + 2, timeout);

	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 < SL_PORTS_MAX)
			card->port[events[i].data.u32].readable = true;
		else if (events[i].data.u32 == WATCH_BUS)
			card->bus_ready = true;
		else
			hook = true;
	}
	return hook;
}

int sl_card_run(struct sl_card *card, const struct sl_card_hooks *hooks, char *err, size_t err_len)
{
	bool ready = false;
	int timeout = 0;

	if (watch(card, hooks->fd, WATCH_HOOK) != 0) {
		snprintf(err, err_len, "epoll: %s", strerror(errno));
		return -1;
	}
	for (;;) {
		if (wait_events(card, timeout) && hooks->asked(hooks->ctx))
			return 0;
		timeout = turn(card) ? 0 : sleep_ms(card);
		card->sleeps += timeout != 0;
		if (ready)
			continue;
		if (sl_mgmt_status(card->mgmt) & SL_MGMT_STATUS_FAILED) {
			snprintf(err, err_len, "the firmware failed its self-test; its console says why");
			return -1;
		}
		if (sl_mgmt_status(card->mgmt) & SL_MGMT_STATUS_SERVING) {
			ready = true;
			hooks->ready(hooks->ctx);
		} else if (card->now_ms > BOOT_LIMIT_MS) {
			snprintf(err, err_len, "the firmware did not boot within %d seconds", BOOT_LIMIT_MS / 1000);
			return -1;
		}
	}
}

static void dma_print(const struct sl_card *card, FILE *out)
{
	const struct sl_dma_stats *d = &card->dma.stats;

	fprintf(out, "dma: rx %llu (no queue %llu, no buffer %llu), tx %llu (errors %llu), flow commands %llu, admin commands %llu, events %llu (lost %u)\n",
		(unsigned long long)d->rx_frames, (unsigned long long)d->rx_no_host, (unsigned long long)d->rx_host_full,
		(unsigned long long)d->tx_frames, (unsigned long long)d->tx_errors, (unsigned long long)d->flow_commands,
		(unsigned long long)d->admin_commands, (unsigned long long)d->events, sl_dma_events_lost(&card->dma));
	for (unsigned int i = 0; i < SL_QUEUES; i++) {
		const struct sl_queue *q = &card->dma.queues.queue[i];

		if (q->enabled || q->status != SL_STATUS_OK)
			fprintf(out, "queue %u: %s, status %u, sq %u..%u of %u, cq %u..%u of %u%s\n", i,
				q->enabled ? "enabled" : "stopped", q->status, q->sq_head, q->sq_tail, q->sq_size, q->cq_head,
				q->cq_tail, q->cq_size, q->armed ? ", armed" : "");
	}
}

void sl_card_print(const struct sl_card *card, FILE *out)
{
	fprintf(out, "card: engine %s, up %u ms, %llu clocks, %llu turns, %llu sleeps, firmware status %u, owner %d, %zu mappings\n",
		card->ops->name, card->now_ms, (unsigned long long)card->ops->clocks(card->engine),
		(unsigned long long)card->turns, (unsigned long long)card->sleeps, sl_mgmt_status(card->mgmt),
		sl_bus_owner(card->bus), card->memory.count);
	for (unsigned int i = 0; i < card->ports; i++) {
		const struct sl_port *p = card->port[i].port;
		const struct sl_port_tally *s = &p->stats;

		fprintf(out, "port %u %s:%s: rx %llu (errors %llu, checksums completed %llu, segments %llu), tx %llu (dropped %llu)\n",
			i, p->kind, p->name, (unsigned long long)s->rx_frames, (unsigned long long)s->rx_errors,
			(unsigned long long)s->rx_csums, (unsigned long long)s->rx_segments,
			(unsigned long long)s->tx_frames, (unsigned long long)s->tx_dropped);
	}
	if (card->ops->nic != NULL)
		card->ops->nic->print(card->engine, out);
	else
		dma_print(card, out);
	fflush(out);
}
