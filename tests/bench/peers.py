#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sluice beside what a user would install instead, on the same namespaces, clients and backends (tests/system/lab.py).

peers.py JSON DOCUMENT [--rounds N] [--seconds N]

Each balancer stands between wrk in one namespace and nginx in three, by itself, in turns; "none" is the same client with a route
to one backend. Keep-alive: 32 connections that ask again and again. New connections: one request each. Medians of the
rounds. CPU is that of the whole machine, clients and backends included, in a time in which the balancer forwards packets: what one
costs more than "none" is its own. Writes JSON, and the table between the two markers of the document.
"""
import argparse
import json
import os
import re
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from lab import Lab, VIPS, sh  # noqa: E402

BEGIN, END = "<!-- written by make bench-peers -->", "<!-- end of what make bench-peers writes -->"
VIP = VIPS["nat"]
TICKS = os.sysconf("SC_CLK_TCK")


class Plain(Lab):
    """The lab with the kernel's own interface in the balancer's place: lb0 on the bridge, with the node's addresses and the VIP."""

    def __init__(self):
        super().__init__("software")

    def address(self):
        return VIP

    def begin(self):
        for name in self.backends:
            self.start_backend(name)
        sh("ip", "link", "add", "lb0", "netns", self.ns("lb"), "type", "veth", "peer", "name", "to-lb", "netns", self.ns("sw"))
        sh("ip", "link", "set", "to-lb", "master", "br0", "up", ns=self.ns("sw"))
        for a in ("10.77.0.2/24", "10.78.0.2/24", f"{VIP}/32"):
            sh("ip", "addr", "add", a, "dev", "lb0", ns=self.ns("lb"))
        sh("ip", "link", "set", "lb0", "up", ns=self.ns("lb"))
        self.start()

    def start(self):
        raise NotImplementedError

    def servers(self):
        return [f"10.77.0.{11 + i}" for i in range(len(self.backends))]

    def conf(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def serves(self):
        return sh("curl", "-s", "-m", "1", "-o", self.path("page"), f"http://{self.address()}/", ns=self.ns("cl"),
                  check=False).returncode == 0


class Haproxy(Plain):
    def start(self):
        servers = "\n".join(f"  server b{i} {s}:80 check" for i, s in enumerate(self.servers(), 1))
        conf = self.conf("haproxy.cfg", f"""global
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend f
  bind {VIP}:80
  default_backend b
backend b
  balance roundrobin
{servers}
""")
        self.spawn("haproxy", ["haproxy", "-db", "-f", conf], ns=self.ns("lb"))


class NginxStream(Plain):
    def start(self):
        servers = " ".join(f"server {s}:80;" for s in self.servers())
        module = "/usr/lib/nginx/modules/ngx_stream_module.so"
        conf = self.conf("stream.conf", f"""load_module {module};
daemon off; master_process on; worker_processes auto; pid {self.path('stream.pid')}; error_log {self.path('stream.err')};
events {{ worker_connections 4096; }}
stream {{ upstream b {{ {servers} }} server {{ listen {VIP}:80 backlog=4096; proxy_pass b; }} }}
""")
        self.spawn("stream", ["nginx", "-e", self.path("stream.err"), "-c", conf], ns=self.ns("lb"))


class Nftables(Plain):
    def start(self):
        servers = ", ".join(f"{i} : {s}" for i, s in enumerate(self.servers()))
        sh("nft", "table ip nat { chain pre { type nat hook prerouting priority dstnat; "
           f"ip daddr {VIP} tcp dport 80 dnat to numgen inc mod {len(self.backends)} map {{ {servers} }}; }}; }}", ns=self.ns("lb"))


class Direct(Plain):
    """No balancer: one backend, by a route past the one that would stand there."""

    def address(self):
        return "10.77.0.11"

    def start(self):
        sh("ip", "route", "add", "10.77.0.11", "dev", "eth0", ns=self.ns("cl"))
        sh("ip", "route", "add", "10.78.0.10", "dev", "eth0", ns=self.ns("b1"))


class Sluice(Lab):
    def __init__(self, engine, mode):
        super().__init__(engine)
        self.services = [self.service(mode, VIPS[mode], 80)]
        self.mode = mode

    def address(self):
        return VIPS[self.mode]

    def begin(self):
        for name in self.backends:
            self.start_backend(name)
        self.start_card()
        self.start_agent()

    serves = Plain.serves


CONTENDERS = (
    ("none", "no balancer, one backend", Direct),
    ("nftables", "nftables DNAT map", Nftables),
    ("sluice_xdp_nat", "Sluice, `engine: xdp`, nat", lambda: Sluice("xdp", "nat")),
    ("sluice_xdp_dsr", "Sluice, `engine: xdp`, dsr-l2", lambda: Sluice("xdp", "dsr-l2")),
    ("sluice_dpdk_nat", "Sluice, `engine: dpdk`, nat", lambda: Sluice("software", "nat")),
    ("haproxy", "HAProxy, mode tcp", Haproxy),
    ("nginx", "nginx stream", NginxStream),
)


def busy():
    """CPU seconds that the machine has worked."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _, _, irq, softirq = (int(n) for n in f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def packets(lab):
    link = json.loads(sh("ip", "-j", "-s", "link", "show", "eth0", ns=lab.ns("cl")).stdout)[0]["stats64"]
    return link["rx"]["packets"] + link["tx"]["packets"]


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def load(lab, seconds, *more):
    """One run of wrk: what it says, and what it cost."""
    cpu, count = busy(), packets(lab)
    out = lab.client("wrk", "-t1", "-c32", f"-d{seconds}s", "--latency", *more, f"http://{lab.address()}/", timeout=seconds + 30).stdout
    cpu, count = busy() - cpu, packets(lab) - count
    failed = sum(int(n) for line in re.findall(r"Socket errors: (.*)|Non-2xx or 3xx responses: (\d+)", out)
                 for n in re.findall(r"\d+", " ".join(line)))
    return {
        "per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
        "p50_ms": milliseconds(re.search(r"^\s+50%\s+(\S+)", out, re.M).group(1)),
        "p99_ms": milliseconds(re.search(r"^\s+99%\s+(\S+)", out, re.M).group(1)),
        "cpu_s_per_million_packets": cpu / count * 1e6,
        "failed": failed,
    }


def measure(make, seconds):
    with make() as lab:
        lab.begin()
        lab.wait_for(lab.serves, 10, f"an answer at {lab.address()}")
        return {"keep_alive": load(lab, seconds), "new": load(lab, seconds, "-H", "Connection: close")}


def medians(runs):
    return {kind: {name: round(statistics.median(r[kind][name] for r in runs), 3) for name in runs[0][kind]} for kind in runs[0]}


def table(result):
    lines = ["| | requests/s | p50, p99 ms | CPU s per million packets | new connections/s | p50, p99 ms | CPU s per million packets |",
             "|---|---|---|---|---|---|---|"]
    for name, words, _ in CONTENDERS:
        cells = []
        for kind in ("keep_alive", "new"):
            r = result["balancers"][name][kind]
            cells += [f"{r['per_s']:,.0f}", f"{r['p50_ms']:.2f}, {r['p99_ms']:.2f}", f"{r['cpu_s_per_million_packets']:.2f}"]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("json")
    p.add_argument("document")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=int, default=6)
    args = p.parse_args()
    if os.geteuid():
        sys.exit("bench-peers makes network namespaces and needs root")
    runs = {name: [] for name, _, _ in CONTENDERS}
    for i in range(args.rounds):
        for name, words, make in CONTENDERS:
            runs[name].append(measure(make, args.seconds))
            r = runs[name][-1]
            print(f"round {i + 1}: {words}: {r['keep_alive']['per_s']:.0f} requests/s, {r['new']['per_s']:.0f} connections/s, "
                  f"{r['keep_alive']['failed'] + r['new']['failed']} failed", flush=True)
    result = {"rounds": args.rounds, "seconds": args.seconds, "balancers": {name: medians(r) for name, r in runs.items()}}
    with open(args.json, "w", encoding="ascii") as f:
        json.dump(result, f, indent=1)
    with open(args.document, encoding="utf-8") as f:
        before, rest = f.read().split(BEGIN)
    with open(args.document, "w", encoding="utf-8") as f:
        f.write(before + BEGIN + "\n" + table(result) + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
