/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sluice-decap leaves in the kernel beside its programs: an interface's maps, pinned in a directory of a BPF file
 * system, so that the next command finds configuration and statistics.
 *
 *   /sys/fs/bpf/sluice-decap/eth0/{about,bank,config,members,trusted,opened,clamped}
 *
 * `about` says which interface the maps are of. Those of one that is gone are not taken for its successor's, and if
 * another network namespace has an eth0 here already, the directory is eth0@COOKIE, after the namespace's cookie.
 */
#include "host/decap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define COOKIE_OPTION 71 /* SO_NETNS_COOKIE; older headers do not have it */

static const struct map {
	const char *name;
	enum bpf_map_type type;
	uint32_t key, value, entries, flags;
} maps[SL_DECAP_MAPS] = {
	[SL_DECAP_MAP_ABOUT] = { "about", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sl_decap_about), 1, 0 },
	[SL_DECAP_MAP_BANK] = { "bank", BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0 },
	[SL_DECAP_MAP_CONFIG] = { "config", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct sl_decap_config), SL_DECAP_BANKS, 0 },
	[SL_DECAP_MAP_MEMBERS] = { "members", BPF_MAP_TYPE_HASH, sizeof(struct sl_decap_member), 1,
				   SL_DECAP_BANKS * SL_DECAP_LISTS * SL_DECAP_LIST_MAX, BPF_F_NO_PREALLOC },
	[SL_DECAP_MAP_TRUSTED] = { "trusted", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct sl_decap_prefix), 1,
				   SL_DECAP_BANKS * SL_DECAP_LIST_MAX, BPF_F_NO_PREALLOC },
	[SL_DECAP_MAP_OPENED] = { "opened", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct sl_counter_pair),
				  SL_DECAP_KINDS * SL_DECAP_RESULTS, 0 },
	[SL_DECAP_MAP_CLAMPED] = { "clamped", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct sl_counter_pair), SL_CLAMP_RESULTS,
				   0 },
};

const char *sl_decap_map_name(enum sl_decap_map map)
{
	return maps[map].name;
}

/* -- the interface ------------------------------------------------------------------------------------------------ */

static uint64_t namespace_cookie(int sock)
{
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie;
	struct stat st;

	if (!getsockopt(sock, SOL_SOCKET, COOKIE_OPTION, &cookie, &len))
		return cookie;
	return stat("/proc/self/ns/net", &st) ? 0 : st.st_ino; /* before Linux 5.14 */
}

void sl_decap_interface_read(const char *name, struct sl_decap_interface *i)
{
	const int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (sock < 0)
		sl_decap_fail("no socket: %s", strerror(errno));
	if (ioctl(sock, SIOCGIFINDEX, &ifr))
		sl_decap_fail("there is no interface \"%s\" in this network namespace (`ip link` lists them)", name);
	i->index = ifr.ifr_ifindex;
	if (ioctl(sock, SIOCGIFMTU, &ifr))
		sl_decap_fail("%s: its MTU cannot be read: %s", name, strerror(errno));
	i->mtu = (uint32_t)ifr.ifr_mtu;
	if (ioctl(sock, SIOCGIFHWADDR, &ifr))
		sl_decap_fail("%s: its MAC address cannot be read: %s", name, strerror(errno));
	if (ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		sl_decap_fail("%s is no Ethernet interface; give the one that tunnels' packets arrive at", name);
	memcpy(i->mac, ifr.ifr_hwaddr.sa_data, sizeof(i->mac));
	i->namespace = namespace_cookie(sock);
	close(sock);
}

/* -- the directory ------------------------------------------------------------------------------------------------ */

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* True if this process has mounts of its own: another mount namespace than its parent. */
static bool own_mounts(void)
{
	char path[64];
	struct stat own, parent;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)getppid());
	return stat("/proc/self/ns/mnt", &own) == 0 && stat(path, &parent) == 0 &&
	       (own.st_ino != parent.st_ino || own.st_dev != parent.st_dev);
}

static void mount_bpffs(const char *path)
{
	if (is_bpffs(path))
		return;
	/* What would be mounted there ends with the command, and with it all that is pinned. */
	if (own_mounts())
		sl_decap_fail("no BPF file system at %s, and one mounted now would end with this command, whose mounts are its own "
			      "(`ip netns exec` does that). Run it as `nsenter --net=/run/netns/NAME sluice-decap ...`, or give "
			      "--bpffs DIR, a BPF file system mounted before (mount -t bpf bpf DIR)", path);
	if (mount("bpf", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=0700"))
		sl_decap_fail("no BPF file system at %s, and none can be mounted: %s%s", path, strerror(errno),
			      errno == EPERM  ? " (run as root)" :
			      errno == ENODEV ? " (the kernel is without CONFIG_BPF_SYSCALL)" :
			      errno == ENOENT ? " (there is no such directory)" : "");
}

static void make_directory(const char *path)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		sl_decap_fail("%s cannot be made: %s", path, strerror(errno));
}

static void pin_path(const struct sl_decap_state *s, unsigned int map, char *path, size_t len)
{
	snprintf(path, len, "%s/%s", s->path, maps[map].name);
}

/* -- maps --------------------------------------------------------------------------------------------------------- */

static bool fits(int fd, const struct map *m)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == m->type && info.key_size == m->key &&
	       info.value_size == m->value && info.max_entries == m->entries;
}

