/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The management core without its processor (sim/core.h): the block "mgmt" (registers and what the card sees of them), resets
 * and the watchdog, and the image that the card leaves the factory with.
 */
#include "sim/mgmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sim/core.h"
#include "sim/flash.h"
#include "sluice/image.h"

#define FOR_EVER 0xffffffffu
#define STEP_COUNTED_MS 50u      /* most silence that one step adds */
#define WATCHDOG_RESTART_MS (SL_MGMT_WATCHDOG_MS + SL_MGMT_RESTART_MS)

extern const uint8_t sl_loader_rom[], sl_loader_rom_end[]; /* loader_rom.S */

struct mailbox {
	uint32_t request[SL_MGMT_MBOX_REQ_COUNT];
	uint32_t response[SL_MGMT_MBOX_RSP_COUNT];
	bool busy;      /* a command was submitted and MBOX_DONE not yet written */
	bool looked_at; /* the firmware has read its first word */
	bool discard;   /* nobody waits for its completion any more */
	bool done;      /* completion waits to be taken */
	struct sl_admin_cpl completion;
};

struct sl_mgmt {
	const struct sl_core_ops *processor;
	struct sl_core *core;
	struct sl_core_bus bus;
	const struct sl_engine_ops *ops;
	struct sl_engine *engine;
	unsigned int ports;
	struct sl_nic_port port[SL_PORTS_MAX];
	FILE *console;
	uint64_t random_state; /* 0: ask the kernel */
	uint32_t now_ms;

	struct mailbox mailbox;
	struct sl_event events[SL_MGMT_EVENTS];
	unsigned int event_first, event_count;
	uint32_t events_lost;
	uint32_t event_data[SL_MGMT_EVENT_DATA_COUNT];
	bool host_if_reset;
	uint32_t link;
	bool link_changed;
	uint64_t drops[4]; /* in the order of the registers */
	uint32_t drops_hi;
	uint32_t status, heartbeat;
	uint32_t boot_cause, boots;

	bool asleep;
	uint32_t sleep_from_ms, sleep_ms;
	bool dead;             /* until it is started again */
	bool mute;             /* the datapath's registers do not answer */
	unsigned int restart;  /* reset_kind that the firmware asked for */

	uint32_t seen_heartbeat, silent_ms;
	uint32_t boot_slot, hangs;

	struct sl_flash flash;
};

/* ---- block mgmt ---- */

static uint32_t pending(const struct sl_mgmt *m)
{
	if (m->ops->nic)
		return m->ops->nic->wake(m->engine);
	return (m->mailbox.busy && !m->mailbox.discard ? SL_PENDING_MAILBOX : 0) | (m->host_if_reset ? SL_PENDING_HOST_IF_RESET : 0) |
	       (m->link_changed ? SL_PENDING_LINK : 0);
}

static uint32_t random_word(struct sl_mgmt *m)
{
	uint32_t word = 0;

	if (m->random_state == 0) {
		while (getrandom(&word, sizeof(word), 0) != (ssize_t)sizeof(word) && errno == EINTR)
			;
		return word;
	}
	m->random_state ^= m->random_state << 13;
	m->random_state ^= m->random_state >> 7;
	m->random_state ^= m->random_state << 17;
	return (uint32_t)(m->random_state >> 32);
}

static uint32_t port_register(const struct sl_mgmt *m, uint32_t offset)
{
	const struct sl_nic_port *p = &m->port[(offset - SL_MGMT_PORT_MAC_LO(0)) / 8];

	if (offset % 8 == 0)
		return p->mac[0] | (uint32_t)p->mac[1] << 8 | (uint32_t)p->mac[2] << 16 | (uint32_t)p->mac[3] << 24;
	return p->mac[4] | (uint32_t)p->mac[5] << 8 | (uint32_t)p->mtu << 16;
}

