/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `sluice doctor`: what this host has and lacks for sluiced, before anything is bound. It changes nothing: it opens and
 * closes, and what it creates (a socket, a namespace of a child) is gone when it ends. Each finding is good, a warning
 * (sluiced runs, with the consequence that the remedy names) or bad (sluiced will not run).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/cli.h"
#include "host/cli_table.h"
#include "host/config.h"
#include "host/doctor_wire.h"
#include "host/eal.h"
#include "host/state.h"
#include "sluice/contract.h"

#define DPDK_WANTED "DPDK 22.11"
#define EAL_LIBRARY "librte_eal.so.23" /* of DPDK 22.11 */
#define CONNECTION_BYTES 152u          /* of one that has all parts (host/conn.h), and its shares of the indexes */

enum grade { GOOD, WARNING, BAD };

struct doctor {
	json_t *findings;
	unsigned int count[3];
	const struct sl_cli *cli;
	const struct sl_config *config; /* NULL: none was given, or it is bad */
	pid_t agent;                    /* the process that listens at the control socket; 0: none */
};

static void finding(struct doctor *d, const char *what, enum grade grade, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static void finding(struct doctor *d, const char *what, enum grade grade, const char *remedy, const char *format, ...)
{
	static const char *const words[] = { "good", "warning", "bad" };
	char found[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(found, sizeof(found), format, args);
	va_end(args);
	d->count[grade]++;
	json_array_append_new(d->findings,
			      json_pack("{sssssssssb}", "check", what, "status", words[grade], "found", found, "remedy",
					grade == GOOD ? "" : remedy, "ok", grade != BAD));
}

/* -- the machine -------------------------------------------------------------------------------------------------- */

static void check_cpu(struct doctor *d)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long workers = d->config ? (long)d->config->node.workers : 1;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		finding(d, "cpu", GOOD, "", "x86-64 with SSE4.2%s", __builtin_cpu_supports("avx2") ? " and AVX2" : "");
	else
		finding(d, "cpu", BAD,
			"DPDK as packaged needs SSE4.2: use another machine, or another CPU model for the virtual one",
			"x86-64 without SSE4.2");
#endif
	if (cores > workers)
		finding(d, "cores", GOOD, "", "%ld for %ld workers", cores, workers);
	else
		finding(d, "cores", WARNING,
			"workers share cores with everything else: set node.workers lower, or add cores",
			"%ld for %ld workers", cores, workers);
}

/* A field of /proc/meminfo, or -1. */
static long long meminfo(const char *field)
{
	FILE *f = fopen("/proc/meminfo", "re");
	long long value = -1;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)) && line[strlen(field)] == ':')
			value = strtoll(line + strlen(field) + 1, NULL, 10);
	if (f)
		fclose(f);
	return value;
}

static void check_memory(struct doctor *d)
{
	struct sl_eal_host host = { .sys = "/sys", .meminfo = "/proc/meminfo" };
	struct sl_eal_need eal = { .megabytes = 128 };
	long long available = meminfo("MemAvailable") / 1024, free_pages = meminfo("HugePages_Free");
	long long need = 256 + (d->config ? (long long)d->config->node.max_connections * CONNECTION_BYTES >> 20 : 0);

	finding(d, "memory", available >= need ? GOOD : BAD, "lower node.max_connections, or add memory",
		"%lld MiB available, about %lld MiB needed", available, need);
	if (d->config)
		sl_eal_need(d->config, &host, &eal);
	if (d->config ? eal.huge : free_pages > 0)
		finding(d, "hugepages", GOOD, "", "%lld free of %lld KiB each", free_pages, meminfo("Hugepagesize"));
	else
		finding(d, "hugepages", WARNING,
			"sluiced uses ordinary memory, which is slower, unless they have room for all buffers: sysctl vm.nr_hugepages=512, or more",
			"%lld of %lld free, of %lld KiB; %llu MiB are wanted", free_pages < 0 ? 0 : free_pages, meminfo("HugePages_Total"),
			meminfo("Hugepagesize"), (unsigned long long)eal.megabytes);
}

