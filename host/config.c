/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file to a checked struct sl_config, and what of it a running agent can take over. */
#include "host/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/config_reader.h"

#define DEPTH_MAX 12u /* the schema itself is 6 deep */

void sl_config_free(struct sl_config *config)
{
	if (!config)
		return;
	for (unsigned int i = 0; i < config->service_count; i++)
		free(config->services[i].backends);
	free(config->services);
	free(config->tenants);
	free(config);
}

static void yaml_error(struct sl_reader *r, const yaml_parser_t *p)
{
	unsigned int line = (unsigned int)p->problem_mark.line + 1, column = (unsigned int)p->problem_mark.column + 1;

	if (p->error == YAML_MEMORY_ERROR)
		sl_reader_error_at(r, line, column, "out of memory");
	else if (p->error == YAML_READER_ERROR)
		sl_reader_error_at(r, 1, 1, "%s at byte %zu; the file must be UTF-8 text", p->problem,
				   p->problem_offset);
	else
		sl_reader_error_at(r, line, column, "not YAML: %s%s%s", p->context ? p->context : "",
				   p->context ? ", " : "", p->problem ? p->problem : "?");
}

/*
 * The scanner's time grows with tokens x depth, so depth is bounded before the document is built. What is not YAML ends
 * the check early and is told about by the parser proper.
 */
