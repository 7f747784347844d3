/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of `sluice-decap` share. The program runs on a backend, needs no agent and no DPDK, and ends at once:
 * what it sets up are programs in the kernel, and their state are maps that are pinned in a directory of a BPF file
 * system. Every function that can fail says why on stderr itself, through sl_decap_fail() or sl_decap_warn().
 */
#ifndef SLUICE_HOST_DECAP_H
#define SLUICE_HOST_DECAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/config.h"
#include "hw/xdp/decap.h"

#define SL_DECAP_BPFFS "/sys/fs/bpf"
#define SL_DECAP_PATH 256

enum sl_decap_mode { SL_DECAP_AUTO, SL_DECAP_NATIVE, SL_DECAP_GENERIC };
enum { SL_DECAP_MSS_AUTO = -1, SL_DECAP_MSS_OFF = 0 };

/* One entry of a list: an address or prefix, or a number. */
struct sl_decap_entry {
	struct sl_prefix prefix;
	uint32_t number;
};

/* The command line, checked. */
struct sl_decap_options {
	const char *command; /* attach, detach, show */
	char interface[IFNAMSIZ];
	const char *bpffs;
	bool json;
	uint32_t kinds;      /* bit n: sl_tunnel_mode n */
	unsigned int count[SL_DECAP_LISTS];
	struct sl_decap_entry entry[SL_DECAP_LISTS][SL_DECAP_LIST_MAX];
	int mss;             /* SL_DECAP_MSS_*, or the largest */
	uint32_t mtu;        /* 0: the interface's */
	enum sl_decap_mode mode;
};

/* The interface as the kernel has it. */
struct sl_decap_interface {
	int index;
	uint32_t mtu;
	uint8_t mac[6];
	uint64_t namespace; /* cookie of the network namespace: no two of a boot have the same */
};

/* What the maps of an interface belong to: one entry of the pinned map `about`. */
struct sl_decap_about {
	uint64_t namespace;
	uint64_t build;     /* of the programs that are attached */
	uint32_t index;
	uint8_t own_clsact; /* the queueing discipline was not there before */
	uint8_t reserved[3];
};

enum sl_decap_map {
	SL_DECAP_MAP_ABOUT,
	SL_DECAP_MAP_BANK,
	SL_DECAP_MAP_CONFIG,
	SL_DECAP_MAP_MEMBERS,
	SL_DECAP_MAP_TRUSTED,
	SL_DECAP_MAP_OPENED,
	SL_DECAP_MAP_CLAMPED,
	SL_DECAP_MAPS,
};

/* An interface's pinned state; descriptors are -1 or open. */
struct sl_decap_state {
	char path[SL_DECAP_PATH];
	int lock;
	int map[SL_DECAP_MAPS];
	bool created; /* by this run: a failed attach removes it again */
};

struct bpf_object;

/* "sluice-decap: ..." on stderr; the first ends the program with status 1 (with `show -j` as JSON on stdout). */
void sl_decap_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void sl_decap_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* host/decap_options.c. Prints and exits for --help and for every error. */
void sl_decap_options_read(struct sl_decap_options *o, int argc, char **argv);
/* Of sl_tunnel_mode: the name on the command line (NULL if it has none), and what turns it on as in csr.VXLAN_PORT. */
const char *sl_decap_kind_name(unsigned int kind);
uint32_t sl_decap_kind_flag(unsigned int kind);
/* Bytes that the largest of the enabled tunnels puts in front of an inner IP packet. */
unsigned int sl_decap_overhead(const struct sl_decap_options *o);
/* The maps' configuration for these options, without the lists' entries; exits if no MSS fits. */
void sl_decap_options_config(const struct sl_decap_options *o, const struct sl_decap_interface *i, struct sl_decap_config *c);

/* host/decap_state.c */
const char *sl_decap_map_name(enum sl_decap_map map);
/* Exits if there is no such interface, or no Ethernet one. */
void sl_decap_interface_read(const char *name, struct sl_decap_interface *i);
/* Opens, locked until the program ends. create: with the BPF file system, directory and maps if they are not there, and
 * without what an interface of the same name left that is gone. Otherwise false if there is none. */
bool sl_decap_state_open(struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i,
			 bool create);
/* Makes the object's maps those of the state, before it is loaded. */
void sl_decap_state_share(const struct sl_decap_state *s, struct bpf_object *object);
void sl_decap_state_remove(struct sl_decap_state *s, const struct sl_decap_options *o);
void sl_decap_about_get(const struct sl_decap_state *s, struct sl_decap_about *about);
void sl_decap_about_set(const struct sl_decap_state *s, const struct sl_decap_about *about);
/* Fills the bank that is not in use and turns to it. */
void sl_decap_config_set(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_config *c);
/* Turns back to the bank that was in use before the last sl_decap_config_set(). */
void sl_decap_config_back(const struct sl_decap_state *s);
/* The bank in use, and its configuration. */
uint32_t sl_decap_config_get(const struct sl_decap_state *s, struct sl_decap_config *c);

/* host/decap_programs.c */
/* Where the program is on the interface: mode, and whether alone (without libxdp's dispatcher). False: nowhere. */
bool sl_decap_xdp_find(const struct sl_decap_interface *i, enum sl_decap_mode *mode, bool *alone);
uint64_t sl_decap_build(void);
/* These return 0, or -1 after sl_decap_warn(). */
int sl_decap_xdp_attach(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i,
			enum sl_decap_mode *mode);
int sl_decap_xdp_detach(const struct sl_decap_options *o, const struct sl_decap_interface *i);
int sl_decap_clamp_attach(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i,
			  bool *own_clsact);
int sl_decap_clamp_detach(const struct sl_decap_options *o, const struct sl_decap_interface *i, bool own_clsact);
bool sl_decap_clamp_find(const struct sl_decap_interface *i);
/* What libbpf or libxdp complained of (hw/xdp/attach.h), for messages: " (...)" or "". */
const char *sl_decap_libraries_said(void);

/* host/decap_show.c */
void sl_decap_show(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i);

#endif
