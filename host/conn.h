/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table. An entry of 128 bytes lives in shared memory (host/state) and outlives the agent; the index over
 * the entries is private memory and is built again when a table is adopted, so that only entries must survive a crash.
 *
 * Threads. The table is cut into SL_CONN_SHARDS shards by the client's address and port, which both NAT directions carry;
 * one worker owns a shard and is the only one to create, find, change and free its connections: no locks. Other threads
 * read entries through sl_conn_read(), which notices an entry that changed hands meanwhile. The offload thread alone
 * writes hw_packets and hw_bytes, and an entry is not freed before that thread has let go of it (offload == NONE).
 *
 * Crashes. An entry is written while its state is FREE and its check word covers what never changes afterwards; state is
 * stored last. Everything that changes later is a single aligned word. So SIGKILL between any two instructions leaves
 * an entry that is either free, or whole.
 */
#ifndef SLUICE_HOST_CONN_H
#define SLUICE_HOST_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "host/config.h"
#include "sluice/contract.h"

#define SL_CONN_SHARDS 16u
#define SL_CONN_NONE UINT32_MAX

enum sl_conn_state {
	SL_CONN_FREE = 0,
	SL_CONN_EMBRYONIC = 1,   /* TCP SYN seen, or a packet of a connection we did not see begin */
	SL_CONN_ESTABLISHED = 2, /* handshake done; UDP: from its first packet */
	SL_CONN_CLOSING = 3,     /* FIN or RST seen: idles out soon, later packets refresh it */
};

enum sl_conn_offload {
	SL_CONN_SOFTWARE = 0,
	SL_CONN_INSERTING = 1, /* the offload thread has it */
	SL_CONN_HARDWARE = 2,
	SL_CONN_REMOVING = 3,
};

enum sl_conn_flag {
	SL_CONN_FIN_CLIENT = 1,
	SL_CONN_FIN_SERVER = 2,
	SL_CONN_RST = 4,
	SL_CONN_EVICTED = 8, /* an operator took it out of hardware: it stays out */
	SL_CONN_DOOMED = 16, /* to be freed when the card has let go of it */
	SL_CONN_UNPROVEN = 32, /* counted in the shard's embryonic share */
	SL_CONN_NO_CARD = 64,  /* its reason is that, or (next) that: the reason itself stands in the other line */
	SL_CONN_NEVER = 128,
};

/* One connection, in shared memory: what every packet needs in the first cache line, the rest in the second. last_seen_ms is the
 * lower half of CLOCK_BOOTTIME, so it survives the agent (see sl_conn_idle_ms()). */
struct sl_conn {
	struct sl_key key;       /* client -> VIP */
	uint64_t sw_packets;     /* written by the owner */
	uint64_t sw_bytes;
	uint32_t last_seen_ms;   /* by the owner, and by the offload thread from the card */
	uint16_t backend_id;     /* of this run of the agent (host/service.h): adoption sets it again */
	union {
		struct {
			uint8_t state : 4;   /* sl_conn_state */
			/* sl_conn_offload; adoption makes HARDWARE of all but SOFTWARE: host/offload creates the rules */
			uint8_t offload : 4;
		};
		uint8_t stage;   /* both; written last when an entry is made. By the owner, before workers run by host/offload */
	};
	uint8_t flags;           /* sl_conn_flag */

	uint8_t backend_addr[16]; /* IPv4 in the first four bytes */
	uint16_t backend_port;   /* network order; NAT only, else the key's */
	uint8_t mode;            /* enum sl_mode */
	uint8_t backend_family;  /* 4 or 6 */
	uint32_t check;          /* over the key, the four above, source and its port */
	uint64_t hw_packets;     /* written by the offload thread */
	uint64_t hw_bytes;
	uint32_t since_s;        /* wall clock: when reason last changed */
	uint16_t since_ms;       /* and within that second; below 1000 */
	uint16_t backend_tag;    /* of the backend's identity (host/service.h): tells those of one address apart on adoption */
	/* One aligned word, see sl_conn_set_last_hop(). */
	uint8_t last_hop[6];     /* NAT: source MAC of the client's last frame: where the way back leads */
	uint8_t last_hop_port;   /* port it came by */
	uint8_t answered;        /* NAT, while embryonic: the backend's packet came after the client's last, which clears it */
	uint8_t reason;          /* contract's reason: why it is (not) in hardware */
	uint8_t source;          /* fullnat: number of the source address (host/sources.h); else 0 */
	uint16_t source_port;    /* fullnat: network order */
	uint8_t reserved1[4];
};
_Static_assert(sizeof(struct sl_conn) == 128, "one connection is 128 bytes");
_Static_assert(offsetof(struct sl_conn, backend_addr) == 64, "what packets need is one line");
_Static_assert(offsetof(struct sl_conn, last_hop) == 112, "the last hop is one aligned word");

/* How long no packet was seen, of less than 24 days. */
static inline uint32_t sl_conn_idle_ms(const struct sl_conn *conn, uint64_t now_ms)
{
	const int32_t idle = (int32_t)((uint32_t)now_ms - __atomic_load_n(&conn->last_seen_ms, __ATOMIC_RELAXED));

	return idle < 0 ? 0 : (uint32_t)idle;
}

