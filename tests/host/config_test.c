/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: each mistake has its exact message; a good file gives the struct it says; noise never crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "host/config.h"

#define PORT \
	"ports:\n- name: p0\n  device: d0\n  kernel: {interface: sl0, addresses: [10.0.0.1/24]}\n  vtep: 10.0.0.1\n" /* 5 lines */
#define TUNNELS(sources) PORT "tenants: [{name: a, id: 1, vni: 3, trusted_vteps: [" sources "]}]\n"
#define NO_VNI(sources) PORT "tenants: [{name: a, id: 1, trusted_vteps: [" sources "]}"
#define HEAD PORT "services:\n- name: web\n" /* service from line 7, its keys from line 8 */
#define BACKENDS "  backends:\n  - {name: b1, address: 10.0.0.11}\n"
#define WEB(line) HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: dsr-l2\n" line BACKENDS /* line is 12 */

struct row {
	const char *what;
	const char *text;
	const char *message; /* the first line */
};

#define FIRST(more) "ports: [{name: p0, device: net_sluice_xdp0, kernel: {interface: sl0}}]\n" \
	"tenants: [{name: red, id: 7, vlan: 12}]\n" \
	"services:\n- name: s\n  first_packet: xdp\n  vip: 192.0.2.1\n  protocol: tcp\n" more "  backends: [{name: b, address: 10.0.0.1}]\n"

