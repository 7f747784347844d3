/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: newline-delimited JSON over a Unix stream socket. A client's requests are answered one after the
 * other; while an answer is being sent nothing more is read, so a client holds at most one request and one answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/control_private.h"
#include "host/log.h"

struct client {
	uv_pipe_t pipe;
	uv_write_t write;
	uv_work_t work;
	struct sl_control *control;
	struct sl_control_later later;
	json_t *made;      /* by later */
	bool working, closed;
	struct sl_control_socket *socket;
	char *answer;      /* being sent */
	bool last;         /* close when the answer is out */
	size_t used;
	char line[SL_CONTROL_REQUEST_MAX];
	struct client *next;
};

struct sl_control_socket {
	uv_pipe_t pipe;
	struct sl_control *control;
	char path[SL_CONFIG_PATH_MAX];
	unsigned int client_count;
	struct client *clients;
};

static void client_read(struct client *c);

static void client_free(struct client *c)
{
	free(c->answer);
	free(c);
}

static void client_closed(uv_handle_t *handle)
{
	struct client *c = handle->data;

	c->closed = true;
	if (!c->working)
		client_free(c);
}

static void client_close(struct client *c)
{
	struct client **at;

	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	for (at = &c->socket->clients; *at && *at != c; at = &(*at)->next)
		;
	if (*at) {
		*at = c->next;
		c->socket->client_count--;
	}
	uv_close((uv_handle_t *)&c->pipe, client_closed);
}

static void on_written(uv_write_t *write, int status)
{
	struct client *c = write->data;

	free(c->answer);
	c->answer = NULL;
	if (status == UV_ECANCELED)
		return; /* closing */
	if (status || c->last)
		client_close(c);
	else
		client_read(c);
}

static void client_send(struct client *c, json_t *answer)
{
	size_t length;
	uv_buf_t buf;

	c->answer = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	if (!c->answer) {
		sl_log(SL_LOG_ERROR, "out-of-memory", "what=%s", "an answer on the control socket");
		client_close(c);
		return;
	}
	length = strlen(c->answer);
	c->answer[length] = '\n'; /* in the place of the NUL */
	buf = uv_buf_init(c->answer, (unsigned int)length + 1);
	uv_read_stop((uv_stream_t *)&c->pipe);
	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written))
		client_close(c);
}

static void make_later(uv_work_t *work)
{
	struct client *c = work->data;

	c->made = c->later.run(&c->control->ops, c->later.arg);
}

static void made_later(uv_work_t *work, int status)
{
	struct client *c = work->data;

	(void)status;
	c->working = false;
	c->control->working--;
	json_decref(c->later.arg);
	if (!uv_is_closing((uv_handle_t *)&c->pipe)) {
		client_send(c, c->made);
		return;
	}
	json_decref(c->made);
	if (c->closed)
		client_free(c);
}

static void client_send_later(struct client *c)
{
	uv_read_stop((uv_stream_t *)&c->pipe);
	c->later = c->control->later;
	c->work.data = c;
	c->working = true;
	c->control->working++;
	uv_queue_work(c->control->loop, &c->work, make_later, made_later);
}

/* Answers the first whole line that is there. True: an answer is on its way. */
static bool client_answer(struct client *c)
{
	char *end = memchr(c->line, '\n', c->used);
	size_t length;
	json_t *answer;

	if (!end) {
		if (c->used < sizeof(c->line))
			return false;
		c->last = true;
		client_send(c, json_pack("{sbss}", "ok", 0, "error", "the request is longer than 65536 bytes"));
		return true;
	}
	length = (size_t)(end - c->line);
	answer = sl_control_answer(c->control, c->line, length);
	memmove(c->line, end + 1, c->used - length - 1);
	c->used -= length + 1;
	if (!answer && c->control->later.run)
		client_send_later(c);
	else
		client_send(c, answer);
	return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->line + c->used, (unsigned int)(sizeof(c->line) - c->used));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	(void)buf;
	if (got < 0) {
		client_close(c);
		return;
	}
	c->used += (size_t)got;
	client_answer(c);
}

static void client_read(struct client *c)
{
	if (!client_answer(c) && uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read))
		client_close(c);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct sl_control_socket *s = server->data;
	struct client *c = status ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return;
	uv_pipe_init(s->control->loop, &c->pipe, 0);
	c->pipe.data = c;
	c->socket = s;
	c->control = s->control;
	if (uv_accept(server, (uv_stream_t *)&c->pipe)) {
		uv_close((uv_handle_t *)&c->pipe, client_closed);
		return;
	}
	c->next = s->clients;
	s->clients = c;
	if (s->client_count++ >= SL_CONTROL_CLIENTS_MAX) {
		c->last = true;
		client_send(c, json_pack("{sbss}", "ok", 0, "error", "too many clients; try again"));
		return;
	}
	client_read(c);
}

/* Removes a socket that nobody listens at. -EADDRINUSE: somebody does. */
static int remove_stale(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, ret;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ret = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN ? -EADDRINUSE : 0;
	close(fd);
	if (ret == 0 && unlink(path))
		ret = -errno;
	return ret;
}

static void socket_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct sl_control_socket *sl_control_socket_open(struct sl_control *c, const char *path, char *err, size_t err_len)
{
	struct sl_control_socket *s = calloc(1, sizeof(*s));
	mode_t mask;
	int ret;

	if (!s) {
		snprintf(err, err_len, "control socket: out of memory");
		return NULL;
	}
	s->control = c;
	snprintf(s->path, sizeof(s->path), "%s", path);
	uv_pipe_init(c->loop, &s->pipe, 0);
	s->pipe.data = s;
	ret = remove_stale(path);
	if (ret == 0) {
		mask = umask(0077);
		ret = uv_pipe_bind(&s->pipe, path);
		umask(mask);
	}
	if (ret == 0)
		ret = uv_listen((uv_stream_t *)&s->pipe, 16, on_connection);
	if (ret == 0)
		return s;
	if (ret == -EADDRINUSE)
		snprintf(err, err_len,
			 "control socket %s: another agent answers there; stop it, or give this one its own "
			 "node.control",
			 path);
	else if (ret == -EEXIST)
		snprintf(err, err_len,
			 "control socket %s: there is a file that is no socket; remove it or change node.control",
			 path);
	else if (ret == -EACCES) /* libuv says so of a missing folder too */
		snprintf(err, err_len, "control socket %s: its folder does not exist or may not be written to", path);
	else
		snprintf(err, err_len, "control socket %s: %s", path, strerror(-ret));
	uv_close((uv_handle_t *)&s->pipe, socket_closed);
	return NULL;
}

void sl_control_socket_close(struct sl_control_socket *s)
{
	if (!s)
		return;
	while (s->clients)
		client_close(s->clients);
	uv_close((uv_handle_t *)&s->pipe, socket_closed);
}
