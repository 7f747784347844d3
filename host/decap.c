/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sluice-decap: a backend's end of tunnels for hosts whose kernel has none, or where one program for all of them is less
 * work than a device for each (docs/decap.md). This file has the commands and the order of their steps.
 */
#include "host/decap.h"
#include "hw/xdp/attach.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static struct sl_decap_options options;

void sl_decap_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("sluice-decap: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void sl_decap_fail(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (options.json) {
		json_t *answer = json_pack("{sbss%}", "ok", 0, "error", text, strlen(text));

		if (answer)
			json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		sl_decap_warn("%s", text);
	}
	exit(1);
}

/* What is left open to everybody is said: a stranger's packet would arrive as if a client had sent it. */
static void note_open(const struct sl_decap_options *o)
{
	if (!o->count[SL_DECAP_FROM] && !o->count[SL_DECAP_VIP])
		sl_decap_warn("note: tunnels of any sender with anything inside are opened; --from PREFIX,... and --vip ADDRESS,... "
			      "limit that");
}

static void undo(struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i, bool own_clsact)
{
	if (!s->created) {
		sl_decap_config_back(s);
		sl_decap_warn("what is attached goes on with the options it had; nothing was changed");
		exit(1);
	}
	sl_decap_clamp_detach(o, i, own_clsact);
	sl_decap_xdp_detach(o, i);
	sl_decap_state_remove(s, o);
	exit(1);
}

/*
 * Maps first, programs after: programs that run meet the new configuration at once, and new ones a configuration that
 * is complete. Programs that are in their places and of this build stay.
 */
static int attach(const struct sl_decap_options *o, const struct sl_decap_interface *i)
{
	struct sl_decap_state s;
	struct sl_decap_about about;
	struct sl_decap_config config;
	enum sl_decap_mode mode;
	bool alone, same, own_clsact = false;

	sl_decap_options_config(o, i, &config);
	sl_decap_state_open(&s, o, i, true);
	sl_decap_about_get(&s, &about);
	sl_decap_config_set(&s, o, &config);
	same = about.build == sl_decap_build();
	if (o->mss != SL_DECAP_MSS_OFF && (!same || !sl_decap_clamp_find(i))) {
		if (sl_decap_clamp_attach(&s, o, i, &own_clsact))
			undo(&s, o, i, own_clsact);
		about.own_clsact |= own_clsact;
	}
	sl_decap_about_set(&s, &about); /* whose clsact it is stays known, also if the other program fails */
	if (!same || !sl_decap_xdp_find(i, &mode, &alone) || (o->mode != SL_DECAP_AUTO && o->mode != mode)) {
		if (sl_decap_xdp_attach(&s, o, i, &mode))
			undo(&s, o, i, about.own_clsact);
	}
	if (o->mss == SL_DECAP_MSS_OFF) { /* last: what is taken away cannot be put back for sure */
		if (sl_decap_clamp_detach(o, i, about.own_clsact))
			undo(&s, o, i, about.own_clsact);
		about.own_clsact = 0;
	}
	about.build = sl_decap_build();
	sl_decap_about_set(&s, &about);
	note_open(o);
	return 0;
}

static int detach(const struct sl_decap_options *o, const struct sl_decap_interface *i)
{
	struct sl_decap_state s;
	struct sl_decap_about about = { 0 };
	const bool had = sl_decap_state_open(&s, o, i, false);
	enum sl_decap_mode mode;
	bool alone;

	if (had)
		sl_decap_about_get(&s, &about);
	else if (!sl_decap_xdp_find(i, &mode, &alone) && !sl_decap_clamp_find(i))
		sl_decap_fail("detach: nothing of sluice-decap is attached to %s", o->interface);
	if (sl_decap_xdp_detach(o, i) || sl_decap_clamp_detach(o, i, about.own_clsact))
		return 1;
	sl_decap_state_remove(&s, o);
	return 0;
}

static int show(const struct sl_decap_options *o, const struct sl_decap_interface *i)
{
	struct sl_decap_state s;

	if (!sl_decap_state_open(&s, o, i, false))
		sl_decap_fail("show: nothing is attached to %s, or its state is elsewhere (--bpffs)", o->interface);
	sl_decap_show(&s, o, i);
	return 0;
}

int main(int argc, char **argv)
{
	struct sl_decap_interface interface;

	sl_decap_options_read(&options, argc, argv);
	setenv("LIBXDP_BPFFS", options.bpffs, 1);
	sl_attach_hear();
	sl_decap_interface_read(options.interface, &interface);
	if (strcmp(options.command, "attach") == 0)
		return attach(&options, &interface);
	return strcmp(options.command, "detach") == 0 ? detach(&options, &interface) : show(&options, &interface);
}
