/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole card in RTL, with its assertions: its flow queue stops and its host interface and the card are reset while
 * frames wait for their records and commands are under way, wherever the records are. Each ends within a bound; from then
 * on the host's memory is left alone, and a queue that starts at once is answered for what it was given. What is not a
 * card reset takes no frame and no count: each flow's counter says how many left, each by a record that the flow had. After
 * a card reset there are no flows, and none of the old records, though the memory of records still answers for them.
 * NIC_SEED replays one seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/rtl/nic_host.h"
#include "tests/rtl/numbered.h"

#define FLOWS       48u /* that stay */
#define KEYS        64u /* and those that come and go */
#define FRAME       80u
#define FRAMES      400u /* of a round */
#define ROUNDS      24u
#define SEEDS       2u
#define STALL       20u
#define END_CLOCKS  2000u /* of a stop or a reset */

enum end { END_STOP, END_HOST_IF, END_CARD, ENDS };

struct known {
	struct sl_key key;
	unsigned int asked, seen; /* generations of its record: the last one asked for, the last one that made a frame */
	uint64_t sent, left;
};

static struct known flows[KEYS];
static struct ring queue;
static uint32_t states;
static uint8_t untouched[MEMORY];
static unsigned int generation, seen_ends[ENDS], seen_changes, seen_late;

static struct sl_flow_cmd *command(unsigned int op, unsigned int n)
{
	struct sl_flow_cmd *cmd = ring_put(&queue);

	*cmd = (struct sl_flow_cmd){ .opcode = (uint8_t)op, .tag = (uint16_t)n, .key = flows[n].key };
	if (op == SL_FLOW_OP_INSERT || op == SL_FLOW_OP_UPDATE) {
		flows[n].asked = generation;
		cmd->record = numbered(&cmd->key, generation * KEYS + n);
	}
	return cmd;
}

static void frame_send(unsigned int n, unsigned int port)
{
	uint8_t f[FRAME];

	rtl_frame(f, FRAME, &flows[n].key);
	assert_true(ops->wire_in(e, port, f, FRAME, false));
	flows[n].sent++;
}

/* What has left: by a record that its flow had, never by an older one than the frame before. */
static void frames_take(void)
{
	uint8_t f[SL_FRAME_MAX];
	unsigned int port;

	while (ops->wire_out(e, &port, f) != 0) {
		const unsigned int number = number_of(f);
		struct known *k = &flows[number % KEYS];

		assert_true(number / KEYS >= k->seen && number / KEYS <= k->asked);
		seen_changes += number / KEYS != k->seen;
		k->seen = number / KEYS;
		k->left++;
	}
}

/* Commands that complete: all of `op`, for the flows that stay, in order. */
static void commands_do(unsigned int op, bool exact)
{
	for (unsigned int n = 0; n < FLOWS; n++)
		command(op, n);
	ring_doorbell(&queue);
	rest();
	for (unsigned int n = 0; n < FLOWS; n++) {
		const struct sl_flow_cpl *cpl = ring_get(&queue);

		assert_non_null(cpl);
		assert_int_equal(cpl->tag, n);
		assert_int_equal(cpl->opcode, op);
		assert_int_equal(cpl->status, SL_STATUS_OK);
		if (exact)
			assert_int_equal(cpl->packets, flows[n].left);
	}
	assert_null(ring_get(&queue));
	ring_done(&queue);
}

/* Frames and commands of all kinds; some of them are done when this returns. */
static void storm(void)
{
	generation++;
	for (unsigned int i = 0; i < FRAMES; i++)
		frame_send(below(KEYS), i & 1);
	ops->step(e, time_ms, below(200));
	for (unsigned int i = 0; i + 1 < RING; i++) {
		const unsigned int n = below(FLOWS), fleeting = FLOWS + below(KEYS - FLOWS);

		switch (below(4)) {
		case 0:
			command(SL_FLOW_OP_UPDATE, n);
			break;
		case 1:
			command(SL_FLOW_OP_INSERT, fleeting);
			break;
		case 2:
			command(SL_FLOW_OP_DELETE, fleeting);
			break;
		default:
			*command(SL_FLOW_OP_DUMP, n) = (struct sl_flow_cmd){
				.opcode = SL_FLOW_OP_DUMP, .flow_id = n, .iova = BASE + states + i * sizeof(struct sl_flow_state) };
		}
	}
	ring_doorbell(&queue);
	ops->step(e, time_ms, 1 + below(400));
}

