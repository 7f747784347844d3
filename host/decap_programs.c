/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attaching and detaching sluice-decap's programs. The XDP program shares its interface with others through libxdp's
 * dispatcher where the kernel and the interface allow it, else it has the interface for itself. A newer build is put
 * beside the older one and the older one is taken away after: no packet meets neither. The clamp is a filter of the
 * clsact queueing discipline.
 */
#include "host/decap.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <xdp/libxdp.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define XDP_NAME "sluice_decap"
#define CLAMP_NAME "sluice_clamp"
#define CLAMP_HANDLE 0x51
#define CLAMP_PRIORITY 0x51

/* host/decap_objects.S */
extern const uint8_t sl_decap_object[], sl_decap_object_end[], sl_clamp_object[], sl_clamp_object_end[];

/* -- the libraries ------------------------------------------------------------------------------------------------ */

static char said[512];

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

void sl_decap_libraries_quiet(void)
{
	libbpf_set_print(bpf_says);
	libxdp_set_print(xdp_says);
}

const char *sl_decap_libraries_said(void)
{
	static char text[sizeof(said) + 4];

	if (*said)
		snprintf(text, sizeof(text), " (%s)", said);
	return text;
}

/* -- the objects -------------------------------------------------------------------------------------------------- */

uint64_t sl_decap_build(void)
{
	const uint64_t decap = XXH64(sl_decap_object, (size_t)(sl_decap_object_end - sl_decap_object), 0);

	return XXH64(sl_clamp_object, (size_t)(sl_clamp_object_end - sl_clamp_object), decap);
}

/* An object whose maps are those of the state, not loaded yet. */
static struct bpf_object *open_object(const struct sl_decap_state *s, const char *name, const uint8_t *from, const uint8_t *end)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);
	struct bpf_object *object = bpf_object__open_mem(from, (size_t)(end - from), &opts);

	if (object)
		sl_decap_state_share(s, object);
	else
		sl_decap_warn("the BPF object %s is not understood: %s%s", name, strerror(errno), sl_decap_libraries_said());
	return object;
}

/* -- XDP ---------------------------------------------------------------------------------------------------------- */

static const char *mode_name(enum sl_decap_mode mode)
{
	return mode == SL_DECAP_NATIVE ? "native" : "generic";
}

static enum xdp_attach_mode mode_of(enum sl_decap_mode mode)
{
	return mode == SL_DECAP_NATIVE ? XDP_MODE_NATIVE : XDP_MODE_SKB;
}

/* Ids of our programs on an interface: more than one after a replacement that did not end. */
struct found {
	uint32_t id[4];
	unsigned int count;
	enum sl_decap_mode mode;
	bool alone;
	bool others; /* programs that are not ours */
};

static void find(int ifindex, struct found *f)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *p = NULL;

	*f = (struct found){ 0 };
	if (libxdp_get_error(mp))
		return;
	f->mode = xdp_multiprog__attach_mode(mp) == XDP_MODE_SKB ? SL_DECAP_GENERIC : SL_DECAP_NATIVE;
	f->alone = xdp_multiprog__is_legacy(mp);
	if (f->alone) {
		p = xdp_multiprog__main_prog(mp);
		if (p && strcmp(xdp_program__name(p), XDP_NAME) == 0)
			f->id[f->count++] = xdp_program__id(p);
		else
			f->others = true;
	}
	while (!f->alone && (p = xdp_multiprog__next_prog(p, mp)) != NULL) {
		if (strcmp(xdp_program__name(p), XDP_NAME) != 0)
			f->others = true;
		else if (f->count < 4)
			f->id[f->count++] = xdp_program__id(p);
	}
	xdp_multiprog__close(mp);
}

bool sl_decap_xdp_find(const struct sl_decap_interface *i, enum sl_decap_mode *mode, bool *alone)
{
	struct found f;

	find(i->index, &f);
	*mode = f.mode;
	*alone = f.alone;
	return f.count > 0;
}

/* Takes one program out of the interface's, or the only one off. */
static int take_off(int ifindex, const struct found *f, uint32_t id)
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
			rc = xdp_program__detach(p, ifindex, mode_of(f->mode), 0);
			break;
		}
	}
	xdp_multiprog__close(mp);
	return rc;
}

static int take_all_off(const char *interface, int ifindex, const struct found *f)
{
	for (unsigned int n = 0; n < f->count; n++) {
		const int rc = take_off(ifindex, f, f->id[n]);

		if (rc) {
			sl_decap_warn("%s: the XDP program cannot be detached: %s%s", interface, strerror(-rc),
				      sl_decap_libraries_said());
			return -1;
		}
	}
	return 0;
}