static const struct row bad[] = {
	{ "first packets of another device", PORT "services:\n- name: s\n  first_packet: xdp\n  vip: 192.0.2.1\n  protocol: tcp\n  port: 80\n"
	  "  mode: dsr-l2\n  backends: [{name: b, address: 10.0.0.2}]\n",
	  "f:8:17: service \"s\": first_packet: xdp needs \"engine: xdp\" for every port; port \"p0\" has another device" },
	{ "first packets of nat", FIRST("  port: 80\n  mode: nat\n"),
	  "f:5:17: service \"s\": first_packet: xdp is for modes without a translation; mode nat needs host, where each one is kept" },
	{ "first packets of a range", FIRST("  port: 80-90\n  mode: dsr-l2\n  health: {type: none}\n"),
	  "f:5:17: service \"s\": first_packet: xdp needs a service with one port" },
	{ "first packets of a tenant", FIRST("  port: 80\n  mode: dsr-l2\n  tenant: red\n"),
	  "f:5:17: service \"s\": first_packet: xdp is for tenant \"default\", whose packets have neither a tag nor a tunnel" },
	{ "first packets that are the host's", FIRST("  port: 80\n  mode: dsr-l2\n  offload: {policy: never}\n"),
	  "f:5:17: service \"s\": first_packet: xdp contradicts offload.policy: never, by which all packets are the host's" },
	{ "first packets with challenges", FIRST("  port: 80\n  mode: dsr-l2\n  admission: {challenge: always}\n"),
	  "f:5:17: service \"s\": first_packet: xdp contradicts admission.challenge: always, as the host sees no SYN" },
	{ "first packets with a meter", FIRST("  port: 80\n  mode: dsr-l2\n  misses: {rate_pps: 5}\n"),
	  "f:5:17: service \"s\": first_packet: xdp contradicts misses: what is decided in XDP passes no meter" },
	{ "first packets by whom", WEB("  first_packet: card\n"),
	  "f:12:17: service \"web\": first_packet \"card\" is unknown; give host or xdp" },
	{ "empty file", "", "f:1:1: the file is empty; at least \"ports\" is needed" },
	{ "comment alone", "# nothing\n", "f:1:1: the file is empty; at least \"ports\" is needed" },
	{ "no YAML", "a: b: c\n", "f:1:5: not YAML: mapping values are not allowed in this context" },
	{ "tab as indentation", "ports:\n\t- x\n",
	  "f:2:1: not YAML: while scanning for the next token, found character that cannot start any token" },
	{ "not UTF-8", "ports: \xff\xfe\n",
	  "f:1:1: invalid leading UTF-8 octet at byte 7; the file must be UTF-8 text" },
	{ "two documents", PORT "---\nports: 1\n", "f:7:1: a second YAML document; a configuration is one document" },
	{ "a list instead of keys", "- 1\n", "f:1:1: expected keys with values, such as \"node: ...\"" },
	{ "no ports", "services: []\n", "f:1:1: \"ports\" is missing" },
	{ "unknown section, near", "portz: []\n", "f:1:1: unknown key \"portz\"; did you mean \"ports\"?" },
	{ "unknown section, far", "frobnicate: 1\n" PORT,
	  "f:1:1: unknown key \"frobnicate\"; known here: node, ports, tenants, services" },
	{ "section twice", PORT PORT, "f:6:1: \"ports\" is given twice; the first is in line 1" },
	{ "key is a list", "[a]: 1\n" PORT, "f:1:1: a key must be a word" },
	{ "empty ports", "ports: []\n", "f:1:8: ports is an empty list; give at least one item or leave it out" },
	{ "ports no list", "ports: 3\n", "f:1:8: ports must be a list (\"- ...\" or [...])" },
	{ "too many ports", "ports: [1,2,3,4,5,6,7,8,9]\n", "f:1:8: ports has 9 items; at most 8 are possible" },
	{ "port without device", "ports: [{name: p0, kernel: {interface: a}}]\n",
	  "f:1:9: port \"p0\": \"device\" is missing" },
	{ "mtu", "ports: [{name: p0, device: d, mtu: 100, kernel: {interface: a}}]\n",
	  "f:1:36: port \"p0\": mtu 100 is out of range 1280-9582" },
	{ "mtu no number", "ports: [{name: p0, device: d, mtu: 1e3, kernel: {interface: a}}]\n",
	  "f:1:36: port \"p0\": mtu \"1e3\" is not a whole number; give 1280-9582" },
	{ "negative mtu", "ports: [{name: p0, device: d, mtu: -1500, kernel: {interface: a}}]\n",
	  "f:1:36: port \"p0\": mtu -1500 is out of range 1280-9582" },
	{ "mtu is a list", "ports: [{name: p0, device: d, mtu: [1], kernel: {interface: a}}]\n",
	  "f:1:36: port \"p0\": mtu must be a single value" },
	{ "interface too long", "ports: [{name: p0, device: d, kernel: {interface: abcdefghijklmnop}}]\n",
	  "f:1:51: port \"p0\": interface \"abcdefghijklmnop\" is too long for an interface's name; at most 15 bytes" },
	{ "prefix without length", "ports: [{name: p0, device: d, kernel: {interface: a, addresses: [10.0.0.1]}}]\n",
	  "f:1:66: port \"p0\": addresses \"10.0.0.1\" is not an address with a prefix length, such as 192.0.2.1/24" },
	{ "prefix too long", "ports: [{name: p0, device: d, kernel: {interface: a, addresses: [10.0.0.1/33]}}]\n",
	  "f:1:66: port \"p0\": addresses \"10.0.0.1/33\" is not an address with a prefix length, such as "
	  "192.0.2.1/24" },
	{ "two vteps of a family", "ports: [{name: p0, device: d, kernel: {interface: a}, vtep: [1.0.0.1, 1.0.0.2]}]\n",
	  "f:1:71: port \"p0\": vtep has two IPv4 addresses; at most one of each family" },
	{ "two ports of a name", PORT "- name: p0\n  device: d1\n  kernel: {interface: sl1}\n",
	  "f:6:9: port \"p0\": there are two ports of this name" },
	{ "two ports on a device", PORT "- name: p1\n  device: d0\n  kernel: {interface: sl1}\n",
	  "f:7:11: port \"p1\": port \"p0\" has the same device" },
	{ "bond and device", "ports: [{name: b, device: d, kernel: {interface: a}, bond: {members: "
	  "[{name: p0, device: d0}, {name: p1, device: d1}]}}]\n",
	  "f:1:60: port \"b\": give either device, or bond with its members' devices" },
	{ "engine and device", "ports: [{name: p0, device: d, engine: xdp, interface: e, kernel: {interface: a}}]\n",
	  "f:1:39: port \"p0\": give either device, or engine with its interface" },
	{ "engine without interface", "ports: [{name: p0, engine: xdp, kernel: {interface: a}}]\n",
	  "f:1:9: port \"p0\": \"interface\" is missing: the one that the engine is for" },
	{ "interface without engine", "ports: [{name: p0, device: d, interface: e, kernel: {interface: a}}]\n",
	  "f:1:42: port \"p0\": interface needs \"engine: xdp\" or \"engine: dpdk\"" },
	{ "pin without engine", "ports: [{name: p0, device: d, pin: /b, kernel: {interface: a}}]\n",
	  "f:1:36: port \"p0\": pin and xdp_mode need \"engine: xdp\"" },
	{ "pin of another engine", "ports: [{name: p0, engine: dpdk, interface: e, pin: /b, kernel: {interface: a}}]\n",
	  "f:1:53: port \"p0\": pin and xdp_mode need \"engine: xdp\"" },
	{ "pass without XDP", "ports: [{name: p0, engine: dpdk, interface: e, kernel: {interface: a, pass: true}}]\n",
	  "f:1:56: port \"p0\": pass needs \"engine: xdp\" and one interface: only there can the kernel have what no service needs" },
	{ "pass in a bond", "ports: [{name: b, engine: xdp, kernel: {interface: a, pass: true}, bond: {members: "
	  "[{name: p0, interface: d0}, {name: p1, interface: d1}]}}]\n",
	  "f:1:40: port \"b\": pass needs \"engine: xdp\" and one interface: only there can the kernel have what no service needs" },
	{ "engine of another name", "ports: [{name: p0, engine: dpu, interface: e, kernel: {interface: a}}]\n",
	  "f:1:28: port \"p0\": engine \"dpu\" is unknown; give xdp or dpdk" },
	{ "pin not absolute", "ports: [{name: p0, engine: xdp, interface: e, pin: x, kernel: {interface: a}}]\n",
	  "f:1:52: port \"p0\": pin \"x\" is not an absolute path without commas, such as /sys/fs/bpf/sluice" },
	{ "engine of a bond's devices", "ports: [{name: b, engine: dpdk, kernel: {interface: a}, bond: {members: [{name: p0, interface: e}, "
	  "{name: p1, device: d}]}}]\n",
	  "f:1:119: port \"b\": member 2: with an engine a member has an interface, no device" },
	{ "members' interfaces without engine", "ports: [{name: b, kernel: {interface: a}, bond: {members: [{name: p0, interface: e}, "
	  "{name: p1, interface: f}]}}]\n",
	  "f:1:82: port \"b\": member 1: interface needs an engine beside the bond; or give its device" },
	{ "a member of nothing", "ports: [{name: b, engine: xdp, kernel: {interface: a}, bond: {members: [{name: p0, interface: e}, "
	  "{name: p1}]}}]\n",
	  "f:1:99: port \"b\": member 2: \"interface\" is missing" },
	{ "interface beside a bond", "ports: [{name: b, engine: xdp, interface: e, kernel: {interface: a}, bond: {members: [{name: p0, "
	  "interface: e}, {name: p1, interface: f}]}}]\n",
	  "f:1:76: port \"b\": give either interface, or bond with its members' interfaces" },
	{ "an interface twice", "ports: [{name: b, engine: xdp, kernel: {interface: a}, bond: {members: [{name: p0, interface: e}, "
	  "{name: p1, interface: e}]}}]\n",
	  "f:1:121: port \"p1\": port \"p0\" has the same interface \"e\"" },
	{ "the wire as kernel interface", "ports: [{name: p, engine: dpdk, interface: e, kernel: {interface: e}}]\n",
	  "f:1:55: port \"p\": the kernel interface has the name of the wire \"e\"; give a name that is free, sluiced makes the interface" },
	{ "bond of one", "ports: [{name: b, kernel: {interface: a}, bond: {members: [{name: p0, device: d0}]}}]\n",
	  "f:1:59: port \"b\": a bond has at least two members" },
	{ "bond without members", "ports: [{name: b, kernel: {interface: a}, bond: {mode: active-backup}}]\n",
	  "f:1:49: port \"b\": \"members\" is missing" },
	{ "bond mode", "ports: [{name: b, kernel: {interface: a}, bond: {mode: 802.3ad, members: []}}]\n",
	  "f:1:56: port \"b\": mode \"802.3ad\" is unknown; give active-backup or balance-xor" },
	{ "two members on a device", "ports: [{name: b, kernel: {interface: a}, bond: {members: [{name: p0, device: d}, "
	  "{name: p1, device: d}]}}]\n",
	  "f:1:102: port \"p1\": port \"p0\" has the same device" },
	{ "bad name", "ports: [{name: \"p 0\", device: d, kernel: {interface: a}}]\n",
	  "f:1:16: port \"p 0\": name \"p 0\" may only have letters, digits, '.', '_' and '-'" },
	{ "relative path", "node: {control: here}\n" PORT, "f:1:17: node: control \"here\" is not an absolute path" },
	{ "path too long",
	  "node: {state: "
	  "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n" PORT,
	  "f:1:15: node: state is 140 bytes long; at most 107 are possible" },
	{ "same paths", "node: {state: /a, control: /a}\n" PORT, "f:1:7: node: state and control are the same file" },
	{ "not a prime", "node: {maglev_size: 16384}\n" PORT,
	  "f:1:21: node: maglev_size 16384 is not a prime; the next one is 16411" },
	{ "policy", "node: {offload: {policy: always}}\n" PORT,
	  "f:1:26: node: policy \"always\" is unknown; give established, packets or never" },
	{ "meter rate 0", "node: {meters: {syn: {rate_pps: 0}}}\n" PORT,
	  "f:1:33: node: rate_pps 0 is out of range 1-65535000" },
	{ "meter without a rate", "node: {meters: {syn: {burst: 5}}}\n" PORT, "f:1:22: node: \"rate_pps\" is missing" },
	{ "meter of no class", "node: {meters: {sny: {rate_pps: 5}}}\n" PORT,
	  "f:1:17: node: unknown key \"sny\"; did you mean \"syn\"?" },
	{ "burst too large", "node: {meters: {vip: {rate_pps: 5, burst: 65536}}}\n" PORT,
	  "f:1:43: node: burst 65536 is out of range 1-65535" },
	{ "admission of a word", "node: {}\n" PORT "services: [{name: s, vip: 192.0.2.1, protocol: tcp, port: 80, mode: nat, "
	  "admission: {challenge: maybe}, backends: [{name: b, address: 10.0.0.1}]}]\n",
	  "f:7:97: service \"s\": challenge \"maybe\" is unknown; give auto, always or never" },
	{ "admission of nothing", "node: {}\n" PORT "services: [{name: s, vip: 192.0.2.1, protocol: tcp, port: 80, mode: nat, "
	  "admission: {half_open: 0}, backends: [{name: b, address: 10.0.0.1}]}]\n",
	  "f:7:97: service \"s\": half_open 0 is out of range 1-67108864" },
	{ "fullnat without a source", "node: {}\n" PORT "services: [{name: s, vip: 192.0.2.1, protocol: tcp, port: 80, mode: fullnat, "
	  "backends: [{name: b, address: 10.0.0.1}]}]\n",
	  "f:7:69: service \"s\": mode fullnat needs an IPv4 address in node.fullnat.sources, from which its connections come to backends" },
	{ "fullnat across families", "node: {fullnat: {sources: [10.0.0.9]}}\n" PORT
	  "services: [{name: s, vip: 192.0.2.1, protocol: tcp, port: 80, mode: fullnat, backends: [{name: b, address: 'fd00::1'}]}]\n",
	  "f:7:108: service \"s\", backend \"b\": an IPv6 backend cannot serve an IPv4 VIP in mode fullnat" },
	{ "fullnat's source is a backend", "node: {fullnat: {sources: [10.0.0.9, 10.0.0.1]}}\n" PORT
	  "services: [{name: s, vip: 192.0.2.1, protocol: tcp, port: 80, mode: fullnat, backends: [{name: b, address: 10.0.0.1}]}]\n",
	  "f:1:38: node: fullnat.sources: 10.0.0.1 is a backend's; give an address that sluiced alone uses" },
	{ "fullnat's source twice", "node: {fullnat: {sources: [10.0.0.9, 10.0.0.9]}}\n" PORT,
	  "f:1:38: node: fullnat.sources: 10.0.0.9 is another source's; give an address that sluiced alone uses" },
	{ "fullnat's ports", "node: {fullnat: {sources: [10.0.0.9], ports: 1024-2000}}\n" PORT,
	  "f:1:46: node: fullnat.ports \"1024-2000\" is no range of at least 1024 ports within 1-65535, such as 1024-65535" },
	{ "fullnat without sources", "node: {fullnat: {quarantine_ms: 5}}\n" PORT, "f:1:17: node: \"sources\" is missing" },
	{ "misses of no rate", "node: {}\n" PORT "services: [{name: s, vip: 192.0.2.1, protocol: tcp, port: 80, mode: nat, "
	  "misses: {burst: 5}, backends: [{name: b, address: 10.0.0.1}]}]\n",
	  "f:7:82: service \"s\": \"rate_pps\" is missing" },
	{ "burst too small", "node: {meters: {nat-return: {rate_pps: 1000001, burst: 1000}}}\n" PORT,
	  "f:1:29: node: meters.nat-return: burst 1000 is less than the 1001 frames that rate_pps 1000001 brings in a "
	  "millisecond" },
	{ "tenant without a way in", PORT "tenants: [{name: a, id: 1}]\n",
	  "f:6:11: tenant \"a\": give either vlan, or vni with trusted_vteps" },
	{ "tenant with both", PORT "tenants: [{name: a, id: 1, vlan: 2, vni: 3}]\n",
	  "f:6:11: tenant \"a\": give either vlan, or vni with trusted_vteps" },
	{ "vni without trust", PORT "tenants: [{name: a, id: 1, vni: 3}]\n",
	  "f:6:11: tenant \"a\": \"trusted_vteps\" is missing: whose tunnel packets are believed" },
	{ "no vtep of the family", PORT "tenants: [{name: a, id: 1, vni: 3, trusted_vteps: [fd00::1]}]\n",
	  "f:6:51: tenant \"a\": no port has an IPv6 vtep that its tunnels could end at" },
	{ "a tunnel that there is not", TUNNELS("{address: 10.0.0.9, tunnel: nvgre}"),
	  "f:6:80: tenant \"a\": tunnel \"nvgre\" is unknown; give ipip, vxlan, gre, gue or geneve" },
	{ "a source without an address", TUNNELS("{tunnel: gre}"), "f:6:52: tenant \"a\": \"address\" is missing" },
	{ "an unknown key of a source", TUNNELS("{address: 10.0.0.9, tunel: gre}"),
	  "f:6:72: tenant \"a\": unknown key \"tunel\"; did you mean \"tunnel\"?" },
	{ "GRE key 0", TUNNELS("{address: 10.0.0.9, tunnel: gre, key: 0}"),
	  "f:6:90: tenant \"a\": key 0 is out of range 1-4294967295" },
	{ "a key of VXLAN", TUNNELS("10.0.0.8, {address: 10.0.0.9, key: 7}"),
	  "f:6:87: tenant \"a\": key belongs to tunnel gre; this source's is vxlan" },
	{ "Geneve without a network", NO_VNI("{address: 10.0.0.9, tunnel: geneve}") "]\n",
	  "f:6:44: tenant \"a\": \"vni\" is missing; tunnel geneve needs the network that its packets are of" },
	{ "a network of nothing", TUNNELS("{address: 10.0.0.9, tunnel: ipip}"),
	  "f:6:33: tenant \"a\": vni belongs to tunnels vxlan and geneve; no trusted source has such" },
	{ "one source of two tenants", NO_VNI("{address: 10.0.0.9, tunnel: gre}") ",\n  {name: b, id: 2, trusted_vteps: [{address: "
	  "10.0.0.9, tunnel: gre, key: 4}]}]\n", "f:7:36: tenant \"b\": tenant \"a\" trusts the same source of gre tunnels: "
	  "nothing tells their packets apart" },
	{ "tenant id 0", PORT "tenants: [{name: a, id: 0, vlan: 3}]\n",
	  "f:6:25: tenant \"a\": id 0 is out of range 1-65535" },
	{ "tenant default", PORT "tenants: [{name: default, id: 1, vlan: 3}]\n",
	  "f:6:18: tenant \"default\": this name stands for untagged traffic; choose another" },
	{ "inner_vlan without vlan", PORT "tenants: [{name: a, id: 1, inner_vlan: 4, vni: 3}]\n",
	  "f:6:40: tenant \"a\": inner_vlan belongs to vlan, not to vni" },
	{ "same vlan and inner_vlan",
	  PORT "tenants: [{name: a, id: 1, vlan: 3, inner_vlan: 4}, {name: b, id: 2, vlan: 3, inner_vlan: 4}]\n",
	  "f:6:76: tenant \"b\": tenant \"a\" has the same vlan 3 and inner_vlan" },
	{ "same vlan", PORT "tenants: [{name: a, id: 1, vlan: 3}, {name: b, id: 2, vlan: 3}]\n",
	  "f:6:61: tenant \"b\": tenant \"a\" has the same vlan 3" },
	{ "unknown service key", WEB("  shceduler: maglev\n"),
	  "f:12:3: service \"web\": unknown key \"shceduler\"; did you mean \"scheduler\"?" },
	{ "scheduler", WEB("  scheduler: rr\n"), "f:12:14: service \"web\": scheduler \"rr\" is unknown; give maglev" },
	{ "tenant unknown", WEB("  tenant: red\n"),
	  "f:12:11: service \"web\": tenant \"red\" is not among the tenants; add it there or leave the key out" },
	{ "announce", WEB("  announce: maybe\n"),
	  "f:12:13: service \"web\": announce \"maybe\" is neither true nor false" },
	{ "health timeout", WEB("  health: {interval_ms: 100, timeout_ms: 200}\n"),
	  "f:12:11: service \"web\": health: timeout_ms 200 is longer than interval_ms 100; a check must end before "
	  "the next" },
	{ "health type", WEB("  health: {type: http}\n"),
	  "f:12:18: service \"web\": type \"http\" is unknown; give none or tcp" },
	{ "a port is missing a value", HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port:\n  mode: nat\n" BACKENDS,
	  "f:10:8: service \"web\": port has no value" },
	{ "port out of range", HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 70000\n  mode: nat\n" BACKENDS,
	  "f:10:9: service \"web\": port 70000 is out of range 1-65535" },
	{ "port range falls", HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 90-80\n  mode: nat\n" BACKENDS,
	  "f:10:9: service \"web\": port range 90-80 must rise within 1-65535" },
	{ "huge number",
	  HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 99999999999999999999999\n  mode: nat\n" BACKENDS,
	  "f:10:9: service \"web\": port 99999999999999999999999 is out of range 1-65535" },
	{ "VIP no address", HEAD "  vip: ten\n  protocol: tcp\n  port: 80\n  mode: nat\n" BACKENDS,
	  "f:8:8: service \"web\": vip \"ten\" is not an IPv4 or IPv6 address" },
	{ "VIP multicast", HEAD "  vip: 224.0.0.1\n  protocol: tcp\n  port: 80\n  mode: nat\n" BACKENDS,
	  "f:8:8: service \"web\": vip 224.0.0.1 is not the address of one host" },
	{ "protocol", HEAD "  vip: 10.1.0.1\n  protocol: sctp\n  port: 80\n  mode: nat\n" BACKENDS,
	  "f:9:13: service \"web\": protocol \"sctp\" is unknown; give tcp or udp" },
	{ "no backends", HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: nat\n",
	  "f:7:3: service \"web\": \"backends\" is missing" },
	{ "health of many ports", HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: any\n  mode: dsr-l2\n" BACKENDS,
	  "f:7:3: service \"web\": health needs a port: the service has many, so say which one to check (or type: "
	  "none)" },
	{ "unknown backend key", WEB("") "  - {name: b2, address: 10.0.0.12, wieght: 3}\n",
	  "f:14:36: service \"web\", backend \"b2\": unknown key \"wieght\"; did you mean \"weight\"?" },
	{ "two backends of a name", WEB("") "  - {name: b1, address: 10.0.0.12}\n",
	  "f:14:12: service \"web\", backend \"b1\": the service has two backends of this name" },
	{ "the same backend", WEB("") "  - {name: b2, address: 10.0.0.11}\n",
	  "f:14:25: service \"web\", backend \"b2\": backend \"b1\" is the same server" },
	{ "families", WEB("") "  - {name: b2, address: \"fd00::2\"}\n",
	  "f:14:25: service \"web\", backend \"b2\": an IPv6 backend cannot serve an IPv4 VIP in mode dsr-l2" },
	{ "backend is the VIP", WEB("") "  - {name: b2, address: 10.1.0.1}\n",
	  "f:14:25: service \"web\", backend \"b2\": a backend cannot have the VIP's address" },
	{ "port outside nat", WEB("") "  - {name: b2, address: 10.0.0.2, port: 8080}\n",
	  "f:14:41: service \"web\", backend \"b2\": port belongs to modes nat and fullnat; in mode dsr-l2 a packet keeps its "
	  "port" },
	{ "weight", WEB("") "  - {name: b2, address: 10.0.0.2, weight: 1001}\n",
	  "f:14:43: service \"web\", backend \"b2\": weight 1001 is out of range 0-1000" },
	{ "vni outside vxlan", WEB("") "  - {name: b2, address: 10.0.0.2, vni: 1}\n",
	  "f:14:40: service \"web\", backend \"b2\": vni belongs to modes vxlan and geneve; this service is dsr-l2" },
	{ "gue_port outside gue", WEB("") "  - {name: b2, address: 10.0.0.2, gue_port: 1}\n",
	  "f:14:45: service \"web\", backend \"b2\": gue_port belongs to mode gue; this service is dsr-l2" },
	{ "gue_variant", HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: gue\n  backends:\n"
	  "  - {name: b1, address: 10.0.0.2, gue_variant: 2}\n",
	  "f:13:48: service \"web\", backend \"b1\": gue_variant 2 is out of range 0-1" },
	{ "geneve without vni", HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: geneve\n" BACKENDS,
	  "f:13:5: service \"web\", backend \"b1\": \"vni\" is missing; mode geneve needs the network the backend is "
	  "in" },
	{ "gre without a source",
	  HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: gre\n  backends:\n"
	       "  - {name: b1, address: \"fd00::2\"}\n",
	  "f:13:25: service \"web\", backend \"b1\": no port has an IPv6 address for the tunnel to start from" },
	{ "vxlan without vni", HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: vxlan\n" BACKENDS,
	  "f:13:5: service \"web\", backend \"b1\": \"vni\" is missing; mode vxlan needs the network the backend is "
	  "in" },
	{ "inner MAC",
	  HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: vxlan\n  backends:\n"
	       "  - {name: b1, address: 10.0.0.2, vni: 1, inner_mac: 02-00}\n",
	  "f:13:54: service \"web\", backend \"b1\": inner_mac \"02-00\" is not a MAC address such as "
	  "\"02:00:00:00:00:01\"" },
	{ "ipip without a source",
	  HEAD "  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: ipip\n  backends:\n"
	       "  - {name: b1, address: \"fd00::2\"}\n",
	  "f:13:25: service \"web\", backend \"b1\": no port has an IPv6 address for the tunnel to start from" },
	{ "service twice",
	  WEB("") "- name: web\n  vip: 10.1.0.2\n  protocol: tcp\n  port: 80\n  mode: dsr-l2\n" BACKENDS,
	  "f:14:9: service \"web\": there are two services of this name; the first is in line 7" },
	{ "VIP and port twice",
	  WEB("") "- name: w2\n  vip: 10.1.0.1\n  protocol: tcp\n  port: 80\n  mode: dsr-l2\n" BACKENDS,
	  "f:17:9: service \"w2\": VIP, protocol and port are those of service \"web\" in line 7" },
	{ "ranges overlap",
	  HEAD "  vip: 10.1.0.1\n  protocol: udp\n  port: 10-20\n  mode: dsr-l2\n" BACKENDS
	       "- name: w2\n  vip: 10.1.0.1\n  protocol: udp\n  port: 20-30\n  mode: dsr-l2\n" BACKENDS,
	  "f:17:9: service \"w2\": VIP, protocol and some of the ports are those of service \"web\" in line 7" },
	{ "too many backends for the table",
	  "node: {maglev_size: 251}\n" HEAD "  vip: 10.1.0.1\n  protocol: udp\n  port: 1\n"
	  "  mode: dsr-l2\n  backends: [@60]\n",
	  "f:8:3: service \"web\": 60 backends need node.maglev_size of at least 300" },
	{ "alias to itself", "ports: &a [*a]\n", "f:1:8: port 1: expected keys with values, such as \"name: ...\"" },
};

