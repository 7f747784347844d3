/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program's way onto an interface, for those who load one (host/decap_programs.c, driver/xdp). It shares the interface with
 * others through libxdp's dispatcher where the kernel and the interface allow it, else it has the interface for itself. A newer one
 * is put beside those of its name that are there, which are taken away after, or takes the place of the one that is there alone: no
 * frame meets neither.
 *
 * One thread. Functions that return int give 0 or a negative errno.
 */
#ifndef SLUICE_XDP_ATTACH_H
#define SLUICE_XDP_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_object;

struct sl_attach_program {
	const char *name;
	struct bpf_object *(*open)(const void *ctx); /* with that program, not loaded; NULL if it cannot be opened */
	const void *ctx;
};

/* XDP programs on an interface. */
struct sl_attach_found {
	uint32_t id[4]; /* of those of the name: more than one after a replacement that did not end */
	unsigned int count;
	bool generic;
	bool alone;  /* the one that is there shares the interface with no other */
	bool others; /* programs of another name */
};

/* From now on what libbpf and libxdp warn of is kept and not printed; what was kept is forgotten. */
void sl_attach_hear(void);
/* The first warning since, which says most, since what comes after follows from it; "" without one. */
const char *sl_attach_said(void);

void sl_attach_find(int ifindex, const char *name, struct sl_attach_found *found);

/* Puts the program on the interface where `found` was found, in this mode; those of its name stay unless it takes their place. */
int sl_attach_put(const struct sl_attach_program *program, int ifindex, const struct sl_attach_found *found, bool generic);

/* Takes those of the name away that were found. */
int sl_attach_remove(int ifindex, const struct sl_attach_found *found);

#endif
