/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A load generator on one DPDK port, for comparing forwarders over memif: sends minimum-size UDP frames of N flows to one
 * address as fast as the peer takes them, counts what comes back, and prints one JSON line. One lcore, no timestamps: rates
 * are counted over the stated seconds after a warm-up of one.
 *
 * wire_gen [EAL arguments] -- DEST_MAC DEST_IP FLOWS SECONDS
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#define BURST 32
#define FRAME_LEN 60
#define IN_FLIGHT 768 /* frames sent and not yet back: bounds queues, so that what is measured is forwarding, not loss */

struct load {
	struct rte_mempool *pool;
	struct rte_ether_addr dst_mac;
	rte_be32_t dst_ip;
	unsigned int flows;
	unsigned int next_flow;
	uint64_t sent, received;
};

static void fill_frame(struct load *l, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	const unsigned int flow = l->next_flow;

	l->next_flow = flow + 1 == l->flows ? 0 : flow + 1;
	memset(eth, 0, FRAME_LEN);
	eth->dst_addr = l->dst_mac;
	eth->src_addr = (struct rte_ether_addr){.addr_bytes = {2, 0, 0, 0, 0, 9}};
	eth->ether_type = htons(RTE_ETHER_TYPE_IPV4);
	ip->version_ihl = 0x45;
	ip->total_length = htons(FRAME_LEN - sizeof(*eth));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = htonl(0x0a4e0a00u + (flow >> 14));
	ip->dst_addr = l->dst_ip;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp->src_port = htons((uint16_t)(1024 + (flow & 0x3fff)));
	udp->dst_port = htons(5001);
	udp->dgram_len = htons(FRAME_LEN - sizeof(*eth) - sizeof(*ip));
	m->data_len = m->pkt_len = FRAME_LEN;
}

static void send_burst(struct load *l)
{
	struct rte_mbuf *burst[BURST];
	uint16_t n;

	if (rte_pktmbuf_alloc_bulk(l->pool, burst, BURST))
		return;
	for (unsigned int i = 0; i < BURST; i++)
		fill_frame(l, burst[i]);
	n = rte_eth_tx_burst(0, 0, burst, BURST);
	l->sent += n;
	if (n < BURST)
		rte_pktmbuf_free_bulk(burst + n, BURST - n);
}

static void receive(struct load *l)
{
	struct rte_mbuf *burst[BURST];
	const uint16_t n = rte_eth_rx_burst(0, 0, burst, BURST);

	l->received += n;
	rte_pktmbuf_free_bulk(burst, n);
}

/* Runs for that long; frames that are lost leave the window after a while. */
static void run(struct load *l, double seconds)
{
	const uint64_t hz = rte_get_timer_hz(), end = rte_get_timer_cycles() + (uint64_t)(seconds * (double)hz);
	uint64_t seen = l->received, since = rte_get_timer_cycles(), lost = 0;

	for (uint64_t now = since; now < end; now = rte_get_timer_cycles()) {
		if (l->sent - l->received - lost < IN_FLIGHT)
			send_burst(l);
		receive(l);
		if (l->received != seen) {
			seen = l->received;
			since = now;
		} else if (now - since > hz / 100) {
			lost = l->sent - l->received;
			since = now;
		}
	}
}

static int port_open(struct rte_mempool *pool)
{
	const struct rte_eth_conf conf = {0};

	if (rte_eth_dev_count_avail() != 1 || rte_eth_dev_configure(0, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(0, 0, 1024, SOCKET_ID_ANY, NULL, pool) ||
	    rte_eth_tx_queue_setup(0, 0, 1024, SOCKET_ID_ANY, NULL))
		return -1;
	return rte_eth_dev_start(0);
}

static void wait_for_link(void)
{
	struct rte_eth_link link = {0};

	for (int i = 0; i < 300 && !link.link_status; i++) {
		rte_delay_ms(100);
		rte_eth_link_get_nowait(0, &link);
	}
}

int main(int argc, char **argv)
{
	struct load l = {0};
	double seconds;
	int used = rte_eal_init(argc, argv);

	if (used < 0 || argc - used != 5) {
		fprintf(stderr, "usage: wire_gen [EAL arguments] -- DEST_MAC DEST_IP FLOWS SECONDS\n");
		return 2;
	}
	argv += used;
	l.pool = rte_pktmbuf_pool_create("gen", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	l.flows = (unsigned int)strtoul(argv[3], NULL, 10);
	seconds = strtod(argv[4], NULL);
	if (!l.pool || !l.flows || rte_ether_unformat_addr(argv[1], &l.dst_mac) || inet_pton(AF_INET, argv[2], &l.dst_ip) != 1 ||
	    port_open(l.pool)) {
		fprintf(stderr, "wire_gen: bad arguments, or not exactly one usable port\n");
		return 2;
	}
	wait_for_link();
	run(&l, 1.0);
	l.sent = l.received = 0;
	run(&l, seconds);
	printf("{\"sent_mpps\": %.3f, \"forwarded_mpps\": %.3f}\n", (double)l.sent / seconds / 1e6,
	       (double)l.received / seconds / 1e6);
	rte_eth_dev_stop(0);
	rte_eal_cleanup();
	return 0;
}
