/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-decap's command line: what is read, and what is said of every argument that is wrong. */
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "host/decap.h"

#define WORDS_MAX 24

static struct sl_decap_options options;
static char said[1024];
static jmp_buf refused;

void sl_decap_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	longjmp(refused, 1);
}

/* Reads a line of words with single spaces; true if it is accepted, else `said` has the message. */
static bool reads(const char *line)
{
	static char words[65536];
	char *argv[WORDS_MAX + 1] = { "sluice-decap" }, *rest = words;
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	while (rest && *rest && argc < WORDS_MAX)
		argv[argc++] = strsep(&rest, " ");
	optind = 0;
	if (setjmp(refused))
		return false;
	sl_decap_options_read(&options, argc, argv);
	return true;
}

static const struct {
	const char *line, *message;
} wrong[] = {
	{ "", "a command is missing: attach, detach or show (--help tells more)" },
	{ "-i eth0", "a command is missing: attach, detach or show (--help tells more)" },
	{ "open -i eth0", "there is no command \"open\"; there are attach, detach, show (--help tells more)" },
	{ "attach", "attach: -i IFACE is missing, the interface that tunnels arrive at" },
	{ "attach -i", "option \"-i\" needs a value (--help tells which)" },
	{ "attach -i abcdefghijklmnop", "-i: \"abcdefghijklmnop\" is no interface's name; it has 1-15 characters" },
	{ "attach -i a/b", "-i: \"a/b\" is no interface's name; it has 1-15 characters" },
	{ "attach -i e -x", "there is no option \"-x\" (--help lists them)" },
	{ "attach -i e --nothing", "option \"--nothing\" is unknown, short for several, or takes no value (--help lists them)" },
	{ "attach -i e --m 5", "option \"--m\" is unknown, short for several, or takes no value (--help lists them)" },
	{ "show -i e --json=5", "option \"--json=5\" is unknown, short for several, or takes no value (--help lists them)" },
	{ "attach -i e --vip", "option \"--vip\" needs a value (--help tells which)" },
	{ "attach -i e --vip 1.1.1.1 2.2.2.2", "attach: \"2.2.2.2\" is one word too many; lists have commas and no spaces" },
	{ "attach -i e -j", "attach: -j is an option of show" },
	{ "detach -i e --vip 1.1.1.1", "detach: --vip is an option of attach" },
	{ "show -i e --mtu=1400", "show: --mtu=1400 is an option of attach" },
	{ "attach -i e --tunnel sit", "--tunnel: there is no tunnel \"sit\"; there are ipip, gre, gue, vxlan, geneve" },
	{ "attach -i e --tunnel=", "--tunnel: the list is empty; leave the option out for no limit" },
	{ "attach -i e --tunnel gre,", "--tunnel: an item is empty; give items with one comma between them" },
	{ "attach -i e --to 1.2.3", "--to: \"1.2.3\" is not an IPv4 or IPv6 address" },
	{ "attach -i e --to 1.2.3.0/24", "--to: \"1.2.3.0/24\" is not an IPv4 or IPv6 address; a prefix is not taken here" },
	{ "attach -i e --vip 1.2.3.4,x", "--vip: \"x\" is not an IPv4 or IPv6 address" },
	{ "attach -i e --from x/8", "--from: \"x\" is not an IPv4 or IPv6 address; give ADDRESS or ADDRESS/LENGTH" },
	{ "attach -i e --from 10.0.0.0/", "--from: \"\" is not a whole number; give 0-32" },
	{ "attach -i e --from 10.0.0.0/33", "--from: 33 is out of range 0-32" },
	{ "attach -i e --from fd00::/129", "--from: 129 is out of range 0-128" },
	{ "attach -i e --from 10.0.0.1/8",
	  "--from: 10.0.0.1/8 has bits set behind its length; give the network's address or a longer prefix" },
	{ "attach -i e --vni 16777216", "--vni: 16777216 is out of range 0-16777215" },
	{ "attach -i e --vni -1", "--vni: \"-1\" is not a whole number; give 0-16777215" },
	{ "attach -i e --key 4294967296", "--key: 4294967296 is out of range 0-4294967295" },
	{ "attach -i e --key 99999999999999999999999", "--key: 99999999999999999999999 is out of range 0-4294967295" },
	{ "attach -i e --tunnel gre --vni 5", "--vni is of vxlan and geneve; --tunnel has neither" },
	{ "attach -i e --tunnel vxlan --key 5", "--key is of gre, which --tunnel does not have" },
	{ "attach -i e --mss 535", "--mss: 535 is out of range 536-65475" },
	{ "attach -i e --mss 65476", "--mss: 65476 is out of range 536-65475" },
	{ "attach -i e --mss on", "--mss: \"on\" is neither auto nor off nor a number 536-65475" },
	{ "attach -i e --mss 1400x", "--mss: \"1400x\" is not a whole number; give 536-65475" },
	{ "attach -i e --mtu 575", "--mtu: 575 is out of range 576-65535" },
	{ "attach -i e --mtu big", "--mtu: \"big\" is not a whole number; give 576-65535" },
	{ "attach -i e --mtu 1400 --mss off",
	  "--mtu says what --mss auto is computed from; leave it out with --mss off or a number" },
	{ "attach -i e --mode fast", "--mode: there is no mode \"fast\"; there are auto, native, generic" },
};

