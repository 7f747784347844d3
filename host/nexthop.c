/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops by rtnetlink. Two sockets: on `events` the kernel tells what changed, on `query` it is asked for the
 * present state. A notification is only a reason to ask again, so that lost, late and reordered ones do no harm. The
 * kernel answers a query within send(), so asking never waits for the network; the receive timeout is a safety net.
 *
 * A neighbour is made to resolve or to confirm itself by RTM_NEWNEIGH with NTF_USE: the kernel's own state machine
 * sends ARP or ND as if a packet had to go out. A MAC that was known stays in use while the kernel asks again, until
 * the neighbour fails: the kernel sees none of the traffic that uses it and would forget it.
 */
#include "host/nexthop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "host/log.h"
#include "host/path_mtu.h"

#define BUFFER_BYTES 32768
#define READS_PER_WAKE 64
#define SETTLE_MS 5          /* route and link changes come in bunches */
#define RETRY_FIRST_MS 500
#define RETRY_LAST_MS 16000
#define NARROW_EVERY_MS 30000 /* the kernel forgets a path's MTU without a word */
/* Less than this an error about a path is not believed: anybody may have sent it, and IPv6's 1280 bytes have to fit a tunnel (of up to 72). */
#define NARROWEST 1352u

struct watch {
	struct sl_addr addr;
	unsigned int refs;
	struct sl_nexthop now;
	uint64_t retry_at;     /* loop time; 0: none */
	uint32_t retry_ms;     /* pause before the next retry */
	bool narrow;           /* an error told that its path has a smaller MTU than its route */
	struct watch *next;    /* of the same bucket */
};

struct sl_nexthops {
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t settle, retry, narrow;
	struct sl_path_mtu *path;
	unsigned int open;     /* handles not closed yet */
	struct mnl_socket *events, *query;
	unsigned int seq;
	sl_nexthop_fn *changed;
	void *ctx;
	unsigned int max, count, bucket_mask;
	struct watch **buckets;
	_Alignas(8) char buffer[BUFFER_BYTES];
};

