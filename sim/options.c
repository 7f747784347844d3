/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of sluice-sim; see options.h. */
#include "sim/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_LOG2_MIN       6u
#define TABLE_LOG2_MAX       22u
#define TRACE_CLOCKS_DEFAULT 100000u
#define TRACE_CLOCKS_MAX     1000000000u

const char sl_options_usage[] =
	"usage: sluice-sim --engine model|rtl|rtl-hbm --bus SOCKET --firmware IMAGE --port PORT [--port PORT ...]\n"
	"\n"
	"  --engine NAME        rtl: the whole card in Verilated RTL; rtl-hbm: the same with the flows' records in a model of\n"
	"                       HBM; model: the C model of the datapath, with queues and DMA in C around it\n"
	"  --bus SOCKET         where the driver connects\n"
	"  --firmware IMAGE     image of the management core\n"
	"  --flash FILE         keeps the boot flash from one start to the next; a new file begins with the image above\n"
	"  --port PORT          one MAC port, in order:\n"
	"                         tap:NAME[,mac=MAC][,mtu=BYTES]            creates TAP interface NAME, the wire's other end\n"
	"                         afpacket:INTERFACE[,mac=MAC][,mtu=BYTES]  the wire of an existing interface\n"
	"                         pcap:[IN][,OUT][,mac=MAC][,mtu=BYTES]     frames from and to capture files\n"
	"                       mac is the card's factory address of the port\n"
	"  --table-log2 N       model: log2 of the flow table's slots\n"
	"  --trace FILE         rtl: write a waveform (FST)\n"
	"  --trace-clocks N     rtl: of about the last N clocks\n"
	"  --help               this text\n"
	"\n"
	"SIGTERM and SIGINT end the card, SIGUSR1 prints statistics to standard error.\n";

static int number_parse(const char *name, const char *text, uint64_t low, uint64_t high, uint64_t *value, char *err,
			size_t err_len)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *value >= low && *value <= high)
		return 0;
	snprintf(err, err_len, "--%s %s: should be a number from %llu to %llu", name, text, (unsigned long long)low,
		 (unsigned long long)high);
	return -EINVAL;
}

/* What depends on more than one option. */
static int whole_check(const struct sl_options *o, bool table_given, char *err, size_t err_len)
{
	const char *missing = o->engine == NULL     ? "--engine model|rtl|rtl-hbm"
			      : o->bus == NULL      ? "--bus SOCKET"
			      : o->firmware == NULL ? "--firmware IMAGE"
			      : o->ports == 0       ? "--port PORT"
						    : NULL;
	const char *wrong = NULL;

	if (missing != NULL) {
		snprintf(err, err_len, "%s is missing", missing);
		return -EINVAL;
	}
	if (strcmp(o->engine, "rtl") != 0 && o->trace != NULL)
		wrong = "--trace needs --engine rtl: no other has a waveform";
	else if (strcmp(o->engine, "model") != 0 && table_given)
		wrong = "--table-log2 is for --engine model: the RTL's size is fixed when it is built";
	else if (o->trace == NULL && o->trace_clocks != 0)
		wrong = "--trace-clocks needs --trace FILE";
	if (wrong != NULL)
		snprintf(err, err_len, "%s", wrong);
	return wrong != NULL ? -EINVAL : 0;
}

static int option_take(int option, char *value, struct sl_options *o, char *err, size_t err_len)
{
	uint64_t number = 0;
	int rc;

	switch (option) {
	case 'e':
		o->engine = value;
		if (strcmp(value, "model") == 0 || strcmp(value, "rtl") == 0 || strcmp(value, "rtl-hbm") == 0)
			return 0;
		snprintf(err, err_len, "--engine %s: should be model, rtl or rtl-hbm", value);
		return -EINVAL;
	case 'b':
		o->bus = value;
		return 0;
	case 'f':
		o->firmware = value;
		return 0;
	case 's':
		o->flash = value;
		return 0;
	case 'p':
		if (o->ports < SL_PORTS_MAX)
			return sl_port_parse(value, &o->port[o->ports++], err, err_len);
		snprintf(err, err_len, "--port %s: a card has at most %u ports", value, SL_PORTS_MAX);
		return -EINVAL;
	case 'l':
		rc = number_parse("table-log2", value, TABLE_LOG2_MIN, TABLE_LOG2_MAX, &number, err, err_len);
		o->table_log2 = (unsigned int)number;
		return rc;
	case 't':
		o->trace = value;
		return 0;
	default:
		return number_parse("trace-clocks", value, 1, TRACE_CLOCKS_MAX, &o->trace_clocks, err, err_len);
	}
}

int sl_options_parse(int argc, char **argv, struct sl_options *options, char *err, size_t err_len)
{
	static const struct option known[] = {
		{ "engine", required_argument, NULL, 'e' },     { "bus", required_argument, NULL, 'b' },
		{ "firmware", required_argument, NULL, 'f' },   { "port", required_argument, NULL, 'p' },
		{ "flash", required_argument, NULL, 's' },      { "table-log2", required_argument, NULL, 'l' },
		{ "trace", required_argument, NULL, 't' },      { "trace-clocks", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },             { NULL, 0, NULL, 0 },
	};
	int option, rc;

	*options = (struct sl_options){ 0 };
	optind = 0; /* getopt starts again: the tests parse more than one line */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option == 'h') {
			options->help = true;
			return 0;
		}
		if (option == '?' || option == ':') {
			snprintf(err, err_len, option == '?' ? "%s: unknown option" : "%s: its value is missing",
				 argv[optind - 1]);
			return -EINVAL;
		}
		rc = option_take(option, optarg, options, err, err_len);
		if (rc != 0)
			return rc;
	}
	if (optind < argc) {
		snprintf(err, err_len, "%s: not an option", argv[optind]);
		return -EINVAL;
	}
	rc = whole_check(options, options->table_log2 != 0, err, err_len);
	if (options->table_log2 == 0)
		options->table_log2 = SL_TABLE_LOG2_DEFAULT;
	if (options->trace != NULL && options->trace_clocks == 0)
		options->trace_clocks = TRACE_CLOCKS_DEFAULT;
	return rc;
}
