/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage hash against vectors from an independent implementation (hash_vectors.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "hw/model/hash.h"

struct row {
	struct sl_hash_seed seed;
	uint8_t key[sizeof(struct sl_key)];
	uint64_t hash;
};

static const struct row rows[] = {
#include "tests/model/hash_vectors.inc"
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_key key;

		memcpy(&key, rows[i].key, sizeof(key));
		assert_true(sl_hash_key(&key, &rows[i].seed) == rows[i].hash);
	}
}

static void test_entropy(void **state)
{
	(void)state;
	assert_int_equal(sl_hash_entropy(0), 0xc000);
	assert_int_equal(sl_hash_entropy(0xffffull << 48), 0xffff);
	assert_int_equal(sl_hash_entropy(0x4001ull << 48), 0xc001);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors), cmocka_unit_test(test_entropy) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