/* By the owner, from a client's frame; by the offload thread, for one in hardware whose neighbour has moved. Any of them may be
 * the last: a frame that comes another way tells again. */
static inline void sl_conn_set_last_hop(struct sl_conn *conn, const uint8_t mac[6], uint8_t port)
{
	typedef uint64_t __attribute__((may_alias)) word;
	uint8_t bytes[8] = { mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], port };
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	__atomic_store_n((word *)(void *)conn->last_hop, value, __ATOMIC_RELAXED);
}

/* Source addresses by number, for connections of fullnat: SL_CONN_SOURCES of them, in shared memory, family 0 if there is none;
 * number 0 is none. Before a table is made, and for as long as it is used. */
#define SL_CONN_SOURCES 64u
void sl_conn_sources_use(const struct sl_addr *sources);
/* NULL: none. */
const struct sl_addr *sl_conn_source(unsigned int number);

struct sl_conn_table;

/* The table over `capacity` entries at `entries` (a multiple of SL_CONN_SHARDS), adopting every whole entry among them;
 * others are freed and counted in *dropped. hash_key must be the one that the entries were placed with. At most
 * capacity / 4 may be unproven at a time. NULL: out of memory. */
struct sl_conn_table *sl_conn_table_create(struct sl_conn *entries, uint32_t capacity, const uint64_t hash_key[2],
					   uint32_t *adopted, uint32_t *dropped);
void sl_conn_table_destroy(struct sl_conn_table *table);
uint32_t sl_conn_table_capacity(const struct sl_conn_table *table);
/* Of private memory; the entries are the caller's. */
size_t sl_conn_table_bytes(const struct sl_conn_table *table);
/* Live entries now, and of them unproven. Any thread. */
uint32_t sl_conn_table_used(const struct sl_conn_table *table);
uint32_t sl_conn_table_unproven(const struct sl_conn_table *table);

/* The shard of a packet by its client: the source towards a VIP, the destination on the way back. In fullnat that is a source
 * address of ours, whose port was chosen so that it has the same shard. */
unsigned int sl_conn_shard(const struct sl_conn_table *table, const uint8_t client[16], uint16_t client_port,
			   uint16_t tenant);
unsigned int sl_conn_shard_of(const struct sl_conn_table *table, uint32_t index);

/* ---- owner of the shard only ---- */
/* Finds by a packet's key, either direction; *reverse tells which. SL_CONN_NONE if unknown. */
uint32_t sl_conn_find(struct sl_conn_table *table, unsigned int shard, const struct sl_key *key, bool *reverse);

struct sl_conn_new {
	struct sl_key key;
	uint8_t backend_addr[16];
	uint16_t backend_port;
	uint8_t mode;
	uint8_t backend_family;
	bool nat; /* index the way back as well */
	uint8_t source;       /* fullnat, as in struct sl_conn */
	uint16_t source_port;
	uint32_t backend_id;
	uint16_t backend_tag;
	enum sl_conn_state state;
	bool unproven;
	uint64_t now_ms;
};
/* 0 and *index; -ENOSPC: shard full; -EDQUOT: too many unproven; -EADDRINUSE: the NAT way back belongs to another. */
int sl_conn_create(struct sl_conn_table *table, unsigned int shard, const struct sl_conn_new *what, uint32_t *index);
/* The connection has shown that it is real: it leaves the embryonic share. */
void sl_conn_prove(struct sl_conn_table *table, uint32_t index);
void sl_conn_free(struct sl_conn_table *table, uint32_t index);
struct sl_conn *sl_conn_at(struct sl_conn_table *table, uint32_t index);
/* The key of the way back (nat, fullnat). */
void sl_conn_reverse_key(const struct sl_conn *conn, struct sl_key *key);
uint32_t sl_conn_timeout_ms(const struct sl_conn *conn, const struct sl_config_timeouts *timeouts);
void sl_conn_set_reason(struct sl_conn *conn, enum sl_reason reason);
/* Wall clock when the reason was set, in milliseconds since 1970. */
int64_t sl_conn_since_ms(const struct sl_conn *conn);
/* When the connection is worth a look by sl_conn_scan(); packets need not move it, only a shorter timeout must. */
void sl_conn_set_deadline(struct sl_conn_table *table, uint32_t index, uint64_t at_ms);
/* Looks at up to *count entries of the shard from where it stopped, which *count loses, until `max` of them whose deadline has
 * passed are in `due`; their number. The caller frees them or sets a new deadline. */
unsigned int sl_conn_scan(struct sl_conn_table *table, unsigned int shard, uint32_t *count, uint64_t now_ms, uint32_t *due,
			  unsigned int max);
/* Asks the cache for what freeing the connection will touch. */
void sl_conn_prefetch(const struct sl_conn_table *table, uint32_t index);

/* ---- any thread ---- */
/* A copy of entry `index`; false if it is free or changed hands while it was read. */
bool sl_conn_read(const struct sl_conn_table *table, uint32_t index, struct sl_conn *copy);

#endif
