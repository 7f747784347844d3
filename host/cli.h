/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of `sluice`, the command line, share. */
#ifndef SLUICE_HOST_CLI_H
#define SLUICE_HOST_CLI_H

#include <stdbool.h>

#include <jansson.h>

#define SL_CLI_SOCKET "/run/sluice.sock"

struct sl_cli {
	const char *socket;
	bool json;
	const char *slot, *port; /* of `card update`; NULL: not given */
};

/* Sends one request (the reference is taken) and returns the answer, "ok": true; otherwise says what is wrong on stderr
 * (with -j as JSON on stdout) and exits. */
json_t *sl_cli_ask(const struct sl_cli *cli, json_t *request);
/* Ends with a message: "sluice: ..." on stderr, or with -j {"ok": false, "error": ...} on stdout. */
void sl_cli_fail(const struct sl_cli *cli, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4), noreturn));

/* Answers for people, host/cli_show.c. */
void sl_cli_show_services(const json_t *answer);
void sl_cli_show_backends(const json_t *answer);
void sl_cli_show_flows(const json_t *answer);
void sl_cli_show_flow(const json_t *answer);
void sl_cli_show_card(const json_t *answer);
void sl_cli_show_stats(const json_t *answer);
void sl_cli_show_health(const json_t *answer);

void sl_cli_show_images(const json_t *answer);

/* Firmware of cards, host/cli_update.c. */
json_t *sl_cli_images(const struct sl_cli *cli);
/* Sends the request `card update` and shows how it goes on until it is over; the last answer, or exits if it failed. */
json_t *sl_cli_update(const struct sl_cli *cli, json_t *request);

/* `sluice doctor`, host/doctor.c: the exit status, 0 if sluiced can run here. */
int sl_doctor(const struct sl_cli *cli, const char *config_path);

#endif
