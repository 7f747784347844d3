/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The workers' loop: receive, decide (host/fastpath, host/slowpath), build, send. What is idle sleeps: on the receive interrupts
 * of ports that have them, on the kernel interfaces' and its own wake-up descriptors, and for ports without interrupts never longer
 * than SLEEP_POLL_MAX_NS.
 */
#include "host/worker.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_random.h>
#include <rte_ring.h>
#include <urcu-qsbr.h>

#include "host/bond.h"
#include "host/config.h"
#include "host/egress.h"
#include "host/fastpath.h"
#include "host/learn.h"
#include "host/log.h"
#include "host/offload.h"
#include "host/port.h"
#include "host/receive.h"
#include "host/slowpath.h"
#include "hw/model/punt.h"

#define BURST SL_FAST_BURST
#define ENTROPY_SEED0 UINT64_C(0x736c756963656430) /* the same in every run: a tunnel's source port stays */
#define ENTROPY_SEED1 UINT64_C(0x656e74726f707930)
#define RING_MBUFS 1024u
#define RING_RESULTS 4096u
#define RING_REQUESTS 1024u
#define HELD_MAX 256u
#define PORTS_KNOWN 0x8000u /* in an mbuf's port on its way to another worker: hash.usr has the ports of its datagram */
#define EXPIRE_EVERY_MS 1u
#define EXPIRE_PASSES (1000u / EXPIRE_EVERY_MS) /* of a whole shard: one second */
#define IDLE_ROUNDS 8u
#define SLEEP_MIN_NS 50000u
#define SLEEP_POLL_MAX_NS 1000000u
#define SLEEP_INTERRUPT_NS 20000000u

struct held {
	struct rte_mbuf *mbuf;
	uint32_t index;
	uint8_t port;
};

struct request {
	uint32_t index;
	uint32_t check;
};

struct worker {
	unsigned int id;
	unsigned int lcore;
	struct sl_slowpath sp;
	struct sl_worker_stats stats;
	struct sl_slow_backend *backends;
	struct rte_ring *frames;   /* from other workers, to run here */
	struct rte_ring *outgoing; /* from other workers, to send on this worker's queue */
	struct rte_ring *results;
	struct rte_ring *requests;
	struct sl_fragments *fragments;
	struct sl_admission *admission;
	struct sl_shed *shed;
	struct sl_sources *source_ports; /* NULL: mode fullnat has no addresses */
	struct rte_mbuf *tx[SL_PORTS][BURST];
	unsigned int tx_count[SL_PORTS];
	struct held held[HELD_MAX];
	unsigned int held_count;
	struct sl_punt_meter kernel_meter[SL_PORTS];
	uint64_t kernel_rate; /* configured one that kernel_meter has */
	uint64_t meter_ms, expire_ms;
	int epoll, wake;
	bool interrupts; /* every port that this worker polls has them */
	unsigned int idle_rounds;
	uint32_t sleep_ns;
	uint32_t sleeping; /* others write `wake` if set */
	struct sl_fast_burst fast;
} __attribute__((aligned(128)));

static struct {
	struct worker *worker[SL_WORKERS_MAX];
	unsigned int count;
	struct sl_conn_table *table;
	struct sl_shed *shed_of[SL_CONN_SHARDS];
	uint32_t *retry;
	bool stop;
	uint64_t kernel_rate; /* control thread: tokens a millisecond, burst in the upper half */
} workers;

/* ---- send ----------------------------------------------------------------------------------------------------- */

static void worker_wake(struct worker *w)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&w->sleeping, __ATOMIC_RELAXED) && eventfd_write(w->wake, 1))
		return; /* a full counter has woken it already */
}

