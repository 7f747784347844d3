/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow table under replacement at high load with line-rate hits, RTL (with its assertions: a present key is found
 * at every moment) against the model: every completion is the same, no hit is lost, and what is counted is what left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/rtl/churn.h"

struct churn_row {
	const char *what;
	const char *library;
	uint32_t slots;
	unsigned int load; /* percent */
	unsigned int v6;   /* percent of the keys */
	bool sequential;
	enum churn_hits hits;
	unsigned int stall; /* percent of clocks in which a stream waits */
	uint32_t replacements;
};

static const struct churn_row rows[] = {
	{ "small 90 %, stable hits", RTL_LIBRARY_SMALL, 256, 90, 0, false, CHURN_HIT_STABLE, 0, 6000 },
	{ "small 95 %, stable hits", RTL_LIBRARY_SMALL, 256, 95, 0, true, CHURN_HIT_STABLE, 0, 6000 },
	{ "small 97 %, any hits", RTL_LIBRARY_SMALL, 256, 97, 0, false, CHURN_HIT_ALL, 0, 6000 },
	{ "small 97 %, any hits, stalls", RTL_LIBRARY_SMALL, 256, 97, 0, false, CHURN_HIT_ALL, 40, 3000 },
	{ "small 40 %, any hits", RTL_LIBRARY_SMALL, 256, 40, 0, true, CHURN_HIT_ALL, 0, 6000 },
	{ "full size 95 %, any hits", RTL_LIBRARY, 65536, 95, 0, false, CHURN_HIT_ALL, 0, 3000 },
	{ "small 90 %, half IPv6, stable hits", RTL_LIBRARY_SMALL, 256, 90, 50, false, CHURN_HIT_STABLE, 0, 6000 },
	{ "small 97 %, half IPv6, any hits, stalls", RTL_LIBRARY_SMALL, 256, 97, 50, false, CHURN_HIT_ALL, 40, 3000 },
	{ "small 45 %, IPv6, stable hits", RTL_LIBRARY_SMALL, 256, 45, 100, true, CHURN_HIT_STABLE, 0, 6000 },
	{ "small 50 %, IPv6, every entry in use, any hits", RTL_LIBRARY_SMALL, 256, 50, 100, false, CHURN_HIT_ALL, 0, 6000 },
	{ "small 60 %, IPv6, no entry left, any hits", RTL_LIBRARY_SMALL, 256, 60, 100, false, CHURN_HIT_ALL, 0, 6000 },
	{ "full size 90 %, half IPv6, any hits", RTL_LIBRARY, 65536, 90, 50, false, CHURN_HIT_ALL, 0, 3000 },
};

static void run_row(const struct churn_row *row)
{
	const struct sl_engine_config config = { .ports = 2, .stall_seed = row->stall ? 5 : 0, .stall_pct = row->stall };
	static struct churn c;
	uint64_t forwarded, counted, clocks;

	print_message("row %s\n", row->what);
	if (!churn_open(&c, rtl_load(row->library), &config, row->slots * row->load / 100, row->v6, row->sequential,
			7 + row->load))
		fail_msg("%s", c.why);
	c.hits = row->hits;
	clocks = churn_replace(&c, row->replacements);
	churn_settle(&c);
	forwarded = rtl_count(c.ops, c.e, SL_CSR_TABLE_REASON, SL_REASON_FORWARDED);
	counted = c.counted;
	print_message("  %.1f clocks a replacement, %llu refused, %u moves, %llu frames in, %llu out, %llu to the host\n",
		      (double)clocks / row->replacements, (unsigned long long)c.refused, c.ops->csr_read(c.e, SL_CSR_MOVES),
		      (unsigned long long)c.sent, (unsigned long long)c.left, (unsigned long long)c.to_host);
	if (c.why[0] != '\0')
		fail_msg("%s", c.why);
	assert_true(forwarded > 0);
	assert_int_equal(c.left, forwarded);
	if (row->hits == CHURN_HIT_STABLE)
		assert_int_equal(c.left, c.sent);
	assert_int_equal(counted + churn_remaining(&c), forwarded);
	assert_int_equal(c.ops->csr_read(c.e, SL_CSR_MOVES), sl_engine_model.csr_read(c.model, SL_CSR_MOVES));
	assert_int_equal(c.ops->csr_read(c.e, SL_CSR_REFUSED), sl_engine_model.csr_read(c.model, SL_CSR_REFUSED));
	assert_int_equal(c.ops->csr_read(c.e, SL_CSR_OCCUPANCY), sl_engine_model.csr_read(c.model, SL_CSR_OCCUPANCY));
	churn_close(&c);
}

static void test_churn(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_churn) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