const char *sl_nexthop_state_name(unsigned int state)
{
	static const char *const names[] = { "resolving", "ready", "no-route", "failed" };

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

/* -- asking the kernel -------------------------------------------------------------------------------------------- */

typedef void reply_fn(const struct nlmsghdr *msg, void *out);

/* Sends a request and gives its one reply to fn. 0 or the kernel's negative errno. */
static int ask(struct sl_nexthops *n, struct nlmsghdr *msg, reply_fn *fn, void *out)
{
	_Alignas(8) char reply[BUFFER_BYTES / 4];
	ssize_t got;

	msg->nlmsg_seq = ++n->seq;
	msg->nlmsg_flags |= NLM_F_REQUEST;
	if (mnl_socket_sendto(n->query, msg, msg->nlmsg_len) < 0)
		return -errno;
	for (unsigned int tries = 0; tries < 16; tries++) {
		const struct nlmsghdr *answer = (const struct nlmsghdr *)reply;
		int rest;

		got = mnl_socket_recvfrom(n->query, reply, sizeof(reply));
		if (got < 0)
			return -errno;
		rest = (int)got;
		if (!mnl_nlmsg_ok(answer, rest) || answer->nlmsg_seq != n->seq)
			continue; /* an answer that an earlier timeout left behind */
		if (answer->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(answer))->error;
		if (fn)
			fn(answer, out);
		return 0;
	}
	return -ETIMEDOUT;
}

static int attr_index(const struct nlattr *attr, void *data, unsigned int max)
{
	const struct nlattr **tb = data;

	if (mnl_attr_get_type(attr) <= max)
		tb[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static int route_attr(const struct nlattr *attr, void *data)
{
	return attr_index(attr, data, RTA_MAX);
}

static int metric_attr(const struct nlattr *attr, void *data)
{
	return attr_index(attr, data, RTAX_MAX);
}

static int neigh_attr(const struct nlattr *attr, void *data)
{
	return attr_index(attr, data, NDA_MAX);
}

static int link_attr(const struct nlattr *attr, void *data)
{
	return attr_index(attr, data, IFLA_MAX);
}

static unsigned int addr_len(const struct sl_addr *a)
{
	return a->family == 4 ? 4 : 16;
}

static uint8_t addr_af(const struct sl_addr *a)
{
	return a->family == 4 ? AF_INET : AF_INET6;
}

static bool attr_addr(const struct nlattr *attr, unsigned int af, struct sl_addr *out)
{
	unsigned int need = af == AF_INET ? 4 : 16;

	if (!attr || mnl_attr_get_payload_len(attr) < need)
		return false;
	*out = sl_addr_make(af == AF_INET ? 4 : 6, mnl_attr_get_payload(attr));
	return true;
}

struct route {
	uint8_t type;
	int ifindex;
	uint32_t mtu;
	bool learned; /* and will be forgotten: what an error said of the path */
	struct sl_addr gateway, source;
};

static void route_reply(const struct nlmsghdr *msg, void *out)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(msg);
	const struct nlattr *tb[RTA_MAX + 1] = { NULL }, *metrics[RTAX_MAX + 1] = { NULL };
	struct route *route = out;

	mnl_attr_parse(msg, sizeof(*rt), route_attr, tb);
	route->type = rt->rtm_type;
	if (tb[RTA_OIF])
		route->ifindex = (int)mnl_attr_get_u32(tb[RTA_OIF]);
	attr_addr(tb[RTA_PREFSRC], rt->rtm_family, &route->source);
	if (!attr_addr(tb[RTA_GATEWAY], rt->rtm_family, &route->gateway) && tb[RTA_VIA]) {
		const struct rtvia *via = mnl_attr_get_payload(tb[RTA_VIA]);

		if (mnl_attr_get_payload_len(tb[RTA_VIA]) >= sizeof(*via) + (via->rtvia_family == AF_INET ? 4 : 16))
			route->gateway = sl_addr_make(via->rtvia_family == AF_INET ? 4 : 6, via->rtvia_addr);
	}
	if (tb[RTA_CACHEINFO] && mnl_attr_get_payload_len(tb[RTA_CACHEINFO]) >= sizeof(struct rta_cacheinfo))
		route->learned = ((const struct rta_cacheinfo *)mnl_attr_get_payload(tb[RTA_CACHEINFO]))->rta_expires != 0;
	if (tb[RTA_METRICS]) {
		mnl_attr_parse_nested(tb[RTA_METRICS], metric_attr, metrics);
		if (metrics[RTAX_MTU])
			route->mtu = mnl_attr_get_u32(metrics[RTAX_MTU]);
	}
}

static int ask_route(struct sl_nexthops *n, const struct sl_addr *addr, struct route *route)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buffer);
	struct rtmsg *rt;

	msg->nlmsg_type = RTM_GETROUTE;
	rt = mnl_nlmsg_put_extra_header(msg, sizeof(*rt));
	rt->rtm_family = addr_af(addr);
	rt->rtm_dst_len = (uint8_t)(addr_len(addr) * 8);
	mnl_attr_put(msg, RTA_DST, addr_len(addr), addr->bytes);
	memset(route, 0, sizeof(*route));
	return ask(n, msg, route_reply, route);
}

struct neighbour {
	uint16_t state;
	bool has_mac;
	uint8_t mac[6];
};

static void neigh_reply(const struct nlmsghdr *msg, void *out)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(msg);
	const struct nlattr *tb[NDA_MAX + 1] = { NULL };
	struct neighbour *neigh = out;

	mnl_attr_parse(msg, sizeof(*nd), neigh_attr, tb);
	neigh->state = nd->ndm_state;
	if (tb[NDA_LLADDR] && mnl_attr_get_payload_len(tb[NDA_LLADDR]) == 6) {
		memcpy(neigh->mac, mnl_attr_get_payload(tb[NDA_LLADDR]), 6);
		neigh->has_mac = true;
	}
}

static struct nlmsghdr *neigh_message(char *buffer, uint16_t type, const struct sl_addr *addr, int ifindex)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buffer);
	struct ndmsg *nd;

	msg->nlmsg_type = type;
	nd = mnl_nlmsg_put_extra_header(msg, sizeof(*nd));
	nd->ndm_family = addr_af(addr);
	nd->ndm_ifindex = ifindex;
	mnl_attr_put(msg, NDA_DST, addr_len(addr), addr->bytes);
	return msg;
}