static uint32_t mgmt_read(struct sl_mgmt *m, uint32_t offset)
{
	if (offset >= SL_MGMT_MBOX_REQ(0) && offset < SL_MGMT_MBOX_REQ(SL_MGMT_MBOX_REQ_COUNT)) {
		m->mailbox.looked_at = m->mailbox.busy;
		return m->mailbox.request[(offset - SL_MGMT_MBOX_REQ(0)) / 4];
	}
	if (offset >= SL_MGMT_MBOX_RSP(0) && offset < SL_MGMT_MBOX_RSP(SL_MGMT_MBOX_RSP_COUNT))
		return m->mailbox.response[(offset - SL_MGMT_MBOX_RSP(0)) / 4];
	if (offset >= SL_MGMT_EVENT_DATA(0) && offset < SL_MGMT_EVENT_DATA(SL_MGMT_EVENT_DATA_COUNT))
		return m->event_data[(offset - SL_MGMT_EVENT_DATA(0)) / 4];
	if (offset >= SL_MGMT_PORT_MAC_LO(0) && offset < SL_MGMT_PORT_MAC_LO(SL_MGMT_PORT_MAC_LO_COUNT))
		return port_register(m, offset);
	switch (offset) {
	case SL_MGMT_ID:
		return SL_CARD_ID;
	case SL_MGMT_TIME_MS:
		return m->now_ms;
	case SL_MGMT_PENDING:
		return pending(m);
	case SL_MGMT_STATUS:
		return m->status;
	case SL_MGMT_HEARTBEAT:
		return m->heartbeat;
	case SL_MGMT_BOOT_CAUSE:
		return m->boot_cause;
	case SL_MGMT_BOOTS:
		return m->boots;
	case SL_MGMT_RANDOM:
		return random_word(m);
	case SL_MGMT_LINK:
		m->link_changed = false;
		return m->link;
	case SL_MGMT_PORTS:
		return m->ports;
	case SL_MGMT_FLASH_ADDR:
		return m->flash.address;
	case SL_MGMT_FLASH_DATA:
		return sl_flash_read(&m->flash, m->now_ms);
	case SL_MGMT_FLASH_STATUS:
		return sl_flash_status(&m->flash, m->now_ms);
	case SL_MGMT_BOOT_SLOT:
		return m->boot_slot;
	case SL_MGMT_HANGS:
		return m->hangs;
	case SL_MGMT_NO_HOST_PACKETS:
	case SL_MGMT_NO_HOST_BYTES:
	case SL_MGMT_HOST_FULL_PACKETS:
	case SL_MGMT_HOST_FULL_BYTES:
		m->drops_hi = (uint32_t)(m->drops[(offset - SL_MGMT_NO_HOST_PACKETS) / 4] >> 32);
		return (uint32_t)m->drops[(offset - SL_MGMT_NO_HOST_PACKETS) / 4];
	case SL_MGMT_DROPS_HI:
		return m->drops_hi;
	default:
		return 0;
	}
}

static void mailbox_complete(struct mailbox *b, const struct sl_admin_cpl *cpl)
{
	struct sl_admin_cmd cmd;

	memcpy(&cmd, b->request, sizeof(cmd));
	if (!b->discard) {
		b->completion = *cpl;
		b->completion.tag = cmd.tag;
		b->completion.opcode = cmd.opcode;
		if (b->completion.len > sizeof(b->completion.answer))
			b->completion.len = sizeof(b->completion.answer);
		b->done = true;
	}
	b->busy = false;
	b->discard = false;
}

static void mailbox_respond(struct mailbox *b)
{
	struct sl_admin_cpl cpl;

	if (!b->busy)
		return;
	memcpy(&cpl, b->response, sizeof(cpl));
	mailbox_complete(b, &cpl);
}

static void event_push(struct sl_mgmt *m)
{
	if (m->event_count == SL_MGMT_EVENTS) {
		m->events_lost++;
		return;
	}
	memcpy(&m->events[(m->event_first + m->event_count) % SL_MGMT_EVENTS], m->event_data, sizeof(struct sl_event));
	m->event_count++;
}

static void sleep_write(struct sl_mgmt *m, uint32_t ms)
{
	m->asleep = true; /* sl_mgmt_wait_ms() knows what wakes it, also what is pending already */
	m->sleep_from_ms = m->now_ms;
	m->sleep_ms = ms;
	m->bus.stop = true;
}

