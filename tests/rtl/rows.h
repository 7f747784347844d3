/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of a test in C++: each is a function that says what it expects; a line each, and a closing one. For one program's only
 * source: what has failed is counted here.
 */
#ifndef SLUICE_TESTS_RTL_ROWS_H
#define SLUICE_TESTS_RTL_ROWS_H

#include <cstddef>
#include <cstdio>

namespace rows {

struct Row {
	const char *what;
	void (*test)();
};

static unsigned failed; /* of the row that runs */

inline void expect(bool good, const char *what)
{
	if (good)
		return;
	if (failed++ < 5)
		printf("        not so: %s\n", what);
}

/* Runs all, each after `before`. The program's exit status. */
template <size_t N> int run(const char *program, const Row (&rows)[N], void (*before)() = nullptr)
{
	unsigned bad = 0;

	for (const Row &row : rows) {
		failed = 0;
		if (before)
			before();
		row.test();
		printf("%-60s %s\n", row.what, failed ? "FAILED" : "ok");
		bad += failed != 0;
	}
	printf("%s: %zu rows, %u failed\n", program, N, bad);
	return bad != 0;
}

} // namespace rows

#endif