static void ask_neighbour(struct sl_nexthops *n, const struct sl_addr *addr, int ifindex, struct neighbour *neigh)
{
	_Alignas(8) char buffer[256];

	memset(neigh, 0, sizeof(*neigh));
	if (ask(n, neigh_message(buffer, RTM_GETNEIGH, addr, ifindex), neigh_reply, neigh))
		neigh->state = NUD_NONE;
}

/* Starts resolution, or confirmation of a stale neighbour. */
static void use_neighbour(struct sl_nexthops *n, const struct sl_addr *addr, int ifindex)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *msg = neigh_message(buffer, RTM_NEWNEIGH, addr, ifindex);

	((struct ndmsg *)mnl_nlmsg_get_payload(msg))->ndm_flags = NTF_USE;
	msg->nlmsg_flags = NLM_F_CREATE | NLM_F_ACK;
	ask(n, msg, NULL, NULL);
}

struct link {
	uint32_t mtu;
	uint8_t mac[6];
};

static void link_reply(const struct nlmsghdr *msg, void *out)
{
	const struct nlattr *tb[IFLA_MAX + 1] = { NULL };
	struct link *link = out;

	mnl_attr_parse(msg, sizeof(struct ifinfomsg), link_attr, tb);
	if (tb[IFLA_MTU])
		link->mtu = mnl_attr_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == 6)
		memcpy(link->mac, mnl_attr_get_payload(tb[IFLA_ADDRESS]), 6);
}

static int ask_link(struct sl_nexthops *n, int ifindex, struct link *link)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info;

	msg->nlmsg_type = RTM_GETLINK;
	info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));
	info->ifi_index = ifindex;
	memset(link, 0, sizeof(*link));
	return ask(n, msg, link_reply, link);
}

static struct watch **find(const struct sl_nexthops *n, const struct sl_addr *addr)
{
	uint32_t h = addr->family;
	struct watch **at;

	for (unsigned int i = 0; i < 16; i++)
		h = (h ^ addr->bytes[i]) * 16777619u;
	at = &n->buckets[(h ^ h >> 15) & n->bucket_mask];
	while (*at && !sl_addr_equal(&(*at)->addr, addr))
		at = &(*at)->next;
	return at;
}

/* -- one address -------------------------------------------------------------------------------------------------- */

static void set_retry(struct sl_nexthops *n, struct watch *w);
static void narrow_set(struct sl_nexthops *n, struct watch *w, bool narrow);

#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

/* Fills next->state and mac from the neighbour; asks for resolution or confirmation where that is needed. */
static void resolve_neighbour(struct sl_nexthops *n, struct watch *w, struct sl_nexthop *next)
{
	bool same = w->now.state == SL_NEXTHOP_READY && w->now.ifindex == next->ifindex &&
		    sl_addr_equal(&w->now.gateway, &next->gateway);
	struct neighbour neigh;

	ask_neighbour(n, &next->gateway, next->ifindex, &neigh);
	if (neigh.state & NUD_USABLE && (neigh.has_mac || neigh.state & NUD_NOARP)) {
		next->state = SL_NEXTHOP_READY;
		memcpy(next->mac, neigh.mac, 6);
		if (neigh.state & NUD_STALE)
			use_neighbour(n, &next->gateway, next->ifindex);
		w->retry_at = 0;
		w->retry_ms = RETRY_FIRST_MS;
		return;
	}
	if (neigh.state & NUD_FAILED) {
		next->state = SL_NEXTHOP_FAILED;
	} else {
		next->state = same ? SL_NEXTHOP_READY : SL_NEXTHOP_RESOLVING;
		memcpy(next->mac, w->now.mac, same ? 6 : 0);
		if (!(neigh.state & NUD_INCOMPLETE))
			use_neighbour(n, &next->gateway, next->ifindex);
	}
	if (!w->retry_at)
		set_retry(n, w);
}

