/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as a plain struct. sl_config_load() reads YAML (docs/config.md), checks it as a whole and returns
 * a struct that nobody needs to check again; it opens no device and changes nothing. The struct is immutable after that
 * and belongs to the caller. Sizes are bounded by the constants below.
 */
#ifndef SLUICE_HOST_CONFIG_H
#define SLUICE_HOST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_CONFIG_NAME_MAX 64      /* bytes of a name with its NUL */
#define SL_CONFIG_PATH_MAX 108     /* bytes of a path with its NUL (a socket's limit) */
#define SL_CONFIG_DEVICE_MAX 256   /* bytes of EAL devargs with their NUL */
#define SL_CONFIG_PORTS_MAX 8
#define SL_CONFIG_ADDRESSES_MAX 16 /* of one kernel interface; also trusted sources of one tenant */
#define SL_CONFIG_TENANTS_MAX 256
#define SL_CONFIG_SERVICES_MAX 1024
#define SL_CONFIG_BACKENDS_MAX 256 /* of one service */
#define SL_CONFIG_FILE_MAX (4u << 20) /* bytes of a file */

/* An IP address; family 4 or 6, 0 for none. IPv4 in the first four bytes, the others zero: comparable by memcmp. */
struct sl_addr {
	uint8_t family;
	uint8_t bytes[16];
};

struct sl_prefix {
	struct sl_addr addr;
	uint8_t len;
};

/* The numbers are kept in shared memory. */
enum sl_mode { SL_MODE_DSR_L2, SL_MODE_NAT, SL_MODE_IPIP, SL_MODE_VXLAN, SL_MODE_GRE, SL_MODE_GUE, SL_MODE_GENEVE,
	       SL_MODE_FULLNAT };
#define SL_MODES 8u

/* Addresses and ports are translated, both ways pass the balancer. */
static inline bool sl_mode_nat(unsigned int mode)
{
	return mode == SL_MODE_NAT || mode == SL_MODE_FULLNAT;
}

/* A tunnel into a virtual network: with VTEP, VNI and an inner Ethernet header. */
static inline bool sl_mode_virtual(unsigned int mode)
{
	return mode == SL_MODE_VXLAN || mode == SL_MODE_GENEVE;
}

static inline bool sl_mode_tunnel(unsigned int mode)
{
	return mode >= SL_MODE_IPIP && mode <= SL_MODE_GENEVE;
}
enum sl_bond_mode { SL_BOND_ACTIVE_BACKUP, SL_BOND_BALANCE_XOR };
enum sl_offload_policy { SL_OFFLOAD_ESTABLISHED, SL_OFFLOAD_PACKETS, SL_OFFLOAD_NEVER };
enum sl_challenge { SL_CHALLENGE_AUTO, SL_CHALLENGE_ALWAYS, SL_CHALLENGE_NEVER }; /* auto: nat, when half_open is used up */
enum sl_first_packet { SL_FIRST_PACKET_HOST, SL_FIRST_PACKET_XDP }; /* who decides new connections */
enum sl_health_type { SL_HEALTH_NONE, SL_HEALTH_TCP };

struct sl_config_offload {
	uint8_t policy;       /* enum sl_offload_policy: TCP at handshake done, or after `packets`, or never */
	uint32_t packets;     /* policy packets: forwarded packets of a TCP connection before offload */
	uint32_t udp_packets; /* forwarded packets of a UDP flow before offload (any policy but never) */
};

struct sl_config_timeouts {
	uint32_t syn_ms;         /* TCP, handshake not done */
	uint32_t established_ms; /* TCP, idle */
	uint32_t fin_ms;         /* TCP after FIN or RST */
	uint32_t udp_ms;         /* UDP, idle */
};

/* How many connections of a service there may be, and whether a client has to show that it is real. */
struct sl_config_admission {
	uint32_t connections;
	uint32_t half_open; /* of them without proof: no handshake done, UDP of less than three packets */
	uint8_t challenge;  /* enum sl_challenge */
};