static void wrong_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (reads(wrong[i].line))
			fail_msg("\"%s\" was accepted", wrong[i].line);
		if (strcmp(said, wrong[i].message) != 0)
			fail_msg("\"%s\": said \"%s\", not \"%s\"", wrong[i].line, said, wrong[i].message);
	}
}

static void bounds(void **state)
{
	char line[65536] = "attach -i e --vni 1";

	(void)state;
	for (unsigned int i = 1; i < SL_DECAP_LIST_MAX; i++)
		strcat(line, ",1");
	assert_true(reads(line));
	assert_int_equal(options.count[SL_DECAP_VNI], SL_DECAP_LIST_MAX);
	strcat(line, ",1");
	assert_false(reads(line));
	assert_string_equal(said, "--vni: more than 1024 entries");
	snprintf(line, sizeof(line), "show -i e --bpffs %0200d", 0);
	assert_false(reads(line));
	assert_string_equal(said, "--bpffs: the path is longer than 128 characters");
}

static void everything_is_read(void **state)
{
	static const uint8_t address[16] = { 1, 2, 3, 4 }, network[16] = { 0xfd };

	(void)state;
	assert_true(reads("attach -i eth0 --tunnel ipip,gre --to 1.2.3.4,fd00:: --from 1.2.3.4,fd00::/8,0.0.0.0/0 --key 0,7 "
			  "--mtu 1400 --mode generic --bpffs /x"));
	assert_string_equal(options.command, "attach");
	assert_string_equal(options.interface, "eth0");
	assert_string_equal(options.bpffs, "/x");
	assert_int_equal(options.kinds, 1u << SL_TUNNEL_MODE_IPIP | 1u << SL_TUNNEL_MODE_GRE);
	assert_int_equal(options.mode, SL_DECAP_GENERIC);
	assert_int_equal(options.mtu, 1400);
	assert_int_equal(options.mss, SL_DECAP_MSS_AUTO);
	assert_int_equal(options.count[SL_DECAP_TO], 2);
	assert_memory_equal(options.entry[SL_DECAP_TO][0].prefix.addr.bytes, address, 16);
	assert_memory_equal(options.entry[SL_DECAP_TO][1].prefix.addr.bytes, network, 16);
	assert_int_equal(options.count[SL_DECAP_FROM], 3);
	assert_int_equal(options.entry[SL_DECAP_FROM][0].prefix.len, 32);
	assert_int_equal(options.entry[SL_DECAP_FROM][1].prefix.len, 8);
	assert_int_equal(options.entry[SL_DECAP_FROM][2].prefix.len, 0);
	assert_int_equal(options.entry[SL_DECAP_KEY][1].number, 7);
	assert_int_equal(options.count[SL_DECAP_VIP], 0);
	/* What one command line says is forgotten by the next. */
	assert_true(reads("show --json --interface=lo"));
	assert_true(options.json);
	assert_int_equal(options.count[SL_DECAP_TO], 0);
	assert_string_equal(options.bpffs, SL_DECAP_BPFFS);
}

/* MTUs that no MSS comes from; what comes from others is checked with the clamp itself (tests/xdp/decap.py). */
static void mtu_of_the_interface(void **state)
{
	struct sl_decap_interface interface = { .index = 1, .mtu = 575 };
	struct sl_decap_config config;

	(void)state;
	assert_true(reads("attach -i e"));
	if (setjmp(refused) == 0) {
		sl_decap_options_config(&options, &interface, &config);
		fail_msg("MTU 575 was taken");
	}
	assert_string_equal(said, "the MTU of e is 575: no MSS is computed from that; give --mtu 576-65535 or --mss");
	interface.mtu = 576;
	sl_decap_options_config(&options, &interface, &config);
	assert_int_equal(config.mss4, 576 - 70 - 40);
	interface.mtu = 65535;
	sl_decap_options_config(&options, &interface, &config);
	assert_int_equal(config.mss6, 65535 - 70 - 60);
	assert_true(reads("attach -i e --mss off"));
	interface.mtu = 65536;
	sl_decap_options_config(&options, &interface, &config);
	assert_int_equal(config.mss4, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_arguments),
		cmocka_unit_test(bounds),
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(mtu_of_the_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
