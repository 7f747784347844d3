/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-decap's command line, read into a plain struct and checked: no later step meets a wrong argument. */
#include "host/decap.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MTU_MIN 576u
#define MTU_MAX 65535u
#define MSS_MIN 536u
#define MSS_MAX 65475u
#define IPV4_LEN 20u
#define IPV6_LEN 40u
#define TCP_LEN 20u

static const struct kind {
	const char *name;
	unsigned int kind, overhead; /* bytes behind the outer IP header */
} kinds[] = {
	{ "ipip", SL_TUNNEL_MODE_IPIP, 0 },	   { "gre", SL_TUNNEL_MODE_GRE, 4 },
	{ "gue", SL_TUNNEL_MODE_GUE, 8 + 4 },	   { "vxlan", SL_TUNNEL_MODE_VNI, 8 + 8 + 14 },
	{ "geneve", SL_TUNNEL_MODE_GENEVE, 8 + 8 + 14 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define GRE_KEY_LEN 4u
#define KIND_NAMES "ipip, gre, gue, vxlan, geneve"

static void usage(void)
{
	printf("usage: sluice-decap attach -i IFACE [OPTION...]   open tunnels at this interface, lower the MSS of SYNs\n"
	       "       sluice-decap detach -i IFACE               undo it\n"
	       "       sluice-decap show -i IFACE [-j]            configuration and statistics (-j: as JSON)\n\n"
	       "  --tunnel KIND,...   of " KIND_NAMES " (all)\n"
	       "  --to ADDRESS,...    only tunnels to these addresses of this host (any)\n"
	       "  --from PREFIX,...   only tunnels from balancers in these prefixes (anybody's)\n"
	       "  --vip ADDRESS,...   only what is inside for these VIPs; only their SYNs' MSS (any)\n"
	       "  --vni N,...         only these networks of vxlan and geneve (any)\n"
	       "  --key N,...         only these keys of gre, 0 for none (any)\n"
	       "  --mss auto|off|N    largest MSS: what fits (auto), %u-%u, or leave it (off)\n"
	       "  --mtu N             of the path from the balancer, %u-%u (the interface's)\n"
	       "  --mode MODE         XDP in the driver (native), before the stack (generic), or what there is (auto)\n"
	       "  --bpffs DIR         BPF file system that holds the state (" SL_DECAP_BPFFS ")\n"
	       "attach again with other options changes them at once and keeps the statistics.\n",
	       MSS_MIN, MSS_MAX, MTU_MIN, MTU_MAX);
	exit(0);
}

const char *sl_decap_kind_name(unsigned int kind)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].kind == kind)
			return kinds[i].name;
	}
	return NULL;
}

/* A whole number between low and high; exits with the option's name otherwise. */
static uint32_t number(const char *option, const char *text, uint32_t low, uint32_t high)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end)
		sl_decap_fail("%s: \"%s\" is not a whole number; give %u-%u", option, text, low, high);
	if (errno || value < low || value > high)
		sl_decap_fail("%s: %s is out of range %u-%u", option, text, low, high);
	return (uint32_t)value;
}

static void read_address(const char *option, const char *text, struct sl_prefix *out)
{
	if (sl_addr_parse(text, &out->addr))
		sl_decap_fail("%s: \"%s\" is not an IPv4 or IPv6 address%s", option, text,
			      strchr(text, '/') ? "; a prefix is not taken here" : "");
	out->len = out->addr.family == 4 ? 32 : 128;
}

static bool bits_after(const struct sl_prefix *p)
{
	for (unsigned int bit = p->len; bit < (p->addr.family == 4 ? 32u : 128u); bit++) {
		if (p->addr.bytes[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	}
	return false;
}

static void read_prefix(const char *option, char *text, struct sl_prefix *out)
{
	char *slash = strchr(text, '/');

	if (slash)
		*slash = '\0';
	if (sl_addr_parse(text, &out->addr))
		sl_decap_fail("%s: \"%s\" is not an IPv4 or IPv6 address; give ADDRESS or ADDRESS/LENGTH", option, text);
	out->len = out->addr.family == 4 ? 32 : 128;
	if (!slash)
		return;
	out->len = (uint8_t)number(option, slash + 1, 0, out->len);
	if (bits_after(out))
		sl_decap_fail("%s: %s/%u has bits set behind its length; give the network's address or a longer prefix", option,
			      text, out->len);
}

static void read_kind(struct sl_decap_options *o, const char *option, const char *text)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, text) == 0) {
			o->kinds |= 1u << kinds[i].kind;
			return;
		}
	}
	sl_decap_fail("%s: there is no tunnel \"%s\"; there are " KIND_NAMES, option, text);
}

