/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BPF object and the programs of ports (hw/xdp/attach.h): an older build's and a newer one's work on the same maps.
 *
 * No network card takes maps that are mapped into memory, as the flow table is: what is offloaded is another, small program beside
 * this one (offload.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "driver/fpga/log.h"
#include "driver/xdp/datapath.h"
#include "driver/xdp/offload.h"
#include "hw/xdp/attach.h"

#define PROGRAM "sluice"
#define KEEP_EVERY 30u /* looks, if it cannot be put back */

/* object.S */
extern const uint8_t sl_xdp_object[], sl_xdp_object_end[];

static const char *words(void)
{
	return *sl_attach_said() ? sl_attach_said() : "no more is known";
}

/* -- the object ------------------------------------------------------------------------------------------------------ */

/* Entries of the maps whose size depends on the table's: so many for each bucket. */
static const struct { const char *name; uint32_t per_bucket; } sized[] = {
	{ "flows4", 1 }, { "flows6", 1 }, { "nat4", SL_XDP_WAYS }, { "foreign4", SL_XDP_WAYS }, { "foreign6", SL_XDP_WAYS },
	{ "flow_meta", SL_XDP_WAYS }, { "hints", 1 },
};

static int prepare(const struct sl_xdp *x, struct bpf_object *object, uint32_t log2, uint32_t port)
{
	char path[sizeof(x->pin) + 32];
	struct bpf_map *map;
	int rc = 0;

	for (unsigned int i = 0; i < sizeof(sized) / sizeof(sized[0]) && rc == 0; i++) {
		map = bpf_object__find_map_by_name(object, sized[i].name);
		rc = map ? bpf_map__set_max_entries(map, sized[i].per_bucket * SL_XDP_BANKS << log2) : -ENOENT;
	}
	bpf_object__for_each_map(map, object) {
		if (bpf_map__is_internal(map)) {
			if (rc == 0 && strcmp(bpf_map__name(map), ".rodata.port") == 0) /* one variable; .rodata has the compiler's own */
				rc = bpf_map__set_initial_value(map, &port, sizeof(port));
			continue;
		}
		/* The kernel adds a flag to this one, so that libbpf does not know it again: each process has its own, in its programs. */
		if (strcmp(bpf_map__name(map), "ports") == 0) {
			if (rc == 0 && x->maps.ports > 0)
				rc = bpf_map__reuse_fd(map, x->maps.ports);
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", x->pin, bpf_map__name(map));
		if (rc == 0)
			rc = bpf_map__set_pin_path(map, path);
	}
	return rc;
}

/* Not loaded yet. */
static struct bpf_object *object_open(const struct sl_xdp *x, uint32_t log2, uint32_t port)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "sluice_xdp");
	struct bpf_object *object;
	int rc;

	sl_attach_hear();
	object = bpf_object__open_mem(sl_xdp_object, (size_t)(sl_xdp_object_end - sl_xdp_object), &opts);
	rc = object ? prepare(x, object, log2, port) : -errno;
	if (rc == 0)
		return object;
	SL_LOG(ERR, "the BPF object is not understood: %s (%s)", strerror(-rc), words());
	bpf_object__close(object);
	return NULL;
}

struct bpf_object *sl_xdp_object_load(const struct sl_xdp *x, uint32_t log2, uint32_t port)
{
	struct bpf_object *object = object_open(x, log2, port);
	const int rc = object ? bpf_object__load(object) : -EINVAL;

	if (rc == 0)
		return object;
	if (object)
		SL_LOG(ERR, "%s: the kernel does not take the BPF object, or these pins are another build's: %s (%s)", x->pin, strerror(-rc),
		       words());
	bpf_object__close(object);
	errno = -rc;
	return NULL;
}

/* -- attaching ------------------------------------------------------------------------------------------------------- */

struct port_of {
	const struct sl_xdp *x;
	uint32_t port;
};

static struct bpf_object *open_port(const void *ctx)
{
	const struct port_of *p = ctx;

	return object_open(p->x, p->x->maps.flows.log2_v4, p->port);
}

static int try_mode(const struct sl_xdp *x, uint32_t port, const struct sl_attach_found *f, bool generic)
{
	const struct port_of which = { x, port };
	const struct sl_attach_program program = { .name = PROGRAM, .open = open_port, .ctx = &which };
	int rc;

	sl_attach_hear();
	rc = sl_attach_put(&program, x->port[port].ifindex, f, generic);
	return rc || f->alone ? rc : sl_attach_remove(x->port[port].ifindex, f);
}

/* The program that is first on the interface, by its id, 0 none: as cheap as that, for what libxdp looks at stays open (sl_xdp_attach). */
static uint32_t program_there(int ifindex, bool generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, found);

	if (bpf_xdp_query(ifindex, 0, &found))
		return 0;
	return generic ? found.skb_prog_id : found.drv_prog_id;
}

