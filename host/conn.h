/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table. Connections live in shared memory (host/state) and outlive the agent; the index over them is private
 * memory and is built again when a table is adopted, so that only they must survive a crash.
 *
 * A connection is in parts, arrays with one number: what every packet needs is 32 bytes (struct sl_conn), the rest of what every
 * connection has 24 (struct sl_conn_rest). Only those that need them have more: nat, IPv6 addresses, counters of a card. Those arrays
 * are as long as the others, but have memory only where one of their connections has been: it is taken in chunks of
 * SL_CONN_CHUNK connections. Connections that need more are made from a shard's end, others from its start.
 *
 * Threads. The table is cut into SL_CONN_SHARDS shards by the client's address and port, which both directions of nat carry, and for which fullnat chooses its source ports;
 * one worker owns a shard and is the only one to create, find, change and free its connections: no locks. Other threads
 * read connections through sl_conn_read(), which notices one that changed hands meanwhile. The offload thread alone
 * writes a card's counters, and a connection is not freed before that thread has let go of it (offload == NONE).
 *
 * Crashes. A connection is written while its state is FREE and its check word covers what never changes afterwards; state is
 * stored last. Everything that changes later is a single aligned word. So SIGKILL between any two instructions leaves
 * a connection that is either free, or whole.
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

/* What every packet of a connection needs; two are a cache line. last_seen_ms is the lower half of CLOCK_BOOTTIME, so it survives
 * the agent (see sl_conn_idle_ms()). The key is client -> VIP. */
struct sl_conn {
	uint64_t addresses;      /* IPv4: source and destination; IPv6: their digest (struct sl_conn_six has them) */
	union {
		struct {
			uint16_t sport, dport; /* these as in struct sl_key */
			uint16_t tenant;
			uint8_t proto;
			uint8_t family;
		};
		uint64_t tail;   /* all of them */
	};
	uint32_t sw_packets;     /* the lower halves, by the owner: see sl_conn_count() */
	uint32_t sw_bytes;
	uint32_t last_seen_ms;   /* by the owner, and by the offload thread from the card */
	uint16_t backend_id;     /* of this run of the agent (host/service.h): adoption sets it again */
	union {
		struct {
			uint8_t state : 4;   /* sl_conn_state */
			/* sl_conn_offload; adoption makes HARDWARE of all but SOFTWARE: host/offload creates the rules */
			uint8_t offload : 3;
			uint8_t nat : 1;     /* mode is nat or fullnat: never changes */
		};
		uint8_t stage;   /* all of it; written last when a connection is made. By the owner, before workers run by host/offload */
	};
	uint8_t flags;           /* sl_conn_flag */
};
_Static_assert(sizeof(struct sl_conn) == 32, "what packets need is half a line");
_Static_assert(offsetof(struct sl_conn, tail) == 8 && sizeof(struct sl_key) == 40 && offsetof(struct sl_key, sport) == 32,
	       "the tail is a key's last word");

enum sl_conn_more {
	SL_CONN_MORE_SIX = 1,  /* the key or the backend is IPv6: struct sl_conn_six */
	SL_CONN_MORE_CARD = 2, /* has been on its way into a card: struct sl_conn_card */
	SL_CONN_TRIED = 4,     /* and was refused, or was lost: it has a time of the next attempt */
};

/* The rest of what every connection has. */
struct sl_conn_rest {
	uint32_t check;          /* over the key, the backend's address, port, mode and family, and the source with its port */
	uint32_t since;          /* wall clock when reason last changed: the lower half of units of 8 ms since 1970 */
	uint32_t packets_high;   /* from bit 31 on: see sl_conn_count() */
	uint32_t bytes_high;
	uint32_t backend4;       /* the backend's address if it is IPv4 */
	uint16_t backend_tag;    /* of the backend's identity (host/service.h): tells those of one address apart on adoption */
	uint8_t reason;          /* contract's reason: why it is (not) in hardware */
	uint8_t mode : 4;        /* enum sl_mode */
	uint8_t more : 4;        /* sl_conn_more: by the owner, or the offload thread while it has the connection */
};
_Static_assert(sizeof(struct sl_conn_rest) == 24, "the rest of a connection is 24 bytes");

/* Of a connection in mode nat or fullnat. */
struct sl_conn_nat {
	uint32_t backend4;       /* as in struct sl_conn_rest: the way back needs no more than this and struct sl_conn */
	uint16_t backend_port;   /* network order */
	uint16_t source_port;    /* fullnat: network order, else 0 */
	/* One aligned word, see sl_conn_set_last_hop(). */
	uint8_t last_hop[6];     /* source MAC of the client's last frame: where the way back leads */
	uint8_t last_hop_port;   /* port it came by */
	uint8_t answered : 1;    /* while embryonic: the backend's packet came after the client's last, which clears it */
	uint8_t source : 7;      /* fullnat: number of the source address (host/sources.h), else 0; never changes */
};
_Static_assert(sizeof(struct sl_conn_nat) == 16 && offsetof(struct sl_conn_nat, last_hop) == 8, "the last hop is one aligned word");

