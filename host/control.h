/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control side of the agent: it owns the uv loop's services, health checks, next hops and the control socket
 * (docs/control.md), and reaches the data side only through struct sl_control_ops, which main.c fills. All calls and
 * callbacks are on the thread that runs the loop.
 */
#ifndef SLUICE_HOST_CONTROL_H
#define SLUICE_HOST_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "host/config.h"
#include "host/health.h"
#include "host/meters.h"
#include "host/nexthop.h"
#include "host/service.h"
#include "sluice/contract.h"

/* A connection for people. */
struct sl_flow_view {
	uint64_t id;          /* of this connection while it lives; never 0 */
	struct sl_key key;    /* client -> VIP */
	uint32_t backend_id;
	struct sl_addr backend_address; /* in case the id is of no backend any more */
	uint16_t backend_port;          /* host order */
	struct sl_addr source_address;  /* fullnat: what the backend knows the client by; else family 0 */
	uint16_t source_port;           /* host order */
	bool hardware;        /* in the card now */
	uint8_t reason;       /* contract's reason: why it is, or is not, in hardware */
	char detail[160];     /* the driver's own words, or "" */
	const char *state;    /* "embryonic", "established", "closing" */
	int64_t since_ms;     /* wall clock: since when the reason holds */
	uint64_t idle_ms;
	uint64_t hw_packets, hw_bytes, sw_packets, sw_bytes;
	bool counters_stale;  /* of flow_get: the card did not answer in time, hw_* are as last read in the background */
};

struct sl_port_view {
	char name[SL_CONFIG_NAME_MAX];   /* of the configuration */
	char device[64];                 /* ethdev */
	char driver[64];
	char kernel_interface[16];
	bool kernel_pass;                /* the kernel has what no rule names on the interface below */
	uint8_t mac[6];
	uint16_t mtu;
	bool link;
	struct {
		char name[SL_CONFIG_NAME_MAX]; /* "": in none */
		const char *mode, *state;
		uint64_t failovers;
	} bond;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_errors, tx_errors; /* of the card's port */
	bool offload;                    /* at least one kind of connection can be offloaded */
	unsigned int capability_count;
	struct {
		const char *name;        /* "nat-ipv4" */
		bool supported;
	} capability[32];
	char refusal[160];               /* the driver's own words for the first sample rule it refused, or "" */
	uint32_t rules;                  /* classification rules in place */
	char rules_error[160];           /* why they could not be put in place, or "" */
	char meters_error[160];          /* why classes of frames are without a meter of the card, or "" */
	struct {
		const char *name;        /* class of frames: "syn", or "misses" of a service */
		char service[SL_CONFIG_NAME_MAX]; /* or "" */
		bool made;
		uint32_t rate_pps, burst;
		char why[120];           /* why not made, or not at the configured rate; or "" */
	} meter[SL_METERED_CLASSES + SL_SERVICE_METERS_TOLD];
	unsigned int meter_count;        /* those of the classes, then those of services */
	bool has_reasons;                /* the card counts reasons itself */
	uint64_t reason_packets[SL_REASONS], reason_bytes[SL_REASONS]; /* the card's, of the whole card */
	char firmware[256];              /* "" if unknown; of XDP its mode, and what is in the network card or why nothing is */
	bool answered;                   /* false: counters, link and firmware are as of told_ms_ago (0: never told) */
	uint64_t told_ms_ago;
};

struct sl_data_view {
	uint64_t adopted_connections, adopted_rules; /* at start */
	uint64_t connections, connections_max, hardware_connections;
	uint64_t table_used, table_size;  /* the card's flow table; size 0: unknown */
	uint64_t inserted, removed, refused, retries, table_full; /* offload since start */
	uint64_t unconfirmed; /* connections whose rules the card has not confirmed to be gone */
	uint64_t hw_packets, hw_bytes;    /* of connections, as last read from the card */
	uint64_t sw_packets, sw_bytes;    /* forwarded by workers */
	uint64_t created, expired, closed;
	uint64_t kernel_rx, kernel_tx, icmp_sent, icmp_passed, icmp_limited, mss_lowered, cut;
	uint64_t source_ports;         /* of mode fullnat, in use */
	uint64_t tx_dropped, held_dropped; /* forwarded but no room on the wire; SYNs that found no room to wait */
	uint64_t reason_packets[SL_REASONS], reason_bytes[SL_REASONS]; /* the host's own */
};

