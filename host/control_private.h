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
};

/* Loads a file and applies it as a whole. */
int sl_control_apply(struct sl_control *c, const char *path, struct sl_config_error *err);

/* The answer to one request: never NULL but for lack of memory. */
json_t *sl_control_answer(struct sl_control *c, const char *line, size_t length);

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