/* The program of the host; the mode that was taken is told in p->generic, and whether one of ours was there before. */
static int attach_host(struct sl_xdp *x, uint32_t port, bool *before)
{
	struct sl_xdp_port *p = &x->port[port];
	const bool asked = p->mode == SL_XDP_MODE_NATIVE || p->mode == SL_XDP_MODE_GENERIC;
	struct sl_attach_found f, after;
	bool generic, kept;
	int rc;

	sl_attach_find(p->ifindex, PROGRAM, &f);
	*before = f.count != 0;
	kept = f.count || f.others; /* programs that are there decide the mode */
	generic = kept ? f.generic : p->mode == SL_XDP_MODE_GENERIC;
	if (kept && asked && generic != (p->mode == SL_XDP_MODE_GENERIC)) {
		SL_LOG(ERR, "%s: XDP programs are attached there in %s mode, and an interface has one mode: detach them "
		       "(`ip link set dev %s xdp off`), or give mode=%s", p->name, generic ? "generic" : "native", p->name,
		       generic ? "generic" : "native");
		return -EBUSY;
	}
	rc = try_mode(x, port, &f, generic);
	if (rc && !asked && !kept) {
		generic = true;
		rc = try_mode(x, port, &f, generic);
	}
	if (rc && f.others && f.alone)
		SL_LOG(ERR, "%s has an XDP program that shares the interface with no other: detach it, or load it by libxdp (xdp-loader), "
		       "then both can run", p->name);
	else if (rc)
		SL_LOG(ERR, "%s: the XDP program cannot be attached in %s mode: %s (%s)", p->name, generic ? "generic" : "native",
		       strerror(-rc), words());
	if (rc)
		return rc;
	p->generic = generic;
	p->seen = program_there(p->ifindex, generic);
	sl_attach_find(p->ifindex, PROGRAM, &after);
	SL_LOG(NOTICE, "%s: XDP in %s mode, %s", p->name, generic ? "generic" : "native",
	       !after.alone ? "by libxdp's dispatcher" : f.alone ? "alone, as before" :
	       "alone: libxdp's dispatcher does not work here, and no other program can be added");
	return 0;
}

/* The program of the network card, if it is asked for. */
static int attach_card(struct sl_xdp *x, uint32_t port)
{
	const struct sl_xdp_port *p = &x->port[port];
	char text[sizeof(p->refusal) + 64];
	int rc;

	if (p->mode != SL_XDP_MODE_OFFLOAD)
		return 0;
	pthread_mutex_lock(&x->lock);
	rc = sl_xdp_offload_attach(x, port);
	sl_xdp_offload_say(x, port, text, sizeof(text));
	pthread_mutex_unlock(&x->lock);
	if (rc == 0)
		SL_LOG(NOTICE, "%s: XDP in hardware-offload mode beside the host's: %s", p->name, text);
	else
		SL_LOG(ERR, "%s; without mode=offload the host's program does it", text);
	return rc;
}

static void detach_host(const struct sl_xdp *x, uint32_t port)
{
	struct sl_attach_found f;

	sl_attach_find(x->port[port].ifindex, PROGRAM, &f);
	sl_attach_remove(x->port[port].ifindex, &f);
}

/*
 * The card's program is last: libxdp 1.3.1 keeps a descriptor of each program that it finds on an interface, and with it a card's program
 * and maps would be there until the process ends, whatever becomes of them.
 */
int sl_xdp_attach(struct sl_xdp *x, uint32_t port)
{
	struct sl_xdp_port *p = &x->port[port];
	bool before = p->attached;
	int rc = before ? 0 : attach_host(x, port, &before);

	if (rc)
		return rc;
	rc = attach_card(x, port);
	if (rc && !before)
		detach_host(x, port);
	p->attached = p->attached || rc == 0;
	return rc;
}

void sl_xdp_keep(struct sl_xdp *x, uint32_t port)
{
	struct sl_xdp_port *p = &x->port[port];
	const uint32_t there = p->attached ? program_there(p->ifindex, p->generic) : 0;
	struct sl_attach_found f;
	bool before;

	if (!p->attached)
		return;
	if (there && there == p->seen) {
		p->missed = 0;
		return;
	}
	if (p->missed++ % KEEP_EVERY) /* and what stands against it is said then */
		return;
	if (there)
		sl_attach_find(p->ifindex, PROGRAM, &f);
	if (there && f.count) { /* among others than before */
		p->seen = there;
		p->missed = 0;
		return;
	}
	SL_LOG(WARNING, "%s: the XDP program was taken off: nothing is received or forwarded; it is put back", p->name);
	attach_host(x, port, &before);
}