int sl_decap_xdp_detach(const struct sl_decap_options *o, const struct sl_decap_interface *i)
{
	struct found f;

	find(i->index, &f);
	return take_all_off(o->interface, i->index, &f);
}

/* By the dispatcher, beside other programs or ready for them; libxdp itself falls back if the kernel has no such thing. */
static int attach_shared(const struct sl_decap_state *s, int ifindex, enum sl_decap_mode mode)
{
	struct bpf_object *object = open_object(s, "sluice_decap", sl_decap_object, sl_decap_object_end);
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = object, .prog_name = XDP_NAME);
	struct xdp_program *p;
	int rc;

	if (!object)
		return -EINVAL;
	p = xdp_program__create(&opts);
	rc = (int)libxdp_get_error(p);
	if (rc == 0)
		rc = xdp_program__attach(p, ifindex, mode_of(mode), 0);
	if (p)
		xdp_program__close(p);
	bpf_object__close(object);
	return rc;
}

/* Without the dispatcher: on an interface without XDP, or in the place of our own program that has it for itself. */
static int attach_alone(const struct sl_decap_state *s, int ifindex, const struct found *f, enum sl_decap_mode mode)
{
	struct bpf_object *object = open_object(s, "sluice_decap", sl_decap_object, sl_decap_object_end);
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	uint32_t flags = mode == SL_DECAP_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
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
		rc = bpf_xdp_attach(ifindex, bpf_program__fd(bpf_object__find_program_by_name(object, XDP_NAME)), flags, &opts);
	if (f->count)
		close(opts.old_prog_fd);
	bpf_object__close(object);
	return rc;
}

/*
 * On new kernels (6.18 is one) a libxdp without xdp-tools' change 509 of May 2025, such as Debian 12's 1.3.1, has a dispatcher
 * that takes no program which moves a packet's begin: there, too, the interface is better had alone than not at all.
 */
static int try_mode(const struct sl_decap_state *s, int ifindex, const struct found *f, enum sl_decap_mode mode)
{
	const bool ours_alone = f->alone && f->count;
	int rc = -EBUSY;

	*said = '\0';
	if (!ours_alone)
		rc = attach_shared(s, ifindex, mode);
	if (ours_alone || (rc && !f->count && !f->others))
		rc = attach_alone(s, ifindex, f, mode);
	return rc;
}

static int attach_first(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i,
			const struct found *f, enum sl_decap_mode *mode)
{
	const bool kept = f->count || f->others; /* programs that are there decide the mode */
	int rc;

	*mode = kept ? f->mode : o->mode == SL_DECAP_GENERIC ? SL_DECAP_GENERIC : SL_DECAP_NATIVE;
	rc = try_mode(s, i->index, f, *mode);
	if (rc && o->mode == SL_DECAP_AUTO && !kept) {
		*mode = SL_DECAP_GENERIC;
		rc = try_mode(s, i->index, f, *mode);
	}
	if (rc == -EBUSY && f->others && f->alone)
		sl_decap_warn("%s has an XDP program that shares the interface with no other (`ip link show %s`): detach it, or load it by "
			      "libxdp (xdp-loader), then both can run", o->interface, o->interface);
	else if (rc)
		sl_decap_warn("%s: the XDP program cannot be attached in %s mode: %s%s%s", o->interface, mode_name(*mode),
			      strerror(-rc), sl_decap_libraries_said(),
			      o->mode == SL_DECAP_NATIVE ? "; --mode generic works with every driver" : "");
	return rc ? -1 : 0;
}

int sl_decap_xdp_attach(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i,
			enum sl_decap_mode *mode)
{
	struct found before, after;

	find(i->index, &before);
	if (o->mode != SL_DECAP_AUTO && (before.count || before.others) && before.mode != o->mode) {
		if (before.others) {
			sl_decap_warn("%s: other XDP programs run there in %s mode, and one interface has one mode; give --mode %s",
				      o->interface, mode_name(before.mode), mode_name(before.mode));
			return -1;
		}
		/* The kernel takes no program of the other mode beside this one: for a moment there is none. */
		if (take_all_off(o->interface, i->index, &before))
			return -1;
		find(i->index, &before);
	}
	if (attach_first(s, o, i, &before, mode))
		return -1;
	find(i->index, &after);
	if (after.alone && !before.alone)
		sl_decap_warn("note: libxdp's dispatcher does not work here%s: the XDP program has %s for itself, and no other can be "
			      "added",
			      sl_decap_libraries_said(), o->interface);
	return before.alone ? 0 : take_all_off(o->interface, i->index, &before);
}

