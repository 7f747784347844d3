#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Really places and routes single modules of the RTL, in reduced sizes, on the largest part that a packaged tool knows.

place.py LIST FOLDER [NAME...]

The part is a Lattice iCE40 HX8K (40 nm, LUTs of four inputs, 7,680 cells): far too small and slow for the card. What it
shows is that the RTL goes through a whole flow to a routed design, and which path the router found to be the longest. A
harness shifts the module's inputs in and folds its outputs, so that pins do not decide.
"""
import json
import os
import subprocess
import sys
import time

from flow import YOSYS, files_of

MODULES = (
    ("sl_pool", {"LOG2": 8}, "free entries, 256"),
    ("sl_retire", {"TABLE_LOG2": 8}, "free flow ids and completions, 256 flows"),
    ("sl_search", {"BUCKET_LOG2": 8, "CANDIDATES": 84}, "displacement search, three levels, 256 buckets"),
    ("sl_count_ram", {"LOG2": 6}, "64 counters of frames and bytes"),
    ("sl_meter", {}, "one meter"),
    ("sl_sip_round", {}, "a round of SipHash"),
    ("sl_irq", {}, "interrupts and their hold-off"),
)
SECONDS = 600


def call(argv, what):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
    if r.returncode:
        sys.exit(f"{what}: {argv[0]} failed:\n{r.stdout[-1500:]}")


def yosys(folder, name, lines):
    path = os.path.join(folder, f"{name}.ys")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    call([YOSYS, "-q", "-s", path], name)


def harness(ports):
    """Verilog: the module as `dut`, its inputs from one shift register, the parity of its outputs in two steps."""
    inputs = [(n, len(p["bits"])) for n, p in ports.items() if p["direction"] == "input" and n != "clk_i"]
    outputs = [(n, len(p["bits"])) for n, p in ports.items() if p["direction"] == "output"]
    wide_in, wide_out = sum(w for _, w in inputs), sum(w for _, w in outputs)
    parts = [(at, min(at + 16, wide_out)) for at in range(0, wide_out, 16)]
    pins, at_in, at_out = [".clk_i(clk_i)"], 0, 0
    for n, w in inputs:
        pins.append(f".{n}(i_q[{at_in} +: {w}])")
        at_in += w
    for n, w in outputs:
        pins.append(f".{n}(o[{at_out} +: {w}])")
        at_out += w
    return "\n".join([
        "module top(input clk_i, input d_i, output reg q_o);",
        f"reg [{wide_in - 1}:0] i_q; wire [{wide_out - 1}:0] o;",
        f"reg [{wide_out - 1}:0] o_q; reg [{len(parts) - 1}:0] p_q;",
        "always @(posedge clk_i) begin",
        "i_q <= {i_q, d_i}; o_q <= o; q_o <= ^p_q;",
        *(f"p_q[{i}] <= ^o_q[{b - 1}:{a}];" for i, (a, b) in enumerate(parts)),
        f"end\ndut u({', '.join(pins)});\nendmodule\n"])


def place(sources, folder, module, params):
    """Cells, memories and MHz of the routed module."""
    net, report = os.path.join(folder, f"{module}.json"), os.path.join(folder, f"{module}.report.json")
    # Block memory alone where a larger part would choose among kinds.
    begin = [*(f"read_verilog -sv {f}" for f in sources),
             f"hierarchy -check -top {module} " + " ".join(f"-chparam {k} {v}" for k, v in params.items()),
             "proc", "flatten", "setattr -unset ram_style m:*", "rename -top dut"]
    yosys(folder, f"{module}-ports", begin + [f"write_json {net}"])
    with open(net, encoding="utf-8") as f:
        ports = json.load(f)["modules"]["dut"]["ports"]
    top = os.path.join(folder, f"{module}-top.v")
    with open(top, "w", encoding="utf-8") as f:
        f.write(harness(ports))
    yosys(folder, module, begin + [f"read_verilog {top}", "hierarchy -top top", f"synth_ice40 -top top -json {net}"])
    call(["nextpnr-ice40", "-q", "--hx8k", "--package", "ct256", "--json", net, "--freq", "100", "--timing-allow-fail",
          "--pcf-allow-unconstrained", "--seed", "1", "--report", report], module)
    with open(report, encoding="utf-8") as f:
        r = json.load(f)
    return (r["utilization"]["ICESTORM_LC"]["used"], r["utilization"]["ICESTORM_RAM"]["used"],
            min(clock["achieved"] for clock in r["fmax"].values()))


def main():
    source, folder, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    sources = files_of(source)
    os.makedirs(folder, exist_ok=True)
    print(f"{'module':14} {'cells':>6} {'memories':>8} {'MHz':>6}  {'seconds':>7}  what")
    for module, params, what in MODULES:
        if only and module not in only:
            continue
        begun = time.monotonic()
        cells, memories, mhz = place(sources, folder, module, params)
        print(f"{module:14} {cells:6} {memories:8} {mhz:6.1f}  {time.monotonic() - begun:7.0f}  {what}", flush=True)


if __name__ == "__main__":
    main()
