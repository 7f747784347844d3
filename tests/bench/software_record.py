#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Collects what the benchmarks of XDP, of the agent over memif and of the datapath from memory measured, in one file.

software_record.py BENCH_DIR    reads xdp.json, software-path.json and datapath.json there, writes software.json

A figure that no benchmark measures yet is null, and "reasons" says why.
"""
import json
import os
import sys

UNMEASURED = {"xdp_new_ns": "the XDP program does not decide new connections"}


def read(folder, name):
    with open(os.path.join(folder, name), encoding="ascii") as f:
        return json.load(f)


def main():
    folder = sys.argv[1]
    xdp, path, memory = (read(folder, name) for name in ("xdp.json", "software-path.json", "datapath.json"))
    million, eight = memory["flows_2e20"], memory["flows_2e23"]
    result = {name: xdp[name] for name in ("xdp_hot_ns", "xdp_floor_ns", "xdp_1m_ns", "xdp_pass_ns")}
    result["xdp_new_ns"] = xdp.get("xdp_new_ns")
    result.update({
        "dpdk_hot_ratio": path["agent_1_flow"]["ratio_to_macswap"],
        "dpdk_1m_mpps": million["mpps"],
        "dpdk_8m_mpps": eight["mpps"],
        "lookup_vs_rte_hash": million["lookup_vs_rte_hash"],
        "lookup_vs_rte_hash_8m": eight["lookup_vs_rte_hash"],
        "bytes_per_connection": million["bytes_per_connection"],
        "bytes_per_nat_connection": million["bytes_per_connection"],
        "new_connections_per_s": memory["new_connections_per_s"],
        "new_nat_connections_per_s": memory["new_nat_connections_per_s"],
        "line_ns_1m": million["line_ns"],
        "line_ns_8m": eight["line_ns"],
    })
    result["reasons"] = {name: UNMEASURED[name] for name, value in result.items() if value is None}
    with open(os.path.join(folder, "software.json"), "w", encoding="ascii") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