static void close_maps(struct sl_decap_state *s)
{
	for (unsigned int i = 0; i < SL_DECAP_MAPS; i++) {
		if (s->map[i] >= 0)
			close(s->map[i]);
		s->map[i] = -1;
	}
}

/* Opens what is pinned; false if something is missing or of another version. */
static bool open_maps(struct sl_decap_state *s)
{
	for (unsigned int i = 0; i < SL_DECAP_MAPS; i++) {
		char path[SL_DECAP_PATH + 16];

		pin_path(s, i, path, sizeof(path));
		s->map[i] = bpf_obj_get(path);
		if (s->map[i] < 0 && errno == EPERM)
			sl_decap_fail("%s: %s (run as root)", path, strerror(errno));
		if (s->map[i] < 0 || !fits(s->map[i], &maps[i])) {
			close_maps(s);
			return false;
		}
	}
	return true;
}

static void unpin_maps(const struct sl_decap_state *s)
{
	for (unsigned int i = 0; i < SL_DECAP_MAPS; i++) {
		char path[SL_DECAP_PATH + 16];

		pin_path(s, i, path, sizeof(path));
		unlink(path);
	}
}

static void create_maps(struct sl_decap_state *s)
{
	for (unsigned int i = 0; i < SL_DECAP_MAPS; i++) {
		const struct map *m = &maps[i];
		LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = m->flags);
		char path[SL_DECAP_PATH + 16];

		pin_path(s, i, path, sizeof(path));
		s->map[i] = bpf_map_create(m->type, m->name, m->key, m->value, m->entries, &opts);
		if (s->map[i] < 0)
			sl_decap_fail("the kernel gives no map \"%s\": %s%s", m->name, strerror(errno),
				      errno == EPERM ? " (run as root)" : "");
		if (bpf_obj_pin(s->map[i], path))
			sl_decap_fail("%s cannot be pinned: %s", path, strerror(errno));
	}
}

static int lock_directory(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX))
		sl_decap_fail("%s cannot be locked: %s", path, strerror(errno));
	return fd;
}

/* Whose maps there are in s->path. The interface's stay open, others are closed. */
enum owner { NOBODY, ANOTHER, OURS, GONE };

static enum owner open_owned(struct sl_decap_state *s, const struct sl_decap_interface *i)
{
	struct sl_decap_about about;

	if (!open_maps(s))
		return NOBODY;
	sl_decap_about_get(s, &about);
	if (about.namespace == i->namespace && about.index == (uint32_t)i->index)
		return OURS;
	close_maps(s);
	return about.namespace == i->namespace ? GONE : ANOTHER;
}

/* Sets s->path to the interface's directory, or to the one that it may have; true if its maps are there. */
static bool find_directory(struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i)
{
	enum owner owner;

	snprintf(s->path, sizeof(s->path), "%s/sluice-decap/%s@%llu", o->bpffs, o->interface, (unsigned long long)i->namespace);
	if (open_owned(s, i) == OURS)
		return true;
	snprintf(s->path, sizeof(s->path), "%s/sluice-decap/%s", o->bpffs, o->interface);
	owner = open_owned(s, i);
	if (owner == ANOTHER)
		snprintf(s->path, sizeof(s->path), "%s/sluice-decap/%s@%llu", o->bpffs, o->interface,
			 (unsigned long long)i->namespace);
	return owner == OURS;
}

bool sl_decap_state_open(struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_interface *i,
			 bool create)
{
	const struct sl_decap_about about = { .namespace = i->namespace, .index = (uint32_t)i->index };
	char parent[SL_DECAP_PATH];

	*s = (struct sl_decap_state){ .lock = -1 };
	memset(s->map, -1, sizeof(s->map));
	snprintf(parent, sizeof(parent), "%s/sluice-decap", o->bpffs);
	if (create) {
		mount_bpffs(o->bpffs);
		make_directory(parent);
	}
	s->lock = lock_directory(parent);
	if (s->lock < 0 && create)
		sl_decap_fail("%s cannot be opened: %s", parent, strerror(errno));
	if (find_directory(s, o, i))
		return true;
	if (!create)
		return false;
	unpin_maps(s);
	make_directory(s->path);
	s->created = true;
	create_maps(s);
	sl_decap_about_set(s, &about);
	return true;
}

