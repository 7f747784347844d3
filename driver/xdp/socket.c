/* SPDX-License-Identifier: BSD-3-Clause */
/* See socket.h. The kernel is asked for zero copy and falls back to copying; either way packets are copied to and from mbufs. */
#include "driver/xdp/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_xdp.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "driver/fpga/log.h"

/* The kernel tells what it took of the fill ring only when it has taken all it once saw there: room for all frames twice. */
#define FILL_RING (2 * SL_XDP_RING)
#define FRAMES_BYTES ((size_t)2 * SL_XDP_RING * SL_XDP_FRAME)
/* A system call sends some frames only; so often it is repeated for a burst. */
#define KICKS 16
/* The kernel gives a queue free some time after the process that had it has ended. */
#define BUSY_TRIES 20
#define BUSY_PAUSE_US 100000

/* linux/if_xdp.h of Linux 6.6: packets of several descriptors, all but the last with this option. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

static int open_rings(struct sl_xdp *x, uint32_t port, uint32_t queue, struct sl_xdp_socket *s)
{
	const struct xsk_umem_config umem = {
		.fill_size = FILL_RING, .comp_size = SL_XDP_RING, .frame_size = SL_XDP_FRAME,
	};
	const struct xsk_socket_config config = {
		.rx_size = SL_XDP_RING, .tx_size = SL_XDP_RING, .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP | (s->parts ? XDP_USE_SG : 0),
	};
	int rc = -EBUSY;

	for (unsigned int i = 0; i < BUSY_TRIES && rc == -EBUSY; i++) {
		if (i)
			usleep(BUSY_PAUSE_US);
		rc = xsk_umem__create(&s->umem, s->frames, FRAMES_BYTES, &s->fill, &s->completion, &umem);
		if (rc)
			return rc;
		rc = xsk_socket__create(&s->xsk, x->port[port].name, queue, s->umem, &s->rx, &s->tx, &config);
		if (rc) {
			s->xsk = NULL;
			xsk_umem__delete(s->umem);
			s->umem = NULL;
		}
	}
	return rc;
}

static void offer_all(struct sl_xdp_socket *s)
{
	uint32_t at;

	if (xsk_ring_prod__reserve(&s->fill, SL_XDP_RING, &at) != SL_XDP_RING)
		return;
	for (uint32_t i = 0; i < SL_XDP_RING; i++)
		*xsk_ring_prod__fill_addr(&s->fill, at + i) = (uint64_t)i * SL_XDP_FRAME;
	xsk_ring_prod__submit(&s->fill, SL_XDP_RING);
}

static void release(struct sl_xdp_socket *s)
{
	if (s->xsk)
		xsk_socket__delete(s->xsk);
	if (s->umem)
		xsk_umem__delete(s->umem);
	if (s->frames)
		munmap(s->frames, FRAMES_BYTES);
	rte_free(s);
}

struct sl_xdp_socket *sl_xdp_socket_open(struct sl_xdp *x, uint32_t port, uint32_t queue)
{
	struct sl_xdp_socket *s = rte_zmalloc("sluice_xsk", sizeof(*s), RTE_CACHE_LINE_SIZE);
	const uint32_t key = port * SL_XDP_QUEUES + queue;
	int rc;

	if (!s)
		return NULL;
	s->frames = mmap(NULL, FRAMES_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->frames == MAP_FAILED) {
		s->frames = NULL;
		rc = -ENOMEM;
	} else {
		s->parts = true;
		rc = open_rings(x, port, queue, s);
	}
	if (rc == -EINVAL || rc == -EOPNOTSUPP) {
		s->parts = false;
		rc = open_rings(x, port, queue, s);
		if (rc == 0)
			SL_LOG(NOTICE, "%s: this kernel gives no packets in parts on queue %u: what the host has to see is at most %u bytes long",
			       x->port[port].name, queue, SL_XDP_PACKET_MAX);
	}
	if (rc == 0) {
		offer_all(s);
		s->fd = xsk_socket__fd(s->xsk);
		rc = bpf_map_update_elem(x->maps.xsks, &key, &s->fd, BPF_ANY) ? -errno : 0;
	}
	if (rc == 0)
		return s;
	SL_LOG(ERR, "%s: no AF_XDP socket on queue %u: %s", x->port[port].name, queue,
	       rc == -EBUSY ? "another process has one there" : strerror(-rc));
	release(s);
	errno = -rc;
	return NULL;
}

void sl_xdp_socket_close(struct sl_xdp *x, uint32_t port, uint32_t queue, struct sl_xdp_socket *s)
{
	const uint32_t key = port * SL_XDP_QUEUES + queue;

	bpf_map_delete_elem(x->maps.xsks, &key);
	sl_xdp_grace();
	release(s);
}

/* What the program found about the frame; it is used once: what a frame before left there must not be taken for it. */
static void put_meta(struct rte_mbuf *m, uint8_t *data)
{
	struct sl_xdp_host_meta *meta = (struct sl_xdp_host_meta *)data - 1;
	uint64_t flags = 0;

	if (likely(meta->magic == SL_XDP_HOST_MAGIC)) {
		if (meta->mark_valid) {
			m->hash.fdir.hi = meta->mark;
			flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
		}
		if (meta->hash) {
			m->hash.rss = meta->hash;
			flags |= RTE_MBUF_F_RX_RSS_HASH;
		}
	}
	meta->magic = 0;
	m->ol_flags = flags;
}