static void check_shared_memory(struct doctor *d)
{
	const char *path = d->config ? d->config->node.state : "/dev/shm/sluice.state";
	long long need = d->config ? (long long)d->config->node.max_connections * CONNECTION_BYTES >> 20 : 0, room;
	char directory[SL_CONFIG_PATH_MAX];
	struct statfs fs;
	char *slash;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	slash[slash == directory] = '\0';
	if (statfs(directory, &fs)) {
		finding(d, "shared memory", BAD, "mount a tmpfs there, or change node.state", "%s: %s", directory,
			strerror(errno));
		return;
	}
	room = (long long)(fs.f_bavail * (unsigned long long)fs.f_bsize >> 20);
	if (access(directory, W_OK))
		finding(d, "shared memory", BAD, "run as root, or change node.state", "%s: %s", directory,
			strerror(errno));
	else
		finding(d, "shared memory", room >= need ? GOOD : BAD,
			"make the file system larger, or lower node.max_connections", "%lld MiB free in %s", room,
			directory);
}

/* -- the kernel --------------------------------------------------------------------------------------------------- */

static void check_rights(struct doctor *d)
{
	struct utsname name;

	uname(&name);
	finding(d, "kernel", GOOD, "", "%s %s", name.sysname, name.release);
	finding(d, "rights", geteuid() ? BAD : GOOD, "sluiced makes interfaces and opens cards: run it as root",
		geteuid() ? "user %u" : "root", geteuid());
}

static void check_tap(struct doctor *d)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		finding(d, "TUN/TAP", GOOD, "", "/dev/net/tun opens");
	else
		finding(d, "TUN/TAP", BAD,
			"the ports' kernel interfaces need it: modprobe tun; in a container pass /dev/net/tun",
			"/dev/net/tun: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void check_bpf(struct doctor *d)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 4;
	attr.max_entries = 1;
	fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	finding(d, "BPF", fd >= 0 ? GOOD : WARNING, "only XDP ports need it: root, or a kernel with CONFIG_BPF_SYSCALL",
		fd >= 0 ? "maps can be made" : "bpf(): %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void check_namespaces(struct doctor *d)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(unshare(CLONE_NEWNET) ? errno & 0x7f : 0);
	if (child > 0)
		waitpid(child, &status, 0);
	if (status == 0)
		finding(d, "namespaces", GOOD, "", "network namespaces can be made");
	else
		finding(d, "namespaces", WARNING,
			"only the demo and the tests need them: root, and a kernel with CONFIG_NET_NS", "%s",
			status > 0 && WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "fork failed");
}

/* -- libraries ---------------------------------------------------------------------------------------------------- */

static void check_dpdk(struct doctor *d)
{
	void *eal = dlopen(EAL_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
	const char *(*version)(void);

	if (!eal) {
		finding(d, "DPDK", BAD, "install " DPDK_WANTED ": apt-get install dpdk libdpdk-dev", "no %s",
			EAL_LIBRARY);
		return;
	}
	version = (const char *(*)(void))dlsym(eal, "rte_version");
	finding(d, "DPDK", version && !strncmp(version(), DPDK_WANTED, strlen(DPDK_WANTED)) ? GOOD : WARNING,
		"sluiced is built against " DPDK_WANTED, "%s", version ? version() : "of unknown version");
	dlclose(eal);
}

static bool uses_driver(const struct sl_config *c, const char *driver)
{
	for (unsigned int i = 0; c && i < c->port_count; i++)
		if (!strncmp(c->ports[i].device, driver, strlen(driver)))
			return true;
	return false;
}

/* The PMD beside this program (build/bin, build/lib) or where packages put it. */
static void check_pmd(struct doctor *d)
{
	bool needed = uses_driver(d->config, "net_sluice");
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	for (unsigned int up = 0; up < 2 && strrchr(self, '/'); up++)
		*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/lib/librte_net_sluice.so", self);
	if (access(path, R_OK) == 0)
		finding(d, "card driver", GOOD, "", "%s", path);
	else
		finding(d, "card driver", needed ? BAD : WARNING,
			"build it (`make`), or install it beside the programs; "
			"without it connections stay in software",
			"no %s", path);
}

/* -- what the configuration names --------------------------------------------------------------------------------- */

/* A connected Unix socket; -1 and errno if nobody answers. Waits for at most a second, also in what is read from it. */
static int connect_to(const char *path, int type)
{
	const struct timeval second = { .tv_sec = 1 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), rc;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	rc = errno;
	close(fd);
	errno = rc;
	return -1;
}

/* 0, or the errno of connecting to the control socket; tells whose it is. */
static int find_agent(const char *path, pid_t *agent)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);
	int fd = connect_to(path, SOCK_STREAM);

	if (fd < 0)
		return errno;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	*agent = peer.pid;
	close(fd);
	return 0;
}

