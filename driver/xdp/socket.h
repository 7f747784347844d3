/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AF_XDP sockets: one for each queue of a port's interface, with frames of its own that packets are copied from and to. Its
 * receive half is used by one thread, its transmit half by one, which may be another.
 */
#ifndef SLUICE_DRIVER_XDP_SOCKET_H
#define SLUICE_DRIVER_XDP_SOCKET_H

#include <rte_mempool.h>
#include <xdp/xsk.h>

#include "driver/fpga/port.h"
#include "driver/xdp/datapath.h"

#define SL_XDP_FRAME 4096u
/* Bytes of a frame that the kernel keeps before the packet. */
#define SL_XDP_HEADROOM 256u
/* The longest packet in one frame; longer ones are in several where the kernel does that (6.6 and later). */
#define SL_XDP_PACKET_MAX (SL_XDP_FRAME - SL_XDP_HEADROOM)
/* Frames of each half, and entries of its rings. */
#define SL_XDP_RING 2048u

/* Both halves; freed when neither is in use. */
struct sl_xdp_socket {
	struct xsk_socket *xsk;
	struct xsk_umem *umem;
	uint8_t *frames; /* 2 x SL_XDP_RING: received ones, then those to send */
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons rx, completion;
	int fd;
	bool parts; /* packets longer than a frame are taken and given */
};

struct sl_xdp_rxq {
	struct sl_queue_counts counts; /* first */
	struct sl_xdp_socket *socket;
	struct rte_mempool *pool;
	uint16_t port_id;
	uint16_t queue;
	bool scatter; /* a packet that one mbuf has no room for is put into several; else it is an error */
};

struct sl_xdp_txq {
	struct sl_queue_counts counts; /* first */
	struct sl_xdp_socket *socket;
	uint32_t *spare; /* frames that may be written: a stack */
	uint32_t spares;
};

/* Makes a socket on a queue and has the program give it frames. NULL: errno, logged. */
struct sl_xdp_socket *sl_xdp_socket_open(struct sl_xdp *x, uint32_t port, uint32_t queue);
/* The program's frames go to the kernel from now on. */
void sl_xdp_socket_close(struct sl_xdp *x, uint32_t port, uint32_t queue, struct sl_xdp_socket *s);

/* Ethdev bursts. Received mbufs have the metadata that driver/fpga/rx.c describes. */
uint16_t sl_xdp_rx_burst(void *queue, struct rte_mbuf **packets, uint16_t n);
uint16_t sl_xdp_tx_burst(void *queue, struct rte_mbuf **packets, uint16_t n);

#endif
