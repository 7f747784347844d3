/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware of the cards on the control socket: `card images`, `card update`, `card progress` (docs/control.md). A card answers
 * in milliseconds when it is well and in seconds when it is not, so it is asked in threads of the loop's pool: the control thread
 * has health checks to make.
 *
 *	checking ──► writing ──► starting ──► trial ──► confirmed
 *	    └───────────┴────────────┴──────────┴─────► failed: the firmware from before runs, or runs again
 *
 * One update at a time. The card sees to it that none is half done: a slot is selected when all of an image is in it
 * (docs/device.md, 14). What runs and is not confirmed yet may need the other slot to go back to, so that is not overwritten
 * unless the request names it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/control_private.h"
#include "host/log.h"
#include "sluice/image.h"

#define POLL_MS 50u
#define LOOK_MS 500u     /* between two looks at a card on trial */
#define TRIAL_MS 60000u  /* three starts that hang for five seconds each are over by then */
#define ANY_SLOT SL_FLASH_SLOTS

enum update_state { CHECKING, WRITING, TRIAL, CONFIRMED, FAILED };

struct sl_control_update {
	uv_work_t work;
	struct sl_control *control;
	struct sl_control_ops ops;
	unsigned int port, wanted; /* wanted: a slot or ANY_SLOT */
	char port_name[SL_CONFIG_NAME_MAX], file[SL_CONFIG_PATH_MAX];
	uint8_t *image;
	uint32_t length, version;
	bool stop;                 /* the agent ends */
	bool busy;                 /* the work is in the pool; loop's thread only */

	uv_mutex_t lock;           /* what follows */
	enum update_state state;
	unsigned int slot;
	char error[400];
};

/* ---- images ------------------------------------------------------------------------------------------------------ */

static const char *version_text(uint32_t version, char text[32])
{
	snprintf(text, 32, "%u.%u.%u", version >> 16, version >> 8 & 0xff, version & 0xff);
	return text;
}

/* Of what a card, or the driver for it, says about images. */
static const char *why_not(int rc)
{
	switch (rc) {
	case -ENOTSUP:
		return "there is no card with firmware behind this port: its driver keeps no images (a software engine, or a card "
		       "that is updated with its vendor's tool)";
	case -EIO:
	case -ENODEV:
		return "the card is gone: it does not answer, or its simulator has ended";
	case -ETIMEDOUT:
		return "the card's firmware does not answer; if it hangs, the card starts it again within five seconds";
	case -EBUSY:
		return "the slot is in use: its firmware runs";
	case -EBADMSG:
		return "what was written does not read back as a good image: the boot flash is damaged";
	case -EREMOTEIO:
		return "the boot flash did not erase or keep what was written";
	case -ENOTRECOVERABLE:
		return "the new firmware does not start; the card goes back to the one before";
	case -EINVAL:
		return "the card refused the image";
	default:
		return strerror(-rc);
	}
}

static const char *slot_state(const struct sl_image_state *s)
{
	if (s->running)
		return s->confirmed ? "running" : "trial";
	if (!s->valid)
		return "empty";
	if (!s->selected)
		return "unselected";
	return s->confirmed ? "fallback" : s->attempts ? "selected" : "rejected";
}

static json_t *slot_json(const struct sl_image_state *s)
{
	char version[32];

	return json_pack("{sisssssbsbsbsbsisIsI}", "slot", (int)s->slot, "state", slot_state(s), "version",
			 s->valid ? version_text(s->version, version) : "", "valid", s->valid, "running", s->running,
			 "selected", s->selected, "confirmed", s->confirmed, "attempts", (int)s->attempts, "length",
			 (json_int_t)s->length, "crc32", (json_int_t)s->crc32);
}

/* In the pool. cards: [{"port": index, "ports": [...]}, ...], which becomes the answer. */
static json_t *images_read(const struct sl_control_ops *ops, json_t *cards)
{
	json_t *card;
	size_t i;

	json_array_foreach(cards, i, card) {
		const unsigned int port = (unsigned int)json_integer_value(json_object_get(card, "port"));
		struct sl_image_state slot[SL_FLASH_SLOTS];
		const int rc = ops->images ? ops->images(ops->ctx, port, slot) : -ENOTSUP;
		json_t *slots = json_array();

		json_object_del(card, "port");
		for (unsigned int n = 0; n < SL_FLASH_SLOTS && rc == 0; n++)
			json_array_append_new(slots, slot_json(&slot[n]));
		json_object_set_new(card, "slots", slots);
		json_object_set_new(card, "error", rc ? json_string(why_not(rc)) : json_null());
	}
	return json_pack("{sbsO}", "ok", 1, "cards", cards);
}

static unsigned int card_of(const struct sl_control *c, unsigned int port)
{
	return c->ops.card_of ? c->ops.card_of(c->ops.ctx, port) : port;
}