/* "@60" in a row's text stands for that many backends. */
static char *expand(const char *text)
{
	const char *at = strchr(text, '@');
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!at) {
		fputs(text, f);
	} else {
		char *end;
		long n = strtol(at + 1, &end, 10);

		fprintf(f, "%.*s", (int)(at - text), text);
		for (long i = 0; i < n; i++)
			fprintf(f, "%s{name: b%ld, address: 10.9.%ld.%ld}", i ? ", " : "", i, i / 250, i % 250 + 1);
		fputs(end, f);
	}
	fclose(f);
	return out;
}

static void every_mistake_has_its_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sl_config *config = (void *)1;
		struct sl_config_error err;
		char *text = expand(bad[i].text);
		int ret = sl_config_parse("f", text, strlen(text), &config, &err);

		if (ret != -22 || config)
			fail_msg("%s: accepted", bad[i].what);
		err.text[strcspn(err.text, "\n")] = '\0';
		if (strcmp(err.text, bad[i].message))
			fail_msg("%s:\n  got  %s\n  want %s", bad[i].what, err.text, bad[i].message);
		free(text);
	}
}

static void several_mistakes_are_told_at_once(void **state)
{
	static const char text[] = "node: {worker: 1}\nports:\n- name: p0\n  mtu: 1\n  kernel: {interface: a}\n";
	struct sl_config *config;
	struct sl_config_error err;

	(void)state;
	assert_int_equal(sl_config_parse("lb.yaml", text, strlen(text), &config, &err), -22);
	assert_string_equal(err.text, "lb.yaml:1:8: node: unknown key \"worker\"; did you mean \"workers\"?\n"
				      "lb.yaml:4:8: port \"p0\": mtu 1 is out of range 1280-9582\n"
				      "lb.yaml:3:3: port \"p0\": \"device\" is missing");
}