static void tx_flush(struct worker *w, unsigned int port)
{
	const struct sl_port *p = sl_port_at(port);
	const unsigned int n = w->tx_count[port];
	unsigned int sent = 0;

	w->tx_count[port] = 0;
	if (w->id >= p->tx_queues) {
		struct worker *owner = workers.worker[w->id % p->tx_queues];

		for (unsigned int i = 0; i < n; i++)
			w->tx[port][i]->port = (uint16_t)port;
		sent = rte_ring_enqueue_burst(owner->outgoing, (void **)w->tx[port], n, NULL);
		worker_wake(owner);
	} else if (p->started && !__atomic_load_n(&p->gone, __ATOMIC_RELAXED)) {
		for (unsigned int i = 0; i < n; i++)
			w->stats.tx_bytes += rte_pktmbuf_pkt_len(w->tx[port][i]);
		sent = rte_eth_tx_burst(p->port_id, (uint16_t)w->id, w->tx[port], (uint16_t)n);
		w->stats.tx_packets += sent;
	}
	for (unsigned int i = sent; i < n; i++) {
		w->stats.tx_dropped++;
		rte_pktmbuf_free(w->tx[port][i]);
	}
}

/* port: a home; the frame leaves by the member that is used for it now. */
static void tx_put(struct worker *w, unsigned int port, struct rte_mbuf *m)
{
	port = sl_bond_out(port);
	w->tx[port][w->tx_count[port]++] = m;
	if (w->tx_count[port] == BURST)
		tx_flush(w, port);
}

static void kernel_put(struct worker *w, unsigned int port, struct rte_mbuf *m)
{
	const uint32_t len = rte_pktmbuf_pkt_len(m);
	struct iovec iov[16];
	int n = 0;

	for (const struct rte_mbuf *s = m; s && n < 16; s = s->next)
		iov[n++] = (struct iovec){ rte_pktmbuf_mtod(s, void *), s->data_len };
	if (!sl_punt_take(&w->kernel_meter[port]) || writev(sl_port_at(port)->kernel_fd, iov, n) != (ssize_t)len) {
		w->stats.reason_packets[SL_REASON_KERNEL_METERED]++;
		w->stats.reason_bytes[SL_REASON_KERNEL_METERED] += len;
	} else {
		w->stats.kernel_tx++;
	}
	rte_pktmbuf_free(m);
}

/* ---- decide --------------------------------------------------------------------------------------------------- */

static void frame_forward(struct worker *w, struct rte_mbuf *m, const struct sl_slow_verdict *v)
{
	const struct sl_rewrite *r = &v->rewrite;
	const uint32_t len = rte_pktmbuf_pkt_len(m);
	char *head;

	if ((r->payload_end < len && rte_pktmbuf_trim(m, (uint16_t)(len - r->payload_end))) ||
	    !rte_pktmbuf_adj(m, r->payload_off) || !(head = rte_pktmbuf_prepend(m, r->head_len))) {
		w->stats.tx_dropped++;
		rte_pktmbuf_free(m);
		return;
	}
	memcpy(head, r->head, r->head_len);
	m->ol_flags = 0;
	tx_put(w, sl_bond_home(v->port, v->shard), m);
}

/* Each piece is a frame of its own; m is only read. */
static void frame_cut(struct worker *w, const struct rte_mbuf *m, const struct sl_slow_verdict *v)
{
	struct sl_cut_piece piece;

	for (unsigned int n = 0; sl_cut_piece(&v->cut, &v->rewrite, n, &piece); n++) {
		const uint32_t len = piece.payload_end - piece.payload_off;
		struct rte_mbuf *out = rte_pktmbuf_alloc(m->pool);
		char *data = out ? rte_pktmbuf_append(out, (uint16_t)(piece.head_len + len)) : NULL;
		const void *payload = data && len ? rte_pktmbuf_read(m, piece.payload_off, len, data + piece.head_len) : NULL;

		if (!data || (len && !payload)) {
			w->stats.tx_dropped++;
			rte_pktmbuf_free(out);
			return;
		}
		memcpy(data, piece.head, piece.head_len);
		if (payload && payload != data + piece.head_len)
			memcpy(data + piece.head_len, payload, len);
		tx_put(w, sl_bond_home(v->port, v->shard), out);
	}
}

static void frame_reply(struct worker *w, const struct sl_slow_verdict *v)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(sl_port_at(v->port)->pool);
	char *data = m ? rte_pktmbuf_append(m, (uint16_t)v->reply.len) : NULL;

	if (!data) {
		w->stats.tx_dropped++;
		rte_pktmbuf_free(m);
		return;
	}
	memcpy(data, v->reply.frame, v->reply.len);
	tx_put(w, v->port, m);
}

