/* SPDX-License-Identifier: BSD-3-Clause */
/* sluiced: the order of start-up, and its reverse. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <urcu-qsbr.h>
#include <uv.h>

#include "host/bond.h"
#include "host/classes.h"
#include "host/config.h"
#include "host/conn.h"
#include "host/control.h"
#include "host/eal.h"
#include "host/egress.h"
#include "host/images.h"
#include "host/kernel.h"
#include "host/last_health.h"
#include "host/log.h"
#include "host/meters.h"
#include "host/offload.h"
#include "host/port.h"
#include "host/port_view.h"
#include "host/retired.h"
#include "host/returns.h"
#include "host/sources.h"
#include "host/state.h"
#include "host/view.h"
#include "host/worker.h"

struct agent {
	struct sl_control *control;
	struct sl_state state;
	struct sl_conn_table *table;
	struct sl_control_ops ops;
	uv_signal_t sigterm, sigint;
	uv_timer_t again, bonds, pass, look;
	uv_async_t configured;
	uv_async_t returns, links;
	char err[1024];
};

static int usage(FILE *to)
{
	fprintf(to, "usage: sluiced -c FILE [-e \"EAL arguments\"] [-v]\n"
		    "  -c FILE  configuration (see docs/config.md; check one with `sluice check FILE`)\n"
		    "  -e ARGS  words appended to DPDK's EAL arguments, such as -d librte_net_x.so\n"
		    "  -v       log more\n"
		    "  -h       this text\n");
	return to == stdout ? 0 : 2;
}

/* ---- what the control side tells the data side ---------------------------------------------------------------- */

static void advertise(unsigned int port, const struct sl_addr *addr)
{
	int rc = sl_port_advertise(port, addr->bytes, addr->family);

	if (rc)
		sl_log(SL_LOG_WARN, "advertise", "port=%s error=%s", sl_port_at(port)->name, strerror(-rc));
}

static bool announced_above(const struct sl_services *now, unsigned int i)
{
	for (unsigned int j = 0; j < i; j++) {
		const struct sl_service *s = now->services[j];

		if (s->announce && !s->retired && !s->tenant && sl_addr_equal(&s->vip, &now->services[i]->vip))
			return true;
	}
	return false;
}

/*
 * Neighbours hear of the VIPs of one snapshot that another (NULL: none) has not. Of the default tenant alone: others may
 * have the same address behind another tag, and what is sent here has none.
 */
static void advertise_vips(const struct sl_services *now, const struct sl_services *before)
{
	for (unsigned int i = 0; i < now->service_count; i++) {
		const struct sl_service *s = now->services[i];

		if (!s->announce || s->retired || s->tenant ||
		    (before && sl_services_has_vip(before, s->tenant, s->vip.family, s->vip.bytes)) ||
		    announced_above(now, i))
			continue;
		for (unsigned int port = 0; port < sl_port_count(); port++)
			if (!sl_bond_member(port))
				advertise(port, &s->vip);
	}
}

/* At the start, when this node may follow another one: the VIPs, and what is a gateway to backends of mode nat. */
static void advertise_all(const struct sl_config *config)
{
	for (unsigned int i = 0; i < sl_port_count(); i++)
		for (unsigned int j = 0; !sl_bond_member(i) && j < config->ports[i].kernel_address_count; j++)
			advertise(i, &config->ports[i].kernel_address[j].addr);
	advertise_vips(sl_services_current(), NULL);
	for (unsigned int i = 0; i < sl_port_count(); i++)
		for (unsigned int j = 0; !sl_bond_member(i) && j < config->node.fullnat.source_count; j++)
			advertise(i, &config->node.fullnat.source[j]);
}

/* Backends find the source addresses of mode fullnat here. */
static void announce_sources(const struct sl_config *config, bool pass)
{
	char text[SL_ADDR_TEXT];

	for (unsigned int i = 0; i < config->node.fullnat.source_count; i++) {
		const struct sl_addr *source = &config->node.fullnat.source[i];
		int rc = sl_port_announce(source->bytes, source->family, pass, true);

		if (rc)
			sl_log(SL_LOG_ERROR, "announce", "source=%s error=%s", sl_addr_text(source, text), strerror(-rc));
	}
}

static void announce_less(const struct sl_services *now, const struct sl_services *before)
{
	for (unsigned int i = 0; before && i < before->service_count; i++) {
		const struct sl_service *s = before->services[i];

		if (!s->announce || s->retired || sl_services_has_vip(now, s->tenant, s->vip.family, s->vip.bytes))
			continue;
		sl_port_announce(s->vip.bytes, s->vip.family, false, false);
		sl_port_announce(s->vip.bytes, s->vip.family, true, false);
	}
}

