/* SPDX-License-Identifier: BSD-3-Clause */
/* See receive.h. */
#include "host/receive.h"

#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "host/bond.h"
#include "host/port.h"

#define WORTH 16u /* frames that a burst has to lack to be filled up */
#define POLLS 16u /* at most, of one queue before others have their turn */

/* Drops what is to be shed; how many frames remain, in front. */
static unsigned int keep(struct sl_slowpath *sp, unsigned int port, struct rte_mbuf **m, unsigned int n)
{
	const unsigned int lead = sl_bond_lead(port);
	struct rte_mbuf *shed[SL_FAST_BURST];
	unsigned int kept = 0, dropped = 0;

	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], const void *));
	for (unsigned int i = 0; i < n; i++) {
		if (!sl_receive_is_copy(m[i]) && sl_fastpath_sheds(sp, rte_pktmbuf_mtod(m[i], const uint8_t *), m[i]->data_len, m[i]->pkt_len, lead))
			shed[dropped++] = m[i];
		else
			m[kept++] = m[i];
	}
	rte_pktmbuf_free_bulk(shed, dropped);
	return kept;
}

unsigned int sl_receive(struct sl_slowpath *sp, unsigned int port, unsigned int q, unsigned int queue,
			struct rte_mbuf *burst[SL_FAST_BURST])
{
	const struct sl_port *p = sl_port_at(port);
	unsigned int kept = 0, polls = 0, n, most;

	do {
		most = SL_FAST_BURST - kept;
		n = rte_eth_rx_burst(p->port_id, (uint16_t)q, burst + kept, (uint16_t)most);
		for (unsigned int i = kept; i < kept + n; i++) {
			sp->stats->rx_bytes += rte_pktmbuf_pkt_len(burst[i]);
			burst[i]->port = (uint16_t)port;
		}
		sp->stats->rx_packets += n;
		sl_shed_burst(sp->shed, sp->services, queue, n, most, sp->now_ms);
		kept += sp->shed->count ? keep(sp, port, burst + kept, n) : n;
	} while (n == most && SL_FAST_BURST - kept >= WORTH && ++polls < POLLS);
	return kept;
}