/* m NULL: none. */
static void fragment_lost(struct worker *w, struct rte_mbuf *m)
{
	if (!m)
		return;
	w->stats.reason_packets[SL_REASON_FRAG_LOST]++;
	w->stats.reason_bytes[SL_REASON_FRAG_LOST] += rte_pktmbuf_pkt_len(m);
	rte_pktmbuf_free(m);
}

static void frame_hold(struct worker *w, struct rte_mbuf *m, uint32_t index, unsigned int port)
{
	if (w->held_count == HELD_MAX) {
		w->stats.held_dropped++;
		rte_pktmbuf_free(m);
		return;
	}
	w->stats.held++;
	w->held[w->held_count++] = (struct held){ m, index, (uint8_t)port };
}

static void frame_elsewhere(struct worker *w, struct rte_mbuf *m, const struct sl_slow_verdict *v, unsigned int port)
{
	struct worker *owner = workers.worker[v->shard % workers.count];

	m->port = (uint16_t)(port | (v->ports ? PORTS_KNOWN : 0));
	m->hash.usr = v->ports;
	if (rte_ring_enqueue(owner->frames, m)) {
		w->stats.tx_dropped++;
		rte_pktmbuf_free(m);
		return;
	}
	worker_wake(owner);
}

/* What is sent to many comes by every member: the one in use is heard. Also our own comes back by another. */
static bool heard_twice(struct worker *w, const struct rte_mbuf *m, unsigned int port)
{
	if (sl_bond_hears(port) || !(*rte_pktmbuf_mtod(m, const uint8_t *) & 1))
		return false;
	w->stats.reason_packets[SL_REASON_BOND_BACKUP]++;
	w->stats.reason_bytes[SL_REASON_BOND_BACKUP] += rte_pktmbuf_pkt_len(m);
	return true;
}

/* A fragment waits for the first of its datagram. */
static void frame_wait(struct worker *w, struct rte_mbuf *m, uint32_t datagram, unsigned int port)
{
	fragment_lost(w, sl_fragments_hold(w->sp.fragments, datagram, m, port, w->sp.now_ms));
}

static void fragments_go(struct worker *w, uint32_t datagram);

static void frame_do(struct worker *w, struct rte_mbuf *m, unsigned int port, const struct sl_slow_verdict *v)
{
	switch (v->fate) {
	case SL_SLOW_FORWARD:
		if (!v->cut.mtu) {
			frame_forward(w, m, v);
			break;
		}
		frame_cut(w, m, v);
		rte_pktmbuf_free(m);
		break;
	case SL_SLOW_KERNEL:
		kernel_put(w, port, m);
		break;
	case SL_SLOW_HOLD:
		frame_hold(w, m, v->index, port);
		break;
	case SL_SLOW_ELSEWHERE:
		frame_elsewhere(w, m, v, port);
		break;
	case SL_SLOW_WAIT:
		frame_wait(w, m, v->datagram, port);
		return;
	case SL_SLOW_REPLY:
	case SL_SLOW_PASS:
		frame_reply(w, v);
		rte_pktmbuf_free(m);
		break;
	default:
		rte_pktmbuf_free(m);
		break;
	}
	if (v->datagram != SL_FRAGMENT_NONE)
		fragments_go(w, v->datagram);
}

/* Of a datagram whose ports are known. */
static void fragment_run(struct worker *w, struct rte_mbuf *m, unsigned int port, uint32_t ports)
{
	struct sl_slow_verdict v;

	sl_slowpath_run_fragment(&w->sp, rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_pkt_len(m), port, ports, &v);
	frame_do(w, m, port, &v);
}

/* Fragments that have waited for the first one follow it. */
static void fragments_go(struct worker *w, uint32_t datagram)
{
	struct rte_mbuf *m;
	unsigned int port;
	uint32_t ports;

	while ((m = sl_fragments_next(w->sp.fragments, datagram, &ports, &port)))
		fragment_run(w, m, port, ports);
}