struct sl_conn_six {
	uint8_t src[16], dst[16]; /* of the key, if it is IPv6 */
	uint8_t backend[16];      /* if it is IPv6 */
};

/* What a card has done for a connection; written by the offload thread, of one in software by the owner (host/learn.h). */
struct sl_conn_card {
	uint64_t packets;
	uint64_t bytes;
};

/* A connection as a whole: a copy. */
struct sl_conn_copy {
	struct sl_key key;
	uint64_t sw_packets, sw_bytes, hw_packets, hw_bytes;
	uint32_t last_seen_ms;
	uint32_t check;
	int64_t since_ms;         /* wall clock when the reason was set, since 1970 */
	uint16_t backend_id, backend_tag;
	uint8_t backend_addr[16]; /* IPv4 in the first four bytes */
	uint16_t backend_port;    /* network order; without nat the key's */
	uint8_t backend_family;   /* 4 or 6 */
	uint8_t mode, state, offload, flags, reason;
	struct sl_conn_nat nat;   /* zeros without */
};

/* How long no packet was seen, of less than 24 days. */
static inline uint32_t sl_conn_idle_ms(const uint32_t *last_seen_ms, uint64_t now_ms)
{
	const int32_t idle = (int32_t)((uint32_t)now_ms - __atomic_load_n(last_seen_ms, __ATOMIC_RELAXED));

	return idle < 0 ? 0 : (uint32_t)idle;
}

/* By the owner, from a client's frame; by the offload thread, for one in hardware whose neighbour has moved. Any of them may be
 * the last: a frame that comes another way tells again. */
static inline void sl_conn_set_last_hop(struct sl_conn_nat *nat, const uint8_t mac[6], uint8_t port)
{
	typedef uint64_t __attribute__((may_alias)) word;
	struct sl_conn_nat now = { .last_hop_port = port, .source = nat->source };
	uint64_t value;

	memcpy(now.last_hop, mac, sizeof(now.last_hop));
	memcpy(&value, (const uint8_t *)&now + offsetof(struct sl_conn_nat, last_hop), sizeof(value));
	__atomic_store_n((word *)(void *)nat->last_hop, value, __ATOMIC_RELAXED);
}

/* n more. The lower half is written first, so whoever reads the upper half before the lower, and finds that the bit that both have
 * differs, knows that one is missing in the upper half (see conn.c). */
static inline void sl_conn_add(uint32_t *low, uint32_t *high, uint32_t n)
{
	const uint32_t before = *low;

	__atomic_store_n(low, before + n, __ATOMIC_RELAXED);
	if ((before ^ (before + n)) >> 31)
		__atomic_store_n(high, *high + 1, __ATOMIC_RELEASE);
}

/* One more packet of less than 2 GiB; by the owner. */
static inline void sl_conn_count(struct sl_conn *conn, struct sl_conn_rest *rest, uint32_t bytes)
{
	sl_conn_add(&conn->sw_packets, &rest->packets_high, 1);
	sl_conn_add(&conn->sw_bytes, &rest->bytes_high, bytes);
}

/* Source addresses by number, for connections of fullnat: SL_CONN_SOURCES of them, in shared memory, family 0 if there is none;
 * number 0 is none. Before a table is made, and for as long as it is used. */
#define SL_CONN_SOURCES 64u
void sl_conn_sources_use(const struct sl_addr *sources);
/* NULL: none. */
const struct sl_addr *sl_conn_source(unsigned int number);

struct sl_conn_table;

#define SL_CONN_CHUNK 256u /* connections */

/* Bytes of `capacity` connections with all their parts, and of them (*always) those that must be there from the start: the first. */
size_t sl_conn_memory_bytes(uint32_t capacity, size_t *always);

/* The table over `capacity` connections (a multiple of SL_CONN_SHARDS) in sl_conn_memory_bytes() at `memory`, which begins with an
 * array of struct sl_conn; adopts every whole one among them; others are freed and counted in *dropped. hash_key must be the one
 * that they were placed with. At most capacity / 4 may be unproven at a time. NULL: out of memory. */
struct sl_conn_table *sl_conn_table_create(void *memory, uint32_t capacity, const uint64_t hash_key[2], uint32_t *adopted,
					   uint32_t *dropped);
/* The memory is a file's from byte `start` on, which has holes behind what is always there: they are filled as needed. Not called:
 * there are none. */
void sl_conn_table_in_file(struct sl_conn_table *table, int fd, uint64_t start);
/* There will be nat connections: takes the memory for their ways back now, here, which workers would else do page by page. Again
 * is nothing. One thread at a time. */
void sl_conn_table_expect_nat(struct sl_conn_table *table);
void sl_conn_table_destroy(struct sl_conn_table *table);
uint32_t sl_conn_table_capacity(const struct sl_conn_table *table);
/* Of all memory that is in use now, shared and private. */
uint64_t sl_conn_table_bytes(const struct sl_conn_table *table);
/* Live entries now, and of them unproven. Any thread. */
uint32_t sl_conn_table_used(const struct sl_conn_table *table);
uint32_t sl_conn_table_unproven(const struct sl_conn_table *table);

