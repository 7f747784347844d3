/* SPDX-License-Identifier: BSD-3-Clause */
/* The connections' file: made as a whole under another name and renamed, so that no half-made file is ever adopted. */
#include "host/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/conn.h"

#define STATE_MAGIC "SLUICECT"
#define STATE_HEADER 4096u
#define STATE_ENTRIES (STATE_HEADER + SL_STATE_HOPS * sizeof(struct sl_state_hop))

#define ENTRY_SIZE (sizeof(struct sl_conn) + sizeof(struct sl_conn_rest)) /* of every connection */

struct state_header {
	char magic[8];
	uint32_t version;
	uint32_t entry_size;
	uint32_t capacity;
	uint32_t shards;
	uint64_t hash_key[2];
	struct sl_addr sources[SL_CONN_SOURCES];
};
_Static_assert(sizeof(struct state_header) <= STATE_HEADER, "the header is a page");

static off_t state_bytes(uint32_t capacity)
{
	return (off_t)(STATE_ENTRIES + sl_conn_memory_bytes(capacity, NULL));
}

static int state_fail(char *err, size_t err_len, const char *path, int code, const char *found, const char *wanted)
{
	snprintf(err, err_len, "%s: found %s, wanted %s; to start without its connections, remove the file", path, found, wanted);
	return code;
}

/* Makes the file complete below a private name, locks it, and gives it its name. */
static int state_create(const char *path, uint32_t capacity, char *err, size_t err_len)
{
	const off_t size = state_bytes(capacity);
	struct state_header header = { .version = SL_STATE_VERSION, .entry_size = ENTRY_SIZE,
				       .capacity = capacity, .shards = SL_CONN_SHARDS };
	char made[512];
	size_t always;
	int fd, rc;

	memcpy(header.magic, STATE_MAGIC, sizeof(header.magic));
	if (getrandom(header.hash_key, sizeof(header.hash_key), 0) != (ssize_t)sizeof(header.hash_key))
		return -EIO;
	snprintf(made, sizeof(made), "%s.%ld", path, (long)getpid());
	fd = open(made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = -errno;
		snprintf(err, err_len, "%s: cannot create: %s", made, strerror(-rc));
		return rc;
	}
	/* posix_fallocate: running out of shared memory is an error now, not SIGBUS under load. */
	sl_conn_memory_bytes(capacity, &always);
	rc = -posix_fallocate(fd, 0, (off_t)(STATE_ENTRIES + always));
	if (!rc && (ftruncate(fd, size) || pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) || flock(fd, LOCK_EX | LOCK_NB) ||
		    link(made, path)))
		rc = errno ? -errno : -EIO;
	unlink(made);
	if (rc) {
		snprintf(err, err_len, "%s: cannot create %lld bytes of shared memory for %u connections: %s", path,
			 (long long)size, capacity, strerror(-rc));
		close(fd);
		return rc;
	}
	return fd;
}

static int state_check(const struct state_header *h, off_t size, const char *path, char *err, size_t err_len)
{
	char found[96], wanted[96];

	if (memcmp(h->magic, STATE_MAGIC, sizeof(h->magic)))
		return state_fail(err, err_len, path, -EINVAL, "no connection table (wrong magic)", "one made by sluiced");
	if (h->version != SL_STATE_VERSION) {
		snprintf(found, sizeof(found), "layout version %u", h->version);
		snprintf(wanted, sizeof(wanted), "version %u", SL_STATE_VERSION);
		return state_fail(err, err_len, path, -EPROTO, found, wanted);
	}
	if (h->entry_size != ENTRY_SIZE || h->shards != SL_CONN_SHARDS || !h->capacity ||
	    h->capacity % SL_CONN_SHARDS) {
		snprintf(found, sizeof(found), "a damaged header (%u entries of %u bytes in %u shards)", h->capacity,
			 h->entry_size, h->shards);
		snprintf(wanted, sizeof(wanted), "entries of %zu bytes in %u shards", ENTRY_SIZE, SL_CONN_SHARDS);
		return state_fail(err, err_len, path, -EINVAL, found, wanted);
	}
	if (size != state_bytes(h->capacity)) {
		snprintf(found, sizeof(found), "%lld bytes", (long long)size);
		snprintf(wanted, sizeof(wanted), "%lld for %u connections",
			 (long long)state_bytes(h->capacity), h->capacity);
		return state_fail(err, err_len, path, -EINVAL, found, wanted);
	}
	return 0;
}

static int state_map(struct sl_state *state, const char *path, char *err, size_t err_len)
{
	struct state_header header;
	struct stat st;
	int rc;

	if (fstat(state->fd, &st) || st.st_size < (off_t)sizeof(header) ||
	    pread(state->fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return state_fail(err, err_len, path, -EINVAL, "a file too short for a header", "a connection table");
	rc = state_check(&header, st.st_size, path, err, err_len);
	if (rc)
		return rc;
	state->size = (size_t)st.st_size;
	state->map = mmap(NULL, state->size, PROT_READ | PROT_WRITE, MAP_SHARED, state->fd, 0);
	if (state->map == MAP_FAILED) {
		rc = -errno;
		snprintf(err, err_len, "%s: cannot map %zu bytes: %s", path, state->size, strerror(-rc));
		return rc;
	}
	state->sources = (struct sl_addr *)((char *)state->map + offsetof(struct state_header, sources));
	state->hops = (struct sl_state_hop *)((char *)state->map + STATE_HEADER);
	state->start = STATE_ENTRIES;
	state->entries = (char *)state->map + state->start;
	state->capacity = header.capacity;
	memcpy(state->hash_key, header.hash_key, sizeof(state->hash_key));
	return 0;
}

int sl_state_open(struct sl_state *state, const char *path, uint32_t capacity, char *err, size_t err_len)
{
	int rc;

	memset(state, 0, sizeof(*state));
	capacity = (capacity + SL_CONN_SHARDS - 1) / SL_CONN_SHARDS * SL_CONN_SHARDS;
	state->fd = open(path, O_RDWR | O_CLOEXEC);
	if (state->fd < 0 && errno == ENOENT) {
		state->fd = state_create(path, capacity, err, err_len);
		if (state->fd < 0)
			return state->fd;
		state->created = true;
	} else if (state->fd < 0) {
		rc = -errno;
		snprintf(err, err_len, "%s: cannot open: %s", path, strerror(-rc));
		return rc;
	} else if (flock(state->fd, LOCK_EX | LOCK_NB)) {
		snprintf(err, err_len, "%s: another sluiced has this connection table; stop it, or change node.state", path);
		close(state->fd);
		return -EBUSY;
	}
	rc = state_map(state, path, err, err_len);
	if (rc)
		close(state->fd);
	return rc;
}

void sl_state_close(struct sl_state *state)
{
	munmap(state->map, state->size);
	close(state->fd);
	memset(state, 0, sizeof(*state));
}