static void messages_are_bounded(void **state)
{
	struct sl_config *config;
	struct sl_config_error err;
	char text[4096] = PORT;

	(void)state;
	for (unsigned int i = 0; i < 60; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "nonsense%u: 1\n", i);
	assert_int_equal(sl_config_parse("f", text, strlen(text), &config, &err), -22);
	assert_non_null(strstr(err.text, "\nf: and 44 more"));
}

static const char full[] =
	"services:\n"
	"- {name: dns, tenant: blue, vip: 'fd00::53', protocol: udp, port: 50-60, mode: ipip, announce: false,\n"
	"   offload: {policy: packets, packets: 3, udp_packets: 4}, timeouts: {udp_ms: 5000}, admission: {half_open: 5, challenge: never},\n"
	"   backends: [{name: d1, address: 10.0.0.53, weight: 0}]}\n"
	"- {name: all, vip: 10.1.0.1, protocol: tcp, port: any, mode: nat, health: {port: 22, interval_ms: 200, "
	"timeout_ms: 150,\n"
	"   rise: 1, fall: 4}, backends: [{name: n1, address: 10.0.0.1, port: 8080, weight: 7}]}\n"
	"- {name: vx, tenant: red, vip: 10.1.0.1, protocol: tcp, port: 80, mode: vxlan,\n"
	"   backends: [{name: v1, address: 10.0.0.9, vni: 77, inner_mac: '02:00:00:00:00:09', vtep: 10.0.0.8}]}\n"
	"tenants: [{name: red, id: 7, vlan: 12}, {name: blue, id: 8, vni: 99, trusted_vteps: [10.0.0.3, {address: 10.0.0.4,\n"
	"   tunnel: gre, key: 7}]}, {name: green, id: 9, trusted_vteps: [{address: 'fd00::9', tunnel: ipip}]}]\n"
	"ports: [{name: p0, device: 'net_sluice0,bus=/run/card', mtu: 9000, vtep: [10.0.0.2, 'fd00::2'],\n"
	"   kernel: {interface: sl0, addresses: [10.0.0.2/24, 'fd00::2/64']}}]\n"
	"node: {name: lb1, workers: 2, state: /dev/shm/x, control: /run/y, max_connections: 2048, maglev_size: 251, "
	"hash_seed: 9,\n"
	"   offload: {udp_packets: 2}, timeouts: {syn_ms: 4000}}\n";