/* The shard of a packet by its client: the source towards a VIP, the destination on the way back. In fullnat that is a source
 * address of ours, whose port was chosen so that it has the same shard. */
unsigned int sl_conn_shard(const struct sl_conn_table *table, const uint8_t client[16], uint16_t client_port,
			   uint16_t tenant);
unsigned int sl_conn_shard_of(const struct sl_conn_table *table, uint32_t index);

/* ---- owner of the shard only ---- */
/* Finds by a packet's key, either direction; *reverse says which to look for first, and tells which it is. SL_CONN_NONE if unknown. */
uint32_t sl_conn_find(struct sl_conn_table *table, unsigned int shard, const struct sl_key *key, bool *reverse);

struct sl_conn_new {
	struct sl_key key;
	uint8_t backend_addr[16];
	uint16_t backend_port;
	uint8_t mode;
	uint8_t backend_family;
	bool nat; /* index the way back as well: modes nat and fullnat */
	uint8_t source;       /* fullnat, as in struct sl_conn_nat */
	uint16_t source_port;
	uint32_t backend_id;
	uint16_t backend_tag;
	enum sl_conn_state state;
	bool unproven;
	bool reserve; /* it is not for this one: the last quarter of the shard */
	uint64_t now_ms;
};
/* 0 and *index; -ENOSPC: shard full, or no shared memory for what this one needs more; -EDQUOT: too many unproven; -EADDRINUSE: the NAT way back belongs to another. */
int sl_conn_create(struct sl_conn_table *table, unsigned int shard, const struct sl_conn_new *what, uint32_t *index);
/* The connection has shown that it is real: it leaves the embryonic share. */
void sl_conn_prove(struct sl_conn_table *table, uint32_t index);
void sl_conn_free(struct sl_conn_table *table, uint32_t index);
struct sl_conn *sl_conn_at(struct sl_conn_table *table, uint32_t index);
struct sl_conn_rest *sl_conn_rest_at(struct sl_conn_table *table, uint32_t index);
/* Of a connection in mode nat or fullnat; of another one all zeros, not to be written. */
struct sl_conn_nat *sl_conn_nat_at(const struct sl_conn_table *table, uint32_t index);
/* Of TCP in mode nat or fullnat while embryonic: the acknowledgement number of the client that answers the backend's SYN-ACK. Not in
 * shared memory: of an adopted one it is not known. */
#define SL_CONN_HANDSHAKE_NONE 0u /* no SYN-ACK was seen */
#define SL_CONN_HANDSHAKE_ANY 1u  /* not known */
uint32_t *sl_conn_handshake_at(const struct sl_conn_table *table, uint32_t index);
uint64_t sl_conn_packets(const struct sl_conn_table *table, uint32_t index);
void sl_conn_key(const struct sl_conn_table *table, uint32_t index, struct sl_key *key);
void sl_conn_backend(const struct sl_conn_table *table, uint32_t index, uint8_t address[16]);
/* Where nat leads to; false: another mode. */
bool sl_conn_nat_to(const struct sl_conn_table *table, uint32_t index, uint8_t address[16], uint16_t *port);
/* The key of the way back (nat, fullnat). */
void sl_conn_reverse_key(const struct sl_conn_table *table, uint32_t index, struct sl_key *key);
uint32_t sl_conn_timeout_ms(const struct sl_conn *conn, const struct sl_config_timeouts *timeouts);
void sl_conn_set_reason(struct sl_conn_table *table, uint32_t index, enum sl_reason reason);
/* When the connection is worth a look by sl_conn_scan(); packets need not move it, only a shorter timeout must. */
void sl_conn_set_deadline(struct sl_conn_table *table, uint32_t index, uint64_t at_ms);
/* Looks at up to *count entries of the shard from where it stopped, which *count loses, until `max` of them whose deadline has
 * passed are in `due`; their number. The caller frees them or sets a new deadline. */
unsigned int sl_conn_scan(struct sl_conn_table *table, unsigned int shard, uint32_t *count, uint64_t now_ms, uint32_t *due,
			  unsigned int max);
/* Asks the cache for what freeing the connection will touch. */
void sl_conn_prefetch(const struct sl_conn_table *table, uint32_t index);

/* All of it. */
void sl_conn_get(const struct sl_conn_table *table, uint32_t index, struct sl_conn_copy *copy);

/* ---- any thread ---- */
/* The same; false if it is free or changed hands while it was read. */
bool sl_conn_read(const struct sl_conn_table *table, uint32_t index, struct sl_conn_copy *copy);
/* Counters of a card; NULL if it has none yet. */
struct sl_conn_card *sl_conn_card_at(const struct sl_conn_table *table, uint32_t index);

/* ---- offload thread ---- */
/* The same; it has them from then on. NULL: there is no shared memory for them. */
struct sl_conn_card *sl_conn_card_take(struct sl_conn_table *table, uint32_t index);

#endif
