/* SPDX-License-Identifier: BSD-3-Clause */
/* A driver that accepts rte_flow rules and rte_mtr meters, counts them and fails as told. Its functions stand before DPDK's. */
#ifndef SLUICE_TESTS_HOST_FAKE_DRIVER_H
#define SLUICE_TESTS_HOST_FAKE_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>
#include <rte_mtr.h>

#define FAKE_FLOWS 512u

struct rte_flow {
	struct rte_flow_attr attr;
	bool reverse, gone; /* reverse: sets a source, the way back */
	uint16_t out;                    /* represented_port, or UINT16_MAX: by an indirect action */
	uint32_t meter, copy_meter, tag; /* 0 none; tag: set, or of a catch-all matched */
};

struct fake_driver {
	unsigned int live, created, destroyed, handles, updates;
	char order[64];                   /* F forward, R way back; lower case: destroyed */
	bool no_ways;                     /* no indirect represented_port */
	enum rte_flow_action_type updated; /* the last one's */
	uint16_t updated_to;
	enum rte_flow_action_type refuse; /* an action that is not supported, END: none */
	enum rte_flow_item_type no_tunnel; /* a type of tunnel that it has no words for */
	int fail;                         /* errno of every group-1 rule, 0: none */
	int fail_forward;                 /* of those forward */
	int fail_destroy;
	int fail_catch_all;
	unsigned int timeouts;            /* rules from now on that are not answered */
	unsigned int slow_us;             /* that each rule or shared action takes */
	uint64_t hits;
	bool no_meters;                   /* no rte_mtr */
	unsigned int meters_max;          /* of the card; 0: enough */
	unsigned int meters, profiles, profile_updates;
	uint64_t cir[64];                 /* by profile */
	uint32_t profile_of[64];          /* by meter */
};

extern struct fake_driver driver;
extern struct rte_flow pool[FAKE_FLOWS]; /* in the order of creation, also those that are gone */

#endif