/* The ports of each card, first ports first. */
static json_t *cards_json(const struct sl_control *c)
{
	json_t *cards = json_array(), *of_port[SL_PORTS_MAX] = { NULL };

	for (unsigned int i = 0; i < c->config->port_count && i < SL_PORTS_MAX; i++) {
		const unsigned int first = card_of(c, i);

		if (first == i) {
			of_port[i] = json_pack("{sis[]}", "port", (int)i, "ports");
			json_array_append_new(cards, of_port[i]);
		}
		json_array_append_new(json_object_get(of_port[first], "ports"), json_string(c->config->ports[i].name));
	}
	return cards;
}

json_t *sl_control_card_images(struct sl_control *c, const json_t *request)
{
	(void)request;
	c->later = (struct sl_control_later){ .run = images_read, .arg = cards_json(c) };
	return NULL;
}

/* ---- an update, in the pool -------------------------------------------------------------------------------------- */

static void enter(struct sl_control_update *u, enum update_state state, const char *error)
{
	char version[32];

	uv_mutex_lock(&u->lock);
	u->state = state;
	snprintf(u->error, sizeof(u->error), "%s", error);
	uv_mutex_unlock(&u->lock);
	version_text(u->version, version);
	if (state == FAILED)
		sl_log(SL_LOG_ERROR, "card-update-failed", "port=%s version=%s error=%s", u->port_name, version, error);
	else if (state != CHECKING)
		sl_log(SL_LOG_INFO, state == WRITING ? "card-update" : state == TRIAL ? "card-update-trial" : "card-update-done",
		       "port=%s version=%s slot=%u file=%s", u->port_name, version, u->slot, u->file);
}

static void fail(struct sl_control_update *u, const char *error)
{
	enter(u, FAILED, error);
}

/* The slot to write, or ANY_SLOT and `failed`. */
static unsigned int slot_choose(struct sl_control_update *u)
{
	struct sl_image_state slot[SL_FLASH_SLOTS];
	const int rc = u->ops.images(u->ops.ctx, u->port, slot);
	char error[300], version[32];
	unsigned int running = 0;

	if (rc) {
		fail(u, why_not(rc));
		return ANY_SLOT;
	}
	while (running < SL_FLASH_SLOTS - 1 && !slot[running].running)
		running++;
	version_text(slot[running].version, version);
	if (u->wanted == running) {
		snprintf(error, sizeof(error), "slot %u is in use: firmware %s runs from it; leave --slot out, or give %u", running,
			 version, !running);
		fail(u, error);
		return ANY_SLOT;
	}
	if (u->wanted == ANY_SLOT && !slot[running].confirmed) {
		snprintf(error, sizeof(error), "firmware %s in slot %u is on trial and may need slot %u to go back to; try again when it "
			 "is confirmed, or overwrite that with --slot %u", version, running, !running, !running);
		fail(u, error);
		return ANY_SLOT;
	}
	return !running;
}

static void wait_ms(const struct sl_control_update *u, unsigned int ms)
{
	for (unsigned int at = 0; at < ms && !__atomic_load_n(&u->stop, __ATOMIC_RELAXED); at += POLL_MS)
		uv_sleep(POLL_MS);
}

/* Until the card has confirmed the slot or has gone back. */
static void watch_trial(struct sl_control_update *u)
{
	struct sl_image_state slot[SL_FLASH_SLOTS];
	int rc = 0;

	for (unsigned int ms = 0; ms < TRIAL_MS && !__atomic_load_n(&u->stop, __ATOMIC_RELAXED); ms += LOOK_MS) {
		rc = u->ops.images(u->ops.ctx, u->port, slot);
		if (rc == -EIO)
			break;
		if (rc == 0 && !slot[u->slot].running) {
			fail(u, "the new firmware did not stand its trial; the card has gone back to the one before");
			return;
		}
		if (rc == 0 && slot[u->slot].confirmed) {
			enter(u, CONFIRMED, "");
			return;
		}
		wait_ms(u, LOOK_MS);
	}
	if (!__atomic_load_n(&u->stop, __ATOMIC_RELAXED))
		fail(u, rc ? why_not(rc) : "the new firmware runs but does not confirm itself; see the card's log");
}

static void update_work(uv_work_t *work)
{
	struct sl_control_update *u = work->data;
	const unsigned int slot = slot_choose(u);
	int rc;

	if (slot == ANY_SLOT)
		return;
	uv_mutex_lock(&u->lock);
	u->slot = slot;
	uv_mutex_unlock(&u->lock);
	enter(u, WRITING, "");
	rc = u->ops.image_write(u->ops.ctx, u->port, slot, u->image, u->length);
	if (rc) {
		fail(u, why_not(rc));
		return;
	}
	enter(u, TRIAL, "");
	watch_trial(u);
}