static void resolve(struct sl_nexthops *n, struct watch *w, struct sl_nexthop *next)
{
	struct route route;
	struct link link;

	memset(next, 0, sizeof(*next));
	next->state = SL_NEXTHOP_NO_ROUTE;
	if (ask_route(n, &w->addr, &route) || route.type != RTN_UNICAST || ask_link(n, route.ifindex, &link)) {
		w->retry_at = 0;
		return;
	}
	next->ifindex = route.ifindex;
	next->gateway = route.gateway.family ? route.gateway : w->addr;
	next->source = route.source;
	if (route.learned && route.mtu && route.mtu < NARROWEST)
		route.mtu = NARROWEST < link.mtu ? NARROWEST : link.mtu;
	next->mtu = (uint16_t)(route.mtu && route.mtu < 65535 ? route.mtu : link.mtu < 65535 ? link.mtu : 65535);
	narrow_set(n, w, route.learned && route.mtu);
	memcpy(next->source_mac, link.mac, 6);
	resolve_neighbour(n, w, next);
}

static void tell(const struct sl_addr *addr, const struct sl_nexthop *next)
{
	char text[SL_ADDR_TEXT], gateway[SL_ADDR_TEXT];

	sl_log(next->state == SL_NEXTHOP_READY ? SL_LOG_INFO : SL_LOG_WARN, "nexthop",
	       "address=%s state=%s gateway=%s ifindex=%d mac=%02x:%02x:%02x:%02x:%02x:%02x mtu=%u",
	       sl_addr_text(addr, text), sl_nexthop_state_name(next->state), sl_addr_text(&next->gateway, gateway),
	       next->ifindex, next->mac[0], next->mac[1], next->mac[2], next->mac[3], next->mac[4], next->mac[5],
	       next->mtu);
}

/* True if it changed. The callback may watch and unwatch others, so callers do not hold on to `w` after this. */
static bool refresh(struct sl_nexthops *n, struct watch *w)
{
	struct sl_nexthop next;
	struct sl_addr addr = w->addr;

	resolve(n, w, &next);
	if (!memcmp(&next, &w->now, sizeof(next)))
		return false;
	w->now = next;
	tell(&addr, &next);
	if (n->changed)
		n->changed(n->ctx, &addr, &next);
	return true;
}

/* Calls refresh() for every watch that `want` accepts, however the callback changes the table meanwhile. */
static void refresh_where(struct sl_nexthops *n, bool (*want)(const struct watch *w, const void *arg), const void *arg)
{
	struct sl_addr *list = calloc(n->count ? n->count : 1, sizeof(*list));
	unsigned int count = 0;

	if (!list) {
		sl_log(SL_LOG_ERROR, "out-of-memory", "what=%s", "next hops: a change was not followed");
		return;
	}
	for (unsigned int b = 0; b <= n->bucket_mask; b++)
		for (struct watch *w = n->buckets[b]; w; w = w->next)
			if (!want || want(w, arg))
				list[count++] = w->addr;
	for (unsigned int i = 0; i < count; i++) {
		struct watch *w = *find(n, &list[i]);

		if (w)
			refresh(n, w);
	}
	free(list);
}

/* -- retries ------------------------------------------------------------------------------------------------------ */

static bool retry_due(const struct watch *w, const void *arg)
{
	return w->retry_at && w->retry_at <= *(const uint64_t *)arg;
}

static void on_retry(uv_timer_t *timer);

static void arm_retry(struct sl_nexthops *n)
{
	uint64_t first = 0, now = uv_now(n->loop);

	for (unsigned int b = 0; b <= n->bucket_mask; b++)
		for (struct watch *w = n->buckets[b]; w; w = w->next)
			if (w->retry_at && (!first || w->retry_at < first))
				first = w->retry_at;
	if (first)
		uv_timer_start(&n->retry, on_retry, first > now ? first - now : 1, 0);
	else
		uv_timer_stop(&n->retry);
}

static void set_retry(struct sl_nexthops *n, struct watch *w)
{
	uint64_t now = uv_now(n->loop);

	if (!w->retry_ms)
		w->retry_ms = RETRY_FIRST_MS;
	w->retry_at = now + w->retry_ms;
	w->retry_ms = w->retry_ms * 2 < RETRY_LAST_MS ? w->retry_ms * 2 : RETRY_LAST_MS;
	if (!uv_is_active((uv_handle_t *)&n->retry) || uv_timer_get_due_in(&n->retry) > w->retry_at - now)
		uv_timer_start(&n->retry, on_retry, w->retry_at - now, 0);
}

