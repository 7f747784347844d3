/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes wire frames of what a kernel hands over before its offloads have run: a frame with an unfinished checksum, or one
 * large frame that stands for many (TCP or UDP segmentation offload), as described by a virtio-net header. Inside a
 * tunnel (VXLAN, IP in IP) the outer headers are finished too. Freestanding; no allocation.
 */
#ifndef SLUICE_SIM_PORT_SEGMENT_H
#define SLUICE_SIM_PORT_SEGMENT_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 /* since Linux 6.2; older headers do not name it */
#endif

#define SL_SEGMENT_MAX    65000u /* longest frame made */
#define SL_SEGMENT_LEVELS 3      /* IP headers before the payload */

struct sl_segment {
	const uint8_t *frame; /* the large frame; stays the caller's, and unchanged */
	uint32_t len;
	uint32_t next;        /* payload offset of the next segment */
	uint32_t size;        /* payload bytes per segment */
	uint32_t headers;     /* length of all headers */
	uint32_t count;       /* segments made */
	uint32_t l4;          /* offset of the innermost TCP or UDP header */
	uint8_t proto;        /* 6 or 17; 0: no segmentation */
	uint8_t gso;          /* virtio GSO type, without the ECN bit */
	unsigned int levels;
	uint32_t l3[SL_SEGMENT_LEVELS];  /* offsets of the IP headers, outer first */
	uint32_t udp[SL_SEGMENT_LEVELS]; /* offset of the tunnel's UDP header under l3[i], 0 none */
	struct virtio_net_hdr offload;
	bool done;
};

/* Begins with a frame as the kernel gave it. -EINVAL if the description does not fit the frame or a frame made
 * would be longer than SL_SEGMENT_MAX. */
int sl_segment_begin(struct sl_segment *s, const struct virtio_net_hdr *offload, const uint8_t *frame, uint32_t len);
/* The next wire frame, into a buffer of SL_SEGMENT_MAX bytes; its length, 0 when all have been made. */
uint32_t sl_segment_next(struct sl_segment *s, uint8_t *out);

#endif