static void announce_services(const struct sl_services *now, bool pass)
{
	for (unsigned int i = 0; i < now->service_count; i++) {
		const struct sl_service *s = now->services[i];
		int rc = s->announce && !s->retired ? sl_port_announce(s->vip.bytes, s->vip.family, pass, true) : 0;

		if (rc)
			sl_log(SL_LOG_ERROR, "announce", "service=%s error=%s", s->name, strerror(-rc));
	}
}

/* For the next agent. From when the first snapshot is whole: until then the files say what is not known yet. */
static void backends_save(const struct agent *a, const struct sl_services *now)
{
	const char *state = sl_control_config(a->control)->node.state;
	int rc = sl_retired_save(state, now);

	if (rc)
		sl_log(SL_LOG_WARN, "retired-save", "file=%s.backends error=%s", state, strerror(-rc));
	rc = sl_last_health_save(state, now);
	if (rc)
		sl_log(SL_LOG_WARN, "health-save", "file=%s.health error=%s", state, strerror(-rc));
}

static void services_changed(void *ctx, const struct sl_services *now, const struct sl_services *before)
{
	struct agent *a = ctx;

	for (uint32_t id = 0; id < SL_SERVICE_IDS; id++) {
		const struct sl_backend *was = before ? before->backend[id] : NULL;

		if (now->backend[id] && (!was || was->identity != now->backend[id]->identity))
			sl_worker_backend_new(id);
	}
	for (unsigned int i = 0; i < now->service_count; i++) {
		if (sl_mode_nat(now->services[i]->mode))
			sl_conn_table_expect_nat(a->table);
	}
	sl_egress_services_changed(now, a->control ? sl_control_nexthops(a->control) : NULL);
	announce_less(now, before);
	announce_services(now, false); /* on ports with pass by on_configured(), when rules stand */
	if (a->control && before)
		advertise_vips(now, before);
	if (a->control)
		backends_save(a, now);
	sl_offload_configure();
}

static void nexthop_changed(void *ctx, const struct sl_addr *addr, const struct sl_nexthop *nexthop)
{
	(void)ctx;
	bool changed = sl_egress_nexthop_changed(sl_services_current(), addr, nexthop);

	changed |= sl_returns_nexthop_changed(addr, nexthop);
	if (changed)
		sl_offload_nexthops_changed();
}

static void config_changed(void *ctx, const struct sl_config *now)
{
	(void)ctx;
	sl_egress_configure(now);
	sl_worker_configure(now);
	sl_meters_configure(now);
	sl_offload_configure();
}

/* The view's functions want the table, these want the agent; the table is all that ops carries. */
static struct agent agent;

static void agent_services_changed(void *ctx, const struct sl_services *now, const struct sl_services *before)
{
	(void)ctx;
	services_changed(&agent, now, before);
}

static void on_returns(uv_async_t *async)
{
	const struct agent *a = async->data;

	if (sl_returns_sync(sl_control_nexthops(a->control)))
		sl_offload_nexthops_changed();
}

static void returns_wake(void)
{
	uv_async_send(&agent.returns);
}

static void returns_start(struct agent *a, uv_loop_t *loop)
{
	uv_async_init(loop, &a->returns, on_returns);
	a->returns.data = a;
	sl_returns_wake(returns_wake);
}

static void on_signal(uv_signal_t *handle, int number)
{
	sl_log(SL_LOG_INFO, "stop", "signal=%d", number);
	uv_stop(handle->loop);
}

static void signals_start(struct agent *a, uv_loop_t *loop)
{
	uv_signal_init(loop, &a->sigterm);
	uv_signal_init(loop, &a->sigint);
	uv_signal_start(&a->sigterm, on_signal, SIGTERM);
	uv_signal_start(&a->sigint, on_signal, SIGINT);
	signal(SIGPIPE, SIG_IGN);
}

/* ARP announcements are sent twice, two seconds apart (RFC 5227, 2.3). */
static void on_again(uv_timer_t *timer)
{
	const struct agent *a = timer->data;

	advertise_all(sl_control_config(a->control));
}

static void advertise_start(struct agent *a, uv_loop_t *loop)
{
	advertise_all(sl_control_config(a->control));
	uv_timer_init(loop, &a->again);
	a->again.data = a;
	uv_timer_start(&a->again, on_again, 2000, 0);
}

/* ---- bonds ---------------------------------------------------------------------------------------------------- */

#define LINKS_EVERY_MS 100 /* for drivers that do not tell */

static uint32_t links_settle(void)
{
	const uint64_t now_ms = uv_hrtime() / 1000000;

	for (unsigned int i = 0; i < sl_port_count(); i++)
		if (sl_bond_members(i))
			sl_bond_link(i, sl_port_link(sl_port_at(i)), now_ms);
	return sl_bond_settle(now_ms);
}

