/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A receiver that sleeps: port 0 with rx interrupts, one epoll wait per frame. Prints "sleeping" when it waits for the
 * first frame and one line per frame; ends after argv's count, or with status 1 when 5 seconds pass without one.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>

static int start(struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {.intr_conf.rxq = 1};

	if (rte_eth_dev_configure(0, 1, 1, &conf) || rte_eth_rx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL, pool) ||
	    rte_eth_tx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL) || rte_eth_dev_start(0) ||
	    	rte_eth_promiscuous_enable(0))
		return -1;
	return rte_eth_dev_rx_intr_ctl_q(0, 0, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD, NULL);
}

/* Frames that are there, or after at most 5 seconds of sleep. */
static unsigned int receive(void)
{
	struct rte_epoll_event event;
	struct rte_mbuf *m[8];
	unsigned int n = rte_eth_rx_burst(0, 0, m, 8);

	if (n == 0 && rte_eth_dev_rx_intr_enable(0, 0) == 0) {
		if (rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, 5000) < 1)
			return 0;
		rte_eth_dev_rx_intr_disable(0, 0);
		n = rte_eth_rx_burst(0, 0, m, 8);
	}
	for (unsigned int i = 0; i < n; i++) {
		printf("frame of %u bytes\n", m[i]->pkt_len);
		rte_pktmbuf_free(m[i]);
	}
	return n;
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	unsigned int wanted, got = 0, idle = 0;
	struct rte_mempool *pool;

	if (used < 0 || used + 1 >= argc)
		return 2;
	wanted = (unsigned int)atoi(argv[used + 1]);
	pool = rte_pktmbuf_pool_create("pool", 1024, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool || start(pool))
		return 2;
	puts("sleeping");
	fflush(stdout);
	while (got < wanted && idle < 3) {
		unsigned int n = receive();

		/* One wake-up may find nothing: an interrupt may be spurious. */
		idle = n ? 0 : idle + 1;
		got += n;
		fflush(stdout);
	}
	rte_eth_dev_stop(0);
	rte_eth_dev_close(0);
	rte_eal_cleanup();
	return got == wanted ? 0 : 1;
}