static void a_good_file_gives_the_struct(void **state)
{
	struct sl_config *c;
	struct sl_config_error err;
	char text[SL_ADDR_TEXT];

	(void)state;
	if (sl_config_parse("f", full, strlen(full), &c, &err))
		fail_msg("%s", err.text);
	assert_string_equal(c->node.name, "lb1");
	assert_int_equal(c->node.workers, 2);
	assert_string_equal(c->node.state, "/dev/shm/x");
	assert_int_equal(c->node.hash_seed, 9);
	assert_int_equal(c->ports[0].mtu, 9000);
	assert_int_equal(c->ports[0].kernel_address_count, 2);
	assert_int_equal(c->ports[0].kernel_address[1].len, 64);
	assert_int_equal(c->ports[0].vtep[1].family, 6);
	assert_int_equal(c->tenant_count, 4);
	assert_int_equal(c->tenants[1].vlan, 12);
	assert_int_equal(c->tenants[2].trusted_count, 2);
	assert_int_equal(c->tenants[2].trusted[0].tunnel, SL_MODE_VXLAN);
	assert_false(c->tenants[2].trusted[0].has_key);
	assert_int_equal(c->tenants[2].trusted[1].tunnel, SL_MODE_GRE);
	assert_int_equal(c->tenants[2].trusted[1].key, 7);
	assert_string_equal(sl_addr_text(&c->tenants[2].trusted[1].address, text), "10.0.0.4");
	assert_false(c->tenants[3].has_vni);
	assert_int_equal(c->tenants[3].trusted[0].tunnel, SL_MODE_IPIP);
	assert_int_equal(c->services[0].tenant, 8);
	assert_string_equal(sl_addr_text(&c->services[0].vip, text), "fd00::53");
	assert_int_equal(c->services[0].port_hi, 60);
	assert_false(c->services[0].announce);
	assert_int_equal(c->services[0].health.type, SL_HEALTH_NONE); /* UDP */
	assert_int_equal(c->services[0].offload.packets, 3);
	assert_int_equal(c->services[0].admission.half_open, 5);
	assert_int_equal(c->services[0].admission.connections, 2048);
	assert_int_equal(c->services[0].admission.challenge, SL_CHALLENGE_NEVER);
	assert_int_equal(c->services[1].admission.half_open, 128);
	assert_int_equal(c->services[0].timeouts.udp_ms, 5000);
	assert_int_equal(c->services[0].timeouts.syn_ms, 4000); /* from node */
	assert_int_equal(c->services[0].backends[0].weight, 0);
	assert_int_equal(c->services[1].port_lo, 0);
	assert_int_equal(c->services[1].offload.udp_packets, 2); /* from node */
	assert_int_equal(c->services[1].health.port, 22);
	assert_int_equal(c->services[1].health.fall, 4);
	assert_int_equal(c->services[1].backends[0].port, 8080);
	assert_int_equal(c->services[2].health.type, SL_HEALTH_TCP);
	assert_string_equal(sl_addr_text(&c->services[2].backends[0].vtep, text), "10.0.0.8");
	assert_int_equal(c->services[2].backends[0].inner_mac[5], 9);
	sl_config_free(c);
}