void sl_decap_state_remove(struct sl_decap_state *s, const struct sl_decap_options *o)
{
	char parent[SL_DECAP_PATH];

	close_maps(s);
	unpin_maps(s);
	rmdir(s->path);
	snprintf(parent, sizeof(parent), "%s/sluice-decap", o->bpffs);
	rmdir(parent); /* fails while there are others, rightly */
}

void sl_decap_state_share(const struct sl_decap_state *s, struct bpf_object *object)
{
	for (unsigned int i = 0; i < SL_DECAP_MAPS; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, maps[i].name);

		if (map && bpf_map__reuse_fd(map, s->map[i]))
			sl_decap_fail("map \"%s\" cannot be shared with the programs: %s", maps[i].name, strerror(errno));
	}
}

/* -- contents ----------------------------------------------------------------------------------------------------- */

static void update(const struct sl_decap_state *s, enum sl_decap_map map, const void *key, const void *value)
{
	if (bpf_map_update_elem(s->map[map], key, value, 0))
		sl_decap_fail("map \"%s\" cannot be written: %s", maps[map].name, strerror(errno));
}

static void lookup(const struct sl_decap_state *s, enum sl_decap_map map, const void *key, void *value)
{
	if (bpf_map_lookup_elem(s->map[map], key, value))
		sl_decap_fail("map \"%s\" cannot be read: %s", maps[map].name, strerror(errno));
}

void sl_decap_about_get(const struct sl_decap_state *s, struct sl_decap_about *about)
{
	const uint32_t zero = 0;

	lookup(s, SL_DECAP_MAP_ABOUT, &zero, about);
}

void sl_decap_about_set(const struct sl_decap_state *s, const struct sl_decap_about *about)
{
	const uint32_t zero = 0;

	update(s, SL_DECAP_MAP_ABOUT, &zero, about);
}

/* A key of either kind of map. */
union key {
	struct sl_decap_member member;
	struct sl_decap_prefix prefix;
};

/* Deletes the entries of a bank. */
static void clear(const struct sl_decap_state *s, enum sl_decap_map map, uint32_t bank)
{
	union key kept, next;
	const void *from = NULL;

	while (bpf_map_get_next_key(s->map[map], from, &next) == 0) {
		if ((map == SL_DECAP_MAP_TRUSTED ? next.prefix.member.bank : next.member.bank) != bank) {
			kept = next;
			from = &kept;
		} else if (bpf_map_delete_elem(s->map[map], &next)) {
			sl_decap_fail("map \"%s\" cannot be cleared: %s", maps[map].name, strerror(errno));
		}
	}
}

static void add(const struct sl_decap_state *s, uint32_t bank, enum sl_decap_list list, const struct sl_decap_entry *e)
{
	struct sl_decap_prefix key = { .bits = 32u + e->prefix.len, .member = { .bank = (uint8_t)bank, .list = (uint8_t)list } };
	const bool is_number = list == SL_DECAP_VNI || list == SL_DECAP_KEY;
	const uint8_t one = 1;

	key.member.family = e->prefix.addr.family;
	memcpy(key.member.value, e->prefix.addr.bytes, sizeof(key.member.value));
	for (unsigned int i = 0; is_number && i < 4; i++)
		key.member.value[i] = (uint8_t)(e->number >> (24 - 8 * i));
	if (list == SL_DECAP_FROM)
		update(s, SL_DECAP_MAP_TRUSTED, &key, &one);
	else
		update(s, SL_DECAP_MAP_MEMBERS, &key.member, &one);
}

void sl_decap_config_set(const struct sl_decap_state *s, const struct sl_decap_options *o, const struct sl_decap_config *c)
{
	const uint32_t zero = 0;
	uint32_t bank;

	lookup(s, SL_DECAP_MAP_BANK, &zero, &bank);
	bank = bank ? 0 : 1;
	clear(s, SL_DECAP_MAP_MEMBERS, bank);
	clear(s, SL_DECAP_MAP_TRUSTED, bank);
	for (unsigned int list = 0; list < SL_DECAP_LISTS; list++) {
		for (unsigned int i = 0; i < o->count[list]; i++)
			add(s, bank, (enum sl_decap_list)list, &o->entry[list][i]);
	}
	update(s, SL_DECAP_MAP_CONFIG, &bank, c);
	update(s, SL_DECAP_MAP_BANK, &zero, &bank);
}

void sl_decap_config_back(const struct sl_decap_state *s)
{
	const uint32_t zero = 0;
	uint32_t bank;

	lookup(s, SL_DECAP_MAP_BANK, &zero, &bank);
	bank = bank ? 0 : 1;
	update(s, SL_DECAP_MAP_BANK, &zero, &bank);
}

uint32_t sl_decap_config_get(const struct sl_decap_state *s, struct sl_decap_config *c)
{
	const uint32_t zero = 0;
	uint32_t bank;

	lookup(s, SL_DECAP_MAP_BANK, &zero, &bank);
	lookup(s, SL_DECAP_MAP_CONFIG, &bank, c);
	return bank;
}