/* -- the clamp ---------------------------------------------------------------------------------------------------- */

static struct bpf_tc_hook egress_of(int ifindex)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook), .ifindex = ifindex, .attach_point = BPF_TC_EGRESS };
}

static struct bpf_tc_opts clamp_opts(void)
{
	return (struct bpf_tc_opts){ .sz = sizeof(struct bpf_tc_opts), .handle = CLAMP_HANDLE, .priority = CLAMP_PRIORITY };
}

/* True if the filter of our handle and priority is our program, not another's. */
bool sl_decap_clamp_find(const struct sl_decap_interface *i)
{
	struct bpf_tc_hook hook = egress_of(i->index);
	struct bpf_tc_opts opts = clamp_opts();
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	bool ours = false;
	int fd;

	if (bpf_tc_query(&hook, &opts))
		return false;
	fd = bpf_prog_get_fd_by_id(opts.prog_id);
	if (fd >= 0) {
		ours = bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && strcmp(info.name, CLAMP_NAME) == 0;
		close(fd);
	}
	return ours;
}

int sl_decap_clamp_attach(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i,
			  bool *own_clsact)
{
	struct bpf_tc_hook hook = egress_of(i->index);
	struct bpf_tc_opts opts = clamp_opts();
	struct bpf_object *object;
	int rc;

	*said = '\0';
	object = open_object(s, "sluice_clamp", sl_clamp_object, sl_clamp_object_end);
	if (!object)
		return -1;
	rc = bpf_object__load(object);
	if (rc) {
		sl_decap_warn("the MSS clamp is not taken by the kernel: %s%s", strerror(-rc), sl_decap_libraries_said());
		goto end;
	}
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	rc = bpf_tc_hook_create(&hook);
	*own_clsact = rc == 0;
	hook.attach_point = BPF_TC_EGRESS;
	opts.prog_fd = bpf_program__fd(bpf_object__find_program_by_name(object, CLAMP_NAME));
	opts.flags = sl_decap_clamp_find(i) ? BPF_TC_F_REPLACE : 0;
	if (rc == 0 || rc == -EEXIST)
		rc = bpf_tc_attach(&hook, &opts);
	if (rc)
		sl_decap_warn("%s: the MSS clamp cannot be attached: %s%s%s; --mss off does without it", o->interface, strerror(-rc),
			      sl_decap_libraries_said(),
			      rc == -EEXIST ? "; another filter has the priority 81 at the egress" : "");
end:
	bpf_object__close(object);
	return rc ? -1 : 0;
}

/* One message of a dump of filters: there is one. */
static int filter_seen(const struct nlmsghdr *header, void *data)
{
	bool *seen = data;

	*seen |= header->nlmsg_type == RTM_NEWTFILTER;
	return MNL_CB_OK;
}

/* True if somebody's filter is at the interface's clsact; also if that cannot be found out. */
static bool filters_at(int ifindex, uint32_t parent)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	char buf[8192];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buf);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(header, sizeof(*tc));
	bool seen = false;
	ssize_t n = -1;
	int more = MNL_CB_OK;

	header->nlmsg_type = RTM_GETTFILTER;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*tc = (struct tcmsg){ .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_parent = parent };
	if (!nl)
		return true;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 && mnl_socket_sendto(nl, header, header->nlmsg_len) > 0) {
		while (more > MNL_CB_STOP && (n = mnl_socket_recvfrom(nl, buf, sizeof(buf))) > 0)
			more = mnl_cb_run(buf, (size_t)n, 0, mnl_socket_get_portid(nl), filter_seen, &seen);
	}
	mnl_socket_close(nl);
	return seen || n <= 0 || more < 0;
}

int sl_decap_clamp_detach(const struct sl_decap_options *o, const struct sl_decap_interface *i, bool own_clsact)
{
	struct bpf_tc_hook hook = egress_of(i->index);
	struct bpf_tc_opts opts = clamp_opts();
	int rc = sl_decap_clamp_find(i) ? bpf_tc_detach(&hook, &opts) : 0;

	if (rc) {
		sl_decap_warn("%s: the MSS clamp cannot be detached: %s%s", o->interface, strerror(-rc), sl_decap_libraries_said());
		return -1;
	}
	if (own_clsact && !filters_at(i->index, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) &&
	    !filters_at(i->index, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS))) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		bpf_tc_hook_destroy(&hook);
	}
	return 0;
}
