/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames of gratuitous.h, through a packet socket: the kernel has no call for an address it holds already. */
#include "host/gratuitous.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct arp_frame {
	struct ether_header eth;
	struct ether_arp arp;
} __attribute__((packed));

struct advertisement {
	struct nd_neighbor_advert na;
	uint8_t option_type, option_len, mac[6];
} __attribute__((packed));

struct nd_frame {
	struct ether_header eth;
	struct ip6_hdr ip6;
	struct advertisement nd;
} __attribute__((packed));

_Static_assert(sizeof(struct arp_frame) == 42, "arp_frame");
_Static_assert(sizeof(struct advertisement) == 32, "advertisement");
_Static_assert(sizeof(struct nd_frame) == 86, "nd_frame");

static size_t put_arp(struct arp_frame *f, const uint8_t mac[6], const uint8_t address[4])
{
	memset(f, 0, sizeof(*f));
	memset(f->eth.ether_dhost, 0xff, ETH_ALEN);
	memcpy(f->eth.ether_shost, mac, ETH_ALEN);
	f->eth.ether_type = htons(ETHERTYPE_ARP);
	f->arp.ea_hdr.ar_hrd = htons(ARPHRD_ETHER);
	f->arp.ea_hdr.ar_pro = htons(ETHERTYPE_IP);
	f->arp.ea_hdr.ar_hln = ETH_ALEN;
	f->arp.ea_hdr.ar_pln = 4;
	f->arp.ea_hdr.ar_op = htons(ARPOP_REQUEST);
	memcpy(f->arp.arp_sha, mac, ETH_ALEN);
	memcpy(f->arp.arp_spa, address, 4);
	memcpy(f->arp.arp_tpa, address, 4);
	return sizeof(*f);
}

static uint32_t add_words(uint32_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static size_t put_nd(struct nd_frame *f, const uint8_t mac[6], const uint8_t address[16])
{
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	uint32_t sum = IPPROTO_ICMPV6 + sizeof(f->nd);

	memset(f, 0, sizeof(*f));
	memcpy(f->eth.ether_dhost, (const uint8_t[6]){ 0x33, 0x33, 0, 0, 0, 1 }, ETH_ALEN);
	memcpy(f->eth.ether_shost, mac, ETH_ALEN);
	f->eth.ether_type = htons(ETHERTYPE_IPV6);
	f->ip6.ip6_flow = htonl(6u << 28);
	f->ip6.ip6_plen = htons(sizeof(f->nd));
	f->ip6.ip6_nxt = IPPROTO_ICMPV6;
	f->ip6.ip6_hlim = 255;
	memcpy(&f->ip6.ip6_src, address, 16);
	memcpy(&f->ip6.ip6_dst, all_nodes, 16);
	f->nd.na.nd_na_type = ND_NEIGHBOR_ADVERT;
	f->nd.na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
	memcpy(&f->nd.na.nd_na_target, address, 16);
	f->nd.option_type = ND_OPT_TARGET_LINKADDR;
	f->nd.option_len = 1;
	memcpy(f->nd.mac, mac, ETH_ALEN);
	sum = add_words(add_words(add_words(sum, address, 16), all_nodes, 16), &f->nd, sizeof(f->nd));
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	f->nd.na.nd_na_cksum = htons((uint16_t)~sum);
	return sizeof(*f);
}

int sl_gratuitous_send(int ifindex, const uint8_t mac[6], const uint8_t address[16], uint8_t family)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = ETH_ALEN };
	union {
		struct arp_frame arp;
		struct nd_frame nd;
	} frame;
	size_t len = family == 4 ? put_arp(&frame.arp, mac, address) : put_nd(&frame.nd, mac, address);
	/* Protocol 0: this socket receives nothing. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	rc = sendto(fd, &frame, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}
