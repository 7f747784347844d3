/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers: run-to-completion lcores that receive, decide and send, and back off when idle. A worker owns some shards of
 * the connection table; a packet that another one received reaches it over a ring. Configuration reaches workers by
 * pointer swap under liburcu (flavour qsbr); workers and the offload thread are registered readers.
 */
#ifndef SLUICE_HOST_WORKER_H
#define SLUICE_HOST_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/conn.h"

#define SL_WORKERS_MAX 16u

struct sl_config;

/* Packets and bytes by the contract's reasons; SOFTWARE counts what was forwarded. */
struct sl_worker_stats {
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
	uint64_t tx_dropped;         /* no room in the wire's or another worker's queue, or in the buffer */
	uint64_t kernel_rx, kernel_tx; /* frames from and to the kernel interfaces */
	uint64_t conns_created, conns_expired, conns_closed;
	uint64_t icmp_sent, icmp_limited, icmp_passed;
	uint64_t cut;                /* packets that left in fragments */
	uint64_t mss_lowered;        /* SYNs of nat and fullnat connections */
	uint64_t source_ports_taken, source_ports_given; /* fullnat: the difference is in use */
	uint64_t held, held_dropped; /* SYNs that waited for the card to forget a closing connection */
	uint64_t offload_queue_full; /* tried again later */
	uint64_t reason_packets[SL_REASONS];
	uint64_t reason_bytes[SL_REASONS];
};

struct sl_backend_stats {
	uint64_t connections;       /* live now */
	uint64_t connections_total; /* since the agent started */
	uint64_t sw_packets, sw_bytes;
	uint64_t hw_packets, hw_bytes;
};

/* The rate of the kernel interfaces. Control thread; also by sl_worker_init(). */
void sl_worker_configure(const struct sl_config *config);
/* Memory and rings of `count` workers over the table, after ports and services exist; *adopted connections of the table
 * found their backend again. Then the workers' threads, after the ports have started. */
int sl_worker_init(const struct sl_config *config, unsigned int count, struct sl_conn_table *table, uint32_t *adopted,
		   char *err, size_t err_len);
int sl_worker_start_all(char *err, size_t err_len);
void sl_worker_stop_all(void);
void sl_worker_fini(void);

/* ---- for the control thread ---- */
void sl_worker_stats_sum(struct sl_worker_stats *sum);
void sl_worker_backend_stats(uint32_t backend_id, struct sl_backend_stats *sum);
/* The id belongs to another backend from now on, which counts from 0. */
void sl_worker_backend_new(uint32_t backend_id);
/* Takes a connection out of hardware for good (operator). 0; -ENOENT: not there any more; -EAGAIN: queue full.
 * `check` is the entry's check word as read, so that a successor in the same slot is left alone. */
int sl_worker_evict(uint32_t index, uint32_t check);
/* The agent's threads, for host/offload: its answers. */
struct sl_offload_result;
bool sl_worker_offload_result(const struct sl_offload_result *result);

#endif