static void mgmt_write(struct sl_mgmt *m, uint32_t offset, uint32_t value)
{
	if (offset >= SL_MGMT_MBOX_RSP(0) && offset < SL_MGMT_MBOX_RSP(SL_MGMT_MBOX_RSP_COUNT)) {
		m->mailbox.response[(offset - SL_MGMT_MBOX_RSP(0)) / 4] = value;
		return;
	}
	if (offset >= SL_MGMT_EVENT_DATA(0) && offset < SL_MGMT_EVENT_DATA(SL_MGMT_EVENT_DATA_COUNT)) {
		m->event_data[(offset - SL_MGMT_EVENT_DATA(0)) / 4] = value;
		return;
	}
	switch (offset) {
	case SL_MGMT_SLEEP:
		sleep_write(m, value);
		break;
	case SL_MGMT_STATUS:
		m->status = value & (SL_MGMT_STATUS_SERVING | SL_MGMT_STATUS_FAILED);
		break;
	case SL_MGMT_HEARTBEAT:
		m->heartbeat = value;
		break;
	case SL_MGMT_RESET:
		if (value == SL_RESET_KIND_FIRMWARE || value == SL_RESET_KIND_CARD) {
			m->restart = value;
			m->bus.stop = true;
		}
		break;
	case SL_MGMT_CONSOLE:
		if (m->console)
			fputc((int)(value & 0xff), m->console);
		break;
	case SL_MGMT_HIF_ACK:
		m->host_if_reset = false;
		break;
	case SL_MGMT_MBOX_DONE:
		mailbox_respond(&m->mailbox);
		break;
	case SL_MGMT_EVENT_PUSH:
		event_push(m);
		break;
	case SL_MGMT_FLASH_ADDR:
		m->flash.address = value;
		break;
	case SL_MGMT_FLASH_DATA:
		sl_flash_program(&m->flash, value, m->now_ms);
		break;
	case SL_MGMT_FLASH_ERASE:
		sl_flash_erase(&m->flash, value, m->now_ms);
		break;
	case SL_MGMT_BOOT_SLOT:
		m->boot_slot = value;
		break;
	default:
		break;
	}
}

/* ---- block mgmt of a card that has its own: what only a processor can do, and what is beside the card, is done here ---- */

/* The boot flash behind its controller, and the source of randomness. */
static bool beside_card(uint32_t offset)
{
	return offset == SL_MGMT_RANDOM || offset == SL_MGMT_FLASH_ADDR || offset == SL_MGMT_FLASH_DATA ||
	       offset == SL_MGMT_FLASH_ERASE || offset == SL_MGMT_FLASH_STATUS;
}

static uint32_t nic_read(struct sl_mgmt *m, uint32_t offset)
{
	return beside_card(offset) ? mgmt_read(m, offset) : m->ops->nic->mgmt_read(m->engine, offset);
}

static void nic_write(struct sl_mgmt *m, uint32_t offset, uint32_t value)
{
	if (beside_card(offset)) {
		mgmt_write(m, offset, value);
		return;
	}
	m->ops->nic->mgmt_write(m->engine, offset, value);
	if (offset == SL_MGMT_SLEEP) {
		sleep_write(m, value);
	} else if (offset == SL_MGMT_CONSOLE) {
		if (m->console)
			fputc((int)(value & 0xff), m->console);
	} else if (offset == SL_MGMT_RESET && (value == SL_RESET_KIND_FIRMWARE || value == SL_RESET_KIND_CARD)) {
		m->dead = true; /* until the card says that the core starts again */
		m->bus.stop = true;
	}
}

/* ---- the core ---- */

/* The core waits for an answer that does not come. */
static bool stands_still(struct sl_mgmt *m, uint32_t address)
{
	if (address >= SL_MGMT_BASE || !m->mute)
		return false;
	m->dead = true;
	m->bus.stop = true;
	return true;
}

static uint32_t bus_read(void *user, uint32_t address)
{
	struct sl_mgmt *m = user;
	const uint32_t offset = address - SL_MGMT_BASE;

	if (stands_still(m, address))
		return 0;
	if (address < SL_MGMT_BASE)
		return m->ops->csr_read(m->engine, address - SL_CSR_BASE);
	return m->ops->nic ? nic_read(m, offset) : mgmt_read(m, offset);
}

static void bus_write(void *user, uint32_t address, uint32_t value)
{
	struct sl_mgmt *m = user;
	const uint32_t offset = address - SL_MGMT_BASE;

	if (stands_still(m, address))
		return;
	if (address < SL_MGMT_BASE)
		m->ops->csr_write(m->engine, address - SL_CSR_BASE, value);
	else if (m->ops->nic)
		nic_write(m, offset, value);
	else
		mgmt_write(m, offset, value);
}

static bool halted(const struct sl_mgmt *m)
{
	return m->asleep && m->sleep_ms == FOR_EVER;
}

static void core_start(struct sl_mgmt *m, unsigned int cause)
{
	const struct sl_admin_cpl aborted = { .status = SL_STATUS_ABORTED };

	if (m->mailbox.busy)
		mailbox_complete(&m->mailbox, &aborted);
	m->hangs += m->silent_ms >= SL_MGMT_WATCHDOG_MS && !halted(m);
	m->status = 0;
	m->asleep = false;
	m->restart = 0;
	m->silent_ms = 0;
	m->boot_slot = SL_SLOT_NONE;
	m->boot_cause = cause;
	m->boots++;
	m->dead = m->processor->reset(m->core) != 0;
}