static void read_entry(struct sl_decap_options *o, enum sl_decap_list list, const char *option, char *text)
{
	struct sl_decap_entry *e;

	if (o->count[list] == SL_DECAP_LIST_MAX)
		sl_decap_fail("%s: more than %u entries", option, SL_DECAP_LIST_MAX);
	e = &o->entry[list][o->count[list]++];
	if (list == SL_DECAP_FROM)
		read_prefix(option, text, &e->prefix);
	else if (list == SL_DECAP_VNI)
		e->number = number(option, text, 0, 0xffffff);
	else if (list == SL_DECAP_KEY)
		e->number = number(option, text, 0, UINT32_MAX);
	else
		read_address(option, text, &e->prefix);
}

/* A list's items, by comma; list SL_DECAP_LISTS stands for the kinds of tunnels. */
static void read_list(struct sl_decap_options *o, unsigned int list, const char *option, char *text)
{
	char *item;

	if (!*text)
		sl_decap_fail("%s: the list is empty; leave the option out for no limit", option);
	while ((item = strsep(&text, ",")) != NULL) {
		if (!*item)
			sl_decap_fail("%s: an item is empty; give items with one comma between them", option);
		if (list == SL_DECAP_LISTS)
			read_kind(o, option, item);
		else
			read_entry(o, (enum sl_decap_list)list, option, item);
	}
}

static enum sl_decap_mode read_mode(const char *text)
{
	static const char *const names[] = { "auto", "native", "generic" };

	for (unsigned int i = 0; i < 3; i++) {
		if (strcmp(names[i], text) == 0)
			return (enum sl_decap_mode)i;
	}
	sl_decap_fail("--mode: there is no mode \"%s\"; there are auto, native, generic", text);
}

static int read_mss(const char *text)
{
	if (strcmp(text, "auto") == 0)
		return SL_DECAP_MSS_AUTO;
	if (strcmp(text, "off") == 0)
		return SL_DECAP_MSS_OFF;
	if (*text < '0' || *text > '9')
		sl_decap_fail("--mss: \"%s\" is neither auto nor off nor a number %u-%u", text, MSS_MIN, MSS_MAX);
	return (int)number("--mss", text, MSS_MIN, MSS_MAX);
}

static void read_interface(struct sl_decap_options *o, const char *text)
{
	if (!*text || strlen(text) >= sizeof(o->interface) || strchr(text, '/'))
		sl_decap_fail("-i: \"%s\" is no interface's name; it has 1-%zu characters", text, sizeof(o->interface) - 1);
	strcpy(o->interface, text);
}

enum { OPT_TUNNEL = 256, OPT_TO, OPT_FROM, OPT_VIP, OPT_VNI, OPT_KEY, OPT_MSS, OPT_MTU, OPT_MODE, OPT_BPFFS };