static void on_retry(uv_timer_t *timer)
{
	struct sl_nexthops *n = timer->data;
	uint64_t now = uv_now(n->loop);

	for (unsigned int b = 0; b <= n->bucket_mask; b++)
		for (struct watch *w = n->buckets[b]; w; w = w->next)
			if (w->retry_at && w->retry_at <= now && w->now.ifindex)
				use_neighbour(n, &w->now.gateway, w->now.ifindex);
	for (unsigned int b = 0; b <= n->bucket_mask; b++)
		for (struct watch *w = n->buckets[b]; w; w = w->next)
			if (retry_due(w, &now)) {
				w->retry_at = 0;
				if (w->now.state != SL_NEXTHOP_NO_ROUTE)
					set_retry(n, w);
			}
	arm_retry(n);
}

/* -- the path's MTU ------------------------------------------------------------------------------------------------ */

static bool is_narrow(const struct watch *w, const void *arg)
{
	(void)arg;
	return w->narrow;
}

static void on_narrow(uv_timer_t *timer)
{
	struct sl_nexthops *n = timer->data;
	bool any = false;

	refresh_where(n, is_narrow, NULL);
	for (unsigned int b = 0; b <= n->bucket_mask; b++)
		for (const struct watch *w = n->buckets[b]; w; w = w->next)
			any |= w->narrow;
	if (!any)
		uv_timer_stop(timer);
}

static void narrow_set(struct sl_nexthops *n, struct watch *w, bool narrow)
{
	w->narrow = narrow;
	if (narrow && !uv_is_active((uv_handle_t *)&n->narrow))
		uv_timer_start(&n->narrow, on_narrow, NARROW_EVERY_MS, NARROW_EVERY_MS);
}

static void on_path(void *ctx, const struct sl_addr *addr)
{
	struct sl_nexthops *n = ctx;
	struct watch *w = *find(n, addr);

	if (!w)
		return;
	uv_update_time(n->loop);
	refresh(n, w);
}

/* -- notifications ------------------------------------------------------------------------------------------------ */

struct changed_neighbour {
	int ifindex;
	struct sl_addr addr;
};

static bool uses_neighbour(const struct watch *w, const void *arg)
{
	const struct changed_neighbour *c = arg;

	return w->now.ifindex == c->ifindex && sl_addr_equal(&w->now.gateway, &c->addr);
}

static void on_settle(uv_timer_t *timer)
{
	refresh_where(timer->data, NULL, NULL);
}

static void ask_all_soon(struct sl_nexthops *n)
{
	if (!uv_is_active((uv_handle_t *)&n->settle))
		uv_timer_start(&n->settle, on_settle, SETTLE_MS, 0);
}

static void notification(struct sl_nexthops *n, const struct nlmsghdr *msg)
{
	const struct nlattr *tb[NDA_MAX + 1] = { NULL };
	struct changed_neighbour c;
	const struct ndmsg *nd;

	if (msg->nlmsg_type != RTM_NEWNEIGH && msg->nlmsg_type != RTM_DELNEIGH) {
		if (msg->nlmsg_type >= RTM_BASE)
			ask_all_soon(n);
		return;
	}
	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*nd))
		return;
	nd = mnl_nlmsg_get_payload(msg);
	if (nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6)
		return;
	mnl_attr_parse(msg, sizeof(*nd), neigh_attr, tb);
	c.ifindex = nd->ndm_ifindex;
	if (attr_addr(tb[NDA_DST], nd->ndm_family, &c.addr))
		refresh_where(n, uses_neighbour, &c);
}

static void on_events(uv_poll_t *poll, int status, int events)
{
	struct sl_nexthops *n = poll->data;

	(void)events;
	if (status < 0)
		ask_all_soon(n);
	for (unsigned int i = 0; i < READS_PER_WAKE; i++) {
		ssize_t got = mnl_socket_recvfrom(n->events, n->buffer, sizeof(n->buffer));
		const struct nlmsghdr *msg = (const struct nlmsghdr *)n->buffer;
		int rest = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			if (errno != EAGAIN)
				ask_all_soon(n); /* ENOBUFS: some were lost */
			return;
		}
		for (; mnl_nlmsg_ok(msg, rest); msg = mnl_nlmsg_next(msg, &rest))
			notification(n, msg);
	}
}

/* -- watches ------------------------------------------------------------------------------------------------------ */

