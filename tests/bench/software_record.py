#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Collects what the benchmarks of XDP, of the agent over memif and of the datapath from memory measured, in one file.

software_record.py BENCH_DIR DOCUMENT

Reads xdp.json, software-path.json and datapath.json in BENCH_DIR, writes software.json there, and puts its table in the document's
place between the two markers.
"""
import json
import os
import sys


def read(folder, name):
    with open(os.path.join(folder, name), encoding="ascii") as f:
        return json.load(f)


BEGIN, END = "<!-- written by make bench-software -->", "<!-- until here -->"

ROWS = (
    ("xdp_floor_ns", "ns", "XDP: a MAC swap under the same wrapper, the floor"),
    ("xdp_hot_ns", "ns", "XDP: a hit, one flow, ipip"),
    ("xdp_1m_ns", "ns", "XDP: a hit, a million flows at random, ipip"),
    ("xdp_pass_ns", "ns", "XDP: a frame that no rule matches, to the kernel"),
    ("xdp_new_ns", "ns", "XDP: a new connection's SYN, decided there, ipip"),
    ("xdp_new_1m_ns", "ns", "XDP: the same, a million clients at random"),
    ("dpdk_hot_ratio", "", "agent over memif, one flow, to testpmd mac-swap: the best round of each"),
    ("dpdk_hot_ratio_of_medians", "", "the same, of the medians"),
    ("dpdk_1m_mpps", "Mpps", "datapath from memory, a million connections, ipip, a core"),
    ("dpdk_8m_mpps", "Mpps", "the same with eight million"),
    ("lookup_vs_rte_hash", "", "time of a lookup to that of rte_hash in bulk, a million"),
    ("lookup_vs_rte_hash_8m", "", "the same with eight million"),
    ("line_ns_1m", "ns", "the limit: a prefetched read of a random line of as much memory, a million"),
    ("line_ns_8m", "ns", "the same with eight million"),
    ("bytes_per_connection", "bytes", "a connection, all state included"),
    ("bytes_per_nat_connection", "bytes", "a NAT connection with its way back"),
    ("new_connections_per_s", "a second", "connections from SYN to removal, dsr-l2, a million others live, a core"),
    ("new_nat_connections_per_s", "a second", "the same in nat, both directions"),
)


def table(result):
    lines = ["| | | |", "|---|---|---|"]
    for name, unit, words in ROWS:
        value = result[name]
        shown = f"{value:,}"
        if "." in shown:
            shown = shown.rstrip("0").rstrip(".")
        lines.append(f"| {words} | {shown} {unit}".rstrip() + f" | `{name}` |")
    return "\n".join(lines)


def document(path, result):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    whole = f"{before}{BEGIN}\n{table(result)}\n{END}{after}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(whole)


def main():
    folder = sys.argv[1]
    xdp, path, memory = (read(folder, name) for name in ("xdp.json", "software-path.json", "datapath.json"))
    million, eight = memory["flows_2e20"], memory["flows_2e23"]
    result = {name: xdp[name] for name in ("xdp_hot_ns", "xdp_floor_ns", "xdp_1m_ns", "xdp_pass_ns", "xdp_new_ns", "xdp_new_1m_ns")}
    result.update({
        "dpdk_hot_ratio": path["agent_1_flow"]["best_ratio_to_macswap"],
        "dpdk_hot_ratio_of_medians": path["agent_1_flow"]["ratio_to_macswap"],
        "dpdk_1m_mpps": million["mpps"],
        "dpdk_8m_mpps": eight["mpps"],
        "lookup_vs_rte_hash": million["lookup_vs_rte_hash"],
        "lookup_vs_rte_hash_8m": eight["lookup_vs_rte_hash"],
        "bytes_per_connection": million["bytes_per_connection"],
        "bytes_per_nat_connection": memory["bytes_per_nat_connection"],
        "new_connections_per_s": memory["new_connections_per_s"],
        "new_nat_connections_per_s": memory["new_nat_connections_per_s"],
        "line_ns_1m": million["line_ns"],
        "line_ns_8m": eight["line_ns"],
    })
    with open(os.path.join(folder, "software.json"), "w", encoding="ascii") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    print(json.dumps(result, indent=2))
    document(sys.argv[2], result)


if __name__ == "__main__":
    main()
