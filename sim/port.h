/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port of the simulated card: what is on its wire. One file per kind: port_tap.c, port_packet.c, port_pcap.c. A port
 * takes and gives whole Ethernet frames as a real wire carries them: no longer than its MTU allows, with complete
 * checksums. It never blocks. A full send queue drops the frame and counts it.
 */
#ifndef SLUICE_SIM_PORT_H
#define SLUICE_SIM_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_PORT_FRAME_ROOM 65536u /* room that recv() needs; a port may deliver what the card then drops as OVERSIZE */
#define SL_PORT_NAME_MAX   256

struct sl_port;

struct sl_port_ops {
	/* The next frame of the wire: its length, 0 if there is none now. */
	uint32_t (*recv)(struct sl_port *port, uint8_t *frame);
	void (*send)(struct sl_port *port, const uint8_t *frame, uint32_t len);
	bool (*link)(struct sl_port *port);
	void (*close)(struct sl_port *port); /* frees the port */
};

struct sl_port_tally {
	uint64_t rx_frames, rx_errors; /* from the wire; frames that could not be made whole */
	uint64_t rx_csums, rx_segments; /* checksums completed, frames cut from larger ones */
	uint64_t tx_frames, tx_dropped;
};

struct sl_port {
	const struct sl_port_ops *ops;
	const char *kind;
	char name[SL_PORT_NAME_MAX];
	int fd;              /* readable when recv() has frames; -1: recv() always knows at once */
	bool waits;          /* recv() is not called before the card has enabled the port */
	bool ended;          /* will never receive again */
	uint8_t mac[6];      /* factory MAC of the card's port */
	uint16_t mtu;        /* longest IP packet that the wire carries */
	struct sl_port_tally stats;
};

/* What the text after "--port" says. */
struct sl_port_spec {
	char kind[16];               /* "tap", "afpacket", "pcap" */
	char name[SL_PORT_NAME_MAX]; /* interface, or file to read ("" none) */
	char out[SL_PORT_NAME_MAX];  /* pcap: file to write ("" none) */
	bool has_mac;
	uint8_t mac[6];
	uint16_t mtu; /* 0: as the interface has it, or 1500 */
};

/* 0, or -EINVAL with a sentence in err. */
int sl_port_parse(const char *text, struct sl_port_spec *spec, char *err, size_t err_len);
/* NULL on failure, with a sentence in err. */
struct sl_port *sl_port_open(const struct sl_port_spec *spec, char *err, size_t err_len);

struct sl_port *sl_port_tap_open(const struct sl_port_spec *spec, char *err, size_t err_len);
struct sl_port *sl_port_packet_open(const struct sl_port_spec *spec, char *err, size_t err_len);
struct sl_port *sl_port_pcap_open(const struct sl_port_spec *spec, char *err, size_t err_len);

#endif