static const struct {
	const char *what, *from, *to, *message; /* NULL: may be reloaded */
} changes[] = {
	{ "nothing", "", "", NULL },
	{ "a weight", "weight: 7", "weight: 8", NULL },
	{ "timeouts of the node", "syn_ms: 4000", "syn_ms: 5000", NULL },
	{ "workers", "workers: 2", "workers: 3", "node.workers" },
	{ "state", "/dev/shm/x", "/dev/shm/z", "node.state" },
	{ "device", "/run/card", "/run/cord", "port \"p0\"" },
	{ "kernel address", "10.0.0.2/24", "10.0.0.2/25", "port \"p0\"" },
};

/* A port by its engine is the device that this means. */
static void an_engine_is_a_device(void **state)
{
	static const char text[] = "ports:\n- {name: p0, engine: xdp, interface: eth1, xdp_mode: offload, kernel: {interface: a}}\n"
				   "- {name: p1, engine: xdp, interface: eth2, pin: /b/x, xdp_mode: native, kernel: {interface: b}}\n"
				   "- {name: p2, engine: dpdk, interface: eth3, kernel: {interface: c}}\n"
				   "- {name: p3, engine: dpdk, interface: eth4, mtu: 9000, kernel: {interface: d}}\n"
				   "- {name: b, engine: xdp, kernel: {interface: e}, bond: {members: [{name: m0, interface: eth5},"
				   " {name: m1, interface: eth6}]}}\n"
				   "- {name: p4, engine: xdp, interface: eth7, kernel: {interface: f, pass: true}}\n";
	struct sl_config *c;
	struct sl_config_error err;

	(void)state;
	if (sl_config_parse("f", text, strlen(text), &c, &err))
		fail_msg("%s", err.text);
	assert_string_equal(c->ports[0].device, "net_sluice_xdp0,iface=eth1,pin=/sys/fs/bpf/sluice,port=0,mode=offload,kernel=host");
	assert_string_equal(c->ports[1].device, "net_sluice_xdp1,iface=eth2,pin=/b/x,port=1,mode=native,kernel=host");
	assert_string_equal(c->ports[2].device, "net_af_packet2,iface=eth3,framecnt=1024,framesz=2048,blocksz=8192");
	assert_string_equal(c->ports[3].device, "net_af_packet3,iface=eth4,framecnt=1024,framesz=16384,blocksz=65536");
	assert_string_equal(c->ports[4].device, "net_sluice_xdp4,iface=eth5,pin=/sys/fs/bpf/sluice,port=4,mode=auto,kernel=host");
	assert_string_equal(c->ports[5].device, "net_sluice_xdp5,iface=eth6,pin=/sys/fs/bpf/sluice,port=5,mode=auto,kernel=host");
	assert_string_equal(c->ports[5].name, "m1");
	assert_string_equal(c->ports[6].device, "net_sluice_xdp6,iface=eth7,pin=/sys/fs/bpf/sluice,port=6,mode=auto,kernel=keep");
	assert_true(c->ports[6].kernel_pass);
	assert_false(c->ports[0].kernel_pass);
	sl_config_free(c);
}

