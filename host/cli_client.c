/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line's end of the control socket. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/cli.h"

#define ANSWER_MAX (64u << 20)
#define TIMEOUT_S 15

void sl_cli_fail(const struct sl_cli *cli, int status, const char *format, ...)
{
	char text[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (cli->json) {
		json_t *error = json_string(text);
		json_t *out = json_pack("{sbso}", "ok", 0, "error", error ? error : json_string("?"));

		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(out);
	} else {
		fprintf(stderr, "sluice: %s\n", text);
	}
	exit(status);
}

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int open_socket(const struct sl_cli *cli)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		sl_cli_fail(cli, 1, "socket: %s", strerror(errno));
	if (strlen(cli->socket) >= sizeof(addr.sun_path))
		sl_cli_fail(cli, 2, "socket path %s is longer than %zu bytes", cli->socket, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, cli->socket, strlen(cli->socket));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	if (errno == ENOENT)
		sl_cli_fail(
			cli, 1,
			"no agent: there is no socket %s. Start one with `sluiced -c FILE`; if it runs with another "
			"node.control, name that with -s",
			cli->socket);
	if (errno == EPROTOTYPE || (errno == ECONNREFUSED && !is_socket(cli->socket)))
		sl_cli_fail(cli, 1, "%s is no control socket; its name is node.control in the agent's configuration",
			    cli->socket);
	if (errno == ECONNREFUSED)
		sl_cli_fail(
			cli, 1,
			"no agent: nobody listens at %s (it ended without removing its socket). Start it again with "
			"`sluiced -c FILE`",
			cli->socket);
	if (errno == EACCES || errno == EPERM)
		sl_cli_fail(cli, 1, "%s: permission denied; the agent's user or root may use it", cli->socket);
	sl_cli_fail(cli, 1, "%s: %s", cli->socket, strerror(errno));
}

static void send_line(const struct sl_cli *cli, int fd, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t length, sent = 0;

	json_decref(request);
	if (!text)
		sl_cli_fail(cli, 2, "an argument is not UTF-8 text");
	length = strlen(text);
	text[length] = '\n';
	while (sent <= length) {
		ssize_t n = send(fd, text + sent, length + 1 - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			sl_cli_fail(cli, 1, "%s: %s", cli->socket, strerror(errno));
		sent += (size_t)n;
	}
	free(text);
}

static char *read_line(const struct sl_cli *cli, int fd, size_t *length)
{
	size_t room = 65536, used = 0;
	char *text = malloc(room);

	while (text) {
		ssize_t n = read(fd, text + used, room - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			sl_cli_fail(cli, 1, "%s: %s", cli->socket,
				    errno == EAGAIN ? "the agent does not answer within 15 s" : strerror(errno));
		if (n == 0)
			sl_cli_fail(cli, 1, "%s: the agent closed the connection", cli->socket);
		used += (size_t)n;
		if (text[used - 1] == '\n')
			break;
		if (used == room) {
			if (room >= ANSWER_MAX)
				sl_cli_fail(cli, 1, "%s: the answer is longer than %u bytes", cli->socket, ANSWER_MAX);
			room *= 2;
			text = realloc(text, room);
		}
	}
	if (!text)
		sl_cli_fail(cli, 1, "out of memory");
	*length = used;
	return text;
}

json_t *sl_cli_ask(const struct sl_cli *cli, json_t *request)
{
	int fd = open_socket(cli);
	json_error_t error;
	json_t *answer;
	size_t length;
	char *text;

	send_line(cli, fd, request);
	text = read_line(cli, fd, &length);
	close(fd);
	answer = json_loadb(text, length, 0, &error);
	free(text);
	if (!json_is_object(answer))
		sl_cli_fail(cli, 1, "%s: the answer is not JSON: %s", cli->socket, error.text);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		const char *what = json_string_value(json_object_get(answer, "error"));

		sl_cli_fail(cli, 1, "%s", what ? what : "refused without a reason");
	}
	return answer;
}