/*
 * What a simulated card says to a HELLO that lacks its eventfds. It refuses in any case, so that nothing changes, with
 * EPROTO if it is free and with EBUSY and the owner if not. Otherwise the errno of not having got so far.
 */
static int ask_card(const char *path, pid_t *owner)
{
	struct sl_bus_frame f = { .type = SL_BUS_MSG_HELLO, .a = SL_BUS_VERSION, .b = (uint64_t)getpid() };
	int fd = connect_to(path, SOCK_SEQPACKET), rc;

	if (fd < 0)
		return errno;
	rc = ETIMEDOUT;
	if (send(fd, &f, sizeof(f), MSG_NOSIGNAL) == (ssize_t)sizeof(f) &&
	    recv(fd, &f, sizeof(f), 0) == (ssize_t)sizeof(f) && f.type == SL_BUS_MSG_REFUSED) {
		rc = (int)f.a;
		*owner = (pid_t)f.b;
	}
	close(fd);
	return rc;
}

static void check_card(struct doctor *d, const struct sl_config_port *p)
{
	const char *bus = strstr(p->device, "bus=");
	char path[SL_CONFIG_DEVICE_MAX], what[SL_CONFIG_NAME_MAX + 8];
	pid_t owner = 0;
	int ret;

	snprintf(what, sizeof(what), "card of %s", p->name);
	if (!bus)
		return;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(bus + 4, ","), bus + 4);
	ret = ask_card(path, &owner);
	if (ret == EPROTO)
		finding(d, what, GOOD, "", "answers at %s", path);
	else if (ret == EBUSY && d->agent && owner == d->agent)
		finding(d, what, GOOD, "", "%s is in use by the agent that runs, process %d", path, owner);
	else if (ret == EBUSY)
		finding(d, what, BAD, "stop that process, or name another card: a card has one driver at a time",
			"%s is in use by process %d", path, owner);
	else if (ret == EPROTONOSUPPORT)
		finding(d, what, BAD, "start the sluice-sim that was built with this program",
			"%s: another version of the bus", path);
	else
		finding(d, what, BAD, "start the simulated card first: sluice-sim --bus SOCKET ...", "%s: %s", path,
			strerror(ret));
}

/* Where XDP's maps are kept: its directory, or the one that it will be made in, is of a BPF file system. */
static void check_pin(struct doctor *d, const struct sl_config_port *p)
{
	const char *pin = strstr(p->device, ",pin=");
	char path[SL_CONFIG_DEVICE_MAX], what[SL_CONFIG_NAME_MAX + 8], *slash;
	struct statfs fs;
	int rc;

	if (strncmp(p->device, "net_sluice_xdp", 14) || !pin)
		return;
	snprintf(what, sizeof(what), "pins of %s", p->name);
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(pin + 5, ","), pin + 5);
	rc = statfs(path, &fs);
	slash = strrchr(path, '/');
	if (rc && slash && slash != path) {
		*slash = '\0';
		rc = statfs(path, &fs);
		*slash = '/';
	}
	if (rc || (unsigned long)fs.f_type != BPF_FS_MAGIC)
		finding(d, what, BAD, "mount -t bpf bpf /sys/fs/bpf, or change the port's pin (inside `ip netns exec` /sys is another one)",
			"%s is not in a BPF file system", path);
	else
		finding(d, what, GOOD, "", "%s is in a BPF file system", path);
}

/* XDP sees frames before GRO, and everything that arrives is sluiced's. */
static void check_xdp_wire(struct doctor *d, const struct sl_config_port *p, const char *what, int fd, const char *name)
{
	struct sl_wire_word words[SL_WIRE_WORDS];
	struct sl_wire wire;
	unsigned int n;

	sl_wire_read(fd, name, &wire);
	n = sl_wire_judge(&wire, d->config->node.workers, p->kernel_interface, words);
	for (unsigned int i = 0; i < n; i++)
		finding(d, what, WARNING, words[i].remedy, "%s", words[i].found);
	if (n == 0 && wire.queues)
		finding(d, what, GOOD, "", "%s is up, %u receive queue%s", name, wire.queues, wire.queues == 1 ? "" : "s");
	else if (n == 0)
		finding(d, what, GOOD, "", "%s is up", name);
}