/* A bond's frames leave by other members: the flows in the card follow, and the switches between here and the neighbours learn
 * from the announcements where this node is now. */
static void links_check(struct agent *a)
{
	if (!links_settle())
		return;
	sl_offload_bonds_changed();
	advertise_all(sl_control_config(a->control));
	uv_timer_start(&a->again, on_again, 2000, 0);
}

static void on_links(uv_async_t *async)
{
	links_check(async->data);
}

static void on_links_time(uv_timer_t *timer)
{
	links_check(timer->data);
}

static void links_wake(void)
{
	uv_async_send(&agent.links);
}

/* After advertise_start(), whose timer it uses. */
static void bonds_start(struct agent *a, uv_loop_t *loop)
{
	bool any = false;

	for (unsigned int i = 0; i < sl_port_count(); i++)
		any |= sl_bond_members(i) > 0;
	if (!any)
		return;
	uv_async_init(loop, &a->links, on_links);
	uv_timer_init(loop, &a->bonds);
	a->links.data = a->bonds.data = a;
	uv_timer_start(&a->bonds, on_links_time, LINKS_EVERY_MS, LINKS_EVERY_MS);
	sl_port_links_wake(links_wake);
}

/* ---- devices ---------------------------------------------------------------------------------------------------- */

#define LOOK_EVERY_MS 1000

static void on_look(uv_timer_t *timer)
{
	(void)timer;
	sl_port_look();
}

static void look_start(struct agent *a, uv_loop_t *loop)
{
	uv_timer_init(loop, &a->look);
	uv_timer_start(&a->look, on_look, LOOK_EVERY_MS, LOOK_EVERY_MS);
}

/* ---- addresses on the wire's own interface ------------------------------------------------------------------------ */

#define PASS_EVERY_MS 5000

static bool address_unwanted(const void *arg, const struct sl_addr *addr)
{
	(void)arg;
	(void)addr;
	return false;
}

/* Of services, sources of fullnat: what ports with pass should have. */
static bool address_wanted(const void *arg, const struct sl_addr *addr)
{
	const struct sl_config *config = arg;
	const struct sl_services *now = sl_services_current();

	for (unsigned int i = 0; i < config->node.fullnat.source_count; i++)
		if (sl_addr_equal(&config->node.fullnat.source[i], addr))
			return true;
	for (unsigned int i = 0; i < now->service_count; i++)
		if (now->services[i]->announce && !now->services[i]->retired && sl_addr_equal(&now->services[i]->vip, addr))
			return true;
	return false;
}

/* What earlier agents, or this one by an earlier configuration, left on interfaces of wires, before rules go. */
static void addresses_clean(const struct sl_config *config)
{
	for (unsigned int i = 0; i < sl_port_count(); i++)
		if (sl_port_at(i)->below)
			sl_kernel_addresses_clean(sl_port_at(i)->below, sl_port_at(i)->pass ? address_wanted : address_unwanted, config);
}

/* Also from time to time: an interface that was down has lost its IPv6 addresses, and others may take any from it. */
static void pass_announce(const struct agent *a)
{
	const struct sl_config *config = sl_control_config(a->control);

	if (!sl_offload_configure_done())
		return; /* there will be another call */
	for (unsigned int i = 0; i < sl_port_count(); i++) {
		struct sl_port *p = sl_port_at(i);
		const bool withheld = p->pass && !sl_classes_stand(i);

		if (withheld && !p->withheld)
			sl_log(SL_LOG_ERROR, "announce-withheld", "port=%s error=rules are missing (sluice card show): the kernel would refuse "
			       "connections to the services that have none, so it is given no VIP until they stand", p->name);
		p->withheld = withheld;
	}
	addresses_clean(config);
	announce_services(sl_services_current(), true);
	announce_sources(config, true);
}

static void on_configured(uv_async_t *async)
{
	pass_announce(async->data);
}

static void on_pass_time(uv_timer_t *timer)
{
	pass_announce(timer->data);
}

static void configured_wake(void)
{
	uv_async_send(&agent.configured);
}

/* Before the offload thread. The kernel answers for a VIP when what is a service's no longer reaches it. */
static void pass_start(struct agent *a, uv_loop_t *loop)
{
	if (!sl_port_passes())
		return;
	uv_async_init(loop, &a->configured, on_configured);
	uv_timer_init(loop, &a->pass);
	a->configured.data = a->pass.data = a;
	uv_timer_start(&a->pass, on_pass_time, PASS_EVERY_MS, PASS_EVERY_MS);
	sl_offload_configured(configured_wake);
	sl_offload_configure();
}

/* ---- up and down ---------------------------------------------------------------------------------------------- */

