/* SPDX-License-Identifier: BSD-3-Clause */
/* `sluice card images` and `sluice card update`: the slots of each card's boot flash, and a new image followed to its end. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/cli.h"
#include "host/cli_table.h"

#define POLL_MS 100

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* What a slot's state means for the operator. */
static const char *slot_words(const json_t *slot, char *to, size_t size)
{
	static const struct { const char *state, *words; } all[] = {
		{ "running", "runs, confirmed" },
		{ "fallback", "confirmed; what the card goes back to" },
		{ "rejected", "did not stand its trial; not started any more" },
		{ "unselected", "written, never selected" },
		{ "empty", "no image" },
	};
	const char *state = text(slot, "state");

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(state, all[i].state))
			return all[i].words;
	snprintf(to, size, "%s, %lld starts left", strcmp(state, "trial") ? "selected, not started yet" : "runs, on trial",
		 number(slot, "attempts"));
	return to;
}

static void show_card(const json_t *card)
{
	const json_t *slots = json_object_get(card, "slots"), *name, *slot;
	char n[24], length[24], words[96];
	struct sl_table *t;
	size_t i;

	printf("card at port");
	json_array_foreach(json_object_get(card, "ports"), i, name)
		printf("%s %s", i ? "," : "", json_string_value(name));
	printf("\n");
	if (*text(card, "error")) {
		printf("  %s\n", text(card, "error"));
		return;
	}
	t = sl_table_create("SLOT|VERSION|>BYTES|STATE");
	json_array_foreach(slots, i, slot) {
		snprintf(n, sizeof(n), "%lld", number(slot, "slot"));
		snprintf(length, sizeof(length), "%lld", number(slot, "length"));
		sl_table_row(t, n, *text(slot, "version") ? text(slot, "version") : "-", length,
			     slot_words(slot, words, sizeof(words)));
	}
	sl_table_print(t, stdout, "no slots");
}

static void progress_words(const json_t *u, char *to, size_t size)
{
	const char *state = text(u, "state");
	const long long written = number(u, "written"), length = number(u, "length");

	if (!strcmp(state, "writing"))
		snprintf(to, size, "writing firmware %s into slot %lld: %lld of %lld bytes", text(u, "version"), number(u, "slot"),
			 written, length);
	else if (!strcmp(state, "starting"))
		snprintf(to, size, "starting firmware %s", text(u, "version"));
	else if (!strcmp(state, "trial"))
		snprintf(to, size, "firmware %s runs from slot %lld, on trial for ten seconds", text(u, "version"),
			 number(u, "slot"));
	else if (!strcmp(state, "confirmed"))
		snprintf(to, size, "done: firmware %s runs from slot %lld and is confirmed", text(u, "version"), number(u, "slot"));
	else if (!strcmp(state, "failed"))
		snprintf(to, size, "failed: %s", text(u, "error"));
	else
		snprintf(to, size, "checking the card");
}

static bool ended(const json_t *u)
{
	return !strcmp(text(u, "state"), "confirmed") || !strcmp(text(u, "state"), "failed");
}

void sl_cli_show_images(const json_t *answer)
{
	const json_t *cards = json_object_get(answer, "cards"), *u = json_object_get(answer, "update"), *card;
	char words[600];
	size_t i;

	json_array_foreach(cards, i, card)
		show_card(card);
	if (json_array_size(cards) == 0)
		printf("no ports\n");
	if (!json_is_object(u))
		return;
	progress_words(u, words, sizeof(words));
	printf("last update, port %s, %s: %s\n", text(u, "port"), text(u, "file"), words);
}

json_t *sl_cli_images(const struct sl_cli *cli)
{
	json_t *answer = sl_cli_ask(cli, json_pack("{ss}", "command", "card images"));
	json_t *progress = sl_cli_ask(cli, json_pack("{ss}", "command", "card progress"));

	json_object_set(answer, "update", json_object_get(progress, "update"));
	json_decref(progress);
	return answer;
}

/* On a terminal one line that changes; else a line a step. */
static void show_progress(const json_t *u)
{
	static char last[32];
	const bool terminal = isatty(STDOUT_FILENO);
	char words[600];

	if (!terminal && !strcmp(last, text(u, "state")))
		return;
	progress_words(u, words, sizeof(words));
	if (!ended(u))
		printf(terminal ? "\r\033[K%s" : "%s\n", words);
	else if (terminal)
		printf("\r\033[K");
	fflush(stdout);
	snprintf(last, sizeof(last), "%s", text(u, "state"));
}

json_t *sl_cli_update(const struct sl_cli *cli, json_t *request)
{
	json_t *answer = sl_cli_ask(cli, request), *u = json_object_get(answer, "update");
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	char words[600];

	while (!ended(u)) {
		if (!cli->json)
			show_progress(u);
		nanosleep(&pause, NULL);
		json_decref(answer);
		answer = sl_cli_ask(cli, json_pack("{ss}", "command", "card progress"));
		u = json_object_get(answer, "update");
		if (!json_is_object(u))
			sl_cli_fail(cli, 1, "the agent was started again meanwhile; `sluice card images` shows what the card runs");
	}
	if (!cli->json)
		show_progress(u);
	if (!strcmp(text(u, "state"), "failed"))
		sl_cli_fail(cli, 1, "%s", text(u, "error"));
	if (!cli->json) {
		progress_words(u, words, sizeof(words));
		puts(words);
	}
	return answer;
}
