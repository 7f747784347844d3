/* SPDX-License-Identifier: BSD-3-Clause */
/* Connecting to a card and leaving it, its events, and what its ports share. */
#include "driver/fpga/card.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_interrupts.h>

#include "driver/flow/tunnel.h"
#include "driver/fpga/adopt.h"
#include "driver/fpga/log.h"
#include "driver/fpga/memory.h"

#define EVENTS_LOG2 6
#define SETTLE_EVERY_US 50000
#define SETTLE_BATCH 64
#define AGE_BATCH 4096 /* flows looked at under the flow queue's lock */
#define AGE_PAUSE_US 1000

RTE_LOG_REGISTER(sl_driver_logtype, pmd.net.sluice, NOTICE);

static struct sl_card *cards;
static unsigned int cards_made;
static pthread_mutex_t cards_lock = PTHREAD_MUTEX_INITIALIZER;

static int wait_register(struct sl_card *card, uint32_t offset, uint32_t mask, uint32_t want)
{
	uint32_t value = 0;

	for (unsigned int ms = 0; ms <= card->config.timeout_ms; ms++) {
		int rc = card->bus->ops->read32(card->bus, offset, &value);

		if (rc || (value & mask) == want)
			return rc;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

/* docs/device.md chapter 1, steps 1 to 3. */
static int identify(struct sl_card *card)
{
	struct sl_bus *bus = card->bus;
	uint32_t id, abi, status;
	int rc = bus->ops->read32(bus, SL_BAR_ID, &id);

	if (rc == 0)
		rc = bus->ops->read32(bus, SL_BAR_ABI, &abi);
	if (rc)
		return rc;
	if (id != SL_CARD_ID || abi != SL_ABI_VERSION) {
		SL_LOG(ERR, "%s: not a card that this driver knows: ID 0x%x, ABI %u; ID 0x%x with ABI %u is needed",
			card->config.path, id,
			abi, SL_CARD_ID, SL_ABI_VERSION);
		return -ENOTSUP;
	}
	rc = bus->ops->write32(bus, SL_BAR_RESET, SL_RESET_KIND_HOST_IF, card->config.timeout_ms);
	if (rc == 0)
		rc = wait_register(card, SL_BAR_RESET, UINT32_MAX, 0);
	if (rc == 0)
		rc = wait_register(card, SL_BAR_STATUS, SL_MGMT_STATUS_SERVING, SL_MGMT_STATUS_SERVING);
	if (rc == -ETIMEDOUT && bus->ops->read32(bus, SL_BAR_STATUS, &status) == 0)
		SL_LOG(ERR, "%s: the card's firmware does not serve within %u ms%s", card->config.path,
			card->config.timeout_ms,
			status & SL_MGMT_STATUS_FAILED ? ": it failed its self-test"
			: status & SL_MGMT_STATUS_SILENT ? ": it has stopped beating" : "");
	return rc;
}

static void report_events(struct sl_card *card, enum rte_eth_event_type type, unsigned int port)
{
	struct rte_eth_dev *dev;

	pthread_mutex_lock(&card->ports_lock);
	dev = card->ports[port];
	pthread_mutex_unlock(&card->ports_lock);
	if (!dev)
		return;
	if (type == RTE_ETH_EVENT_INTR_RMV) {
		struct rte_eth_link down = {.link_status = RTE_ETH_LINK_DOWN};

		rte_eth_linkstatus_set(dev, &down);
	}
	rte_eth_dev_callback_process(dev, type, NULL);
}

/* Link changes may be among events that were lost, or have happened while the firmware was away: asks, and has everybody look. */
static void links_read(struct sl_card *card)
{
	for (unsigned int p = 0; p < SL_PORTS_MAX; p++) {
		struct rte_eth_dev *dev;

		pthread_mutex_lock(&card->ports_lock);
		dev = card->ports[p];
		pthread_mutex_unlock(&card->ports_lock);
		if (dev && dev->data->dev_started)
			dev->dev_ops->link_update(dev, 0);
		report_events(card, RTE_ETH_EVENT_INTR_LSC, p);
	}
}

static void note_aged(struct sl_card *card, uint32_t flow_id)
{
	const uint8_t owner = sl_aged_note(&card->aged, flow_id);

	if (owner)
		report_events(card, RTE_ETH_EVENT_FLOW_AGED, owner - 1u);
}

static void handle_event(struct sl_card *card, const struct sl_event *event)
{
	switch (event->type) {
	case SL_EVENT_TYPE_LINK:
		if (event->arg0 >= SL_PORTS_MAX)
			break;
		pthread_mutex_lock(&card->ports_lock);
		if (card->ports[event->arg0])
			card->ports[event->arg0]->data->dev_link.link_status = event->arg1 & 1;
		pthread_mutex_unlock(&card->ports_lock);
		report_events(card, RTE_ETH_EVENT_INTR_LSC, event->arg0);
		break;
	case SL_EVENT_TYPE_OVERFLOW:
		links_read(card);
		break;
	case SL_EVENT_TYPE_AGED:
		note_aged(card, event->arg0);
		break;
	case SL_EVENT_TYPE_RESET:
		SL_LOG(WARNING, "%s: the card's firmware has restarted (%s)", card->config.path,
			sl_reset_kind_name(event->arg0) ? sl_reset_kind_name(event->arg0) : "unknown cause");
		links_read(card);
		break;
	}
}

/* The EAL's interrupt thread: events, or the end of the bus. */
static void watch_callback(void *arg)
{
	struct sl_card *card = arg;
	const struct sl_event *entry;
	struct epoll_event happened[2];
	uint64_t count;
	int n = epoll_wait(card->watch_fd, happened, 2, 0);

	for (int i = 0; i < n; i++) {
		if (happened[i].data.u32 == 0)
			continue;
		epoll_ctl(card->watch_fd, EPOLL_CTL_DEL, card->bus->ops->watch_fd(card->bus), NULL);
		card->bus->ops->abandon(card->bus);
		SL_LOG(ERR, "%s: the card has gone; its ports neither send nor receive any more", card->config.path);
		for (unsigned int p = 0; p < SL_PORTS_MAX; p++)
			report_events(card, RTE_ETH_EVENT_INTR_RMV, p);
		return;
	}
	if (read(card->bus->ops->irq_fd(card->bus, SL_QUEUE_EVENT), &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	while ((entry = sl_queue_completion(&card->events)) != NULL) {
		struct sl_event event = *entry;

		sl_queue_consume(&card->events);
		handle_event(card, &event);
	}
	sl_queue_arm(&card->events);
}

static int watch(struct sl_card *card)
{
	struct epoll_event on_event = {.events = EPOLLIN, .data.u32 = 0};
	struct epoll_event on_end = {.events = EPOLLRDHUP, .data.u32 = 1};

	card->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	if (card->watch_fd < 0)
		return -errno;
	if (epoll_ctl(card->watch_fd, EPOLL_CTL_ADD, card->bus->ops->irq_fd(card->bus, SL_QUEUE_EVENT), &on_event) ||
	    epoll_ctl(card->watch_fd, EPOLL_CTL_ADD, card->bus->ops->watch_fd(card->bus), &on_end))
		return -errno;
	card->watch = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	if (!card->watch)
		return -ENOMEM;
	rte_intr_fd_set(card->watch, card->watch_fd);
	rte_intr_type_set(card->watch, RTE_INTR_HANDLE_EXT);
	return rte_intr_callback_register(card->watch, watch_callback, card);
}

static void unwatch(struct sl_card *card)
{
	if (card->watch) {
		rte_intr_callback_unregister_sync(card->watch, watch_callback, card);
		rte_intr_instance_free(card->watch);
		card->watch = NULL;
	}
	if (card->watch_fd >= 0)
		close(card->watch_fd);
	card->watch_fd = -1;
}

static int open_events(struct sl_card *card, const char *name)
{
	const struct sl_queue_config config = {
		.name = name,
		.id = SL_QUEUE_EVENT,
		.cq_log2 = EVENTS_LOG2,
		.cq_entry = sizeof(struct sl_event),
		.socket_id = SOCKET_ID_ANY,
	};
	int rc = sl_queue_create(&card->events, card->bus, &config);

	return rc ? rc : sl_queue_start(&card->events);
}

int sl_card_set_meter(struct sl_card *card, unsigned int meter, uint64_t frames_per_s, uint64_t burst)
{
	struct sl_meter_arg arg = {.index = meter};

	if (frames_per_s) {
		uint64_t rate = (frames_per_s * 256 + 500) / 1000;

		arg.meter.rate = (uint32_t)RTE_MIN(RTE_MAX(rate, UINT64_C(1)), UINT64_C(0xffffffff));
	}
	arg.meter.burst = (uint32_t)RTE_MIN(RTE_MAX(burst, UINT64_C(1)), UINT64_C(65535));
	return sl_admin_exec(&card->admin, SL_ADMIN_OP_METER_SET, &arg, sizeof(arg), NULL, 0);
}

int sl_card_set_tunnels(struct sl_card *card, unsigned int mode)
{
	struct sl_index_arg arg = {.index = SL_VXLAN_PORT | sl_tunnel_flag(mode)};
	int rc;

	for (uint32_t i = 0; i < card->rules.count; i++)
		if (card->rules.slots[i])
			arg.index |= sl_tunnel_flag(card->rules.slots[i]->content.tunnel_mode);
	if (arg.index == card->tunnels)
		return 0;
	card->tunnels = 0;
	rc = sl_admin_exec(&card->admin, SL_ADMIN_OP_VXLAN_PORT, &arg, sizeof(arg), NULL, 0);
	if (rc == 0)
		card->tunnels = arg.index;
	return rc;
}

/* From now on the card tells of aged flows, also of those that it told an earlier driver of. */
static int start_ageing(struct sl_card *card)
{
	const struct sl_index_arg arg = {.index = SL_AGE_PERIOD_MS};

	return sl_admin_exec(&card->admin, SL_ADMIN_OP_AGE_SET, &arg, sizeof(arg), NULL, 0);
}

/* The queues of a card behind a bus. */
static int open_queues(struct sl_card *card)
{
	char name[RTE_MEMZONE_NAMESIZE];
	int rc = identify(card);

	if (rc == 0)
		rc = sl_memory_share(card->bus);
	if (rc)
		return rc;
	snprintf(name, sizeof(name), "sluice%u_event", card->number);
	rc = open_events(card, name);
	snprintf(name, sizeof(name), "sluice%u_admin", card->number);
	if (rc == 0)
		rc = sl_admin_open(&card->admin, card->bus, name, card->config.timeout_ms);
	snprintf(name, sizeof(name), "sluice%u_flow", card->number);
	if (rc == 0)
		rc = sl_flowq_open(&card->flowq, card->bus, name, card->config.timeout_ms);
	return rc;
}

/* Flows that a sweep found. */
struct aged_found {
	uint32_t count;
	uint32_t flow_id[AGE_BATCH];
};

static void found_aged(void *ctx, uint32_t flow_id)
{
	struct aged_found *found = ctx;

	found->flow_id[found->count++] = flow_id;
}

/* Alarm thread: a datapath has no events, so its flows are looked at, some at a time. Who hears of them may use the flow queue. */
static void sweep_aged(void *arg)
{
	struct aged_found found = { .count = 0 };
	struct sl_card *card = arg;

	pthread_mutex_lock(&card->flowq.lock);
	card->datapath->ops->age(card->datapath, &card->age_next, AGE_BATCH, found_aged, &found);
	pthread_mutex_unlock(&card->flowq.lock);
	for (uint32_t i = 0; i < found.count; i++)
		note_aged(card, found.flow_id[i]);
	rte_eal_alarm_set(card->age_next ? AGE_PAUSE_US : SL_AGE_PERIOD_MS * 1000, sweep_aged, card);
}

/* Events of a card, or what stands for them. */
static int begin_events(struct sl_card *card)
{
	int rc = card->datapath ? rte_eal_alarm_set(SL_AGE_PERIOD_MS * 1000, sweep_aged, card) : watch(card);

	if (rc == 0 && card->bus)
		rc = sl_queue_arm(&card->events);
	if (rc == 0 && card->caps.modes & SL_CARD_MODE_AGED)
		rc = start_ageing(card);
	return rc;
}

/* Queues, capabilities, tables, and what an earlier driver left. */
static int bring_up(struct sl_card *card)
{
	char name[RTE_MEMZONE_NAMESIZE];
	int rc = 0;

	if (card->datapath) {
		sl_admin_open_local(&card->admin, card->datapath);
		sl_flowq_open_local(&card->flowq, card->datapath);
	} else {
		rc = open_queues(card);
	}
	if (rc == 0)
		rc = sl_admin_exec(&card->admin, SL_ADMIN_OP_GET_CAPS, NULL, 0, &card->caps, sizeof(card->caps));
	if (rc == 0 && (card->caps.abi_version != SL_ABI_VERSION || card->caps.ports == 0 ||
		card->caps.ports > SL_PORTS_MAX ||
			card->caps.table_log2 > 28))
		rc = -ENOTSUP;
	snprintf(name, sizeof(name), "sluice%u_flow", card->number);
	if (rc == 0)
		rc = sl_actions_open(&card->actions, &card->admin, card->caps.actions);
	if (rc == 0)
		rc = sl_rules_open(&card->rules, &card->admin, card->caps.class_rules);
	if (rc == 0)
		rc = sl_prefixes_open(&card->prefixes, &card->admin, &card->rules, card->caps.modes & SL_CARD_MODE_PREFIXES);
	if (rc == 0)
		rc = sl_flows_open(&card->flows, &card->flowq, &card->actions, name, 1u << card->caps.table_log2);
	card->mac_flows = calloc(UINT16_MAX + 1u, sizeof(*card->mac_flows));
	if (rc == 0 && !card->mac_flows)
		rc = -ENOMEM;
	if (rc == 0)
		rc = sl_aged_open(&card->aged, 1u << card->caps.table_log2);
	if (rc == 0)
		rc = sl_adopt_read(card);
	if (rc == 0)
		rc = sl_card_set_tunnels(card, 0);
	if (rc == 0)
		rc = sl_card_set_meter(card, SL_METER_UNLIMITED, 0, 1);
	if (rc == 0)
		rc = sl_card_set_meter(card, 0, card->config.kernel_pps, RTE_MAX(card->config.kernel_pps / 10, 32u));
	if (rc == 0)
		rc = begin_events(card);
	return rc;
}

/* Alarm thread. It waits for nobody: who holds the lock may be waiting for the card. */
static void settle(void *arg)
{
	struct sl_card *card = arg;
	bool again = true;

	if (!pthread_mutex_trylock(&card->lock)) {
		again = !sl_card_gone(card) && !sl_flows_settle(&card->flows, SETTLE_BATCH);
		card->settling = again;
		pthread_mutex_unlock(&card->lock);
	}
	if (again)
		rte_eal_alarm_set(SETTLE_EVERY_US, settle, card);
}

void sl_card_doubt(struct sl_card *card)
{
	if (!card->settling && !TAILQ_EMPTY(&card->flows.doubtful))
		card->settling = rte_eal_alarm_set(SETTLE_EVERY_US, settle, card) == 0;
}

static void tear_down(struct sl_card *card)
{
	rte_eal_alarm_cancel(settle, card);
	rte_eal_alarm_cancel(sweep_aged, card);
	unwatch(card);
	sl_flows_close(&card->flows);
	sl_aged_close(&card->aged);
	sl_prefixes_close(&card->prefixes);
	sl_rules_close(&card->rules);
	sl_actions_close(&card->actions);
	sl_flowq_close(&card->flowq);
	sl_admin_close(&card->admin);
	if (card->bus) {
		sl_queue_stop(&card->events, card->config.timeout_ms);
		sl_queue_destroy(&card->events);
		sl_memory_unshare(card->bus);
		card->bus->ops->close(card->bus);
	} else {
		card->datapath->ops->close(card->datapath);
	}
	if (card->domain != RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		rte_eth_switch_domain_free(card->domain);
	pthread_mutex_destroy(&card->lock);
	pthread_mutex_destroy(&card->ports_lock);
	free(card->mac_flows);
	free(card);
}

static int connect_card(const struct sl_card_config *config, struct sl_bus **bus)
{
	uint64_t owner = 0;
	int rc = sl_bus_socket_open(config->path, config->timeout_ms, bus, &owner);

	if (rc == -EBUSY)
		SL_LOG(ERR, "%s: the card is in use by process %" PRIu64 "; a card has one driver at a time",
			config->path, owner);
	else if (rc == -EPROTONOSUPPORT)
		SL_LOG(ERR, "%s: the card speaks another version of the bus than %d", config->path, SL_BUS_VERSION);
	else if (rc == -ENAMETOOLONG)
		SL_LOG(ERR, "%s: the path of a Unix socket has at most 107 characters", config->path);
	else if (rc)
		SL_LOG(ERR, "%s: no card answers there: %s", config->path, strerror(-rc));
	return rc;
}

int sl_card_get(const struct sl_card_config *config, struct sl_card **got)
{
	struct sl_datapath *datapath = NULL;
	struct sl_bus *bus = NULL;
	struct sl_card *card;
	int rc = 0;

	pthread_mutex_lock(&cards_lock);
	for (card = cards; card; card = card->next)
		if (card->config.open == config->open && strcmp(card->config.path, config->path) == 0)
			break;
	if (card) {
		card->refs++;
		goto out;
	}
	rc = config->open ? config->open(config, &datapath) : connect_card(config, &bus);
	if (rc)
		goto out;
	card = calloc(1, sizeof(*card));
	if (!card) {
		if (bus)
			bus->ops->close(bus);
		else
			datapath->ops->close(datapath);
		rc = -ENOMEM;
		goto out;
	}
	card->config = *config;
	card->bus = bus;
	card->datapath = datapath;
	card->refs = 1;
	card->number = cards_made++;
	card->watch_fd = -1;
	pthread_mutex_init(&card->lock, NULL);
	pthread_mutex_init(&card->ports_lock, NULL);
	if (rte_eth_switch_domain_alloc(&card->domain))
		card->domain = RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID;
	rc = bring_up(card);
	if (rc) {
		SL_LOG(ERR, "%s: the card cannot be used: %s", config->path, strerror(-rc));
		tear_down(card);
		goto out;
	}
	card->next = cards;
	cards = card;
out:
	pthread_mutex_unlock(&cards_lock);
	*got = rc ? NULL : card;
	return rc;
}

void sl_card_put(struct sl_card *card)
{
	pthread_mutex_lock(&cards_lock);
	if (--card->refs == 0) {
		struct sl_card **at = &cards;

		while (*at != card)
			at = &(*at)->next;
		*at = card->next;
		tear_down(card);
	}
	pthread_mutex_unlock(&cards_lock);
}

int sl_card_join(struct sl_card *card, unsigned int port, struct rte_eth_dev *dev)
{
	int rc = 0;

	if (port >= card->caps.ports)
		return -ENODEV;
	pthread_mutex_lock(&card->ports_lock);
	if (card->ports[port])
		rc = -EEXIST;
	else
		card->ports[port] = dev;
	pthread_mutex_unlock(&card->ports_lock);
	return rc;
}

void sl_card_leave(struct sl_card *card, unsigned int port)
{
	pthread_mutex_lock(&card->ports_lock);
	card->ports[port] = NULL;
	pthread_mutex_unlock(&card->ports_lock);
}

int sl_card_port_of(struct sl_card *card, uint16_t ethdev_id)
{
	int port = -1;

	pthread_mutex_lock(&card->ports_lock);
	for (unsigned int p = 0; p < card->caps.ports; p++)
		if (card->ports[p] && card->ports[p]->data->port_id == ethdev_id)
			port = (int)p;
	pthread_mutex_unlock(&card->ports_lock);
	return port;
}

uint32_t sl_card_sweepable(struct sl_card *card, unsigned int port)
{
	uint32_t owners = UINT32_MAX;

	pthread_mutex_lock(&card->ports_lock);
	for (unsigned int p = 0; p < card->caps.ports; p++)
		if (p != port && card->ports[p])
			owners &= ~(1u << (p + 1));
	pthread_mutex_unlock(&card->ports_lock);
	return owners;
}

int sl_card_take_queue(struct sl_card *card, uint32_t *used)
{
	int n = -ENOSPC;

	pthread_mutex_lock(&card->ports_lock);
	for (int i = 0; i < 16 && n < 0; i++)
		if (!(*used & 1u << i))
			n = i;
	if (n >= 0)
		*used |= 1u << n;
	pthread_mutex_unlock(&card->ports_lock);
	return n;
}

void sl_card_drop_queue(struct sl_card *card, uint32_t *used, unsigned int n)
{
	pthread_mutex_lock(&card->ports_lock);
	*used &= ~(1u << n);
	pthread_mutex_unlock(&card->ports_lock);
}