/* by: the port that received it. */
static void frame_run(struct worker *w, struct rte_mbuf *m, unsigned int by)
{
	const unsigned int port = sl_bond_lead(by);
	const bool copy = sl_receive_is_copy(m);
	const uint32_t len = rte_pktmbuf_pkt_len(m);
	struct sl_slow_verdict v;

	if (heard_twice(w, m, by)) {
		rte_pktmbuf_free(m);
		return;
	}
	if (rte_pktmbuf_data_len(m) < RTE_MIN(len, (uint32_t)SL_REPLY_QUOTE) && rte_pktmbuf_linearize(m)) {
		w->stats.tx_dropped++;
		rte_pktmbuf_free(m);
		return;
	}
	sl_slowpath_run(&w->sp, rte_pktmbuf_mtod(m, const uint8_t *), len, port, copy, &v);
	frame_do(w, m, port, &v);
}

/* What of a frame the short cut may take: all in one buffer, with room in front. */
static void frame_offer(struct sl_fast_frame *f, struct rte_mbuf *m)
{
	f->fit = m->nb_segs == 1 && rte_pktmbuf_headroom(m) >= SL_FAST_ROOM && !sl_receive_is_copy(m);
	f->data = rte_pktmbuf_mtod(m, uint8_t *);
	f->len = m->data_len;
	f->port = (uint8_t)sl_bond_lead(m->port);
}

static void frame_took_short_cut(struct worker *w, struct rte_mbuf *m, const struct sl_fast_frame *f)
{
	m->data_off = (uint16_t)(f->data - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)f->len;
	m->pkt_len = f->len;
	m->ol_flags = 0;
	tx_put(w, sl_bond_home(f->port, sl_fastpath_shard(f)), m);
}

/* Frames whose `port` is the index of the port that received them. */
static void burst_run(struct worker *w, struct rte_mbuf **m, unsigned int n)
{
	struct sl_fast_burst *burst = &w->fast;

	burst->count = n;
	for (unsigned int i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(m[i], const void *));
		frame_offer(&burst->frame[i], m[i]);
	}
	sl_fastpath_begin(&w->sp, burst);
	for (unsigned int i = 0; i < n; i++) {
		if (sl_fastpath_run(&w->sp, burst, i))
			frame_took_short_cut(w, m[i], &burst->frame[i]);
		else if (burst->frame[i].shed)
			rte_pktmbuf_free(m[i]);
		else
			frame_run(w, m[i], m[i]->port);
	}
}

static void held_run(struct worker *w, uint32_t index)
{
	unsigned int kept = 0, n = w->held_count;
	struct held again[HELD_MAX];

	memcpy(again, w->held, n * sizeof(again[0]));
	w->held_count = 0;
	for (unsigned int i = 0; i < n; i++) {
		if (again[i].index != index)
			w->held[kept++] = again[i];
	}
	w->held_count = kept;
	for (unsigned int i = 0; i < n; i++) {
		if (again[i].index == index)
			frame_run(w, again[i].mbuf, again[i].port);
	}
}

/* ---- receive -------------------------------------------------------------------------------------------------- */

static unsigned int poll_wire(struct worker *w)
{
	struct rte_mbuf *burst[BURST];
	unsigned int total = 0, queue = 0;

	for (unsigned int port = 0; port < sl_port_count(); port++) {
		const struct sl_port *p = sl_port_at(port);

		if (!p->started || __atomic_load_n(&p->gone, __ATOMIC_RELAXED))
			continue;
		for (unsigned int q = w->id; q < p->rx_queues; q += workers.count) {
			const uint64_t before = w->stats.rx_packets;

			burst_run(w, burst, sl_receive(&w->sp, port, q, queue++, burst));
			total += (unsigned int)(w->stats.rx_packets - before);
		}
	}
	return total;
}

static unsigned int poll_kernel(struct worker *w, unsigned int port)
{
	const struct sl_port *p = sl_port_at(port);
	unsigned int n = 0;

	for (; n < BURST; n++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(p->pool);
		ssize_t len;

		if (!m)
			break;
		len = read(p->kernel_fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
		if (len <= 0) {
			rte_pktmbuf_free(m);
			break;
		}
		m->data_len = (uint16_t)len;
		m->pkt_len = (uint32_t)len;
		w->stats.kernel_rx++;
		tx_put(w, port, m);
	}
	return n;
}

/* Does those frames of another worker's that are fragments with known ports; the others remain, how many is returned. */
static unsigned int fragments_out(struct worker *w, struct rte_mbuf **m, unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (m[i]->port & PORTS_KNOWN)
			fragment_run(w, m[i], m[i]->port & ~PORTS_KNOWN, m[i]->hash.usr);
		else
			m[kept++] = m[i];
	}
	return kept;
}