static uint64_t run(struct sl_mgmt *m, uint64_t budget)
{
	uint64_t spent;

	m->bus.stop = false;
	spent = m->processor->run(m->core, budget);
	m->dead |= m->bus.dead;
	if (m->restart == SL_RESET_KIND_FIRMWARE)
		core_start(m, SL_RESET_KIND_FIRMWARE);
	return spent;
}

/* Silence sets bar.STATUS bit 2, and if it goes on the core is started again: unless it has halted for good, as it does
 * when the loader found nothing to start and after too many crashes. */
static void watch(struct sl_mgmt *m, uint32_t elapsed_ms)
{
	if (m->heartbeat != m->seen_heartbeat || sl_mgmt_card_reset_wanted(m)) {
		m->seen_heartbeat = m->heartbeat;
		m->silent_ms = 0;
		return;
	}
	m->silent_ms += elapsed_ms < STEP_COUNTED_MS ? elapsed_ms : STEP_COUNTED_MS;
	if (m->silent_ms < WATCHDOG_RESTART_MS)
		return;
	m->silent_ms = WATCHDOG_RESTART_MS;
	if (halted(m))
		return;
	core_start(m, SL_RESET_KIND_FIRMWARE);
}

uint32_t sl_mgmt_wait_ms(const struct sl_mgmt *m, uint32_t now_ms)
{
	uint32_t slept;

	if (m->dead || m->restart == SL_RESET_KIND_CARD)
		return UINT32_MAX;
	if (!m->asleep || pending(m))
		return 0;
	if (m->sleep_ms == FOR_EVER)
		return UINT32_MAX;
	slept = now_ms - m->sleep_from_ms;
	return slept >= m->sleep_ms ? 0 : m->sleep_ms - slept;
}

uint32_t sl_mgmt_step(struct sl_mgmt *m, uint32_t now_ms, uint32_t budget)
{
	const uint32_t elapsed_ms = now_ms - m->now_ms;
	uint64_t spent = 0;

	m->now_ms = now_ms;
	while (spent < budget && sl_mgmt_wait_ms(m, now_ms) == 0) {
		m->asleep = false;
		spent += run(m, budget - spent);
	}
	if (!m->ops->nic) /* such a card has its own watchdog, and says when the core starts again */
		watch(m, elapsed_ms);
	return (uint32_t)spent;
}

/* ---- what the card calls ---- */

bool sl_mgmt_admin_submit(struct sl_mgmt *m, const struct sl_admin_cmd *cmd)
{
	struct mailbox *b = &m->mailbox;

	if (b->busy || b->done)
		return false;
	memcpy(b->request, cmd, sizeof(b->request));
	memset(b->response, 0, sizeof(b->response));
	b->busy = true;
	b->looked_at = false;
	return true;
}

bool sl_mgmt_admin_done(struct sl_mgmt *m, struct sl_admin_cpl *cpl)
{
	if (!m->mailbox.done)
		return false;
	*cpl = m->mailbox.completion;
	m->mailbox.done = false;
	return true;
}

bool sl_mgmt_event(struct sl_mgmt *m, struct sl_event *event)
{
	if (m->event_count == 0)
		return false;
	*event = m->events[m->event_first];
	m->event_first = (m->event_first + 1) % SL_MGMT_EVENTS;
	m->event_count--;
	return true;
}

uint32_t sl_mgmt_events_lost(const struct sl_mgmt *m)
{
	return m->events_lost;
}

void sl_mgmt_host_if_reset(struct sl_mgmt *m)
{
	struct mailbox *b = &m->mailbox;

	b->done = false;
	b->discard = b->busy && b->looked_at;
	b->busy = b->discard; /* the firmware will still write MBOX_DONE for what it has looked at */
	m->event_count = 0;
	m->host_if_reset = true;
}

void sl_mgmt_link_set(struct sl_mgmt *m, unsigned int port, bool up)
{
	const uint32_t bit = 1u << port;

	if (port >= m->ports || up == !!(m->link & bit))
		return;
	if (m->ops->nic)
		m->ops->nic->link_set(m->engine, port, up);
	m->link ^= bit;
	m->link_changed = true;
}

void sl_mgmt_count_drop(struct sl_mgmt *m, unsigned int reason, uint32_t bytes)
{
	const unsigned int first = reason == SL_REASON_NO_HOST ? 0 : 2;

	m->drops[first]++;
	m->drops[first + 1] += bytes;
}