static void end(enum end how)
{
	const uint32_t reg = how == END_STOP ? SL_BAR_Q_CTRL(queue.number) : SL_BAR_RESET;
	const uint64_t start = ops->clocks(e);
	unsigned int restart;

	ops->nic->bar_write(e, reg, how == END_HOST_IF ? SL_RESET_KIND_HOST_IF : how == END_CARD ? SL_RESET_KIND_CARD : 0);
	while (ops->nic->bar_read(e, reg) & (how == END_STOP ? 1u : UINT32_MAX))
		assert_true(ops->clocks(e) - start < END_CLOCKS);
	restart = ops->nic->restart(e);
	assert_int_equal(restart, how == END_CARD ? SL_RESET_KIND_CARD : 0);
	assert_int_equal(ops->nic->bar_read(e, SL_BAR_Q_CTRL(queue.number)) & 1u, 0);
	seen_ends[how]++;
}

static void memory_is_left_alone(void)
{
	memcpy(untouched, memory, MEMORY);
	seen_late += !ops->idle(e);
	rest();
	assert_memory_equal(untouched, memory, MEMORY);
}

/* Forwarding went on. A queue that has started again is answered by its own commands. */
static void go_on(void)
{
	if (below(2)) {
		ring_start(&queue);
		commands_do(SL_FLOW_OP_QUERY, false);
	} else {
		memory_is_left_alone();
		ring_start(&queue);
	}
	frames_take();
	for (unsigned int n = 0; n < FLOWS; n++)
		assert_int_equal(flows[n].left, flows[n].sent);
	commands_do(SL_FLOW_OP_QUERY, true);
	generation++;
	commands_do(SL_FLOW_OP_UPDATE, true);
	for (unsigned int n = 0; n < FLOWS; n++)
		frame_send(n, n & 1);
	rest();
	frames_take();
	for (unsigned int n = 0; n < FLOWS; n++)
		assert_int_equal(flows[n].seen, generation);
}

/* A card with nothing in it, which gets the same flows again with other records. */
static void begin(void)
{
	uint64_t left = 0;

	numbered_configure(ops, e);
	for (unsigned int n = 0; n < KEYS; n++)
		frame_send(n, n & 1);
	memory_is_left_alone();
	for (unsigned int n = 0; n < KEYS; n++)
		left += flows[n].left;
	frames_take();
	for (unsigned int n = 0; n < KEYS; n++) {
		left -= flows[n].left;
		flows[n].sent = flows[n].left = 0;
	}
	assert_int_equal(left, 0);
	generation++;
	ring_start(&queue);
	commands_do(SL_FLOW_OP_INSERT, false);
	for (unsigned int n = 0; n < FLOWS; n++) {
		flows[n].seen = generation;
		frame_send(n, n & 1);
	}
	rest();
	frames_take();
	commands_do(SL_FLOW_OP_QUERY, true);
}

static void run(uint64_t seed)
{
	nic_start(seed, STALL);
	generation = 0;
	for (unsigned int n = 0; n < KEYS; n++)
		flows[n] = (struct known){ .key = n & 1 ? rtl_key_v6(n) : rtl_key(n) };
	queue = (struct ring){ .number = SL_QUEUE_FLOW0, .entry = sizeof(struct sl_flow_cmd),
			       .cpl_entry = sizeof(struct sl_flow_cpl) };
	queue.sq = take(RING * queue.entry);
	queue.cq = take(RING * queue.cpl_entry);
	states = take(RING * sizeof(struct sl_flow_state));
	begin();
	for (unsigned int r = 0; r < ROUNDS; r++) {
		const enum end how = (enum end)below(ENDS);

		storm();
		end(how);
		if (how != END_CARD) {
			go_on();
			continue;
		}
		frames_take(); /* that left before */
		begin();
	}
	ops->destroy(e);
}

static void ends_under_load(void **state)
{
	const char *given = getenv("NIC_SEED");

	(void)state;
	for (unsigned int s = 1; s <= (given ? 1 : SEEDS); s++) {
		const uint64_t seed = given ? strtoull(given, NULL, 0) : s * 7919u;

		print_message("seed %llu\n", (unsigned long long)seed);
		run(seed);
	}
	print_message("queues stopped %u, host interface reset %u, card reset %u, of these with work left %u; records changed under "
		      "frames %u\n", seen_ends[END_STOP], seen_ends[END_HOST_IF], seen_ends[END_CARD], seen_late, seen_changes);
	for (unsigned int how = 0; how < ENDS; how++)
		assert_true(seen_ends[how] >= ROUNDS / 6);
	assert_true(seen_late >= ROUNDS / 4 && seen_changes > FLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ends_under_load) };

	ops = rtl_load(NIC_LIBRARY);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
