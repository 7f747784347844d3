/* SPDX-License-Identifier: BSD-3-Clause */
/* The IOVA range table: which mappings are refused, and which accesses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/iova.h"

#define PAGE 4096ull
#define BASE 0x100000ull

static int file;

static int setup(void **state)
{
	(void)state;
	file = memfd_create("sluice-iova", MFD_CLOEXEC);
	return ftruncate(file, 16 * PAGE);
}

static int teardown(void **state)
{
	(void)state;
	return close(file);
}

/* Present in every row: [BASE, +4 pages), [BASE + 4 pages, +2 pages) adjacent, a gap of one page, [BASE + 7 pages, +1 page). */
static void fill(struct sl_iova *t)
{
	*t = (struct sl_iova){ 0 };
	assert_int_equal(sl_iova_map(t, BASE + 7 * PAGE, PAGE, file, 8 * PAGE), 0);
	assert_int_equal(sl_iova_map(t, BASE, 4 * PAGE, file, 0), 0);
	assert_int_equal(sl_iova_map(t, BASE + 4 * PAGE, 2 * PAGE, file, 5 * PAGE), 0);
}

static void maps(void **state)
{
	static const struct {
		const char *what;
		uint64_t iova, len, offset;
		int result;
	} rows[] = {
		{ "before all", BASE - PAGE, PAGE, 0, 0 },
		{ "in the gap", BASE + 6 * PAGE, PAGE, 0, 0 },
		{ "after all", BASE + 8 * PAGE, PAGE, 15 * PAGE, 0 },
		{ "the last page of all", UINT64_MAX - PAGE + 1, PAGE, 0, 0 },
		{ "same start", BASE, PAGE, 0, -EEXIST },
		{ "within", BASE + 2 * PAGE, PAGE, 0, -EEXIST },
		{ "over an end", BASE + 5 * PAGE, 2 * PAGE, 0, -EEXIST },
		{ "over a start", BASE + 6 * PAGE, 2 * PAGE, 0, -EEXIST },
		{ "over everything", BASE - PAGE, 10 * PAGE, 0, -EEXIST },
		{ "empty", BASE + 8 * PAGE, 0, 0, -EINVAL },
		{ "odd address", BASE + 8 * PAGE + 1, PAGE, 0, -EINVAL },
		{ "odd length", BASE + 8 * PAGE, PAGE - 1, 0, -EINVAL },
		{ "odd offset", BASE + 8 * PAGE, PAGE, 64, -EINVAL },
		{ "beyond 2^64", UINT64_MAX - PAGE + 1, 2 * PAGE, 0, -EINVAL },
		{ "offset beyond 2^64", BASE + 8 * PAGE, 2 * PAGE, UINT64_MAX - PAGE + 1, -EINVAL },
		{ "file too short", BASE + 8 * PAGE, 2 * PAGE, 15 * PAGE, -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_iova t;
		int rc;

		fill(&t);
		rc = sl_iova_map(&t, rows[i].iova, rows[i].len, file, rows[i].offset);
		if (rc != rows[i].result)
			fail_msg("%s: %d, not %d", rows[i].what, rc, rows[i].result);
		assert_int_equal(t.count, rc == 0 ? 4 : 3);
		sl_iova_clear(&t);
	}
}

static void not_a_file(void **state)
{
	struct sl_iova t = { 0 };

	(void)state;
	assert_int_equal(sl_iova_map(&t, BASE, PAGE, -1, 0), -EINVAL);
	sl_iova_clear(&t);
}

static void unmaps(void **state)
{
	static const struct {
		const char *what;
		uint64_t iova, len;
		int result;
	} rows[] = {
		{ "first", BASE, 4 * PAGE, 0 },
		{ "last", BASE + 7 * PAGE, PAGE, 0 },
		{ "a part", BASE, PAGE, -ENOENT },
		{ "two at once", BASE, 6 * PAGE, -ENOENT },
		{ "nothing there", BASE + 6 * PAGE, PAGE, -ENOENT },
		{ "beyond all", BASE + 100 * PAGE, PAGE, -ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_iova t;
		uint8_t byte;
		int rc;

		fill(&t);
		assert_true(sl_iova_read(&t, BASE + 7 * PAGE, &byte, 1)); /* the last hit must not outlive its range */
		rc = sl_iova_unmap(&t, rows[i].iova, rows[i].len);
		if (rc != rows[i].result)
			fail_msg("%s: %d, not %d", rows[i].what, rc, rows[i].result);
		assert_int_equal(sl_iova_read(&t, rows[i].iova, &byte, 1), rc != 0 && i != 4 && i != 5);
		sl_iova_clear(&t);
	}
}

static void accesses(void **state)
{
	static const struct {
		const char *what;
		uint64_t iova;
		size_t len;
		bool good;
	} rows[] = {
		{ "first byte", BASE, 1, true },
		{ "whole range", BASE, 4 * PAGE, true },
		{ "across two ranges", BASE + 4 * PAGE - 10, 20, true },
		{ "both ranges", BASE, 6 * PAGE, true },
		{ "last byte before the gap", BASE + 6 * PAGE - 1, 1, true },
		{ "into the gap", BASE + 6 * PAGE - 1, 2, false },
		{ "across the gap", BASE + 5 * PAGE, 3 * PAGE, false },
		{ "in the gap", BASE + 6 * PAGE, 1, false },
		{ "last range", BASE + 7 * PAGE, PAGE, true },
		{ "beyond the last", BASE + 7 * PAGE, PAGE + 1, false },
		{ "before the first", BASE - 1, 2, false },
		{ "nothing", BASE, 0, false },
		{ "around 2^64", UINT64_MAX - 3, 8, false },
	};
	static uint8_t out[8 * PAGE], in[8 * PAGE];

	(void)state;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int publish = 0; publish < 2; publish++) {
			struct sl_iova t;
			bool wrote, read;

			fill(&t);
			memset(in, 0, sizeof(in));
			wrote = (publish ? sl_iova_publish : sl_iova_write)(&t, rows[i].iova, out, rows[i].len);
			read = sl_iova_read(&t, rows[i].iova, in, rows[i].len);
			if (wrote != rows[i].good || read != rows[i].good)
				fail_msg("%s: write %d, read %d", rows[i].what, wrote, read);
			if (rows[i].good)
				assert_memory_equal(in, out, rows[i].len);
			sl_iova_clear(&t);
		}
	}
}

/* Writing through the table must reach the right place of the file. */
static void placement(void **state)
{
	struct sl_iova t;
	uint8_t bytes[2];

	(void)state;
	fill(&t);
	assert_true(sl_iova_write(&t, BASE + 4 * PAGE - 1, "ab", 2));
	assert_int_equal(pread(file, bytes, 1, 4 * PAGE - 1), 1);
	assert_int_equal(pread(file, bytes + 1, 1, 5 * PAGE), 1);
	assert_memory_equal(bytes, "ab", 2);
	sl_iova_clear(&t);
}

static void shortened_file(void **state)
{
	struct sl_iova t = { 0 };
	int fd = memfd_create("sluice-short", MFD_CLOEXEC);
	uint8_t byte = 1;

	(void)state;
	assert_int_equal(sl_iova_guard(), 0);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	assert_int_equal(sl_iova_map(&t, BASE, PAGE, fd, 0), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_true(sl_iova_read(&t, BASE, &byte, 1));
	assert_int_equal(byte, 0);
	sl_iova_clear(&t);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps),       cmocka_unit_test(not_a_file), cmocka_unit_test(unmaps),
		cmocka_unit_test(accesses),   cmocka_unit_test(placement),  cmocka_unit_test(shortened_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