int sl_nexthops_watch(struct sl_nexthops *n, const struct sl_addr *addr)
{
	struct watch **at = find(n, addr), *w = *at;

	if (w) {
		w->refs++;
		return 0;
	}
	if (n->count >= n->max)
		return -ENOSPC;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->addr = *addr;
	w->refs = 1;
	*at = w;
	n->count++;
	uv_update_time(n->loop);
	resolve(n, w, &w->now);
	return 0;
}

void sl_nexthops_unwatch(struct sl_nexthops *n, const struct sl_addr *addr)
{
	struct watch **at = find(n, addr), *w = *at;

	if (!w || --w->refs)
		return;
	*at = w->next;
	n->count--;
	free(w);
}

bool sl_nexthops_get(const struct sl_nexthops *n, const struct sl_addr *addr, struct sl_nexthop *out)
{
	const struct watch *w = *find(n, addr);

	if (!w)
		return false;
	*out = w->now;
	return true;
}

void sl_nexthops_for_each(const struct sl_nexthops *n, sl_nexthop_fn *fn, void *ctx)
{
	for (unsigned int b = 0; b <= n->bucket_mask; b++)
		for (struct watch *w = n->buckets[b]; w; w = w->next)
			fn(ctx, &w->addr, &w->now);
}

/* -- life --------------------------------------------------------------------------------------------------------- */

static int open_sockets(struct sl_nexthops *n)
{
	static const int groups[] = { RTNLGRP_LINK,	  RTNLGRP_NEIGH,      RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE };
	struct timeval second = { .tv_sec = 1 };
	int room = 1 << 20;

	n->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	n->query = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!n->events || !n->query || mnl_socket_bind(n->events, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_bind(n->query, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	if (setsockopt(mnl_socket_get_fd(n->query), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)))
		return -errno;
	setsockopt(mnl_socket_get_fd(n->events), SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(n->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
			return -errno;
	}
	return 0;
}

static void free_all(struct sl_nexthops *n)
{
	if (n->events)
		mnl_socket_close(n->events);
	if (n->query)
		mnl_socket_close(n->query);
	for (unsigned int b = 0; n->buckets && b <= n->bucket_mask; b++)
		for (struct watch *w = n->buckets[b], *next; w; w = next) {
			next = w->next;
			free(w);
		}
	free(n->buckets);
	free(n);
}

struct sl_nexthops *sl_nexthops_create(uv_loop_t *loop, unsigned int max, sl_nexthop_fn *changed, void *ctx, char *err,
				       size_t err_len)
{
	struct sl_nexthops *n = calloc(1, sizeof(*n));
	int ret;

	if (n) {
		for (n->bucket_mask = 15; n->bucket_mask < max; n->bucket_mask = n->bucket_mask * 2 + 1)
			;
		n->buckets = calloc(n->bucket_mask + 1, sizeof(struct watch *));
	}
	if (!n || !n->buckets) {
		snprintf(err, err_len, "next hops: out of memory");
		free(n);
		return NULL;
	}
	n->loop = loop;
	n->max = max;
	n->changed = changed;
	n->ctx = ctx;
	ret = open_sockets(n);
	if (ret == 0)
		ret = uv_poll_init(loop, &n->poll, mnl_socket_get_fd(n->events));
	if (ret) {
		snprintf(err, err_len, "next hops: rtnetlink: %s", strerror(-ret));
		free_all(n);
		return NULL;
	}
	uv_timer_init(loop, &n->settle);
	uv_timer_init(loop, &n->retry);
	uv_timer_init(loop, &n->narrow);
	n->poll.data = n->settle.data = n->retry.data = n->narrow.data = n;
	n->open = 4;
	n->path = sl_path_mtu_open(loop, on_path, n);
	uv_poll_start(&n->poll, UV_READABLE, on_events);
	return n;
}

static void closed(uv_handle_t *handle)
{
	struct sl_nexthops *n = handle->data;

	if (--n->open == 0)
		free_all(n);
}

void sl_nexthops_destroy(struct sl_nexthops *n)
{
	if (!n)
		return;
	n->changed = NULL;
	sl_path_mtu_close(n->path);
	uv_close((uv_handle_t *)&n->narrow, closed);
	uv_close((uv_handle_t *)&n->poll, closed);
	uv_close((uv_handle_t *)&n->settle, closed);
	uv_close((uv_handle_t *)&n->retry, closed);
}