/* The kernel's interface below a port of DPDK's af_packet driver, or of XDP. */
static void check_wire(struct doctor *d, const struct sl_config_port *p)
{
	const bool xdp = !strncmp(p->device, "net_sluice_xdp", 14);
	const char *name = strstr(p->device, "iface=");
	struct ethtool_value gro = { .cmd = ETHTOOL_GGRO };
	struct ifreq ifr = { .ifr_data = NULL };
	char what[SL_CONFIG_NAME_MAX + 8];
	int fd;

	if ((strncmp(p->device, "net_af_packet", 13) && !xdp) || !name)
		return;
	snprintf(what, sizeof(what), "wire of %s", p->name);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%.*s", (int)strcspn(name + 6, ","), name + 6);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr)) {
		finding(d, what, BAD, "make it, or change iface= in ports.device, or ports.interface (see ip link; mind the namespace)",
			"%s: %s", ifr.ifr_name, strerror(errno));
	} else if (!(ifr.ifr_flags & IFF_UP)) {
		finding(d, what, WARNING, xdp ? "sluiced sets it up" : "no frames until it is up: ip link set DEV up", "%s is down",
			ifr.ifr_name);
	} else if (xdp) {
		check_xdp_wire(d, p, what, fd, ifr.ifr_name);
	} else {
		ifr.ifr_data = (void *)&gro;
		if (ioctl(fd, SIOCETHTOOL, &ifr) == 0 && gro.data)
			finding(d, what, WARNING,
				"merged frames are too big for the port and get lost: ethtool -K DEV gro off lro off",
				"%s is up, with GRO", ifr.ifr_name);
		else
			finding(d, what, GOOD, "", "%s is up; keep the kernel's own stack off it (docs/config.md)",
				ifr.ifr_name);
	}
	if (fd >= 0)
		close(fd);
}

/* The socket of a simulated card in a device's arguments; its length, 0 without one. */
static int bus_of(const struct sl_config_port *p, const char **path)
{
	const char *bus = strstr(p->device, "bus=");

	*path = bus ? bus + 4 : "";
	return (int)strcspn(*path, ",");
}

/* The members of a bond have to be of one card; of other devices than simulated cards only their drivers can tell. */
static void check_bond(struct doctor *d, const struct sl_config_port *first)
{
	const char *card, *other;
	char what[SL_CONFIG_NAME_MAX + 8];
	const int length = bus_of(first, &card);

	snprintf(what, sizeof(what), "bond %s", first->bond.name);
	for (unsigned int i = 1; i < first->bond.members; i++) {
		const struct sl_config_port *p = &first[i];

		if (bus_of(p, &other) == length && !strncmp(card, other, (size_t)length))
			continue;
		finding(d, what, BAD, "a bond's connections are in one card's flow table: name ports of one card",
			"%s and %s are of two cards", first->name, p->name);
		return;
	}
	finding(d, what, GOOD, "", "%s, %u members%s", sl_bond_mode_name(first->bond.mode), first->bond.members,
		length ? " of one card" : "");
}

static void check_ports(struct doctor *d)
{
	for (unsigned int i = 0; d->config && i < d->config->port_count; i++) {
		const struct sl_config_port *p = &d->config->ports[i];
		char what[SL_CONFIG_NAME_MAX + 16];

		check_card(d, p);
		check_wire(d, p);
		check_pin(d, p);
		if (p->bond.member)
			continue;
		if (p->bond.members)
			check_bond(d, p);
		snprintf(what, sizeof(what), "interface of %s", p->bond.members ? p->bond.name : p->name);
		if (if_nametoindex(p->kernel_interface) && d->agent)
			finding(d, what, GOOD, "", "%s exists; an agent runs", p->kernel_interface);
		else if (if_nametoindex(p->kernel_interface))
			finding(d, what, WARNING, "remove it (ip link del) or change ports.kernel.interface",
				"%s exists already", p->kernel_interface);
		else
			finding(d, what, GOOD, "", "%s is free", p->kernel_interface);
	}
}