uint32_t sl_mgmt_status(const struct sl_mgmt *m)
{
	if (m->ops->nic)
		return m->ops->nic->bar_read(m->engine, SL_BAR_STATUS);
	return m->status | (m->silent_ms >= SL_MGMT_WATCHDOG_MS ? SL_MGMT_STATUS_SILENT : 0);
}

uint32_t sl_mgmt_heartbeat(const struct sl_mgmt *m)
{
	return m->heartbeat;
}

bool sl_mgmt_card_reset_wanted(const struct sl_mgmt *m)
{
	return m->restart == SL_RESET_KIND_CARD;
}

void sl_mgmt_reset(struct sl_mgmt *m, enum sl_reset_kind kind)
{
	if (kind == SL_RESET_KIND_CARD) {
		m->mute = false;
		memset(m->drops, 0, sizeof(m->drops));
	}
	core_start(m, kind);
}

void sl_mgmt_fault_inject(struct sl_mgmt *m, enum sl_mgmt_fault fault)
{
	static const uint32_t illegal[] = { 0x00000000 };
	static const uint32_t store[] = { 0x80000537, 0x00052023 }; /* lui a0, 0x80000; sw zero, 0(a0) */
	static const uint32_t hang[] = { 0x0000006f };              /* j . */
	const uint32_t *code = fault == SL_MGMT_FAULT_ILLEGAL ? illegal : fault == SL_MGMT_FAULT_STORE ? store : hang;

	m->mute |= fault == SL_MGMT_FAULT_MUTE;
	m->flash.stuck |= fault == SL_MGMT_FAULT_FLASH_STUCK;
	m->flash.worn |= fault == SL_MGMT_FAULT_FLASH_WORN;
	if (fault >= SL_MGMT_FAULT_MUTE)
		return;
	m->processor->poke(m->core, code, fault == SL_MGMT_FAULT_STORE ? 2 : 1);
}

/* ---- the image ---- */

/* Into the boot flash, unless its file holds one from before. */
static int image_load(struct sl_mgmt *m, const struct sl_mgmt_config *config, char *err, size_t err_len)
{
	const char *path = config->image_path, *wrong;
	FILE *f = fopen(path, "rb");
	uint8_t *image;
	int result = -1;
	size_t n;

	if (!f) {
		snprintf(err, err_len, "firmware image %s: %s", path, strerror(errno));
		return -1;
	}
	image = malloc(SL_IMAGE_LENGTH_MAX + 1); /* one more shows that a file is too long */
	n = image ? fread(image, 1, SL_IMAGE_LENGTH_MAX + 1, f) : 0;
	fclose(f);
	wrong = image ? sl_image_check(image, n, SL_ABI_VERSION) : "out of memory";
	if (wrong)
		snprintf(err, err_len, "firmware image %s: %s", path, wrong);
	else
		result = sl_flash_open(&m->flash, config->flash_path, image, n, err, err_len);
	free(image);
	return result;
}

struct sl_mgmt *sl_mgmt_create(const struct sl_mgmt_config *config, char *err, size_t err_len)
{
	struct sl_mgmt *m;

	if (config->ports == 0 || config->ports > SL_PORTS_MAX) {
		snprintf(err, err_len, "management core: %u ports; a card has 1 to %d", config->ports, SL_PORTS_MAX);
		return NULL;
	}
	m = calloc(1, sizeof(*m));
	if (!m) {
		snprintf(err, err_len, "management core: out of memory");
		return NULL;
	}
	m->bus = (struct sl_core_bus){ .read = bus_read, .write = bus_write, .user = m };
	m->ops = config->ops;
	m->engine = config->engine;
	m->ports = config->ports;
	memcpy(m->port, config->port, sizeof(m->port));
	m->console = config->console;
	m->random_state = config->random_seed;
	m->now_ms = config->now_ms;
	for (unsigned int i = 0; i < m->ports; i++)
		m->link |= config->port[i].up ? 1u << i : 0;
	if (image_load(m, config, err, err_len))
		goto fail;
	m->processor = config->processor ? config->processor : &sl_core_unicorn;
	m->core = m->processor->create(&m->bus, sl_loader_rom, (size_t)(sl_loader_rom_end - sl_loader_rom), err, err_len);
	if (!m->core)
		goto fail;
	core_start(m, 0);
	if (m->dead) {
		snprintf(err, err_len, "management core: the processor does not start");
		goto fail;
	}
	return m;
fail:
	sl_mgmt_destroy(m);
	return NULL;
}

void sl_mgmt_destroy(struct sl_mgmt *m)
{
	if (!m)
		return;
	if (m->core)
		m->processor->destroy(m->core);
	sl_flash_close(&m->flash);
	free(m);
}
