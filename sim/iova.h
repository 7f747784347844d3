/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that the host has given to the card: ranges of IOVAs, each backed by a part of a file. This is the IOMMU
 * of the simulated card: every access of the DMA goes through here and is checked against the ranges; one access may
 * cross from a range to the next if no gap lies between. Used by one thread.
 */
#ifndef SLUICE_SIM_IOVA_H
#define SLUICE_SIM_IOVA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_IOVA_PAGE 4096u
#define SL_IOVA_RANGES_MAX 65536u /* EAL maps one range per page when it has 2 MB pages: 128 GiB */

struct sl_iova_range {
	uint64_t iova;
	uint64_t len;
	uint8_t *base;
};

struct sl_iova {
	struct sl_iova_range *ranges; /* sorted by iova, never overlapping */
	size_t count;
	size_t room;
	size_t last; /* where the last access began: a guess for the next, always checked */
};

/* Maps `len` bytes of the file from `offset` at `iova`; the descriptor stays the caller's. -EINVAL: not multiples of
 * SL_IOVA_PAGE, empty, beyond 2^64, or the file cannot be mapped; -EEXIST: overlaps; -ERANGE: the file is shorter;
 * -ENOSPC: SL_IOVA_RANGES_MAX; -ENOMEM. */
int sl_iova_map(struct sl_iova *t, uint64_t iova, uint64_t len, int fd, uint64_t offset);
/* Exactly one mapped range, else -ENOENT. */
int sl_iova_unmap(struct sl_iova *t, uint64_t iova, uint64_t len);
/* Forgets every range and frees the table. */
void sl_iova_clear(struct sl_iova *t);

/* False if any byte of [iova, iova + len) is not mapped; then nothing was copied. */
bool sl_iova_read(struct sl_iova *t, uint64_t iova, void *to, size_t len);
bool sl_iova_write(struct sl_iova *t, uint64_t iova, const void *from, size_t len);
/* Like sl_iova_write, but the last byte becomes visible after all the others and after every earlier write. */
bool sl_iova_publish(struct sl_iova *t, uint64_t iova, const void *from, size_t len);

/* A host that shortens a file it has given away would stop the card with SIGBUS. After this call such a page reads zero
 * instead and what is written to it is lost, as on a bus where nobody answers. Once per process. */
int sl_iova_guard(void);

#endif
