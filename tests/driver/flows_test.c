/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows against a card that may not answer in time and carries out later what it was asked: whatever becomes of a command,
 * the card ends with what the driver believes, and no action entry is let go while a flow in the card may name it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include <rte_eal.h>

#include "driver/fpga/flows.h"

#define KEYS 8
#define ABSENT UINT32_MAX

struct command {
	enum sl_flow_op op;
	struct sl_key key;
	uint32_t action;
};

static struct {
	uint32_t action[KEYS];      /* by tenant of the key: of the flow in the card, or ABSENT */
	struct command pending[32]; /* given to a card that hangs */
	unsigned int pending_count, executed;
	bool hangs;
	int holds[16];              /* of action entries */
} card;

static void execute(const struct command *c)
{
	card.executed++;
	if (c->op == SL_FLOW_OP_INSERT) {
		assert_true(card.holds[c->action] > 0); /* nobody has reused the entry */
		card.action[c->key.tenant] = c->action;
	} else if (c->op == SL_FLOW_OP_DELETE) {
		card.action[c->key.tenant] = ABSENT;
	}
}

static void wake(void)
{
	for (unsigned int i = 0; i < card.pending_count; i++)
		execute(&card.pending[i]);
	card.pending_count = 0;
	card.hangs = false;
}

int sl_flowq_exec(struct sl_flowq *fq, enum sl_flow_op op, const struct sl_key *key, const struct sl_record *record,
		  struct sl_flow_cpl *cpl)
{
	const struct command c = {op, *key, record ? record->action : 0};

	(void)fq;
	if (card.hangs) {
		card.pending[card.pending_count++] = c;
		return -ETIMEDOUT;
	}
	memset(cpl, 0, sizeof(*cpl));
	if (op == SL_FLOW_OP_INSERT)
		cpl->status = card.action[key->tenant] == ABSENT ? SL_STATUS_OK : SL_STATUS_EXISTS;
	else
		cpl->status = card.action[key->tenant] == ABSENT ? SL_STATUS_NOT_FOUND : SL_STATUS_OK;
	execute(&c);
	return 0;
}

bool sl_flowq_idle(struct sl_flowq *fq)
{
	(void)fq;
	return !card.hangs;
}

int sl_actions_hold(struct sl_actions *actions, uint32_t index)
{
	(void)actions;
	card.holds[index]++;
	return 0;
}

void sl_actions_unhold(struct sl_actions *actions, uint32_t index)
{
	(void)actions;
	assert_true(--card.holds[index] >= 0);
}

int sl_admin_errno(uint8_t status)
{
	return status == SL_STATUS_OK ? 0 : status == SL_STATUS_NOT_FOUND ? -ENOENT : -EINVAL;
}

static struct sl_flows flows;

static int set_up(void **state)
{
	(void)state;
	memset(&card, 0, sizeof(card));
	memset(card.action, 0xff, sizeof(card.action));
	return sl_flows_open(&flows, NULL, NULL, "flows", 64);
}

static int tear_down(void **state)
{
	(void)state;
	sl_flows_close(&flows);
	return 0;
}

/* As flow_ops.c does it: the entry is referenced while the command runs, and for the flow's life if it succeeds. */
static int add(uint16_t tenant, uint32_t action, struct sl_flow **flow)
{
	const struct sl_key key = {.tenant = tenant};
	const struct sl_record record = {.action = action, .owner = 1};
	int rc;

	card.holds[action]++;
	rc = sl_flows_add(&flows, &key, &record, flow);
	if (rc)
		card.holds[action]--;
	return rc;
}

static void assert_holds(uint32_t action, int wanted)
{
	assert_int_equal(card.holds[action], wanted);
}