static void check_depth(struct sl_reader *r, const char *text, size_t length)
{
	yaml_parser_t parser;
	yaml_event_t event;
	unsigned int depth = 0;
	bool more = true;

	if (!yaml_parser_initialize(&parser))
		return;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	while (more && yaml_parser_parse(&parser, &event)) {
		if (event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT)
			depth++;
		else if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
			depth--;
		more = event.type != YAML_STREAM_END_EVENT && depth <= DEPTH_MAX;
		if (depth > DEPTH_MAX)
			sl_reader_error_at(r, (unsigned int)event.start_mark.line + 1,
					   (unsigned int)event.start_mark.column + 1,
					   "nested more than %u deep; no key needs that", DEPTH_MAX);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
}

static int read_document(struct sl_reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(r->document);

	if (!root) {
		sl_reader_error_at(r, 1, 1, "the file is empty; at least \"ports\" is needed");
		return -EINVAL;
	}
	sl_config_schema_read(r, root);
	if (!r->errors)
		sl_config_check(r, root);
	return r->errors ? -EINVAL : 0;
}

/* A second document would be ignored silently: it is a mistake. */
static void refuse_more(struct sl_reader *r, yaml_parser_t *parser)
{
	yaml_document_t more;
	const yaml_node_t *node;

	if (!yaml_parser_load(parser, &more)) {
		yaml_error(r, parser);
		return;
	}
	node = yaml_document_get_root_node(&more);
	if (node)
		sl_reader_error(r, node, "a second YAML document; a configuration is one document");
	yaml_document_delete(&more);
}

int sl_config_parse(const char *name, const char *text, size_t length, struct sl_config **config,
		    struct sl_config_error *err)
{
	yaml_document_t document;
	struct sl_reader r = { .document = &document, .file = name, .err = err };
	yaml_parser_t parser;
	int ret;

	err->text[0] = '\0';
	*config = NULL;
	r.config = calloc(1, sizeof(*r.config));
	if (!r.config || !yaml_parser_initialize(&parser)) {
		snprintf(err->text, sizeof(err->text), "%s:1:1: out of memory", name);
		free(r.config);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	check_depth(&r, text, length);
	if (r.errors) {
		ret = -EINVAL;
	} else if (!yaml_parser_load(&parser, &document)) {
		yaml_error(&r, &parser);
		ret = -EINVAL;
	} else {
		ret = read_document(&r);
		if (ret == 0) {
			refuse_more(&r, &parser);
			ret = r.errors ? -EINVAL : 0;
		}
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	if (r.errors > SL_CONFIG_ERRORS_MAX && r.used + 32 < sizeof(err->text))
		snprintf(err->text + r.used, sizeof(err->text) - r.used, "\n%s: and %u more", name,
			 r.errors - SL_CONFIG_ERRORS_MAX);
	if (ret)
		sl_config_free(r.config);
	else
		*config = r.config;
	return ret;
}

/* The whole file in memory; NULL and a negative errno with a sentence. */
static char *read_file(const char *path, size_t *length, int *ret, struct sl_config_error *err)
{
	struct stat st;
	char *text = NULL;
	size_t used = 0;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*ret = 0;
	if (fd < 0 || fstat(fd, &st))
		goto system_error;
	if (!S_ISREG(st.st_mode)) {
		*ret = -EINVAL;
		snprintf(err->text, sizeof(err->text), "%s: is not a regular file", path);
		goto out;
	}
	text = malloc(SL_CONFIG_FILE_MAX + 1);
	if (!text)
		goto system_error;
	while (used <= SL_CONFIG_FILE_MAX && (n = read(fd, text + used, SL_CONFIG_FILE_MAX + 1 - used)) > 0)
		used += (size_t)n;
	if (n < 0)
		goto system_error;
	if (used > SL_CONFIG_FILE_MAX) {
		*ret = -EFBIG;
		snprintf(err->text, sizeof(err->text), "%s: is larger than %u bytes", path, SL_CONFIG_FILE_MAX);
	}
	*length = used;
	goto out;
system_error:
	*ret = errno ? -errno : -EIO;
	snprintf(err->text, sizeof(err->text), "%s: %s", path, strerror(-*ret));
out:
	if (fd >= 0)
		close(fd);
	if (*ret) {
		free(text);
		text = NULL;
	}
	return text;
}

int sl_config_load(const char *path, struct sl_config **config, struct sl_config_error *err)
{
	size_t length = 0;
	char *text;
	int ret;

	*config = NULL;
	text = read_file(path, &length, &ret, err);
	if (!text)
		return ret;
	ret = sl_config_parse(path, text, length, config, err);
	free(text);
	return ret;
}

static size_t append(char *text, size_t size, size_t used, const char *a, const char *b)
{
	const int n = used < size ? snprintf(text + used, size - used, "%s%s", a, b) : 0;

	return used + (size_t)(n > 0 ? n : 0);
}

const char *sl_config_ports_text(const struct sl_config *config, char *text, size_t size)
{
	unsigned int ports = 0, bonds = 0;
	size_t used;

	for (unsigned int i = 0; i < config->port_count; i++)
		ports += !config->ports[i].bond.member;
	used = (size_t)snprintf(text, size, "%u port%s", ports, ports == 1 ? "" : "s");
	for (unsigned int i = 0; i < config->port_count; i++) {
		const struct sl_config_port *p = &config->ports[i];

		if (p->bond.members && !p->bond.member) {
			used = append(text, size, used, bonds++ ? "; bond " : " (bond ", p->bond.name);
			used = append(text, size, used, " of ", p->name);
		} else if (p->bond.members) {
			used = append(text, size, used, ", ", p->name);
		}
	}
	if (bonds)
		append(text, size, used, ")", "");
	return text;
}

static int needs_restart(struct sl_config_error *err, const char *what)
{
	snprintf(err->text, sizeof(err->text),
		 "%s cannot change while the agent runs; nothing was changed. Restart sluiced: connections go on "
		 "meanwhile",
		 what);
	return -EBUSY;
}

int sl_config_reloadable(const struct sl_config *now, const struct sl_config *next, struct sl_config_error *err)
{
	static const struct {
		const char *name;
		size_t offset, size;
	} fixed[] = {
#define FIXED(field) \
	{ "node." #field, offsetof(struct sl_config_node, field), sizeof(((struct sl_config_node *)0)->field) }
		FIXED(name),	    FIXED(workers),   FIXED(state), FIXED(control), FIXED(max_connections),
		FIXED(maglev_size), FIXED(hash_seed), FIXED(fullnat),
#undef FIXED
	};
	char what[SL_CONFIG_NAME_MAX + 32];

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (memcmp((const char *)&now->node + fixed[i].offset, (const char *)&next->node + fixed[i].offset,
			   fixed[i].size))
			return needs_restart(err, fixed[i].name);
	if (now->port_count != next->port_count)
		return needs_restart(err, "the number of ports");
	for (unsigned int i = 0; i < now->port_count; i++)
		if (memcmp(&now->ports[i], &next->ports[i], sizeof(now->ports[i]))) {
			snprintf(what, sizeof(what), "port \"%s\"", now->ports[i].name);
			return needs_restart(err, what);
		}
	return 0;
}
