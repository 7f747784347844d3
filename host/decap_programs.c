/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attaching and detaching sluice-decap's programs: the XDP program by hw/xdp/attach.h, the clamp as a filter of the clsact
 * queueing discipline.
 */
#include "host/decap.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "hw/xdp/attach.h"

#define XDP_NAME "sluice_decap"
#define CLAMP_NAME "sluice_clamp"
#define CLAMP_HANDLE 0x51
#define CLAMP_PRIORITY 0x51

/* host/decap_objects.S */
extern const uint8_t sl_decap_object[], sl_decap_object_end[], sl_clamp_object[], sl_clamp_object_end[];

const char *sl_decap_libraries_said(void)
{
	static char text[520];

	snprintf(text, sizeof(text), *sl_attach_said() ? " (%s)" : "%s", sl_attach_said());
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

static enum sl_decap_mode mode_found(const struct sl_attach_found *f)
{
	return f->generic ? SL_DECAP_GENERIC : SL_DECAP_NATIVE;
}

bool sl_decap_xdp_find(const struct sl_decap_interface *i, enum sl_decap_mode *mode, bool *alone)
{
	struct sl_attach_found f;

	sl_attach_find(i->index, XDP_NAME, &f);
	*mode = mode_found(&f);
	*alone = f.alone;
	return f.count > 0;
}

static int take_all_off(const char *interface, int ifindex, const struct sl_attach_found *f)
{
	const int rc = sl_attach_remove(ifindex, f);

	if (rc)
		sl_decap_warn("%s: the XDP program cannot be detached: %s%s", interface, strerror(-rc), sl_decap_libraries_said());
	return rc ? -1 : 0;
}

int sl_decap_xdp_detach(const struct sl_decap_options *o, const struct sl_decap_interface *i)
{
	struct sl_attach_found f;

	sl_attach_find(i->index, XDP_NAME, &f);
	return take_all_off(o->interface, i->index, &f);
}

static struct bpf_object *open_decap(const void *ctx)
{
	return open_object(ctx, "sluice_decap", sl_decap_object, sl_decap_object_end);
}

static int try_mode(const struct sl_decap_state *s, int ifindex, const struct sl_attach_found *f, enum sl_decap_mode mode)
{
	const struct sl_attach_program program = { .name = XDP_NAME, .open = open_decap, .ctx = s };

	sl_attach_hear();
	return sl_attach_put(&program, ifindex, f, mode == SL_DECAP_GENERIC);
}

static int attach_first(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i,
			const struct sl_attach_found *f, enum sl_decap_mode *mode)
{
	const bool kept = f->count || f->others; /* programs that are there decide the mode */
	int rc;

	*mode = kept ? mode_found(f) : o->mode == SL_DECAP_GENERIC ? SL_DECAP_GENERIC : SL_DECAP_NATIVE;
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
	struct sl_attach_found before, after;
	enum sl_decap_mode was = SL_DECAP_AUTO; /* that there was, and is not now */

	sl_attach_find(i->index, XDP_NAME, &before);
	if (o->mode != SL_DECAP_AUTO && (before.count || before.others) && mode_found(&before) != o->mode) {
		if (before.others) {
			sl_decap_warn("%s: other XDP programs run there in %s mode, and one interface has one mode; give --mode %s",
				      o->interface, mode_name(mode_found(&before)), mode_name(mode_found(&before)));
			return -1;
		}
		/* The kernel takes no program of the other mode beside this one: for a moment there is none. */
		was = mode_found(&before);
		if (take_all_off(o->interface, i->index, &before))
			return -1;
		sl_attach_find(i->index, XDP_NAME, &before);
	}
	if (attach_first(s, o, i, &before, mode)) {
		if (was != SL_DECAP_AUTO && try_mode(s, i->index, &before, was))
			sl_decap_warn("%s: and the program that was there in %s mode could not be put back: no tunnel is opened; attach with "
				      "--mode %s", o->interface, mode_name(was), mode_name(was));
		return -1;
	}
	sl_attach_find(i->index, XDP_NAME, &after);
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

	sl_attach_hear();
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