struct sl_config_health {
	uint8_t type;         /* enum sl_health_type */
	uint16_t port;        /* 0: the backend's port (nat, fullnat), else the service's */
	uint32_t interval_ms; /* from start of a check to the start of the next */
	uint32_t timeout_ms;  /* <= interval_ms */
	uint8_t rise, fall;
};

/* Classes of frames that reach the host, each under a meter of its own. */
enum sl_metered {
	SL_METERED_SYN,      /* TCP SYN to a VIP */
	SL_METERED_CLOSE,    /* FIN and RST: copies, and what no connection knows */
	SL_METERED_FRAGMENT,
	SL_METERED_TTL,      /* TTL or hop limit 1 and less */
	SL_METERED_VIP,      /* to a VIP, of no connection in the card */
	SL_METERED_SOURCE,   /* from a backend of nat or fullnat, likewise */
	SL_METERED_TUNNEL,   /* inside a trusted tunnel, likewise */
	SL_METERED_KERNEL,   /* everything else */
	SL_METERED_CLASSES,
};

struct sl_config_meter {
	uint32_t rate_pps;
	uint32_t burst;      /* frames; at least what the rate gives in a millisecond */
};

/* Where connections of mode fullnat come from, as backends see them. */
struct sl_config_fullnat {
	unsigned int source_count;
	struct sl_addr source[SL_CONFIG_ADDRESSES_MAX];
	uint16_t port_lo, port_hi;
	uint32_t quarantine_ms; /* that a port rests after its connection, as its backend may still remember that */
};

struct sl_config_node {
	char name[SL_CONFIG_NAME_MAX];
	uint32_t workers;
	char state[SL_CONFIG_PATH_MAX];   /* connection table's shared memory file */
	char control[SL_CONFIG_PATH_MAX]; /* control socket */
	uint32_t max_connections;
	uint32_t maglev_size;             /* entries of a service's table, a prime */
	uint64_t hash_seed;               /* the same on every node of a cluster */
	struct sl_config_offload offload;   /* default of services */
	struct sl_config_timeouts timeouts; /* default of services */
	struct sl_config_meter meters[SL_METERED_CLASSES]; /* of each port */
	struct sl_config_fullnat fullnat;
};

/* A bond of the file is a row of ports here, one a member, that have all but name and device in common. */
struct sl_config_bond {
	char name[SL_CONFIG_NAME_MAX];
	uint8_t mode;         /* enum sl_bond_mode */
	uint8_t members;      /* 0: the port is in no bond */
	uint8_t member;       /* this one's place, from 0 */
	uint32_t up_delay_ms; /* a member is used again after its link has been up so long */
};

struct sl_config_port {
	char name[SL_CONFIG_NAME_MAX];
	char device[SL_CONFIG_DEVICE_MAX]; /* vdev devargs ("net_sluice0,bus=...") or a PCI address with devargs */
	uint16_t mtu;
	char kernel_interface[16];
	bool kernel_pass; /* the kernel keeps the wire's interface and what no rule names; addresses are put there */
	unsigned int kernel_address_count;
	struct sl_prefix kernel_address[SL_CONFIG_ADDRESSES_MAX];
	unsigned int vtep_count;           /* own tunnel addresses, at most one of each family */
	struct sl_addr vtep[2];
	struct sl_config_bond bond;
};

/* An outer source whose tunnel packets are believed. */
struct sl_config_source {
	struct sl_addr address;
	uint8_t tunnel;   /* enum sl_mode, one that is a tunnel: VXLAN and Geneve with the tenant's VNI */
	bool has_key;
	uint32_t key;     /* gre: the key that its packets carry, not 0; without it any or none */
};

struct sl_config_tenant {
	char name[SL_CONFIG_NAME_MAX];
	uint16_t id;     /* 0 is the tenant "default", always present as tenants[0]: untagged, no tunnel */
	uint16_t vlan;   /* 1..4094, or 0 */
	uint16_t inner_vlan; /* 1..4094: of a second tag behind that one, or 0 */
	bool has_vni;
	uint32_t vni;
	unsigned int trusted_count;
	struct sl_config_source trusted[SL_CONFIG_ADDRESSES_MAX]; /* with any, its traffic arrives in their tunnels alone */
};