static unsigned int poll_rings(struct worker *w)
{
	struct sl_offload_result result;
	struct rte_mbuf *burst[BURST];
	struct request request;
	unsigned int n = rte_ring_dequeue_burst(w->frames, (void **)burst, BURST, NULL), total = n;

	sl_shed_burst(w->shed, w->sp.services, SL_SHED_RING, n, BURST, w->sp.now_ms);
	n = fragments_out(w, burst, n);
	burst_run(w, burst, n);
	n = rte_ring_dequeue_burst(w->outgoing, (void **)burst, BURST, NULL);
	for (unsigned int i = 0; i < n; i++)
		tx_put(w, burst[i]->port, burst[i]);
	total += n;
	for (n = 0; n < BURST && !rte_ring_dequeue_elem(w->results, &result, sizeof(result)); n++) {
		if (sl_slowpath_offload_done(&w->sp, &result))
			held_run(w, result.index);
	}
	total += n;
	for (n = 0; n < BURST && !rte_ring_dequeue_elem(w->requests, &request, sizeof(request)); n++)
		sl_slowpath_evict(&w->sp, request.index, request.check);
	return total + n + sl_learn_run(w->id, &w->sp);
}

/* ---- time ----------------------------------------------------------------------------------------------------- */

static uint64_t boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sl_worker_configure(const struct sl_config *config)
{
	const struct sl_config_meter *m = &config->node.meters[SL_METERED_KERNEL];
	const uint64_t rate = ((uint64_t)m->rate_pps * SL_PUNT_FRAME_TOKENS + 500) / 1000;

	__atomic_store_n(&workers.kernel_rate, (uint64_t)m->burst << 32 | (rate ? rate : 1), __ATOMIC_RELAXED);
}

/* The meters of the kernel interfaces follow the configuration. */
static void kernel_meters_set(struct worker *w)
{
	const uint64_t rate = __atomic_load_n(&workers.kernel_rate, __ATOMIC_RELAXED);

	if (rate == w->kernel_rate)
		return;
	w->kernel_rate = rate;
	for (unsigned int i = 0; i < sl_port_count(); i++)
		sl_punt_set(&w->kernel_meter[i], (uint32_t)rate, (uint32_t)(rate >> 32));
}

static void worker_tick(struct worker *w)
{
	const uint64_t now = boot_ms();
	const uint32_t elapsed = (uint32_t)(now - w->meter_ms);

	w->sp.now_ms = now;
	if (elapsed) {
		w->meter_ms = now;
		kernel_meters_set(w);
		for (unsigned int i = 0; i < sl_port_count(); i++)
			sl_punt_tick(&w->kernel_meter[i], elapsed);
	}
	for (unsigned int i = 0; elapsed && i < sl_port_count(); i++) {
		const struct sl_port *p = sl_port_at(sl_bond_out(i));

		w->sp.port[i].up = p->started && !p->gone;
	}
	if (now - w->expire_ms >= EXPIRE_EVERY_MS) {
		struct rte_mbuf *m;

		w->expire_ms = now;
		while ((m = sl_fragments_expire(w->sp.fragments, now)))
			fragment_lost(w, m);
		sl_slowpath_expire(&w->sp, sl_conn_table_capacity(workers.table) / SL_CONN_SHARDS / EXPIRE_PASSES + 1);
	}
}

static void interrupts_arm(const struct worker *w, bool on)
{
	for (unsigned int port = 0; w->interrupts && port < sl_port_count(); port++) {
		const struct sl_port *p = sl_port_at(port);

		for (unsigned int q = w->id; q < p->rx_queues; q += workers.count) {
			if (on)
				rte_eth_dev_rx_intr_enable(p->port_id, (uint16_t)q);
			else
				rte_eth_dev_rx_intr_disable(p->port_id, (uint16_t)q);
		}
	}
}

