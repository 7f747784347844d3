#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The agent's software path against testpmd mac-swap, over memif, in one run: minimum-size UDP frames, alternating rounds.

software_bench.py --json FILE [--rounds N] [--seconds S]

One core generates (wire_gen), the other forwards; the ratio of the two forwarders is the figure to quote.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from lab import BIN, BUILD, Lab, sh  # noqa: E402

GEN = os.path.join(BUILD, "bench", "wire_gen")
EAL = ["--no-huge", "-m", "256", "--no-telemetry", "--no-pci"]


class Bench(Lab):
    """Only the lab's names, processes and clean-up: one namespace for the agent."""

    def __init__(self):
        super().__init__("software", services=[])
        self.services = [{"name": "udp", "vip": "10.78.0.100", "protocol": "udp", "port": 5001, "mode": "dsr-l2", "announce": False,
                          "health": {"type": "none"},
                          "backends": [{"name": f"b{i}", "address": f"10.77.0.{10 + i}", "weight": 1} for i in (1, 2, 3)]}]

    def build(self):
        sh("ip", "netns", "add", self.ns("lb"))
        self.namespaces.append(self.ns("lb"))
        sh("ip", "link", "set", "lo", "up", ns=self.ns("lb"))

    def device(self):
        return f"net_memif0,role=client,id=1,socket={self.path('memif.sock')},socket-abstract=no,mac=02:00:00:00:00:01"

    def ports(self):
        port = super().ports()[0]
        return [{**{k: v for k, v in port.items() if k not in ("engine", "interface")}, "device": self.device()}]

    def neighbours(self):
        for i in (1, 2, 3):
            sh("ip", "neigh", "replace", f"10.77.0.{10 + i}", "lladdr", f"02:00:00:00:00:1{i}", "dev", "sl0", "nud", "permanent",
               ns=self.ns("lb"))

    def generate(self, flows, seconds, start_forwarder):
        socket_path = self.path("memif.sock")
        gen = subprocess.Popen(["taskset", "-c", "0", GEN, "--lcores", "0@0", *EAL, "--file-prefix", self.tag + "g", "--vdev",
                                f"net_memif0,role=server,id=1,socket={socket_path},socket-abstract=no", "--",
                                "02:00:00:00:00:01", "10.78.0.100", str(flows), str(seconds)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.wait_for(lambda: os.path.exists(socket_path), 10, "the generator's socket")
            start_forwarder()
            out, _ = gen.communicate(timeout=60)
        finally:
            if gen.poll() is None:
                gen.kill()
                gen.wait()
        return json.loads(out.strip().splitlines()[-1])["forwarded_mpps"]

    def testpmd(self):
        argv = ["dpdk-testpmd", "--lcores", "0@0,1@1", *EAL, "--file-prefix", self.tag + "t", "--vdev", self.device(), "--",
                "--forward-mode=macswap", "--auto-start", "--mp-alloc=anon", "--no-iova-contig", "--nb-cores=1",
                "--no-lsc-interrupt", "--total-num-mbufs=16384", "--stats-period=60"]
        self.spawn("forwarder", argv)

    def agent(self):
        self.write_config()
        self.spawn("forwarder", [os.path.join(BIN, "sluiced"), "-c", self.config, "-e", "--no-huge -m 256"], ns=self.ns("lb"))
        self.wait_for(lambda: self.cli("service", "list", check=False) is not None, 20, "the agent")
        self.neighbours()
        time.sleep(0.5)


def processor_mhz():
    """Of the time-stamp counter's nominal clock; the forwarder has one core to itself."""
    with open("/proc/cpuinfo", encoding="ascii") as f:
        return next(float(line.split(":")[1]) for line in f if line.startswith("cpu MHz"))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--json")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=4)
    args = p.parse_args()
    figures = {"testpmd_macswap": [], "agent_1_flow": [], "agent_10k_flows": []}
    for _ in range(args.rounds):
        for name, flows in (("testpmd_macswap", 1), ("agent_1_flow", 1), ("agent_10k_flows", 10000)):
            with Bench() as bench:
                start = bench.testpmd if name.startswith("testpmd") else bench.agent
                figures[name].append(bench.generate(flows, args.seconds, start))
                bench.stop("forwarder")
    result = {name: {"median_mpps": statistics.median(v), "min_mpps": min(v), "max_mpps": max(v)} for name, v in figures.items()}
    best = result["testpmd_macswap"]["max_mpps"]
    base, mhz = result["testpmd_macswap"]["median_mpps"], processor_mhz()
    for row in result.values():
        row["cycles_per_packet"] = round(mhz / row["median_mpps"]) if row["median_mpps"] else None
    for name in ("agent_1_flow", "agent_10k_flows"):
        result[name]["ratio_to_macswap"] = round(result[name]["median_mpps"] / base, 3) if base else None
        result[name]["best_ratio_to_macswap"] = round(result[name]["max_mpps"] / best, 3) if best else None
    print(json.dumps(result, indent=2))
    if args.json:
        os.makedirs(os.path.dirname(args.json), exist_ok=True)
        with open(args.json, "w", encoding="ascii") as f:
            json.dump(result, f, indent=2)


if __name__ == "__main__":
    main()