struct sl_config_backend {
	char name[SL_CONFIG_NAME_MAX];
	struct sl_addr address;
	uint16_t port;        /* nat, fullnat; 0 in other modes and for "the packet's port" */
	uint16_t weight;      /* 0..1000; 0 drains */
	struct sl_addr vtep;  /* vxlan, geneve: outer destination (address unless given) */
	uint32_t vni;         /* vxlan, geneve */
	uint8_t inner_mac[6]; /* vxlan, geneve: destination MAC of the inner frame */
	uint16_t gue_port;    /* gue: UDP destination port, 0 the usual one */
	uint8_t gue_variant;  /* gue: 0 with a GUE header, 1 without */
};

struct sl_config_service {
	char name[SL_CONFIG_NAME_MAX];
	unsigned int line; /* in the file, for messages */
	uint16_t tenant;   /* id */
	struct sl_addr vip;
	uint8_t protocol;  /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port_lo, port_hi; /* one port: equal; any: 0..65535 */
	uint8_t mode;      /* enum sl_mode */
	bool announce;     /* answer ARP/ND for the VIP on the kernel interfaces */
	struct sl_config_offload offload;
	struct sl_config_timeouts timeouts;
	struct sl_config_admission admission;
	struct sl_config_health health;
	struct sl_config_meter misses; /* of each port; rate_pps 0: none of its own, those of the node's classes */
	uint8_t first_packet; /* enum sl_first_packet */
	unsigned int backend_count;
	struct sl_config_backend *backends; /* backend_count of them */
};

struct sl_config {
	struct sl_config_node node;
	unsigned int port_count;
	struct sl_config_port ports[SL_CONFIG_PORTS_MAX];
	unsigned int tenant_count; /* >= 1 */
	struct sl_config_tenant *tenants;
	unsigned int service_count;
	struct sl_config_service *services;
};

/* What is wrong: "lb.yaml:14:7: service \"web\": port 70000 is out of range 1-65535". Later errors follow by '\n', at
 * most 16 of them. */
struct sl_config_error {
	char text[4096];
};

/* 0 and *config (free with sl_config_free()), or -EINVAL, -ENOENT, -EFBIG, -ENOMEM ... and err->text. */
int sl_config_load(const char *path, struct sl_config **config, struct sl_config_error *err);
/* The same for a text in memory; `name` stands for the file in messages. */
int sl_config_parse(const char *name, const char *text, size_t length, struct sl_config **config,
		    struct sl_config_error *err);
void sl_config_free(struct sl_config *config);

/* "2 ports (bond b0 of p0, p1)": a bond is one port. Returns text, cut where it does not fit. */
const char *sl_config_ports_text(const struct sl_config *config, char *text, size_t size);

/* 0 if a running agent may change from `now` to `next`; -EBUSY and a sentence naming what needs a restart. */
int sl_config_reloadable(const struct sl_config *now, const struct sl_config *next, struct sl_config_error *err);

/* Words of the file for the enums; "?" if out of range. */
const char *sl_mode_name(unsigned int mode);
const char *sl_bond_mode_name(unsigned int mode);
const char *sl_offload_policy_name(unsigned int policy);
const char *sl_metered_name(unsigned int metered);

/* Text of an address (IPv6 without brackets) in buf of at least SL_ADDR_TEXT bytes; returns buf. */
#define SL_ADDR_TEXT 46
const char *sl_addr_text(const struct sl_addr *addr, char *buf);
/* 0, or -EINVAL if text is not an address. */
int sl_addr_parse(const char *text, struct sl_addr *addr);
/* From wire bytes as struct sl_key holds them. */
struct sl_addr sl_addr_make(unsigned int family, const uint8_t *bytes);
static inline bool sl_addr_equal(const struct sl_addr *a, const struct sl_addr *b)
{
	return a->family == b->family && !__builtin_memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

#endif