static void worker_sleep(struct worker *w)
{
	const struct timespec wait = { 0, w->interrupts ? SLEEP_INTERRUPT_NS : w->sleep_ns };
	struct epoll_event events[SL_PORTS * 2];
	uint64_t drained;
	int n;

	rcu_thread_offline();
	n = epoll_pwait2(w->epoll, events, SL_PORTS * 2, &wait, NULL);
	for (int i = 0; i < n; i++) {
		/* Event descriptors are emptied here; a kernel interface (negative) is read by the loop. */
		if (events[i].data.fd >= 0 && read(events[i].data.fd, &drained, sizeof(drained)) < 0)
			continue;
	}
	rcu_thread_online();
	w->sleep_ns = RTE_MIN(w->sleep_ns * 2, SLEEP_POLL_MAX_NS);
}

/* Nothing to do: yield some rounds, then arm interrupts, look once more, and sleep. */
static void worker_idle(struct worker *w)
{
	if (w->idle_rounds < IDLE_ROUNDS) {
		w->idle_rounds++;
		rcu_quiescent_state();
		sched_yield();
		return;
	}
	if (!w->sleeping) {
		interrupts_arm(w, true);
		__atomic_store_n(&w->sleeping, 1, __ATOMIC_SEQ_CST);
		return; /* the loop looks once more */
	}
	worker_sleep(w);
	__atomic_store_n(&w->sleeping, 0, __ATOMIC_RELAXED);
	interrupts_arm(w, false);
}

static void worker_busy(struct worker *w)
{
	if (w->sleeping) {
		__atomic_store_n(&w->sleeping, 0, __ATOMIC_RELAXED);
		interrupts_arm(w, false);
	}
	w->idle_rounds = 0;
	w->sleep_ns = SLEEP_MIN_NS;
}

static void held_free(struct worker *w)
{
	struct rte_mbuf *m;

	while ((m = sl_fragments_drain(w->sp.fragments)))
		rte_pktmbuf_free(m);
	while (w->held_count)
		rte_pktmbuf_free(w->held[--w->held_count].mbuf);
}

static int worker_loop(void *arg)
{
	struct worker *w = arg;

	rcu_register_thread();
	while (!__atomic_load_n(&workers.stop, __ATOMIC_RELAXED)) {
		unsigned int n = 0;

		w->sp.services = sl_services_current();
		worker_tick(w);
		n += poll_wire(w);
		n += poll_rings(w);
		for (unsigned int port = w->id; port < sl_port_count(); port += workers.count)
			n += sl_bond_member(port) ? 0 : poll_kernel(w, port);
		for (unsigned int port = 0; port < sl_port_count(); port++) {
			if (w->tx_count[port])
				tx_flush(w, port);
		}
		rcu_quiescent_state();
		if (n)
			worker_busy(w);
		else
			worker_idle(w);
	}
	held_free(w);
	rcu_unregister_thread();
	return 0;
}

/* ---- start and end -------------------------------------------------------------------------------------------- */

static int watch_fd(const struct worker *w, int fd, int data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = data };

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Interrupts of all queues this worker polls, or none. */
static void watch_interrupts(struct worker *w)
{
	w->interrupts = sl_port_count() > 0;
	for (unsigned int port = 0; port < sl_port_count(); port++) {
		const struct sl_port *p = sl_port_at(port);

		for (unsigned int q = w->id; q < p->rx_queues; q += workers.count) {
			const int fd = rte_eth_dev_rx_intr_ctl_q_get_fd(p->port_id, (uint16_t)q);

			if (fd < 0 || rte_eth_dev_rx_intr_enable(p->port_id, (uint16_t)q) || watch_fd(w, fd, fd))
				w->interrupts = false;
		}
	}
}

static struct rte_ring *ring_make(const char *what, unsigned int id, unsigned int size, unsigned int elem)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%u", what, id);
	return elem ? rte_ring_create_elem(name, elem, size, SOCKET_ID_ANY, RING_F_SC_DEQ)
		    : rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SC_DEQ);
}

static uint32_t shards_of(unsigned int id)
{
	uint32_t shards = 0;

	for (unsigned int shard = id; shard < SL_CONN_SHARDS; shard += workers.count)
		shards |= 1u << shard;
	return shards;
}