static void test_insert_carried_out_late(void **state)
{
	struct sl_flow *flow;

	(void)state;
	card.hangs = true;
	assert_int_equal(add(1, 3, &flow), -ETIMEDOUT);
	assert_false(sl_flows_has(&flows, &(struct sl_key){.tenant = 1}));
	assert_holds(3, 1); /* kept from others */
	assert_false(sl_flows_settle(&flows, 64)); /* not while the card hangs: it would have to wait */
	wake();
	assert_int_equal(card.action[1], 3);
	assert_true(sl_flows_settle(&flows, 64));
	assert_int_equal(card.action[1], ABSENT);
	assert_holds(3, 0);
	assert_int_equal(flows.held, 0);
	assert_int_equal(flows.live, 0);
}

static void test_insert_repeated(void **state)
{
	struct sl_flow *flow;

	(void)state;
	card.hangs = true;
	assert_int_equal(add(1, 3, &flow), -ETIMEDOUT);
	assert_int_equal(add(1, 4, &flow), -ETIMEDOUT); /* no second insert while the first is open */
	assert_holds(4, 0);
	wake();
	assert_int_equal(add(1, 4, &flow), 0);
	assert_int_equal(card.action[1], 4);
	assert_holds(3, 0);
	assert_holds(4, 1);
	assert_true(sl_flows_settle(&flows, 64));
	assert_int_equal(card.action[1], 4); /* it is no doubtful one any more */
	assert_int_equal(flows.live, 1);
}

/* A flow of an earlier owner is taken over by an insert that is not answered: either action may be in the card. */
static void test_adoption_carried_out_late(void **state)
{
	const struct sl_flow_state found = {.key = {.tenant = 2}, .record = {.action = 5, .owner = 1}};
	struct sl_flow *flow;

	(void)state;
	card.action[2] = 5;
	card.holds[5]++;
	assert_int_equal(sl_flows_hold(&flows, 0, &found), 0);
	card.hangs = true;
	assert_int_equal(add(2, 6, &flow), -ETIMEDOUT);
	assert_holds(5, 1);
	assert_holds(6, 1);
	wake();
	assert_int_equal(card.action[2], 6);
	assert_true(sl_flows_settle(&flows, 64));
	assert_int_equal(card.action[2], ABSENT);
	assert_holds(5, 0);
	assert_holds(6, 0);
}

/* A delete that is not answered leaves the flow the application's, which deletes it again. */
static void test_delete_carried_out_late(void **state)
{
	struct sl_flow *flow;

	(void)state;
	assert_int_equal(add(1, 3, &flow), 0);
	card.hangs = true;
	assert_int_equal(sl_flows_remove(&flows, flow), -ETIMEDOUT);
	assert_true(sl_flows_has(&flows, &flow->key));
	wake();
	assert_int_equal(card.action[1], ABSENT);
	assert_int_equal(sl_flows_remove(&flows, flow), 0);
	assert_int_equal(flows.live, 0);
}

static void test_settling_is_bounded(void **state)
{
	struct sl_flow *flow;

	(void)state;
	card.hangs = true;
	for (uint16_t i = 0; i < 5; i++)
		assert_int_equal(add(i, 3, &flow), -ETIMEDOUT);
	wake();
	card.executed = 0;
	assert_false(sl_flows_settle(&flows, 2));
	assert_int_equal(card.executed, 2);
	assert_true(sl_flows_settle(&flows, 64));
	for (uint16_t i = 0; i < 5; i++)
		assert_int_equal(card.action[i], ABSENT);
	assert_holds(3, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(insert_carried_out_late), TEST(insert_repeated), TEST(adoption_carried_out_late),
		TEST(delete_carried_out_late), TEST(settling_is_bounded),
	};
	char prefix[64], *argv[] = {(char *)"flows_test", (char *)"--no-huge", (char *)"--no-shconf", (char *)"--no-pci",
				    (char *)"--no-telemetry", (char *)"-m", (char *)"64", (char *)"--lcores=0@(0)", prefix};
	int rc;

	snprintf(prefix, sizeof(prefix), "--file-prefix=slflows%ld", (long)getpid());
	if (rte_eal_init(sizeof(argv) / sizeof(argv[0]), argv) < 0)
		return 1;
	rc = cmocka_run_group_tests_name("flows", tests, NULL, NULL);
	rte_eal_cleanup();
	return rc;
}
