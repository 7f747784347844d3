/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vector corpus in memory: build/vectors/corpus.json, written by tests/vectors/corpus.py and described in
 * tests/vectors/README.md. Only decoding is here; drive.h runs a vector on a card engine, other runners (the host's
 * software path, XDP) read the same structures. Packed state is in the contract's structures, ready to use.
 */
#ifndef SLUICE_TESTS_VECTORS_LOAD_H
#define SLUICE_TESTS_VECTORS_LOAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/contract.h"

#define SL_VECTOR_PORTS 2

struct sl_vector_bytes {
	uint8_t *data;
	uint32_t len;
};

struct sl_vector_mac {
	uint32_t index;
	uint8_t mac[6];
	uint8_t port_mask;
	uint8_t valid;
};

struct sl_vector_rule {
	uint32_t index;
	struct sl_class_rule rule;
};

struct sl_vector_action {
	uint32_t index;
	struct sl_action action;
};

struct sl_vector_meter {
	uint32_t index;
	struct sl_meter meter;
};

struct sl_vector_bucket {
	uint32_t index;
	struct sl_prefix_bucket bucket;
};

struct sl_vector_flow {
	struct sl_key key;
	struct sl_record record;
	json_t *fields; /* the same for people and for runners that express flows otherwise; borrowed */
	/* At the end of the vector: */
	bool present;
	uint64_t packets;
	uint64_t bytes;
	uint32_t last_seen_ms;
};

/* One frame that must come out. */
struct sl_vector_output {
	bool to_host;
	struct sl_vector_bytes frame;
	uint8_t port; /* wire: leaves by; host: received by */
	/* to_host only: */
	uint8_t reason;
	uint8_t rule;
	bool mark_valid;
	bool hit;
	uint16_t tenant;
	uint32_t mark; /* if mark_valid */
	uint32_t hash; /* 0 without a key */
	int flow;      /* index in flows of a hit, else -1 */
};

enum sl_vector_kind {
	SL_VECTOR_FRAME,   /* a frame from the wire */
	SL_VECTOR_COMMAND, /* a flow command */
	SL_VECTOR_WRITE,   /* a table entry */
	SL_VECTOR_CSR,     /* a register */
};

#define SL_VECTOR_OUTPUTS_MAX 2

struct sl_vector_step {
	enum sl_vector_kind kind;
	uint32_t time_ms; /* since the vector began; never goes back */
	/* SL_VECTOR_FRAME */
	struct sl_vector_bytes frame;
	uint8_t port;
	bool bad_fcs;
	uint8_t reason; /* the verdict reason */
	uint8_t rule;   /* that matched; 255 none, or not got that far */
	uint8_t copy;   /* 0, SL_REASON_COPY or SL_REASON_COPY_METERED: counted in addition */
	struct sl_vector_output output[SL_VECTOR_OUTPUTS_MAX];
	size_t outputs;
	/* SL_VECTOR_COMMAND; counters and state are expected only if has_counters, has_state */
	struct sl_flow_cmd cmd;
	struct sl_flow_cpl cpl; /* status, flow_id, tag, opcode, packets, bytes, idle_ms */
	bool has_counters;
	bool has_state;
	struct sl_key state_key;
	struct sl_record state_record;
	/* SL_VECTOR_WRITE: csr_table, index, frame = the entry; SL_VECTOR_CSR: offset and value */
	uint32_t table;
	uint32_t index;
	uint32_t offset;
	uint32_t value;
};

struct sl_vector {
	const char *name;
	const char *about;
	const char *mode; /* dsr-l2, nat, ipip, vxlan, gre, gue, geneve, vxlan-decap, or empty */
	bool frames_only; /* no step but frames: runners without flow commands and registers can take it */
	/* State before the first step; everything not named is as after a card reset. */
	uint32_t ctrl;
	uint8_t hash_key[16];
	uint32_t vxlan_port; /* and tunnel_flag bits: the register's value */
	uint32_t miss_mark;
	bool miss_mark_valid;
	uint32_t port_flags[SL_VECTOR_PORTS];
	struct sl_vector_mac *macs;
	struct sl_vector_rule *rules;
	struct sl_vector_action *actions;
	struct sl_vector_meter *meters;
	struct sl_vector_bucket *buckets; /* of the prefix tables */
	struct sl_vector_flow *flows;
	size_t mac_count, rule_count, action_count, meter_count, bucket_count, flow_count;
	struct sl_vector_step *steps;
	size_t step_count;
	json_t *json; /* the vector as written; borrowed */
};

struct sl_corpus {
	struct sl_vector *vectors;
	size_t count;
	json_t *json;
};

/* The corpus, or NULL with a sentence in err. Freed with sl_corpus_free(). */
struct sl_corpus *sl_corpus_load(const char *path, char *err, size_t err_len);
void sl_corpus_free(struct sl_corpus *corpus);

/* Number of a name as the corpus writes it ("bad-ip-csum"), or -1. */
int sl_vector_reason(const char *name);

#endif