static void slowpath_init(struct worker *w, const struct sl_config *config)
{
	w->sp = (struct sl_slowpath){ .table = workers.table, .shards = shards_of(w->id), .stats = &w->stats,
				      .backends = w->backends, .retry = workers.retry, .offload = sl_offload_submit,
				      .capable = sl_offload_capable, .entropy = { ENTROPY_SEED0, ENTROPY_SEED1 },
				      .fragments = w->fragments, .admission = w->admission, .shed = w->shed,
				      .source_ports = w->source_ports, .now_ms = boot_ms() };
	for (unsigned int i = 0; i < sl_port_count(); i++) {
		memcpy(w->sp.port[i].mac, sl_port_at(i)->mac, 6);
		w->sp.port[i].up = true;
		for (unsigned int t = 0; t < config->ports[i].vtep_count; t++)
			w->sp.port[i].vtep[config->ports[i].vtep[t].family == 6] = config->ports[i].vtep[t];
	}
	w->shed->own = (uint32_t)__builtin_popcount(w->sp.shards) * 256 / SL_CONN_SHARDS;
	for (unsigned int shard = w->id; shard < SL_CONN_SHARDS; shard += workers.count)
		workers.shed_of[shard] = w->shed;
	w->sp.shed_of = workers.shed_of; /* complete before a worker runs */
	kernel_meters_set(w);
	w->meter_ms = w->expire_ms = w->sp.now_ms;
}

static void worker_free(struct worker *w)
{
	close(w->epoll);
	close(w->wake);
	rte_ring_free(w->frames);
	rte_ring_free(w->outgoing);
	rte_ring_free(w->results);
	rte_ring_free(w->requests);
	free(w->backends);
	sl_fragments_destroy(w->fragments);
	sl_admission_destroy(w->admission);
	sl_shed_destroy(w->shed);
	sl_sources_destroy(w->source_ports);
	free(w);
}

static struct worker *worker_make(const struct sl_config *config, unsigned int id)
{
	struct worker *w = aligned_alloc(128, sizeof(*w));

	if (!w)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->id = id;
	w->sleep_ns = SLEEP_MIN_NS;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->backends = calloc(SL_SERVICE_IDS + 1, sizeof(*w->backends));
	w->fragments = sl_fragments_create(rte_rand());
	w->admission = sl_admission_create(SL_CONN_SHARDS);
	w->shed = sl_shed_create((uint32_t)rte_rand());
	w->source_ports = config->node.fullnat.source_count ? sl_sources_create(workers.table, &config->node.fullnat) : NULL;
	w->frames = ring_make("frames", id, RING_MBUFS, 0);
	w->outgoing = ring_make("outgoing", id, RING_MBUFS, 0);
	w->results = ring_make("results", id, RING_RESULTS, sizeof(struct sl_offload_result));
	w->requests = ring_make("requests", id, RING_REQUESTS, sizeof(struct request));
	if (w->epoll < 0 || w->wake < 0 || !w->backends || !w->fragments || !w->admission || !w->shed || !w->frames || !w->outgoing ||
	    !w->results || !w->requests || (config->node.fullnat.source_count && !w->source_ports) || watch_fd(w, w->wake, w->wake)) {
		worker_free(w);
		return NULL;
	}
	for (unsigned int port = id; port < sl_port_count(); port += workers.count)
		if (!sl_bond_member(port))
			watch_fd(w, sl_port_at(port)->kernel_fd, -1);
	slowpath_init(w, config);
	return w;
}

int sl_worker_init(const struct sl_config *config, unsigned int count, struct sl_conn_table *table, uint32_t *adopted,
		   char *err, size_t err_len)
{
	const struct sl_services *services = sl_services_current();

	workers.table = table;
	sl_worker_configure(config);
	workers.count = count;
	workers.stop = false;
	workers.retry = calloc(sl_conn_table_capacity(table), sizeof(*workers.retry));
	*adopted = 0;
	for (unsigned int i = 0; workers.retry && i < count; i++) {
		workers.worker[i] = worker_make(config, i);
		if (!workers.worker[i])
			break;
		workers.worker[i]->sp.services = services;
		*adopted += sl_slowpath_adopt(&workers.worker[i]->sp);
	}
	if (workers.retry && workers.worker[count - 1])
		return 0;
	snprintf(err, err_len, "out of memory for %u workers", count);
	return -ENOMEM;
}

