/* SPDX-License-Identifier: BSD-3-Clause */
/* sluice-sim: a SmartNIC in a process. This file is the order of start-up and of unwinding; card.c is the card. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "sim/card.h"
#include "sim/engine_find.h"
#include "sim/iova.h"
#include "sim/options.h"

#define EXIT_USAGE 2

struct process {
	struct sl_options options;
	struct sl_card *card;
	int signals;
};

static void on_ready(void *ctx)
{
	const struct process *process = ctx;

	printf("sluice-sim: ready engine=%s ports=%u bus=%s pid=%d\n", process->options.engine, process->options.ports,
	       process->options.bus, (int)getpid());
	fflush(stdout);
}

static bool on_signal(void *ctx)
{
	struct process *process = ctx;
	struct signalfd_siginfo info;

	if (read(process->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	if (info.ssi_signo != SIGUSR1)
		return true;
	sl_card_print(process->card, stderr);
	return false;
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int run(struct process *process, char *err, size_t err_len)
{
	const struct sl_options *o = &process->options;
	struct sl_card_hooks hooks = { .fd = process->signals, .ready = on_ready, .asked = on_signal, .ctx = process };
	struct sl_card_config config = { .bus_path = o->bus, .firmware_path = o->firmware, .flash_path = o->flash };
	int rc = -1;

	config.engine = (struct sl_engine_config){ .ports = o->ports, .table_log2 = o->table_log2,
						   .trace_path = o->trace, .trace_clocks = o->trace_clocks };
	config.ops = sl_engine_find(o->engine, o->trace != NULL, err, err_len);
	if (config.ops == NULL)
		return -1;
	for (unsigned int i = 0; i < o->ports; i++) {
		config.port[i] = sl_port_open(&o->port[i], err, err_len);
		if (config.port[i] == NULL)
			goto close_ports;
	}
	process->card = sl_card_create(&config, err, err_len);
	if (process->card == NULL)
		goto close_ports;
	rc = sl_card_run(process->card, &hooks, err, err_len);
	sl_card_destroy(process->card);
close_ports:
	for (unsigned int i = 0; i < o->ports && config.port[i] != NULL; i++)
		config.port[i]->ops->close(config.port[i]);
	return rc;
}

int main(int argc, char **argv)
{
	struct process process = { 0 };
	char err[512];
	int rc;

	if (sl_options_parse(argc, argv, &process.options, err, sizeof(err)) != 0) {
		fprintf(stderr, "sluice-sim: %s\n(sluice-sim --help lists the options)\n", err);
		return EXIT_USAGE;
	}
	if (process.options.help) {
		fputs(sl_options_usage, stdout);
		return 0;
	}
	process.signals = signals_open();
	if (process.signals < 0 || sl_iova_guard() != 0) {
		fprintf(stderr, "sluice-sim: signals: %s\n", strerror(errno));
		return 1;
	}
	rc = run(&process, err, sizeof(err));
	if (rc != 0)
		fprintf(stderr, "sluice-sim: %s\n", err);
	close(process.signals);
	return rc == 0 ? 0 : 1;
}