static void what_cannot_change_live_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct sl_config *now, *next;
		struct sl_config_error err;
		char text[sizeof(full) + 64];
		const char *at = strstr(full, changes[i].from);
		int ret;

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - full), full, changes[i].to,
			 at + strlen(changes[i].from));
		assert_int_equal(sl_config_parse("f", full, strlen(full), &now, &err), 0);
		if (sl_config_parse("f", text, strlen(text), &next, &err))
			fail_msg("%s", err.text);
		ret = sl_config_reloadable(now, next, &err);
		if (ret != (changes[i].message ? -16 : 0))
			fail_msg("%s: %d", changes[i].what, ret);
		if (ret && strncmp(err.text, changes[i].message, strlen(changes[i].message)))
			fail_msg("%s: %s", changes[i].what, err.text);
		sl_config_free(now);
		sl_config_free(next);
	}
}

static void files_that_are_none(void **state)
{
	struct sl_config *config;
	struct sl_config_error err;

	(void)state;
	assert_int_equal(sl_config_load("/nonexistent/lb.yaml", &config, &err), -2);
	assert_string_equal(err.text, "/nonexistent/lb.yaml: No such file or directory");
	assert_int_equal(sl_config_load("/dev", &config, &err), -22);
	assert_string_equal(err.text, "/dev: is not a regular file");
	assert_null(config);
}

