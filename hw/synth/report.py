#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Area and depth of the RTL by Yosys, module by module: an estimate, never a sign-off.

Area: synth_xilinx for UltraScale+ (xcup) of each module by itself, its submodules as black boxes, with a table of
2^TABLE_LOG2 slots. Levels: ABC on six-input LUTs within each module, memories and submodules as borders, adders as logic
(the device's carry chains are faster), so a regression gate rather than a clock rate. A module that takes longer than
the time limit is reported as such. Fails on the warnings that mean silently wrong hardware.

Usage: report.py LIST TABLE_LOG2 DIR SECONDS_PER_MODULE
"""
import json
import os
import re
import subprocess
import sys

YOSYS = os.environ.get("YOSYS", "yosys")
BAD = re.compile(r"implicitly declared|Resizing cell port")
KINDS = ("LUT", "FF", "BRAM", "URAM", "DSP")


def run(directory, name, script, limit):
    """Runs a Yosys script; its log, or None if it took too long."""
    path = f"{directory}/{name}.ys"
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    log = f"{directory}/{name}.log"
    try:
        done = subprocess.run([YOSYS, "-q", "-l", log, "-s", path], timeout=limit, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        sys.exit(f"synth: {name}: {done.stdout.strip()[-400:]}")
    with open(log, encoding="utf-8") as f:
        return f.read()


def modules_of(path):
    """The modules of a `stat -json`; with submodules, Yosys 0.23 writes plain text behind them."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("{"):]
    end = text.find("\n   },")
    return json.loads(text if end < 0 else text[:end] + "\n   }}")["modules"]


def kind(cell):
    for prefix, name in (("LUT", "LUT"), ("RAM32", "LUT"), ("RAM64", "LUT"), ("RAM128", "LUT"), ("SRL", "LUT"),
                         ("FD", "FF"), ("RAMB", "BRAM"), ("URAM", "URAM"), ("DSP", "DSP")):
        if cell.startswith(prefix):
            return name
    return None


def plain(module):
    """The name in the source of a module that Yosys named after its parameters."""
    parts = module.split("\\")
    return next((p for p in parts if p.startswith("sl_")), parts[-1])


def distributed_luts(cell):
    """LUTs that one distributed-memory cell stands for."""
    return {"RAM32M": 4, "RAM32M16": 8, "RAM64M": 4, "RAM64M8": 8, "RAM128X1D": 4, "RAM256X1D": 8, "RAM512X1S": 8,
            "RAM64X1D": 2, "RAM32X1D": 2, "RAM64X8SW": 8}.get(cell, 1)


def main():
    source, log2, directory, limit = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    os.makedirs(directory, exist_ok=True)
    with open(source, encoding="utf-8") as f:
        files = [line.strip() for line in f if line.strip().endswith(".sv")]
    design = f"{directory}/design.il"
    log = run(directory, "read", "".join(f"read_verilog -sv {f}\n" for f in files)
              + f"hierarchy -check -top sl_core -chparam TABLE_LOG2 {log2}\nproc\ntee -o {directory}/all.json stat -json\n"
              + f"write_rtlil {design}\n", 300)
    if log is None:
        sys.exit("synth: reading the design took too long")
    bad = [line for line in log.splitlines() if BAD.search(line)]
    modules = modules_of(f"{directory}/all.json")
    uses = {m: {c: n for c, n in v["num_cells_by_type"].items() if c in modules} for m, v in modules.items()}
    instances = {}

    def count(module, n):
        instances[module] = instances.get(module, 0) + n
        for sub, k in uses[module].items():
            count(sub, n * k)

    count(next(m for m in modules if plain(m) == "sl_core"), 1)
    with open(f"{directory}/levels.abc", "w", encoding="utf-8") as f:
        f.write("strash\ndch\nif -K 6\nprint_stats\n")
    total = dict.fromkeys(KINDS, 0)
    rows = []
    for number, module in enumerate(sorted(instances, key=plain)):
        others = "".join(f"blackbox {m}\n" for m in modules if m != module)
        head = f"read_rtlil {design}\n{others}hierarchy -top {module}\n"
        stat = f"{directory}/m{number}.json"
        area = run(directory, f"m{number}", head + f"synth_xilinx -family xcup -noiopad -noclkbuf -uram -top {module}\n"
                   f"tee -o {stat} stat -json\n", limit)
        cells = dict.fromkeys(KINDS, 0)
        if area is not None:
            bad += [line for line in area.splitlines() if BAD.search(line)]
            for cell, n in modules_of(stat)[module]["num_cells_by_type"].items():
                if kind(cell):
                    cells[kind(cell)] += n * distributed_luts(cell)
        depth = run(directory, f"l{number}", head + f"opt\nmemory -nomap\nopt\ntechmap\nopt\n"
                    f"abc -script {directory}/levels.abc\n", limit)
        levels = max((int(n) for n in re.findall(r"lev *= *(\d+)", depth or "")), default=0)
        name = plain(module)
        rows.append({"module": name, "instances": instances[module], **cells, "levels": levels,
                     "finished": area is not None and depth is not None})
        for k in KINDS:
            total[k] += cells[k] * instances[module]
        print(f"{name:16} x{instances[module]:<3} " + " ".join(f"{k} {cells[k]:6}" for k in KINDS)
              + f"  levels {levels:3}" + ("" if rows[-1]["finished"] else f"  (not finished in {limit} s)"), flush=True)
    print(f"{'total':20} " + " ".join(f"{k} {total[k]:6}" for k in KINDS)
          + f"\nan estimate, with a table of 2^{log2} slots; levels are within a module, adders counted as logic")
    with open(f"{directory}/synth.json", "w", encoding="utf-8") as f:
        json.dump({"table_log2": int(log2), "total": total, "modules": rows}, f, indent=1)
    if bad:
        sys.exit("synth: warnings that mean wrong hardware:\n" + "\n".join(sorted(set(bad))[:20]))


if __name__ == "__main__":
    main()
