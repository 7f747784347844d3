/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of sluice-sim: what is taken, and what each refusal says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/options.h"

#define WORDS 24
#define GOOD "sluice-sim --engine model --bus /b --firmware /f"

static int parse(const char *line, struct sl_options *o, char *err, size_t err_len)
{
	static char text[2000];
	char *argv[WORDS + 1] = { 0 }, *rest = text;
	int argc = 0;

	assert_true(strlen(line) < sizeof(text));
	strcpy(text, line);
	while (rest != NULL && argc < WORDS)
		argv[argc++] = strsep(&rest, " ");
	return sl_options_parse(argc, argv, o, err, err_len);
}

static void refused(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "sluice-sim", "--engine model|rtl|rtl-hbm is missing" },
		{ "sluice-sim --engine model", "--bus SOCKET is missing" },
		{ "sluice-sim --engine model --bus /b", "--firmware IMAGE is missing" },
		{ GOOD, "--port PORT is missing" },
		{ "sluice-sim --engine fpga", "--engine fpga: should be model, rtl or rtl-hbm" },
		{ "sluice-sim --fast", "--fast: unknown option" },
		{ "sluice-sim --bus", "--bus: its value is missing" },
		{ GOOD " --port tap:a more", "more: not an option" },
		{ GOOD " --port eth0", "should be tap:NAME, afpacket:INTERFACE or pcap:IN,OUT" },
		{ GOOD " --port vhost:a", "should be tap:NAME" },
		{ GOOD " --port tap:", "the name after \"tap:\" is missing" },
		{ GOOD " --port afpacket:,mtu=1500", "the name after \"afpacket:\" is missing" },
		{ GOOD " --port tap:a,mac=02:00:00:00:00", "\"02:00:00:00:00\" is not a unicast MAC" },
		{ GOOD " --port tap:a,mac=03:00:00:00:00:01", "is not a unicast MAC" },
		{ GOOD " --port tap:a,mac=02:00:00:00:00:01:02", "is not a unicast MAC" },
		{ GOOD " --port tap:a,mtu=575", "MTU \"575\" is out of range 576-9000" },
		{ GOOD " --port tap:a,mtu=9001", "out of range" },
		{ GOOD " --port tap:a,mtu=15oo", "out of range" },
		{ GOOD " --port tap:a,mtu=-1", "out of range" },
		{ GOOD " --port tap:a,mtu=", "out of range" },
		{ GOOD " --port tap:a,speed=10", "unknown option \"speed=10\"" },
		{ GOOD " --port tap:a --table-log2 5", "--table-log2 5: should be a number from 6 to 22" },
		{ GOOD " --port tap:a --table-log2 99999999999999999999999", "should be a number" },
		{ GOOD " --port tap:a --trace /t", "--trace needs --engine rtl" },
		{ GOOD " --port tap:a --trace-clocks 5", "--trace-clocks needs --trace" },
		{ "sluice-sim --engine rtl-hbm --bus /b --firmware /f --port tap:a --trace /t", "--trace needs --engine rtl" },
		{ "sluice-sim --engine rtl-hbm --bus /b --firmware /f --port tap:a --table-log2 10", "--table-log2 is for --engine model" },
		{ "sluice-sim --engine rtl --bus /b --firmware /f --port tap:a --table-log2 10", "--table-log2 is for --engine model" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sl_options o;
		char err[512] = "";

		if (parse(rows[i].line, &o, err, sizeof(err)) != -EINVAL || strstr(err, rows[i].says) == NULL)
			fail_msg("%s\nsays \"%s\"\nnot  \"%s\"", rows[i].line, err, rows[i].says);
	}
}

static void too_many_ports(void **state)
{
	struct sl_options o;
	char err[512];

	(void)state;
	assert_int_equal(parse(GOOD " --port=tap:1 --port=tap:2 --port=tap:3 --port=tap:4 --port=tap:5 --port=tap:6 --port=tap:7 "
			       "--port=tap:8", &o, err, sizeof(err)), 0);
	assert_int_equal(o.ports, 8);
	assert_int_equal(parse(GOOD " --port=tap:1 --port=tap:2 --port=tap:3 --port=tap:4 --port=tap:5 --port=tap:6 --port=tap:7 "
			       "--port=tap:8 --port=tap:9", &o, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "at most 8 ports"));
}

static void accepted(void **state)
{
	struct sl_options o;
	char err[512];

	(void)state;
	assert_int_equal(parse(GOOD " --port tap:wire0,mac=02:00:00:00:00:AB,mtu=9000 --port pcap:,/out,mtu=1400 --port pcap:/in "
			       "--port afpacket:eth1 --table-log2 12", &o, err, sizeof(err)), 0);
	assert_string_equal(o.engine, "model");
	assert_string_equal(o.bus, "/b");
	assert_string_equal(o.firmware, "/f");
	assert_int_equal(o.table_log2, 12);
	assert_int_equal(o.ports, 4);
	assert_string_equal(o.port[0].kind, "tap");
	assert_string_equal(o.port[0].name, "wire0");
	assert_memory_equal(o.port[0].mac, "\x02\0\0\0\0\xab", 6);
	assert_int_equal(o.port[0].mtu, 9000);
	assert_string_equal(o.port[1].name, "");
	assert_string_equal(o.port[1].out, "/out");
	assert_int_equal(o.port[1].mtu, 1400);
	assert_string_equal(o.port[2].name, "/in");
	assert_string_equal(o.port[2].out, "");
	assert_int_equal(o.port[2].mac[0], 0x02);
	assert_memory_not_equal(o.port[1].mac, o.port[2].mac, 6);
	assert_false(o.port[3].has_mac);
	assert_int_equal(parse("sluice-sim --engine rtl --bus /b --firmware /f --port tap:a --trace /t", &o, err, sizeof(err)), 0);
	assert_string_equal(o.trace, "/t");
	assert_true(o.trace_clocks > 0);
	assert_int_equal(o.table_log2, SL_TABLE_LOG2_DEFAULT);
	assert_int_equal(parse("sluice-sim --help", &o, err, sizeof(err)), 0);
	assert_true(o.help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(too_many_ports),
		cmocka_unit_test(accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