/* The example of the manual is a good file. Run from the top of the tree, as `make test-unit` does. */
static void the_manual_is_true(void **state)
{
	static char text[65536];
	FILE *f = fopen("docs/config.md", "r");
	char *begin, *end;
	struct sl_config *config;
	struct sl_config_error err;

	(void)state;
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	begin = strstr(text, "```yaml\n");
	assert_non_null(begin);
	begin += strlen("```yaml\n");
	end = strstr(begin, "```");
	assert_non_null(end);
	if (sl_config_parse("docs/config.md", begin, (size_t)(end - begin), &config, &err))
		fail_msg("%s", err.text);
	assert_int_equal(config->service_count, 4);
	sl_config_free(config);
}

/* Mutations of good and bad files: any answer will do, with a message if it is no; the sanitizers watch. */
static void noise_never_crashes(void **state)
{
	const char *fixed = getenv("SL_SEED");
	unsigned int seed =
		fixed ? (unsigned int)strtoul(fixed, NULL, 10) : (unsigned int)time(NULL) ^ (unsigned int)getpid();
	static const char alphabet[] = "{}[]:,-&*!|>'\"%@#? \n\t0a\xff";
	unsigned int refused = 0;

	(void)state;
	print_message("noise: SL_SEED=%u\n", seed);
	srandom(seed);
	for (unsigned int n = 0; n < 3000; n++) {
		char text[sizeof(full)];
		struct sl_config *config;
		struct sl_config_error err;
		size_t length = sizeof(full) - 1;

		memcpy(text, full, sizeof(full));
		for (unsigned int m = (unsigned int)random() % 6 + 1; m > 0; m--) {
			size_t at = (size_t)random() % length, from = (size_t)random() % length;

			if (random() % 4 == 0)
				memmove(text + at, text + from, (length - (at > from ? at : from)) / 8);
			else
				text[at] = random() % 3 ? alphabet[(size_t)random() % (sizeof(alphabet) - 1)]
							: (char)random();
		}
		if (random() % 10 == 0)
			length = (size_t)random() % length;
		if (sl_config_parse("f", text, length, &config, &err)) {
			refused++;
			assert_null(config);
			assert_true(*err.text != '\0');
		}
		sl_config_free(config);
	}
	assert_true(refused > 1000);
}

static void deep_nesting_ends(void **state)
{
	struct sl_config *config;
	struct sl_config_error err;
	char *text = malloc(200001);

	(void)state;
	memset(text, '[', 200000);
	assert_int_equal(sl_config_parse("f", text, 200000, &config, &err), -22);
	assert_string_equal(err.text, "f:1:13: nested more than 12 deep; no key needs that");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_has_its_message),
		cmocka_unit_test(several_mistakes_are_told_at_once),
		cmocka_unit_test(messages_are_bounded),
		cmocka_unit_test(a_good_file_gives_the_struct), cmocka_unit_test(an_engine_is_a_device),
		cmocka_unit_test(what_cannot_change_live_is_refused),
		cmocka_unit_test(files_that_are_none),
		cmocka_unit_test(the_manual_is_true),
		cmocka_unit_test(noise_never_crashes),
		cmocka_unit_test(deep_nesting_ends),
	};

	return cmocka_run_group_tests_name("host/config", tests, NULL, NULL);
}
