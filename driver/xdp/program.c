/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BPF object and the programs of ports. A program shares its interface with those of others through libxdp's dispatcher where
 * the kernel and the interface allow it, else it has the interface for itself. A newer build is put beside the older one, which
 * is taken away after, or takes its place: no frame meets neither, and both work on the same maps.
 *
 * The offloaded mode is not tried: no device takes maps that are mapped into memory, as the flow table is.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "driver/fpga/log.h"
#include "driver/xdp/datapath.h"

#define PROGRAM "sluice"

/* object.S */
extern const uint8_t sl_xdp_object[], sl_xdp_object_end[];

/* -- what the libraries say ------------------------------------------------------------------------------------------ */

static char said[256];

/* The first complaint of an attempt says most: what comes after follows from it. */
static int keep(const char *format, va_list args)
{
	if (!*said) {
		vsnprintf(said, sizeof(said), format, args);
		said[strcspn(said, "\n")] = '\0';
	}
	return 0;
}

static int bpf_says(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? keep(format, args) : 0;
}

static int xdp_says(enum libxdp_print_level level, const char *format, va_list args)
{
	return level == LIBXDP_WARN ? keep(format, args) : 0;
}

static void hear(void)
{
	*said = '\0';
	libbpf_set_print(bpf_says);
	libxdp_set_print(xdp_says);
}

static const char *words(void)
{
	return *said ? said : "no more is known";
}

/* -- the object ------------------------------------------------------------------------------------------------------ */

/* Entries of the maps whose size depends on the table's: so many for each bucket. */
static const struct { const char *name; uint32_t per_bucket; } sized[] = {
	{ "flows4", 1 }, { "flows6", 1 }, { "nat4", SL_XDP_WAYS }, { "foreign4", SL_XDP_WAYS }, { "foreign6", SL_XDP_WAYS },
	{ "flow_meta", SL_XDP_WAYS },
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

	hear();
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

/* XDP programs on an interface. */
struct found {
	uint32_t ours; /* id of our program, 0 none */
	bool others;   /* programs that are not ours */
	bool alone;    /* the one that is there shares the interface with no other */
	bool generic;
};

static bool is_ours(struct xdp_program *p)
{
	return p && strcmp(xdp_program__name(p), PROGRAM) == 0;
}

static void find(int ifindex, struct found *f)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *p = NULL;

	*f = (struct found){ 0 };
	if (libxdp_get_error(mp))
		return;
	f->generic = xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB;
	f->alone = xdp_multiprog__is_legacy(mp);
	if (f->alone) {
		p = xdp_multiprog__main_prog(mp);
		f->ours = is_ours(p) ? xdp_program__id(p) : 0;
		f->others = !f->ours;
	}
	while (!f->alone && (p = xdp_multiprog__next_prog(p, mp)) != NULL) {
		if (is_ours(p))
			f->ours = xdp_program__id(p);
		else
			f->others = true;
	}
	xdp_multiprog__close(mp);
}

/* Takes the older one of our programs out of the dispatcher. */
static int take_out(int ifindex, uint32_t id, bool generic)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *p = NULL;
	int rc = 0;

	if (libxdp_get_error(mp))
		return 0;
	while ((p = xdp_multiprog__next_prog(p, mp)) != NULL) {
		if (xdp_program__id(p) != id)
			continue;
		rc = xdp_program__detach(p, ifindex, generic ? XDP_MODE_SKB : XDP_MODE_NATIVE, 0);
		break;
	}
	xdp_multiprog__close(mp);
	return rc;
}

static int attach_shared(const struct sl_xdp *x, uint32_t port, bool generic)
{
	struct bpf_object *object = object_open(x, x->maps.flows.log2_v4, port);
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = object, .prog_name = PROGRAM);
	struct xdp_program *p;
	int rc;

	if (!object)
		return -EINVAL;
	p = xdp_program__create(&opts);
	rc = (int)libxdp_get_error(p);
	if (rc == 0)
		rc = xdp_program__attach(p, x->port[port].ifindex, generic ? XDP_MODE_SKB : XDP_MODE_NATIVE, 0);
	if (p)
		xdp_program__close(p);
	bpf_object__close(object);
	return rc;
}

/* On an interface without XDP, or in the place of our own program that has it for itself. */
static int attach_alone(const struct sl_xdp *x, uint32_t port, const struct found *f, bool generic)
{
	struct bpf_object *object = sl_xdp_object_load(x, x->maps.flows.log2_v4, port);
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	uint32_t flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	int rc;

	if (!object)
		return -EINVAL;
	if (f->ours) {
		opts.old_prog_fd = bpf_prog_get_fd_by_id(f->ours);
		flags |= XDP_FLAGS_REPLACE;
	} else {
		flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
	}
	rc = bpf_xdp_attach(x->port[port].ifindex, bpf_program__fd(bpf_object__find_program_by_name(object, PROGRAM)), flags, &opts);
	if (f->ours)
		close(opts.old_prog_fd);
	bpf_object__close(object);
	return rc;
}

/* See host/decap_programs.c for the libxdp whose dispatcher takes no program that moves a frame's begin. */
static int try_mode(const struct sl_xdp *x, uint32_t port, const struct found *f, bool generic)
{
	int rc;

	if (f->alone && f->ours)
		return attach_alone(x, port, f, generic);
	rc = attach_shared(x, port, generic); /* libxdp, too, falls back to a program alone where the kernel has no dispatcher */
	if (rc == 0 && f->ours)
		rc = take_out(x->port[port].ifindex, f->ours, generic);
	if (rc && !f->ours && !f->others)
		rc = attach_alone(x, port, f, generic);
	return rc;
}

int sl_xdp_attach(struct sl_xdp *x, uint32_t port)
{
	struct sl_xdp_port *p = &x->port[port];
	struct found f, after;
	bool generic, kept;
	int rc;

	if (p->attached)
		return 0;
	hear();
	find(p->ifindex, &f);
	kept = f.ours || f.others; /* programs that are there decide the mode */
	generic = kept ? f.generic : p->mode == SL_XDP_MODE_GENERIC;
	if (kept && p->mode != SL_XDP_MODE_AUTO && generic != (p->mode == SL_XDP_MODE_GENERIC)) {
		SL_LOG(ERR, "%s: XDP programs are attached there in %s mode, and an interface has one mode: detach them "
		       "(`ip link set dev %s xdp off`), or give mode=%s", p->name, generic ? "generic" : "native", p->name,
		       generic ? "generic" : "native");
		return -EBUSY;
	}
	rc = try_mode(x, port, &f, generic);
	if (rc && p->mode == SL_XDP_MODE_AUTO && !kept) {
		generic = true;
		rc = try_mode(x, port, &f, generic);
	}
	if (rc && f.others && f.alone)
		SL_LOG(ERR, "%s has an XDP program that shares the interface with no other: detach it, or load it by libxdp (xdp-loader), "
		       "then both can run", p->name);
	else if (rc)
		SL_LOG(ERR, "%s: the XDP program cannot be attached in %s mode: %s (%s)", p->name, generic ? "generic" : "native",
		       strerror(-rc), words());
	p->attached = rc == 0;
	if (rc)
		return rc;
	find(p->ifindex, &after);
	SL_LOG(NOTICE, "%s: XDP in %s mode, %s", p->name, generic ? "generic" : "native",
	       !after.alone ? "by libxdp's dispatcher" : f.alone ? "alone, as before" :
	       "alone: libxdp's dispatcher does not work here, and no other program can be added");
	return 0;
}