static const struct option options[] = {
	{ "tunnel", required_argument, NULL, OPT_TUNNEL }, { "to", required_argument, NULL, OPT_TO },
	{ "from", required_argument, NULL, OPT_FROM },	   { "vip", required_argument, NULL, OPT_VIP },
	{ "vni", required_argument, NULL, OPT_VNI },	   { "key", required_argument, NULL, OPT_KEY },
	{ "mss", required_argument, NULL, OPT_MSS },	   { "mtu", required_argument, NULL, OPT_MTU },
	{ "mode", required_argument, NULL, OPT_MODE },	   { "bpffs", required_argument, NULL, OPT_BPFFS },
	{ "interface", required_argument, NULL, 'i' },	   { "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },		   { NULL, 0, NULL, 0 },
};

static void read_option(struct sl_decap_options *o, int which, char *text)
{
	switch (which) {
	case OPT_TUNNEL:
		read_list(o, SL_DECAP_LISTS, "--tunnel", text);
		break;
	case OPT_TO:
		read_list(o, SL_DECAP_TO, "--to", text);
		break;
	case OPT_FROM:
		read_list(o, SL_DECAP_FROM, "--from", text);
		break;
	case OPT_VIP:
		read_list(o, SL_DECAP_VIP, "--vip", text);
		break;
	case OPT_VNI:
		read_list(o, SL_DECAP_VNI, "--vni", text);
		break;
	case OPT_KEY:
		read_list(o, SL_DECAP_KEY, "--key", text);
		break;
	case OPT_MSS:
		o->mss = read_mss(text);
		break;
	case OPT_MTU:
		o->mtu = number("--mtu", text, MTU_MIN, MTU_MAX);
		break;
	case OPT_MODE:
		o->mode = read_mode(text);
		break;
	default:
		o->bpffs = text;
		break;
	}
}

static void read_command(struct sl_decap_options *o, const char *text)
{
	if (strcmp(text, "attach") != 0 && strcmp(text, "detach") != 0 && strcmp(text, "show") != 0)
		sl_decap_fail("there is no command \"%s\"; there are attach, detach, show (--help tells more)", text);
	o->command = text;
}

/* What stands alone, or with another command, makes no sense. of_attach: an option of attach that was given, or NULL. */
static void check(const struct sl_decap_options *o, const char *of_attach)
{
	if (!o->command)
		sl_decap_fail("a command is missing: attach, detach or show (--help tells more)");
	if (!*o->interface)
		sl_decap_fail("%s: -i IFACE is missing, the interface that tunnels arrive at", o->command);
	if (of_attach && strcmp(o->command, "attach") != 0)
		sl_decap_fail("%s: %s is an option of attach", o->command, of_attach);
	if (o->json && strcmp(o->command, "show") != 0)
		sl_decap_fail("%s: -j is an option of show", o->command);
	if (o->mtu && o->mss != SL_DECAP_MSS_AUTO)
		sl_decap_fail("--mtu says what --mss auto is computed from; leave it out with --mss off or a number");
	if (o->count[SL_DECAP_VNI] && !(o->kinds & (1u << SL_TUNNEL_MODE_VNI | 1u << SL_TUNNEL_MODE_GENEVE)))
		sl_decap_fail("--vni is of vxlan and geneve; --tunnel has neither");
	if (o->count[SL_DECAP_KEY] && !(o->kinds & 1u << SL_TUNNEL_MODE_GRE))
		sl_decap_fail("--key is of gre, which --tunnel does not have");
	if (strlen(o->bpffs) > SL_DECAP_PATH / 2)
		sl_decap_fail("--bpffs: the path is longer than %d characters", SL_DECAP_PATH / 2);
}

static void set_all_kinds(struct sl_decap_options *o)
{
	for (size_t i = 0; i < KINDS; i++)
		o->kinds |= 1u << kinds[i].kind;
}

/* optopt is also set for a long option that has a short one and was given a value. */
static void refuse_option(char **argv)
{
	if (optopt > 0 && optopt < 256 && !strchr("hji", optopt))
		sl_decap_fail("there is no option \"-%c\" (--help lists them)", optopt);
	sl_decap_fail("option \"%s\" is unknown, short for several, or takes no value (--help lists them)", argv[optind - 1]);
}

void sl_decap_options_read(struct sl_decap_options *o, int argc, char **argv)
{
	const char *of_attach = NULL;
	int which;

	*o = (struct sl_decap_options){ .bpffs = SL_DECAP_BPFFS, .mss = SL_DECAP_MSS_AUTO };
	opterr = 0;
	while ((which = getopt_long(argc, argv, ":hji:", options, NULL)) != -1) {
		if (which == '?')
			refuse_option(argv);
		if (which == ':')
			sl_decap_fail("option \"%s\" needs a value (--help tells which)", argv[optind - 1]);
		if (which == 'h')
			usage();
		if (which == 'j')
			o->json = true;
		else if (which == 'i')
			read_interface(o, optarg);
		else
			read_option(o, which, optarg);
		if (which >= OPT_TUNNEL && which != OPT_BPFFS)
			of_attach = argv[optind - 1] == optarg ? argv[optind - 2] : argv[optind - 1];
	}
	if (optind < argc)
		read_command(o, argv[optind++]);
	if (optind < argc)
		sl_decap_fail("%s: \"%s\" is one word too many; lists have commas and no spaces", o->command, argv[optind]);
	if (o->kinds == 0)
		set_all_kinds(o);
	check(o, of_attach);
}

/* True if a list's addresses are all IPv4: then no outer header is IPv6. */
static bool only_v4(const struct sl_decap_options *o, enum sl_decap_list list)
{
	for (unsigned int i = 0; i < o->count[list]; i++) {
		if (o->entry[list][i].prefix.addr.family == 6)
			return false;
	}
	return o->count[list] > 0;
}

unsigned int sl_decap_overhead(const struct sl_decap_options *o)
{
	const unsigned int ip = only_v4(o, SL_DECAP_TO) || only_v4(o, SL_DECAP_FROM) ? IPV4_LEN : IPV6_LEN;
	unsigned int most = 0;

	for (size_t i = 0; i < KINDS; i++) {
		unsigned int bytes = kinds[i].overhead;

		if (kinds[i].kind == SL_TUNNEL_MODE_GRE && o->count[SL_DECAP_KEY])
			bytes += GRE_KEY_LEN;
		if (o->kinds & 1u << kinds[i].kind && bytes > most)
			most = bytes;
	}
	return ip + most;
}

static void set_mss(const struct sl_decap_options *o, uint32_t mtu, struct sl_decap_config *c)
{
	const uint32_t fits = mtu - sl_decap_overhead(o) - TCP_LEN;

	if (o->mss != SL_DECAP_MSS_AUTO) {
		c->mss4 = (uint16_t)o->mss;
		c->mss6 = (uint16_t)o->mss;
		return;
	}
	/* At an MTU of 576 it may be less than the 536 that every host takes (RFC 9293 3.7.1): so much more are tunnels over IPv6. It fits. */
	c->mss4 = (uint16_t)(fits - IPV4_LEN);
	c->mss6 = (uint16_t)(fits - IPV6_LEN);
}

uint32_t sl_decap_kind_flag(unsigned int kind)
{
	static const uint32_t flags[SL_DECAP_KINDS] = {
		[SL_TUNNEL_MODE_VNI] = SL_VXLAN_PORT,
		[SL_TUNNEL_MODE_GENEVE] = SL_TUNNEL_FLAG_GENEVE,
		[SL_TUNNEL_MODE_GRE] = SL_TUNNEL_FLAG_GRE,
		[SL_TUNNEL_MODE_GUE] = SL_TUNNEL_FLAG_GUE,
		[SL_TUNNEL_MODE_IPIP] = SL_TUNNEL_FLAG_IPIP,
	};

	return flags[kind];
}

void sl_decap_options_config(const struct sl_decap_options *o, const struct sl_decap_interface *i, struct sl_decap_config *c)
{
	const uint32_t mtu = o->mtu ? o->mtu : i->mtu;

	*c = (struct sl_decap_config){ 0 };
	for (uint32_t kind = 0; kind < SL_DECAP_KINDS; kind++) {
		if (o->kinds & 1u << kind)
			c->tunnels |= sl_decap_kind_flag(kind);
	}
	for (unsigned int list = 0; list < SL_DECAP_LISTS; list++)
		c->lists |= (uint32_t)(o->count[list] > 0) << list;
	memcpy(c->mac, i->mac, sizeof(c->mac));
	if (o->mss == SL_DECAP_MSS_AUTO && (mtu < MTU_MIN || mtu > MTU_MAX))
		sl_decap_fail("the MTU of %s is %u: no MSS is computed from that; give --mtu %u-%u or --mss", o->interface, mtu,
			      MTU_MIN, MTU_MAX);
	set_mss(o, mtu, c);
}
