/* SPDX-License-Identifier: BSD-3-Clause */
/* What host/control*.c share: the control side's state, its commands and the socket. */
#ifndef SLUICE_HOST_CONTROL_PRIVATE_H
#define SLUICE_HOST_CONTROL_PRIVATE_H

#include <jansson.h>

#include "host/control.h"

#define SL_CONTROL_REQUEST_MAX 65536u /* bytes of a request line */
#define SL_CONTROL_CLIENTS_MAX 64u
#define SL_CONTROL_FLOWS_MAX 1000u    /* of one answer */

struct sl_control_socket;
struct sl_control_update;

/* An answer that takes longer than the loop may wait: `run` makes it from arg, whose reference is taken, in another thread. */
struct sl_control_later {
	json_t *(*run)(const struct sl_control_ops *ops, json_t *arg);
	json_t *arg;
};

struct sl_control {
	uv_loop_t *loop;
	struct sl_control_ops ops;
	char path[4096];          /* of the configuration file, absolute */
	struct sl_config *config;
	struct sl_service_table *services;
	struct sl_checks *checks;
	struct sl_nexthops *nexthops;
	struct sl_control_socket *socket;
	uv_signal_t hangup;
	uv_timer_t sweep;
	int64_t started_ms;       /* wall clock */
	bool started;
	uint64_t reloads;
	struct sl_control_later later;   /* set by the command that is being answered */
	struct sl_control_update *update; /* of a card's firmware: the last one, or NULL */
	unsigned int working;     /* works in the loop's pool that use ops */
};

/* Loads a file and applies it as a whole. */
int sl_control_apply(struct sl_control *c, const char *path, struct sl_config_error *err);

/* The answer to one request. NULL with c->later.run set: that makes it; NULL without: no memory. */
json_t *sl_control_answer(struct sl_control *c, const char *line, size_t length);
json_t *sl_control_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Firmware of the cards, host/control_update.c. */
json_t *sl_control_card_images(struct sl_control *c, const json_t *request);
json_t *sl_control_card_update(struct sl_control *c, const json_t *request);
json_t *sl_control_card_progress(struct sl_control *c, const json_t *request);
/* The update no longer waits for what comes of it; run the loop until c->working is 0. */
void sl_control_update_stop(struct sl_control *c);
void sl_control_update_free(struct sl_control *c);

/* Views as JSON, host/control_view.c. */
json_t *sl_control_services_json(struct sl_control *c);
json_t *sl_control_backends_json(struct sl_control *c, const char *service);
json_t *sl_control_flow_json(struct sl_control *c, const struct sl_flow_view *view);
json_t *sl_control_card_json(struct sl_control *c);
json_t *sl_control_stats_json(struct sl_control *c);
json_t *sl_control_health_json(struct sl_control *c);

/* The socket, host/control_socket.c. A stale file is replaced; a living one is another agent's. */
struct sl_control_socket *sl_control_socket_open(struct sl_control *c, const char *path, char *err, size_t err_len);
void sl_control_socket_close(struct sl_control_socket *s);

#endif