static int agent_run(struct agent *a, struct sl_config *config, const char *path, const char *eal)
{
	uint32_t adopted = 0, kept = 0, dropped = 0;
	uv_loop_t *loop = uv_default_loop();
	int rc;

	rc = sl_state_open(&a->state, config->node.state, config->node.max_connections, a->err, sizeof(a->err));
	if (rc)
		return rc;
	rc = sl_eal_init(config, eal, a->err, sizeof(a->err));
	if (rc)
		goto close_state;
	sl_bond_configure(config);
	rc = sl_port_open_all(config, config->node.workers, a->err, sizeof(a->err));
	if (rc)
		goto close_ports;
	sl_conn_sources_use(a->state.sources);
	a->table = sl_conn_table_create(a->state.entries, a->state.capacity, a->state.hash_key, &adopted, &dropped);
	rc = a->table ? 0 : -ENOMEM;
	if (rc)
		goto close_ports;
	sl_conn_table_in_file(a->table, a->state.fd, a->state.start);
	rc = sl_sources_open(a->state.sources, &config->node.fullnat, a->table);
	if (rc) {
		snprintf(a->err, sizeof(a->err), "node.fullnat.sources: %u addresses beside those that connections still have are too "
			 "many; %u in all", config->node.fullnat.source_count, SL_CONN_SOURCES - 1);
		goto free_table;
	}
	sl_egress_remember(a->state.hops);
	sl_egress_configure(config);
	sl_view_init(a->table, &a->ops);
	sl_images_init(&a->ops);
	a->ops.services_changed = agent_services_changed;
	a->ops.nexthop_changed = nexthop_changed;
	a->ops.config_changed = config_changed;
	a->control = sl_control_create(loop, path, config, &a->ops, a->err, sizeof(a->err));
	rc = a->control ? 0 : -EINVAL;
	if (rc)
		goto free_table;
	config = (struct sl_config *)(uintptr_t)sl_control_config(a->control);
	announce_sources(config, false);
	returns_start(a, loop);
	backends_save(a, sl_services_current());
	rc = sl_worker_init(config, config->node.workers, a->table, &kept, a->err, sizeof(a->err));
	if (rc)
		goto free_control;
	sl_log(SL_LOG_INFO, "adopted", "connections=%u damaged=%u without_backend=%u file=%s", kept, dropped, adopted - kept,
	       config->node.state);
	/* By which members of bonds the card's flows leave now; a card that nobody has started yet has no links. */
	links_settle();
	addresses_clean(config);
	/* Before the ports start: what the card holds is adopted, what is not made again is swept by the start. */
	rc = sl_offload_init(config, a->table, a->err, sizeof(a->err));
	if (!rc)
		rc = sl_port_start_all(a->err, sizeof(a->err));
	if (rc)
		goto free_offload;
	pass_start(a, loop);
	rc = sl_worker_start_all(a->err, sizeof(a->err));
	if (!rc)
		rc = sl_offload_start(a->err, sizeof(a->err));
	if (!rc)
		rc = sl_control_start(a->control, a->err, sizeof(a->err));
	if (!rc) {
		sl_egress_services_changed(sl_services_current(), sl_control_nexthops(a->control));
		signals_start(a, loop);
		advertise_start(a, loop);
		bonds_start(a, loop);
		look_start(a, loop);
		sl_log(SL_LOG_INFO, "ready", "node=%s ports=%u workers=%u", config->node.name, config->port_count,
		       config->node.workers);
		uv_run(loop, UV_RUN_DEFAULT);
		sl_control_stop(a->control);
		uv_run(loop, UV_RUN_NOWAIT);
	}
	sl_port_view_stop();
	sl_offload_stop();
	sl_worker_stop_all();
free_offload:
	sl_offload_fini();
	sl_worker_fini();
free_control:
	sl_control_destroy(a->control);
	sl_egress_clear();
free_table:
	sl_conn_table_destroy(a->table);
close_ports:
	sl_port_close_all();
	rte_eal_cleanup();
close_state:
	sl_state_close(&a->state);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	static struct sl_config_error config_error;
	const char *path = NULL, *eal = NULL;
	struct sl_config *config;
	int option, rc;

	while ((option = getopt_long(argc, argv, "c:e:vh", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'e':
			eal = optarg;
			break;
		case 'v':
			sl_log_level_set(SL_LOG_DEBUG);
			break;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (!path || optind != argc)
		return usage(stderr);
	if (sl_config_load(path, &config, &config_error)) {
		fprintf(stderr, "%s\n", config_error.text);
		return 1;
	}
	rcu_register_thread();
	rc = agent_run(&agent, config, path, eal);
	rcu_unregister_thread();
	if (rc)
		fprintf(stderr, "sluiced: %s\n", agent.err[0] ? agent.err : strerror(-rc));
	return rc ? 1 : 0;
}
