/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs the vector corpus on card engines: vectors [--corpus FILE] [--engine NAME]... [--only PART] [--rtl LIBRARY]
 * [--stop first]. Prints what failed, and one line per engine.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vectors/bounds.h"
#include "tests/vectors/drive.h"

#define SHOWN_MAX 40

static const struct {
	const char *name;
	bool (*run)(struct sl_card *card, char *why, size_t why_len);
} bounds[] = {
	{"bound-host-full", sl_bounds_host_full},
	{"bound-copy-host-full", sl_bounds_copy_host_full},
	{"bound-rx-burst", sl_bounds_rx_burst},
};

struct tally {
	const char *engine;
	unsigned int passed, failed;
};

static void note(struct tally *tally, const char *name, bool passed, const char *why)
{
	if (passed) {
		tally->passed++;
		return;
	}
	if (tally->failed++ < SHOWN_MAX)
		printf("%s: %s: %s\n", tally->engine, name, why);
}

/* Runs everything on one engine; false if anything failed. */
static bool run_engine(const struct sl_engine_ops *ops, const struct sl_corpus *corpus, const char *only, bool first)
{
	struct sl_engine_config config = {.ports = SL_CARD_PORTS, .table_log2 = 0}; /* 0: the RTL has its own */
	struct tally tally = {.engine = ops->name};
	struct sl_card card;
	char why[256];

	if (!sl_card_open(&card, ops, &config)) {
		config.table_log2 = 12;
		if (!sl_card_open(&card, ops, &config)) {
			printf("%s: %s\n", ops->name, card.error);
			return false;
		}
	}
	for (size_t i = 0; i < corpus->count && !(first && tally.failed); i++) {
		const struct sl_vector *v = &corpus->vectors[i];

		if (only != NULL && strstr(v->name, only) == NULL)
			continue;
		why[0] = '\0';
		note(&tally, v->name, sl_drive_vector(&card, v, why, sizeof(why)), why);
	}
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]) && !(first && tally.failed); i++) {
		if (only != NULL && strstr(bounds[i].name, only) == NULL)
			continue;
		why[0] = '\0';
		note(&tally, bounds[i].name, bounds[i].run(&card, why, sizeof(why)), why);
	}
	sl_card_close(&card);
	printf("vectors, engine %s: %u passed, %u failed\n", ops->name, tally.passed, tally.failed);
	return tally.failed == 0 && tally.passed != 0;
}

static const struct sl_engine_ops *find_engine(const char *name, const char *library)
{
	const struct sl_engine_ops *ops;
	void *handle;

	if (strcmp(name, "model") == 0)
		return &sl_engine_model;
	handle = library != NULL ? dlopen(library, RTLD_NOW | RTLD_LOCAL) : NULL;
	ops = handle != NULL ? dlsym(handle, "sl_engine_rtl") : NULL;
	if (ops == NULL)
		printf("engine %s: %s\n", name, library == NULL ? "needs --rtl LIBRARY" : dlerror());
	return ops;
}

int main(int argc, char **argv)
{
	const char *path = "build/vectors/corpus.json", *only = NULL, *library = NULL, *engines[4];
	struct sl_corpus *corpus;
	size_t engine_count = 0;
	char err[200];
	bool ok = true, first = false;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--corpus") == 0)
			path = argv[i + 1];
		else if (strcmp(argv[i], "--only") == 0)
			only = argv[i + 1];
		else if (strcmp(argv[i], "--rtl") == 0)
			library = argv[i + 1];
		else if (strcmp(argv[i], "--stop") == 0)
			first = strcmp(argv[i + 1], "first") == 0;
		else if (strcmp(argv[i], "--engine") == 0 && engine_count < 4)
			engines[engine_count++] = argv[i + 1];
		else
			argc = 0;
	}
	if (argc % 2 != 1) {
		fprintf(stderr, "usage: vectors [--corpus FILE] [--engine model|rtl]... [--only PART] [--rtl LIBRARY] "
				"[--stop first]\n");
		return 2;
	}
	corpus = sl_corpus_load(path, err, sizeof(err));
	if (corpus == NULL) {
		fprintf(stderr, "vectors: %s\n", err);
		return 1;
	}
	if (engine_count == 0)
		engines[engine_count++] = "model";
	for (size_t i = 0; i < engine_count; i++) {
		const struct sl_engine_ops *ops = find_engine(engines[i], library);

		ok = ops != NULL && run_engine(ops, corpus, only, first) && ok;
	}
	sl_corpus_free(corpus);
	return ok ? 0 : 1;
}