/* New connections of a service that are decided in XDP. */
struct sl_first_counters {
	uint64_t packets, bytes, syns, unhinted;
	uint64_t places, held; /* of its Maglev table; held: decided by the agent for now */
	bool stands;           /* false: a card has no table of it */
};

struct sl_backend_counters {
	uint64_t connections, connections_total;
	uint64_t hw_packets, hw_bytes, sw_packets, sw_bytes;
	bool awaited; /* connections may be its that nobody has heard of yet: it is not forgotten */
};

/* The data side. Any pointer may be NULL: then the command answers that it is not available. */
struct sl_control_ops {
	/* Up to max connections from *cursor (0 at first) in table order that `match` accepts; *cursor becomes 0 at the
	 * end. Looks at a bounded number of entries a call, so the count may be 0 before the end. Returns the count. */
	unsigned int (*flow_list)(void *ctx, uint64_t *cursor,
				  bool (*match)(void *arg, const struct sl_flow_view *view), void *arg,
				  struct sl_flow_view *out, unsigned int max);
	/* One connection, with counters fresh from the card if it answers within 250 ms, else counters_stale. 0 or -ENOENT. */
	int (*flow_get)(void *ctx, uint64_t id, struct sl_flow_view *out);
	/* 0 (asked for), -ENOENT, -EALREADY (is in software), -EAGAIN. */
	int (*flow_evict)(void *ctx, uint64_t id);
	unsigned int (*port_count)(void *ctx);
	void (*port)(void *ctx, unsigned int index, struct sl_port_view *out);
	bool (*port_gone)(void *ctx, unsigned int index); /* the device was removed; at once */
	void (*data)(void *ctx, struct sl_data_view *out);
	void (*backend)(void *ctx, uint32_t backend_id, struct sl_backend_counters *out);
	/* False: the agent decides the service's new connections. */
	bool (*first)(void *ctx, uint32_t service_id, struct sl_first_counters *out);
	/*
	 * Firmware of the card behind a port (host/images.c). images and image_write ask the card, take up to seconds and may be
	 * called from any thread, while the ports are open. 0 or a negative errno: -ENOTSUP there is no card with firmware
	 * behind the port, -EIO it is gone.
	 */
	int (*images)(void *ctx, unsigned int port, struct sl_image_state slot[SL_FLASH_SLOTS]);
	/* A whole image into a slot, and started. -EBUSY: the slot runs; -ENOTRECOVERABLE: it does not start, another does. */
	int (*image_write)(void *ctx, unsigned int port, unsigned int slot, const uint8_t *image, uint32_t length);
	/* Bytes written so far by image_write in another thread; at once. */
	uint32_t (*image_written)(void *ctx, unsigned int port);
	/* The first port of the same card. */
	unsigned int (*card_of)(void *ctx, unsigned int port);
	/* A snapshot was published: rules for VIPs, announcing. As in service.h; once more with now == before when
	 * sl_control_start() has made the next hops. */
	void (*services_changed)(void *ctx, const struct sl_services *now, const struct sl_services *before);
	/* The configuration was replaced (timeouts and rates of the data side); before services_changed. */
	void (*config_changed)(void *ctx, const struct sl_config *now);
	sl_nexthop_fn *nexthop_changed;
	void *ctx;
};

struct sl_control;

/*
 * In order: sl_control_create() publishes the first snapshot, so that workers can be made; sl_control_start(), when the
 * ports and kernel interfaces exist, begins next hops, health checks and SIGHUP, and opens the socket last: a socket
 * that answers means an agent that works. config now belongs to the control side. NULL or negative errno and a sentence
 * in err on failure.
 */
struct sl_control *sl_control_create(uv_loop_t *loop, const char *config_path, struct sl_config *config,
				     const struct sl_control_ops *ops, char *err, size_t err_len);
int sl_control_start(struct sl_control *c, char *err, size_t err_len);
/* Closes socket, checks and next hops (run the loop once more), keeps the snapshot for workers that still run. */
void sl_control_stop(struct sl_control *c);
/* After the workers have ended. */
void sl_control_destroy(struct sl_control *c);

const struct sl_config *sl_control_config(const struct sl_control *c);
/* NULL before sl_control_start(). */
struct sl_nexthops *sl_control_nexthops(struct sl_control *c);
struct sl_service_table *sl_control_services(struct sl_control *c);
/* Reads the file again and applies it; what SIGHUP does. 0, or negative errno and nothing has changed. */
int sl_control_reload(struct sl_control *c, char *err, size_t err_len);

#endif