static void check_control(struct doctor *d, const char *path, int ret)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
	if (ret == 0)
		finding(d, "control socket", GOOD, "", "an agent answers at %s", path);
	else if (ret == ENOENT && access(folder, W_OK))
		finding(d, "control socket", BAD, "make the folder, or change node.control", "%s: %s", folder,
			strerror(errno));
	else if (ret == ENOENT || ret == ECONNREFUSED)
		finding(d, "control socket", GOOD, "", "%s is free (no agent runs with it)", path);
	else
		finding(d, "control socket", WARNING, "change node.control, or the rights of its directory", "%s: %s",
			path, strerror(ret));
}

static void check_state(struct doctor *d)
{
	const char *path = d->config ? d->config->node.state : "/dev/shm/sluice.state";
	struct {
		char magic[8];
		uint32_t version;
	} header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, &header, sizeof(header)) : 0;

	if (fd < 0)
		finding(d, "state file", errno == ENOENT ? GOOD : BAD, "run as root, or change node.state",
			errno == ENOENT ? "%s will be made" : "%s cannot be read", path);
	else if (n != (ssize_t)sizeof(header) || memcmp(header.magic, "SLUICECT", 8))
		finding(d, "state file", BAD, "change node.state, or remove the file", "%s is no connection table",
			path);
	else if (header.version != SL_STATE_VERSION)
		finding(d, "state file", BAD,
			"an agent of that version can go on with it; or remove it: its connections are lost",
			"%s has version %u, this is version %u", path, header.version, SL_STATE_VERSION);
	else
		finding(d, "state file", GOOD, "", "%s, version %u: its connections will be adopted", path,
			header.version);
	if (fd >= 0)
		close(fd);
}

/* -- all of it ---------------------------------------------------------------------------------------------------- */

static void print(const struct doctor *d)
{
	struct sl_table *t = sl_table_create("CHECK|STATUS|FOUND|REMEDY");
	const json_t *f;
	size_t i;

	json_array_foreach(d->findings, i, f)
		sl_table_row(t, json_string_value(json_object_get(f, "check")),
			     json_string_value(json_object_get(f, "status")),
			     json_string_value(json_object_get(f, "found")),
			     json_string_value(json_object_get(f, "remedy")));
	sl_table_print(t, stdout, "");
	printf("\n%s: %u good, %u warning%s, %u bad\n",
	       d->count[BAD] ? "sluiced cannot run here yet" : "sluiced can run here", d->count[GOOD],
	       d->count[WARNING], d->count[WARNING] == 1 ? "" : "s", d->count[BAD]);
}

int sl_doctor(const struct sl_cli *cli, const char *config_path)
{
	struct doctor d = { .findings = json_array(), .cli = cli };
	struct sl_config_error err;
	struct sl_config *config = NULL;
	const char *control;
	char ports[1024];
	int agent;

	if (config_path && sl_config_load(config_path, &config, &err))
		finding(&d, "configuration", BAD,
			"`sluice check` shows every mistake; docs/config.md tells what each key means", "%.*s",
			(int)strcspn(err.text, "\n"), err.text);
	else if (config_path)
		finding(&d, "configuration", GOOD, "", "%s: %s, %u services", config_path,
			sl_config_ports_text(config, ports, sizeof(ports)), config->service_count);
	d.config = config;
	control = config ? config->node.control : cli->socket;
	agent = find_agent(control, &d.agent);
	check_rights(&d);
	check_cpu(&d);
	check_memory(&d);
	check_shared_memory(&d);
	check_tap(&d);
	check_bpf(&d);
	check_namespaces(&d);
	check_dpdk(&d);
	check_pmd(&d);
	check_ports(&d);
	check_control(&d, control, agent);
	check_state(&d);
	if (cli->json) {
		json_t *out = json_pack("{sbsbsO}", "ok", 1, "ready", d.count[BAD] == 0, "checks", d.findings);

		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(out);
	} else {
		print(&d);
	}
	json_decref(d.findings);
	sl_config_free(config);
	return d.count[BAD] ? 1 : 0;
}
