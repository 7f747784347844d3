/* SPDX-License-Identifier: BSD-3-Clause */
/* See attach.h. */
#include "hw/xdp/attach.h"

#include <errno.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

static char said[512];

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

void sl_attach_hear(void)
{
	*said = '\0';
	libbpf_set_print(bpf_says);
	libxdp_set_print(xdp_says);
}

const char *sl_attach_said(void)
{
	return said;
}

static enum xdp_attach_mode mode_of(bool generic)
{
	return generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

static void found_one(struct sl_attach_found *f, const char *name, const struct xdp_program *p)
{
	if (!p || strcmp(xdp_program__name(p), name) != 0)
		f->others = true;
	else if (f->count < sizeof(f->id) / sizeof(f->id[0]))
		f->id[f->count++] = xdp_program__id(p);
}

void sl_attach_find(int ifindex, const char *name, struct sl_attach_found *f)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *p = NULL;

	*f = (struct sl_attach_found){ 0 };
	if (libxdp_get_error(mp))
		return;
	f->generic = xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB;
	f->alone = xdp_multiprog__is_legacy(mp) && xdp_multiprog__main_prog(mp); /* without one only the network card has a program */
	if (f->alone)
		found_one(f, name, xdp_multiprog__main_prog(mp));
	while (!xdp_multiprog__is_legacy(mp) && (p = xdp_multiprog__next_prog(p, mp)) != NULL)
		found_one(f, name, p);
	xdp_multiprog__close(mp);
}

/* Takes one program out of the interface's, or the only one off. */
static int remove_one(int ifindex, const struct sl_attach_found *f, uint32_t id)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *p = NULL;
	int rc = -ENOENT;

	if (libxdp_get_error(mp))
		return rc;
	if (f->alone)
		rc = xdp_multiprog__detach(mp);
	while (!f->alone && (p = xdp_multiprog__next_prog(p, mp)) != NULL) {
		if (xdp_program__id(p) == id) {
			rc = xdp_program__detach(p, ifindex, mode_of(f->generic), 0);
			break;
		}
	}
	xdp_multiprog__close(mp);
	return rc;
}

int sl_attach_remove(int ifindex, const struct sl_attach_found *f)
{
	int rc = 0;

	for (unsigned int n = 0; n < f->count && rc == 0; n++)
		rc = remove_one(ifindex, f, f->id[n]);
	return rc;
}

/* By the dispatcher, beside other programs or ready for them; libxdp itself falls back if the kernel has no such thing. */
static int put_shared(const struct sl_attach_program *program, int ifindex, bool generic)
{
	struct bpf_object *object = program->open(program->ctx);
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = object, .prog_name = program->name);
	struct xdp_program *p;
	int rc;

	if (!object)
		return -EINVAL;
	p = xdp_program__create(&opts);
	rc = (int)libxdp_get_error(p);
	if (rc == 0)
		rc = xdp_program__attach(p, ifindex, mode_of(generic), 0);
	if (p)
		xdp_program__close(p);
	bpf_object__close(object);
	return rc;
}

/* Without the dispatcher: on an interface without XDP, or in the place of the one that has it for itself. */
static int put_alone(const struct sl_attach_program *program, int ifindex, const struct sl_attach_found *f, bool generic)
{
	struct bpf_object *object = program->open(program->ctx);
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	uint32_t flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	int rc;

	if (!object)
		return -EINVAL;
	if (f->count) {
		opts.old_prog_fd = bpf_prog_get_fd_by_id(f->id[0]);
		flags |= XDP_FLAGS_REPLACE;
	} else {
		flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
	}
	rc = bpf_object__load(object);
	if (rc == 0)
		rc = bpf_xdp_attach(ifindex, bpf_program__fd(bpf_object__find_program_by_name(object, program->name)), flags, &opts);
	if (f->count)
		close(opts.old_prog_fd);
	bpf_object__close(object);
	return rc;
}

/*
 * On new kernels (6.18 is one) a libxdp without xdp-tools' change 509 of May 2025, such as Debian 12's 1.3.1, has a dispatcher
 * that takes no program which moves a packet's begin: there, too, the interface is better had alone than not at all.
 */
int sl_attach_put(const struct sl_attach_program *program, int ifindex, const struct sl_attach_found *f, bool generic)
{
	const bool in_place = f->alone && f->count;
	int rc = -EBUSY;

	if (!in_place)
		rc = put_shared(program, ifindex, generic);
	if (in_place || (rc && !f->count && !f->others))
		rc = put_alone(program, ifindex, f, generic);
	return rc;
}