int sl_worker_start_all(char *err, size_t err_len)
{
	unsigned int lcore, i = 0;

	RTE_LCORE_FOREACH_WORKER(lcore) {
		if (i == workers.count)
			break;
		workers.worker[i]->lcore = lcore;
		watch_interrupts(workers.worker[i]);
		if (rte_eal_remote_launch(worker_loop, workers.worker[i], lcore)) {
			snprintf(err, err_len, "worker %u does not start on lcore %u", i, lcore);
			return -EAGAIN;
		}
		sl_log(SL_LOG_INFO, "worker-start", "worker=%u lcore=%u interrupts=%s", i, lcore,
		       workers.worker[i]->interrupts ? "yes" : "no");
		i++;
	}
	if (i == workers.count)
		return 0;
	snprintf(err, err_len, "%u lcores for %u workers", i, workers.count);
	return -EAGAIN;
}

void sl_worker_stop_all(void)
{
	__atomic_store_n(&workers.stop, true, __ATOMIC_RELAXED);
	rte_eal_mp_wait_lcore();
}

void sl_worker_fini(void)
{
	for (unsigned int i = 0; i < workers.count; i++) {
		struct worker *w = workers.worker[i];

		if (w)
			worker_free(w);
		workers.worker[i] = NULL;
	}
	free(workers.retry);
	workers.retry = NULL;
}

/* ---- other threads -------------------------------------------------------------------------------------------- */

void sl_worker_stats_sum(struct sl_worker_stats *sum)
{
	uint64_t *to = (uint64_t *)sum;

	memset(sum, 0, sizeof(*sum));
	for (unsigned int i = 0; i < workers.count; i++) {
		const uint64_t *from = (const uint64_t *)&workers.worker[i]->stats;

		for (size_t n = 0; n < sizeof(*sum) / sizeof(*to); n++)
			to[n] += __atomic_load_n(&from[n], __ATOMIC_RELAXED);
	}
}

static struct sl_backend_stats backend_before[SL_SERVICE_IDS]; /* counted for earlier owners of the id; control thread */

static void backend_sum(uint32_t id, struct sl_backend_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	sl_offload_backend_counters(id, &sum->hw_packets, &sum->hw_bytes);
	for (unsigned int i = 0; i < workers.count; i++) {
		const struct sl_slow_backend *b = &workers.worker[i]->backends[id];

		sum->connections += b->connections;
		sum->connections_total += b->connections_total;
		sum->sw_packets += b->packets;
		sum->sw_bytes += b->bytes;
		sum->hw_packets += b->first_packets;
		sum->hw_bytes += b->first_bytes;
	}
}

void sl_worker_backend_stats(uint32_t id, struct sl_backend_stats *sum)
{
	memset(sum, 0, sizeof(*sum));
	if (id >= SL_SERVICE_IDS)
		return;
	backend_sum(id, sum);
	sum->connections_total -= backend_before[id].connections_total;
	sum->sw_packets -= backend_before[id].sw_packets;
	sum->sw_bytes -= backend_before[id].sw_bytes;
	sum->hw_packets -= backend_before[id].hw_packets;
	sum->hw_bytes -= backend_before[id].hw_bytes;
}

void sl_worker_backend_new(uint32_t id)
{
	backend_sum(id, &backend_before[id]);
}

static struct worker *owner_of(uint32_t index)
{
	return workers.worker[sl_conn_shard_of(workers.table, index) % workers.count];
}

int sl_worker_evict(uint32_t index, uint32_t check)
{
	struct worker *w = owner_of(index);
	struct request request = { index, check };

	if (rte_ring_enqueue_elem(w->requests, &request, sizeof(request)))
		return -EAGAIN;
	worker_wake(w);
	return 0;
}

bool sl_worker_offload_result(const struct sl_offload_result *result)
{
	struct worker *w = owner_of(result->index);
	struct sl_offload_result copy = *result;

	if (rte_ring_enqueue_elem(w->results, &copy, sizeof(copy)))
		return false;
	worker_wake(w);
	return true;
}