/* Puts bytes behind those of the packet m, whose last segment is *last. False, and counted, if there is no room for them. */
static bool append(struct sl_xdp_rxq *rxq, struct rte_mbuf *m, struct rte_mbuf **last, const uint8_t *data, uint32_t len)
{
	while (len > 0) {
		const uint32_t n = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(*last));
		struct rte_mbuf *next;

		memcpy(rte_pktmbuf_mtod_offset(*last, uint8_t *, (*last)->data_len), data, n);
		(*last)->data_len += (uint16_t)n;
		m->pkt_len += n;
		data += n;
		len -= n;
		if (likely(len == 0))
			break;
		if (!rxq->scatter) {
			rxq->counts.errors++;
			return false;
		}
		next = rte_pktmbuf_alloc(rxq->pool);
		if (!next) {
			rte_eth_devices[rxq->port_id].data->rx_mbuf_alloc_failed++;
			return false;
		}
		(*last)->next = next;
		*last = next;
		m->nb_segs++;
	}
	return true;
}

/* Copies a packet of so many descriptors; NULL, and counted, if it could not be. */
static struct rte_mbuf *take(struct sl_xdp_rxq *rxq, uint32_t at, uint32_t parts)
{
	struct sl_xdp_socket *s = rxq->socket;
	struct rte_mbuf *m = rte_pktmbuf_alloc(rxq->pool), *last = m;

	if (unlikely(!m)) {
		rte_eth_devices[rxq->port_id].data->rx_mbuf_alloc_failed++;
		return NULL;
	}
	for (uint32_t i = 0; i < parts; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&s->rx, at + i);

		if (unlikely(!append(rxq, m, &last, s->frames + desc->addr, desc->len))) {
			rte_pktmbuf_free(m);
			return NULL;
		}
	}
	m->port = rxq->port_id;
	m->packet_type = 0;
	put_meta(m, s->frames + xsk_ring_cons__rx_desc(&s->rx, at)->addr);
	return m;
}

/* Descriptors of the packet that begins at one. known: of those behind it that were peeked at, this one included; 0: not all of the
 * packet is there yet. */
static uint32_t parts_of(struct sl_xdp_socket *s, uint32_t at, uint32_t *known)
{
	uint32_t n = 0, more;

	for (;; n++) {
		if (n == *known) {
			if (xsk_ring_cons__peek(&s->rx, 1, &more) == 0)
				return 0;
			++*known;
		}
		if (!(xsk_ring_cons__rx_desc(&s->rx, at + n)->options & XDP_PKT_CONTD))
			return n + 1;
	}
}

