/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A random card state: rules, actions, meters, filters, registers, and a pool of connections of which some are in the
 * flow table. The same values appear in rules, flows and traffic, so that conditions are met about as often as not.
 */
#ifndef SLUICE_TESTS_COSIM_WORLD_H
#define SLUICE_TESTS_COSIM_WORLD_H

#include "tests/cosim/chance.h"
#include "tests/vectors/card.h"

#define WORLD_TUPLES 420 /* more than the small table's 256 slots */
#define WORLD_ADDRESSES 6
#define WORLD_ACTIONS 48
#define WORLD_TENANTS 3
#define WORLD_VNIS 4
#define WORLD_VLANS 3
#define WORLD_MACS 4
#define WORLD_BUCKETS 512 /* of the prefix tables, in use */
#define WORLD_SETS 3      /* the lowest and the highest, so that prefixes and rules meet */

/* One of the pool's connections. Those with an odd number are the churn of mixed batches. */
struct tuple {
	uint8_t src[16], dst[16];
	uint16_t sport, dport; /* host order */
	uint8_t proto;
	uint8_t family;
};

struct world {
	uint8_t mac[WORLD_MACS][6];
	uint8_t address[2][WORLD_ADDRESSES][16]; /* IPv4, IPv6 */
	uint16_t port[WORLD_ADDRESSES];
	uint16_t vlan[WORLD_VLANS];
	uint32_t vni[WORLD_VNIS];
	uint16_t tenant[WORLD_TENANTS];
	struct tuple tuple[WORLD_TUPLES];
	/* As the cards have it: */
	struct sl_class_rule rule[SL_CLASS_RULES];
	struct sl_action action[WORLD_ACTIONS];
	struct sl_meter meter[SL_METERS];
	struct {
		uint8_t mac[6], port_mask, valid;
	} filter[SL_MAC_FILTERS];
	struct {
		uint32_t index;
		struct sl_prefix_bucket bucket;
	} prefix[WORLD_BUCKETS];
	unsigned int prefix_count;
	uint8_t hash_key[16];
	uint32_t port_flags[SL_CARD_PORTS];
	uint32_t vxlan_port, miss_mark, miss_flags;
	bool metered; /* some meter has a limit: the order of frames of two ports would matter */
};

/* Makes everything but the flows, which are inserted by commands. */
void world_make(struct world *w, struct chance *c);

/* Puts the world on a card that was just reset. */
void world_apply(const struct world *w, struct sl_card *card);

/* Random contents, to replace one entry. */
void world_rule(const struct world *w, struct chance *c, struct sl_class_rule *rule);
/* Puts a random prefix into its bucket or takes one out; the entry of prefix[] that changed. */
unsigned int world_prefix(struct world *w, struct chance *c);
void world_action(const struct world *w, struct chance *c, struct sl_action *action);
void world_record(const struct world *w, struct chance *c, const struct sl_key *key, struct sl_record *record);
void world_key(const struct world *w, struct chance *c, unsigned int tuple, struct sl_key *key);

#endif