static void update_done(uv_work_t *work, int status)
{
	struct sl_control_update *u = work->data;

	(void)status;
	u->busy = false;
	u->control->working--;
	free(u->image);
	u->image = NULL;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static json_t *update_json(struct sl_control_update *u)
{
	static const char *const names[] = { "checking", "writing", "trial", "confirmed", "failed" };
	uint32_t written = 0;
	char version[32];
	const char *name;
	json_t *out;

	uv_mutex_lock(&u->lock);
	name = names[u->state];
	if (u->state == WRITING)
		written = u->ops.image_written ? u->ops.image_written(u->ops.ctx, u->port) : 0;
	else if (u->state == TRIAL || u->state == CONFIRMED)
		written = u->length;
	if (u->state == WRITING && written == u->length)
		name = "starting";
	out = json_pack("{sssssssssIsIss}", "port", u->port_name, "file", u->file, "version", version_text(u->version, version), "state",
			name, "length", (json_int_t)u->length, "written", (json_int_t)written, "error", u->error);
	json_object_set_new(out, "slot", u->slot == ANY_SLOT ? json_null() : json_integer(u->slot));
	uv_mutex_unlock(&u->lock);
	return out;
}

json_t *sl_control_card_progress(struct sl_control *c, const json_t *request)
{
	(void)request;
	return json_pack("{sbso}", "ok", 1, "update", c->update ? update_json(c->update) : json_null());
}

/* The whole file, if it is an image for this kind of card; or the refusal. */
static json_t *image_read(struct sl_control_update *u)
{
	FILE *f = fopen(u->file, "rb");
	const char *wrong;
	size_t n;

	if (!f)
		return sl_control_refuse("%s: %s", u->file, strerror(errno));
	u->image = malloc(SL_IMAGE_LENGTH_MAX + 1); /* one more shows that a file is too long */
	n = u->image ? fread(u->image, 1, SL_IMAGE_LENGTH_MAX + 1, f) : 0;
	fclose(f);
	wrong = u->image ? sl_image_check(u->image, n, SL_ABI_VERSION) : "out of memory";
	if (wrong)
		return sl_control_refuse("%s is no firmware image for this card: %s", u->file, wrong);
	u->length = (uint32_t)n;
	memcpy(&u->version, u->image + offsetof(struct sl_image_header, image_version), sizeof(u->version));
	return NULL;
}

/* The port named, or the only card's; or the refusal. */
static json_t *port_find(const struct sl_control *c, const char *name, struct sl_control_update *u)
{
	const struct sl_config *config = c->config;
	unsigned int cards = 0;

	for (unsigned int i = 0; i < config->port_count; i++) {
		cards += card_of(c, i) == i;
		if (name && !strcmp(config->ports[i].name, name)) {
			u->port = i;
			snprintf(u->port_name, sizeof(u->port_name), "%s", name);
			return NULL;
		}
	}
	if (name)
		return sl_control_refuse("there is no port \"%s\"; `card show` names them", name);
	if (cards != 1)
		return sl_control_refuse("there are %u cards; name one of the card's ports with --port (`card images` shows them)",
					 cards);
	snprintf(u->port_name, sizeof(u->port_name), "%s", config->ports[0].name);
	return NULL;
}

static void update_free(struct sl_control_update *u)
{
	if (!u)
		return;
	uv_mutex_destroy(&u->lock);
	free(u->image);
	free(u);
}

static json_t *update_prepare(const struct sl_control *c, const json_t *request, struct sl_control_update *u)
{
	const char *file = json_string_value(json_object_get(request, "file"));
	const char *port = json_string_value(json_object_get(request, "port"));
	const json_t *slot = json_object_get(request, "slot");
	json_t *bad;

	if (!file)
		return sl_control_refuse("\"file\" is needed");
	if (slot && (json_integer_value(slot) < 0 || json_integer_value(slot) >= SL_FLASH_SLOTS))
		return sl_control_refuse("slot %lld is out of range 0-%u", (long long)json_integer_value(slot),
					 (unsigned int)SL_FLASH_SLOTS - 1);
	if (strlen(file) >= sizeof(u->file))
		return sl_control_refuse("the file's path is longer than %zu bytes", sizeof(u->file) - 1);
	snprintf(u->file, sizeof(u->file), "%s", file);
	u->wanted = slot ? (unsigned int)json_integer_value(slot) : ANY_SLOT;
	bad = port_find(c, port, u);
	return bad ? bad : image_read(u);
}

json_t *sl_control_card_update(struct sl_control *c, const json_t *request)
{
	struct sl_control_update *u;
	json_t *bad;

	if (!c->ops.images || !c->ops.image_write)
		return sl_control_refuse("this agent cannot update cards");
	if (c->update && c->update->busy)
		return sl_control_refuse("an update of the card at port \"%s\" is being made; `card images` shows it",
					 c->update->port_name);
	u = calloc(1, sizeof(*u));
	if (!u || uv_mutex_init(&u->lock)) {
		free(u);
		return sl_control_refuse("out of memory");
	}
	u->control = c;
	u->ops = c->ops;
	u->slot = ANY_SLOT;
	u->work.data = u;
	bad = update_prepare(c, request, u);
	if (bad) {
		update_free(u);
		return bad;
	}
	update_free(c->update);
	c->update = u;
	u->busy = true;
	c->working++;
	uv_queue_work(c->loop, &u->work, update_work, update_done);
	return sl_control_card_progress(c, request);
}

void sl_control_update_stop(struct sl_control *c)
{
	if (c->update)
		__atomic_store_n(&c->update->stop, true, __ATOMIC_RELAXED);
}

void sl_control_update_free(struct sl_control *c)
{
	update_free(c->update);
	c->update = NULL;
}
