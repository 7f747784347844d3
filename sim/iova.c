/* SPDX-License-Identifier: BSD-3-Clause */
/* The IOVA range table; see iova.h. */
#include "sim/iova.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Index of the first range that ends after `iova`; count if there is none. */
static size_t find(const struct sl_iova *t, uint64_t iova)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->ranges[middle].iova + (t->ranges[middle].len - 1) < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int range_check(uint64_t iova, uint64_t len, int fd, uint64_t offset)
{
	struct stat st;

	if (len == 0 || (iova | len | offset) % SL_IOVA_PAGE != 0 || iova + (len - 1) < iova || offset + len < offset)
		return -EINVAL;
	if (fstat(fd, &st) != 0)
		return -EINVAL;
	return offset + len > (uint64_t)st.st_size ? -ERANGE : 0;
}

static int table_grow(struct sl_iova *t)
{
	size_t room = t->room == 0 ? 64 : t->room * 2;
	struct sl_iova_range *ranges;

	if (t->count < t->room)
		return 0;
	if (t->count >= SL_IOVA_RANGES_MAX)
		return -ENOSPC;
	ranges = realloc(t->ranges, room * sizeof(*ranges));
	if (ranges == NULL)
		return -ENOMEM;
	t->ranges = ranges;
	t->room = room;
	return 0;
}

int sl_iova_map(struct sl_iova *t, uint64_t iova, uint64_t len, int fd, uint64_t offset)
{
	size_t at;
	void *base;
	int rc = range_check(iova, len, fd, offset);

	if (rc != 0)
		return rc;
	at = find(t, iova);
	if (at < t->count && t->ranges[at].iova <= iova + (len - 1))
		return -EEXIST;
	rc = table_grow(t);
	if (rc != 0)
		return rc;
	base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	if (base == MAP_FAILED)
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	memmove(&t->ranges[at + 1], &t->ranges[at], (t->count - at) * sizeof(t->ranges[0]));
	t->ranges[at] = (struct sl_iova_range){ .iova = iova, .len = len, .base = base };
	t->count++;
	t->last = at;
	return 0;
}

int sl_iova_unmap(struct sl_iova *t, uint64_t iova, uint64_t len)
{
	size_t at = find(t, iova);

	if (at >= t->count || t->ranges[at].iova != iova || t->ranges[at].len != len)
		return -ENOENT;
	munmap(t->ranges[at].base, t->ranges[at].len);
	t->count--;
	memmove(&t->ranges[at], &t->ranges[at + 1], (t->count - at) * sizeof(t->ranges[0]));
	return 0;
}

void sl_iova_clear(struct sl_iova *t)
{
	for (size_t i = 0; i < t->count; i++)
		munmap(t->ranges[i].base, t->ranges[i].len);
	free(t->ranges);
	*t = (struct sl_iova){ 0 };
}

/* The range that holds `iova`; its index in *at. */
static bool locate(struct sl_iova *t, uint64_t iova, size_t *at)
{
	if (t->last >= t->count || iova - t->ranges[t->last].iova >= t->ranges[t->last].len) {
		size_t found = find(t, iova);

		if (found >= t->count || t->ranges[found].iova > iova)
			return false;
		t->last = found;
	}
	*at = t->last;
	return true;
}

/* Bytes from `iova` on within range `at`, at most len. */
static size_t part(const struct sl_iova *t, size_t at, uint64_t iova, size_t len)
{
	uint64_t left = t->ranges[at].len - (iova - t->ranges[at].iova);

	return left < len ? (size_t)left : len;
}

/* True if all of [iova, iova + len) is mapped; *at is its first range. */
static bool covered(struct sl_iova *t, uint64_t iova, size_t len, size_t *at)
{
	size_t i;

	if (len == 0 || iova + (len - 1) < iova || !locate(t, iova, at))
		return false;
	i = *at;
	for (size_t n = part(t, i, iova, len); n < len; n = part(t, i, iova, len)) {
		iova += n;
		len -= n;
		i++;
		if (i >= t->count || t->ranges[i].iova != iova)
			return false;
	}
	return true;
}

bool sl_iova_read(struct sl_iova *t, uint64_t iova, void *to, size_t len)
{
	uint8_t *out = to;
	size_t at;

	if (!covered(t, iova, len, &at))
		return false;
	for (; len > 0; at++) {
		size_t n = part(t, at, iova, len);

		memcpy(out, t->ranges[at].base + (iova - t->ranges[at].iova), n);
		out += n;
		iova += n;
		len -= n;
	}
	return true;
}

bool sl_iova_write(struct sl_iova *t, uint64_t iova, const void *from, size_t len)
{
	const uint8_t *in = from;
	size_t at;

	if (!covered(t, iova, len, &at))
		return false;
	for (; len > 0; at++) {
		size_t n = part(t, at, iova, len);

		memcpy(t->ranges[at].base + (iova - t->ranges[at].iova), in, n);
		in += n;
		iova += n;
		len -= n;
	}
	return true;
}

bool sl_iova_publish(struct sl_iova *t, uint64_t iova, const void *from, size_t len)
{
	const uint8_t *in = from;
	size_t at;

	if (!covered(t, iova, len, &at) || (len > 1 && !sl_iova_write(t, iova, from, len - 1)))
		return false;
	iova += len - 1;
	if (!locate(t, iova, &at))
		return false;
	__atomic_store_n(t->ranges[at].base + (iova - t->ranges[at].iova), in[len - 1], __ATOMIC_RELEASE);
	return true;
}

/* A page of a shortened file: put an anonymous page in its place. mmap is a plain system call here, so it may be used in
 * a signal handler. */
static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(uintptr_t)(SL_IOVA_PAGE - 1);

	(void)sig;
	(void)context;
	if (info->si_code == BUS_ADRERR && mmap((void *)page, SL_IOVA_PAGE, PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
		return;
	_exit(128 + SIGBUS);
}

int sl_iova_guard(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : -errno;
}
