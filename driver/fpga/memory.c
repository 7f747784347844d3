/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shares the EAL's memory with the card. Pages that continue each other in file and IOVA are mapped as one run.
 * External
 * memory (rte_extmem_*, anonymous mempools) has no descriptor to pass and is left out; a mempool there is refused when
 * a receive queue is set up.
 */
#include "driver/fpga/memory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>

#include "driver/fpga/log.h"

struct run {
	struct sl_bus *bus;
	uint64_t iova;
	uint64_t len;
	size_t offset;
	int fd;
	unsigned int maps;
};

static int run_flush(struct run *run)
{
	int rc;

	if (run->len == 0)
		return 0;
	rc = run->bus->ops->map(run->bus, run->iova, run->len, run->fd, run->offset);
	if (rc)
		SL_LOG(ERR, "the card refused %" PRIu64 " bytes of memory at IOVA 0x%" PRIx64 ": %s", run->len,
			run->iova, strerror(-rc));
	run->maps++;
	run->len = 0;
	return rc;
}

static int run_add(struct run *run, const struct rte_memseg *ms)
{
	int fd = rte_memseg_get_fd_thread_unsafe(ms);
	size_t offset = 0;
	int rc;

	if (fd < 0 || rte_memseg_get_fd_offset_thread_unsafe(ms, &offset) < 0) {
		SL_LOG(ERR,
			"DPDK memory at %p has no file descriptor to share with the card; start with --in-memory, or with "
			"--no-huge --no-shconf", ms->addr);
		return -ENOTSUP;
	}
	if (ms->iova == RTE_BAD_IOVA) {
		SL_LOG(ERR, "DPDK memory at %p has no IOVA", ms->addr);
		return -EFAULT;
	}
	if (run->len && fd == run->fd && ms->iova == run->iova + run->len && offset == run->offset + run->len) {
		run->len += ms->len;
		return 0;
	}
	rc = run_flush(run);
	run->iova = ms->iova;
	run->len = ms->len;
	run->fd = fd;
	run->offset = offset;
	return rc;
}

static int add_segment(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	return msl->external ? 0 : run_add(arg, ms);
}

/* Called with the EAL's memory lock held for writing. */
static void memory_event(enum rte_mem_event event, const void *addr, size_t len, void *arg)
{
	const struct rte_memseg_list *msl = rte_mem_virt2memseg_list(addr);
	struct run run = {.bus = arg};

	if (!msl || msl->external)
		return;
	for (size_t at = 0; at < len; at += msl->page_sz) {
		const struct rte_memseg *ms = rte_mem_virt2memseg((const char *)addr + at, msl);

		if (!ms)
			continue;
		if (event == RTE_MEM_EVENT_ALLOC)
			run_add(&run, ms);
		else
			run.bus->ops->unmap(run.bus, ms->iova, ms->len);
	}
	run_flush(&run);
}

int sl_memory_share(struct sl_bus *bus)
{
	struct run run = {.bus = bus};
	int rc = rte_memseg_walk(add_segment, &run);

	if (rc == 0)
		rc = run_flush(&run);
	if (rc)
		return rc < 0 ? rc : -EIO;
	/* Legacy and no-huge memory never changes: there is nothing to follow. */
	if (rte_mem_event_callback_register("net_sluice", memory_event, bus) && rte_errno != ENOTSUP) {
		SL_LOG(ERR, "DPDK does not report memory changes: %s", rte_strerror(rte_errno));
		return -rte_errno;
	}
	SL_LOG(DEBUG, "gave the card DPDK's memory in %u pieces", run.maps);
	return 0;
}

void sl_memory_unshare(struct sl_bus *bus)
{
	rte_mem_event_callback_unregister("net_sluice", bus);
}

static void check_chunk(struct rte_mempool *pool, void *opaque, struct rte_mempool_memhdr *chunk, unsigned int index)
{
	const struct rte_memseg_list *msl = rte_mem_virt2memseg_list(chunk->addr);

	(void)pool;
	(void)index;
	if (!msl || msl->external)
		*(bool *)opaque = false;
}

bool sl_memory_holds_pool(struct rte_mempool *pool)
{
	bool inside = true;

	rte_mempool_mem_iter(pool, check_chunk, &inside);
	return inside;
}
