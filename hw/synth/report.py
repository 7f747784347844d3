#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Area and depth of the RTL by Yosys, module by module: an estimate, never a sign-off.

Area: synth_xilinx for UltraScale+ (xcup) of each module by itself, its submodules as black boxes, with a table of
2^TABLE_LOG2 slots. Levels: ABC on six-input LUTs within each module, memories and submodules as borders, adders as logic
(the device's carry chains are faster), so a regression gate rather than a clock rate. A module of several widths is one
row: area of all its instances, levels of the deepest. Two runs of Yosys at a time, one taking the largest module left and
the other the smallest, so that a slow module hides no others. What exceeds SECONDS, or is left when TOTAL has passed, is
named and not in the sums. Fails, before synthesis, on the warnings that mean silently wrong hardware.

Usage: report.py LIST TABLE_LOG2 DIR SECONDS TOTAL
"""
import collections
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

YOSYS = os.environ.get("YOSYS", "yosys")
BAD = re.compile(r"implicitly declared|Resizing cell port")
KINDS = ("LUT", "FF", "BRAM", "URAM", "DSP")
PREFIXES = (("LUT", "LUT"), ("RAM32", "LUT"), ("RAM64", "LUT"), ("RAM128", "LUT"), ("RAM256", "LUT"), ("RAM512", "LUT"),
            ("SRL", "LUT"), ("FD", "FF"), ("RAMB", "BRAM"), ("URAM", "URAM"), ("DSP", "DSP"))
# LUTs that one distributed-memory cell stands for, where not one.
DISTRIBUTED = {"RAM32M": 4, "RAM32M16": 8, "RAM64M": 4, "RAM64M8": 8, "RAM128X1D": 4, "RAM256X1D": 8, "RAM512X1S": 8,
               "RAM64X1D": 2, "RAM32X1D": 2, "RAM64X8SW": 8}


def run(directory, name, script, limit):
    """Runs a Yosys script; its log, or None if it took too long. A failed run raises RuntimeError."""
    path, log = f"{directory}/{name}.ys", f"{directory}/{name}.log"
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    # A session of its own: Yosys starts ABC, which has to end with it.
    with subprocess.Popen([YOSYS, "-q", "-l", log, "-s", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, start_new_session=True) as process:
        try:
            out = process.communicate(timeout=limit)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None
    if process.returncode:
        raise RuntimeError(f"{name}: {out.strip()[-400:]}")
    with open(log, encoding="utf-8") as f:
        return f.read()


def modules_of(path):
    """The modules of a `stat -json`; with submodules, Yosys 0.23 writes plain text behind them."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("{"):]
    end = text.find("\n   },")
    return json.loads(text if end < 0 else text[:end] + "\n   }}")["modules"]


def plain(module):
    """The name in the source of a module that Yosys named after its parameters."""
    parts = module.split("\\")
    return next((p for p in parts if p.startswith("sl_")), parts[-1])


def elaborate(source, log2, directory):
    """Reads the design and writes it as RTLIL: its modules, and how many instances there are of each."""
    with open(source, encoding="utf-8") as f:
        files = [line.strip() for line in f if line.strip().endswith(".sv")]
    log = run(directory, "read", "".join(f"read_verilog -sv {f}\n" for f in files)
              + f"hierarchy -check -top sl_core -chparam TABLE_LOG2 {log2}\nproc\ntee -o {directory}/all.json stat -json\n"
              + f"write_rtlil {directory}/design.il\n", 150)
    if log is None:
        sys.exit("synth: reading the design took too long")
    bad = sorted({line for line in log.splitlines() if BAD.search(line)})
    if bad:
        sys.exit("synth: warnings that mean wrong hardware:\n" + "\n".join(bad[:20]))
    modules = modules_of(f"{directory}/all.json")
    instances = collections.Counter()

    def count(module, n):
        instances[module] += n
        for sub, k in modules[module]["num_cells_by_type"].items():
            name = next((m for m in (sub, "\\" + sub) if m in modules), None)  # cell types come without the escape
            if name:
                count(name, n * k)

    count(next(m for m in modules if plain(m) == "sl_core"), 1)
    return modules, instances


def area_of(directory, name, head, batch, limit):
    """The cells by kind of every module of a batch, or nothing. Without a top, lest others be dropped."""
    stat = f"{directory}/{name}.json"
    if run(directory, name, "read_verilog -lib -specify +/xilinx/cells_sim.v\nread_verilog -lib +/xilinx/cells_xtra.v\n"
           + head + "synth_xilinx -family xcup -noiopad -noclkbuf -uram -run prepare:check\n"
           f"tee -o {stat} stat -json\n", limit) is None:
        return {}
    found = modules_of(stat)
    areas = {}
    for module in batch:
        areas[module] = dict.fromkeys(KINDS, 0)
        for cell, n in found[module]["num_cells_by_type"].items():
            kind = next((k for prefix, k in PREFIXES if cell.startswith(prefix)), None)
            if kind:
                areas[module][kind] += n * DISTRIBUTED.get(cell, 1)
    return areas


def levels_of(directory, name, head, batch, limit):
    """The LUT levels of every module of a batch, or nothing."""
    log = run(directory, name, head + "opt\nmemory -nomap\nopt\ntechmap\nopt\n"
              f"abc -script {directory}/levels.abc\n", limit)
    if log is None:
        return {}
    levels = dict.fromkeys(batch, 0)
    for part in log.split("Extracting gate netlist of module `")[1:]:
        module = next((m for m in batch if part.startswith(m + "' to ")), None)
        if module in levels:
            levels[module] = max([levels[module]] + [int(n) for n in re.findall(r"lev *= *(\d+)", part)])
    return levels


def batches_of(modules, instances):
    """Modules from small to large, small ones together: every run of Yosys reads the device's cells first."""
    size = {m: modules[m]["num_wire_bits"] for m in instances}
    batches, room = [], 0
    for module in sorted(size, key=size.get):
        if size[module] > room:
            batches.append([])
            room = sum(size.values()) // 20
        batches[-1].append(module)
        room -= size[module]
    return batches


def synthesise(modules, instances, directory, limit, deadline):
    """Area and levels of the modules that end in time; and what failed."""
    with open(f"{directory}/levels.abc", "w", encoding="utf-8") as f:
        f.write("strash\nif -K 6\nprint_stats\n")
    batches = batches_of(modules, instances)
    work = collections.deque((what, i) for i in range(len(batches)) for what in ("levels", "area"))
    results, failed, lock = {"area": {}, "levels": {}}, [], threading.Lock()

    def worker(largest):
        while True:
            with lock:
                if not work:
                    return
                what, number = work.pop() if largest else work.popleft()
            batch, left = batches[number], min(limit, deadline - time.monotonic())
            head = f"read_rtlil {directory}/design.il\n" + "".join(f"blackbox {m}\n" for m in modules if m not in batch)
            try:
                if left >= 1:
                    measure = area_of if what == "area" else levels_of
                    results[what].update(measure(directory, f"{what}{number}", head, batch, left))
            except (RuntimeError, OSError, ValueError, KeyError) as error:
                failed.append(f"{', '.join(map(plain, batch))}: {error}")

    threads = [threading.Thread(target=worker, args=(largest,)) for largest in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, failed


def table(instances, results):
    """One row for each module of the source."""
    rows = {}
    for module, n in sorted(instances.items(), key=lambda item: plain(item[0])):
        row = rows.setdefault(plain(module), {"module": plain(module), "instances": 0, "area_missing": 0,
                                              "levels_missing": False, **dict.fromkeys(KINDS, 0), "levels": 0})
        row["instances"] += n
        cells, levels = results["area"].get(module), results["levels"].get(module)
        if cells is None:
            row["area_missing"] += n
        else:
            for kind in KINDS:
                row[kind] += cells[kind] * n
        if levels is None:
            row["levels_missing"] = True
        else:
            row["levels"] = max(row["levels"], levels)
    return list(rows.values())


def main():
    source, log2, directory, limit, whole = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    deadline = time.monotonic() + whole
    os.makedirs(directory, exist_ok=True)
    modules, instances = elaborate(source, log2, directory)
    results, failed = synthesise(modules, instances, directory, limit, deadline)
    rows = table(instances, results)
    total = {kind: sum(row[kind] for row in rows) for kind in KINDS}
    print(f"ESTIMATE, table of 2^{log2} slots; area of all instances; levels within a module, adders counted as logic")
    for row in rows:
        notes = [f"area of {row['area_missing']} not finished"] * bool(row["area_missing"])
        notes += ["levels not finished"] * row["levels_missing"]
        print(f"{row['module']:14} x{row['instances']:<3} " + " ".join(f"{k} {row[k]:6}" for k in KINDS)
              + f"  levels {row['levels']:3}" + ("  (" + ", ".join(notes) + ")" if notes else ""))
    print(f"{'total':19} " + " ".join(f"{k} {total[k]:6}" for k in KINDS) + "  (of what was synthesised)")
    missing = [f"{row['module']} ({what})" for row in rows for what, key in (("area", "area_missing"),
               ("levels", "levels_missing")) if row[key]]
    print(f"not finished ({limit} s each, {whole} s together): " + (", ".join(missing) or "none"))
    with open(f"{directory}/report.json", "w", encoding="utf-8") as f:
        json.dump({"estimate": True, "table_log2": log2, "seconds_each": limit, "seconds_total": whole, "total": total,
                   "not_finished": missing, "failed": failed, "modules": rows}, f, indent=1)
    if failed:
        sys.exit("synth: Yosys failed:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
