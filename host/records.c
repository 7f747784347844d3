/* SPDX-License-Identifier: BSD-3-Clause */
/* A header with a hash of the records, and the records. */
#include "host/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "host/config.h"
#include "host/log.h"

struct header {
	uint64_t magic;
	uint32_t record_size;
	uint32_t count;
	uint64_t hash; /* of the records */
};

static void path_of(const struct sl_records *file, char *path, size_t len, const char *state, const char *more)
{
	snprintf(path, len, "%s%s%s", state, file->end, more);
}

/* Never 0. */
static uint64_t hash_of(const struct sl_records *file, const void *records, uint32_t count)
{
	const uint64_t hash = XXH64(records, (size_t)count * file->size, 0);

	return hash ? hash : 1;
}

static int file_write(const struct sl_records *file, const char *state, const struct header *header, const void *records)
{
	const size_t size = (size_t)header->count * file->size;
	char path[SL_CONFIG_PATH_MAX + 16], temporary[SL_CONFIG_PATH_MAX + 16];
	int fd, rc = 0;

	path_of(file, path, sizeof(path), state, "");
	path_of(file, temporary, sizeof(temporary), state, ".new");
	if (!header->count)
		return unlink(path) && errno != ENOENT ? -errno : 0;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, header, sizeof(*header)) != (ssize_t)sizeof(*header) || write(fd, records, size) != (ssize_t)size)
		rc = errno ? -errno : -ENOSPC;
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(temporary, path))
		rc = -errno;
	if (rc)
		unlink(temporary);
	return rc;
}

int sl_records_save(struct sl_records *file, const char *state, const void *records, uint32_t count)
{
	struct header header = { .magic = file->magic, .record_size = file->size, .count = count };
	int rc;

	header.hash = hash_of(file, records, count);
	if (header.hash == file->saved)
		return 0;
	rc = file_write(file, state, &header, records);
	if (!rc)
		file->saved = header.hash;
	return rc;
}

void *sl_records_load(const struct sl_records *file, const char *state, uint32_t *count)
{
	char path[SL_CONFIG_PATH_MAX + 16];
	struct header header;
	void *records = NULL;
	const char *wrong = NULL;
	FILE *f;

	path_of(file, path, sizeof(path), state, "");
	f = fopen(path, "rbe");
	if (!f)
		return NULL;
	if (fread(&header, sizeof(header), 1, f) != 1 || header.magic != file->magic || header.record_size != file->size)
		wrong = "of another version";
	else if (!header.count || header.count >= file->max || !(records = calloc(header.count, file->size)) ||
		 fread(records, file->size, header.count, f) != header.count ||
		 hash_of(file, records, header.count) != header.hash)
		wrong = "damaged";
	fclose(f);
	*count = header.count;
	if (!wrong)
		return records;
	sl_log(SL_LOG_WARN, "records-lost", "file=%s is=%s", path, wrong);
	free(records);
	return NULL;
}
