/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port whose wire is a pair of capture files: frames come from one (once, from the moment the card enables the port,
 * as fast as the card takes them) and go to the other. Either may be missing.
 */
#include "sim/port.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PCAP_MTU_DEFAULT 1500
#define PCAP_SNAPLEN     65535

struct pcap_port {
	struct sl_port port; /* first */
	pcap_t *in;
	pcap_t *format; /* what the output is written as */
	pcap_dumper_t *out;
};

static uint32_t pcap_port_recv(struct sl_port *port, uint8_t *frame)
{
	struct pcap_port *p = (struct pcap_port *)port;
	struct pcap_pkthdr *header;
	const u_char *data;

	for (;;) {
		if (p->in == NULL || pcap_next_ex(p->in, &header, &data) != 1) {
			port->ended = true;
			return 0;
		}
		if (header->caplen == header->len && header->len > 0 && header->len <= PCAP_SNAPLEN)
			break;
		port->stats.rx_errors++; /* cut when it was captured */
	}
	memcpy(frame, data, header->len);
	port->stats.rx_frames++;
	return header->len;
}

/* Flushed at once: whoever follows the file sees each frame, and a killed card loses none. */
static void pcap_port_send(struct sl_port *port, const uint8_t *frame, uint32_t len)
{
	struct pcap_port *p = (struct pcap_port *)port;
	struct pcap_pkthdr header = { .caplen = len, .len = len };
	struct timespec now;

	port->stats.tx_frames++;
	if (p->out == NULL)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	header.ts.tv_sec = now.tv_sec;
	header.ts.tv_usec = now.tv_nsec / 1000;
	pcap_dump((u_char *)p->out, &header, frame);
	pcap_dump_flush(p->out);
}

static bool pcap_port_link(struct sl_port *port)
{
	(void)port;
	return true;
}

static void pcap_port_close(struct sl_port *port)
{
	struct pcap_port *p = (struct pcap_port *)port;

	if (p->out != NULL)
		pcap_dump_close(p->out);
	if (p->format != NULL)
		pcap_close(p->format);
	if (p->in != NULL)
		pcap_close(p->in);
	free(p);
}

static const struct sl_port_ops pcap_ops = {
	.recv = pcap_port_recv,
	.send = pcap_port_send,
	.link = pcap_port_link,
	.close = pcap_port_close,
};

struct sl_port *sl_port_pcap_open(const struct sl_port_spec *spec, char *err, size_t err_len)
{
	struct pcap_port *p = calloc(1, sizeof(*p));
	char why[PCAP_ERRBUF_SIZE] = "out of memory";

	if (p == NULL)
		goto failed;
	if (spec->name[0] != '\0') {
		p->in = pcap_open_offline(spec->name, why);
		if (p->in == NULL)
			goto failed;
		if (pcap_datalink(p->in) != DLT_EN10MB) {
			snprintf(why, sizeof(why), "not a capture of Ethernet frames");
			goto failed;
		}
	}
	if (spec->out[0] != '\0') {
		p->format = pcap_open_dead(DLT_EN10MB, PCAP_SNAPLEN);
		if (p->format == NULL)
			goto failed;
		p->out = pcap_dump_open(p->format, spec->out);
		if (p->out == NULL) {
			snprintf(why, sizeof(why), "%s", pcap_geterr(p->format));
			goto failed;
		}
	}
	p->port.ops = &pcap_ops;
	p->port.kind = "pcap";
	p->port.fd = -1;
	p->port.waits = true;
	memcpy(p->port.name, spec->name, sizeof(p->port.name));
	memcpy(p->port.mac, spec->mac, sizeof(p->port.mac));
	p->port.mtu = spec->mtu != 0 ? spec->mtu : PCAP_MTU_DEFAULT;
	return &p->port;
failed:
	snprintf(err, err_len, "port pcap:%s,%s: %s", spec->name, spec->out, why);
	if (p != NULL)
		pcap_port_close(&p->port);
	return NULL;
}