uint16_t sl_xdp_rx_burst(void *queue, struct rte_mbuf **packets, uint16_t n)
{
	struct sl_xdp_rxq *rxq = queue;
	struct sl_xdp_socket *s = rxq->socket;
	uint32_t at, to, known = xsk_ring_cons__peek(&s->rx, n, &at), taken = 0;
	uint16_t done = 0;

	if (known == 0) {
		if (xsk_ring_prod__needs_wakeup(&s->fill))
			recvfrom(s->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
		return 0;
	}
	while (known > 0) {
		const uint32_t parts = parts_of(s, at, &known);
		struct rte_mbuf *m;

		/* There is room (FILL_RING). */
		if (unlikely(parts == 0 || xsk_ring_prod__reserve(&s->fill, parts, &to) != parts)) {
			xsk_ring_cons__cancel(&s->rx, known);
			break;
		}
		m = take(rxq, at, parts);
		for (uint32_t i = 0; i < parts; i++)
			*xsk_ring_prod__fill_addr(&s->fill, to + i) =
				xsk_ring_cons__rx_desc(&s->rx, at + i)->addr & ~(uint64_t)(SL_XDP_FRAME - 1);
		at += parts;
		known -= parts;
		taken += parts;
		if (!m)
			continue;
		rxq->counts.bytes += m->pkt_len;
		packets[done++] = m;
	}
	rxq->counts.packets += done;
	xsk_ring_prod__submit(&s->fill, taken);
	xsk_ring_cons__release(&s->rx, taken);
	return done;
}

/* Frames that have been sent may be written again. */
static void reclaim(struct sl_xdp_txq *txq)
{
	struct sl_xdp_socket *s = txq->socket;
	uint32_t at;
	const uint32_t n = xsk_ring_cons__peek(&s->completion, SL_XDP_RING, &at);

	for (uint32_t i = 0; i < n; i++)
		txq->spare[txq->spares++] = (uint32_t)(*xsk_ring_cons__comp_addr(&s->completion, at + i) / SL_XDP_FRAME);
	if (n)
		xsk_ring_cons__release(&s->completion, n);
}

static void kick(struct sl_xdp_socket *s)
{
	for (unsigned int i = 0; i < KICKS; i++)
		if (sendto(s->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno != EAGAIN)
			return;
}

/* Copies the packet into spare frames, as many as its descriptors from `at` on. */
static void put(struct sl_xdp_txq *txq, const struct rte_mbuf *m, uint32_t at, uint32_t parts)
{
	struct sl_xdp_socket *s = txq->socket;
	const uint32_t pkt_len = m->pkt_len;
	uint32_t done = 0;

	for (uint32_t i = 0; i < parts; i++) {
		const uint32_t len = RTE_MIN(pkt_len - done, SL_XDP_FRAME);
		const uint64_t addr = (uint64_t)txq->spare[--txq->spares] * SL_XDP_FRAME;
		const void *in = rte_pktmbuf_read(m, done, len, s->frames + addr);

		if (in != s->frames + addr)
			memcpy(s->frames + addr, in, len);
		done += len;
		*xsk_ring_prod__tx_desc(&s->tx, at + i) = (struct xdp_desc){ .addr = addr, .len = len,
									     .options = i + 1 < parts ? XDP_PKT_CONTD : 0 };
	}
}

uint16_t sl_xdp_tx_burst(void *queue, struct rte_mbuf **packets, uint16_t n)
{
	struct sl_xdp_txq *txq = queue;
	struct sl_xdp_socket *s = txq->socket;
	uint16_t done = 0;
	uint32_t at, sent = 0;

	reclaim(txq);
	if (txq->spares < n)
		kick(s); /* the kernel still has frames of earlier bursts */
	for (; done < n; done++) {
		struct rte_mbuf *m = packets[done];
		const uint32_t len = m->pkt_len, parts = (len + SL_XDP_FRAME - 1) / SL_XDP_FRAME;

		if (unlikely(len < SL_FRAME_MIN || len > (s->parts ? SL_FRAME_MAX : SL_XDP_FRAME))) {
			txq->counts.errors++;
			rte_pktmbuf_free(m);
			continue;
		}
		if (txq->spares < parts || xsk_ring_prod__reserve(&s->tx, parts, &at) != parts)
			break;
		put(txq, m, at, parts);
		xsk_ring_prod__submit(&s->tx, parts);
		txq->counts.bytes += len;
		sent++;
		rte_pktmbuf_free(m);
	}
	txq->counts.packets += sent;
	if (sent)
		kick(s);
	return done;
}
