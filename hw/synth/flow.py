# SPDX-License-Identifier: BSD-3-Clause
"""Runs Yosys: reads the design once, then maps every module by itself, its submodules as black boxes.

A module that is used often is mapped once, and one
whose text did not change since the last run not again. Each run of Yosys has a bound of processor time, so that other work on the
machine does not decide what ends; all of them together have a bound of time.
"""
import collections
import hashlib
import json
import os
import re
import signal
import subprocess
import threading
import time

YOSYS = os.environ.get("YOSYS", "yosys")
# What Yosys says where it goes on with hardware that is not what the source means, or not what it was written for.
BAD = re.compile(r"implicitly declared|Resizing cell port|with list of registers|has no driver|conflicting drivers"
                 r"|found logic loop|Latch inferred|out of bounds")
CELLS = "CARRY4 RAM* SRL* URAM288 DSP48E2"     # what the netlists are made of besides $lut and flip-flops
# synth_xilinx as far as it maps memories and adders, but for its search for what could be shared, which is slow and finds
# nothing here. From there on without the device's own LUT and flip-flop cells: making one cell type of each truth table
# takes longer than everything else.
MAP = """read_rtlil {dir}/cells.il
read_rtlil {dir}/stubs.il
delete ={module}
read_rtlil {dir}/{name}.il
synth_xilinx -family xcup -noiopad -noclkbuf -nosrl -uram -run prepare:coarse
techmap -map +/cmp2lut.v -map +/cmp2lcu.v -D LUT_WIDTH=6
alumacc
opt
memory -nomap
opt_clean
synth_xilinx -family xcup -noiopad -noclkbuf -nosrl -uram -run map_memory:map_ffram
select -assert-none t:$mem_v2
synth_xilinx -family xcup -noiopad -noclkbuf -nosrl -uram -run map_ffram:map_cells
dfflegalize -cell $_DFFE_?P?P_ 01 -cell $_SDFFE_?P?P_ 01
opt_expr -mux_undef -noclkinv
abc -luts 2:2,3,6:5
clean
write_json {dir}/{name}.json
"""


class Failure(Exception):
    """What ends the report; the text is for people."""


def run(directory, name, script, seconds):
    """Runs a Yosys script for so many seconds of processor time at most; its log, or None if that was not enough."""
    path, log = f"{directory}/{name}.ys", f"{directory}/{name}.log"
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    # A session of its own: Yosys starts ABC, which has to end with it.
    with subprocess.Popen(["prlimit", f"--cpu={seconds}", YOSYS, "-q", "-l", log, "-s", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True) as process:
        try:
            out = process.communicate(timeout=10 * seconds)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None
    if process.returncode in (-signal.SIGKILL, -signal.SIGXCPU):
        return None
    if "selection is not empty: t:$mem_v2" in out:
        raise Failure("a memory would become flip-flops: no memory of the device reads and writes as it does")
    if process.returncode:
        raise Failure(f"{name}: {out.strip()[-400:]}")
    with open(log, encoding="utf-8") as f:
        return f.read()


def plain(module):
    """The name in the source of a module that Yosys named after its parameters."""
    parts = module.split("\\")
    return next((p for p in parts if p.startswith("sl_")), parts[-1])


def top_of(source):
    """A list of files is named after its top."""
    return os.path.splitext(os.path.basename(source))[0]


def files_of(source):
    """The sources that a list names, itself or by another list (-f)."""
    files = []
    with open(source, encoding="utf-8") as f:
        for line in map(str.strip, f):
            if line.startswith("-f "):
                files += files_of(line[3:].strip())
            elif line.endswith(".sv"):
                files.append(line)
    return files


def read(source, parameters, directory):
    """Reads and checks the design with these parameters of its top. The text of each module in Yosys's own language."""
    os.makedirs(directory, exist_ok=True)
    files = files_of(source)
    chosen = "".join(f" -chparam {name} {value}" for name, value in parameters.items())
    log = run(directory, "read", "".join(f"read_verilog -sv {f}\n" for f in files)
              + f"hierarchy -check -top {top_of(source)}{chosen}\nproc\nwrite_rtlil {directory}/design.il\n"
              + f"check\nblackbox *\nwrite_rtlil {directory}/stubs.il\n", 60)
    if log is None:
        raise Failure("reading the design took too long")
    bad = sorted({line.strip() for line in log.splitlines() if BAD.search(line)})
    if bad:
        raise Failure("warnings that mean wrong hardware:\n" + "\n".join(bad[:20]))
    modules, lines, name = {}, [], None
    with open(f"{directory}/design.il", encoding="utf-8") as f:
        for line in f:
            if line.startswith("autoidx "):
                continue
            lines.append(line)
            if line.startswith("module "):
                name = line.split()[1]
            elif line == "end\n":
                modules[name], lines = "".join(lines), []
    return modules


def instances_of(modules, top):
    """How many instances there are of each module."""
    inside = {m: collections.Counter(re.findall(r"^  cell (\S+) ", text, re.M)) for m, text in modules.items()}
    instances = collections.Counter()

    def count(module, n):
        instances[module] += n
        for cell, k in inside[module].items():
            if cell in modules:
                count(cell, n * k)

    count(next(m for m in modules if plain(m) == top), 1)
    return instances


def stubs_of(directory):
    """The black box of each module, without what numbers it."""
    with open(f"{directory}/stubs.il", encoding="utf-8") as f:
        return {text.split()[1]: text for text in re.findall(r"^module .*?^end$", f.read(), re.M | re.S)}


def key_of(text, stubs):
    """What a netlist depends on: the module, the borders of those inside it, and how it is mapped. Not Yosys's numbers
    and the lines of the source, which change when other text does."""
    inside = sorted(set(re.findall(r"^  cell (\S+) ", text, re.M)) & set(stubs))
    everything = "\n".join([YOSYS, MAP, text] + [stubs[m] for m in inside])
    return hashlib.sha256(re.sub(r"\$\d+(?=\b|_)|\.sv:[\d.|-]+|attribute \\src .*", "", everything).encode()).hexdigest()


def netlist(directory, name, module, key, seconds):
    """The mapped netlist of one module, or None; fails if a memory became flip-flops."""
    kept, path = f"{directory}/{name}.key", f"{directory}/{name}.json"
    try:
        with open(kept, encoding="utf-8") as f:
            known = f.read() == key
    except FileNotFoundError:
        known = False
    if not known:
        if os.path.exists(kept):
            os.unlink(kept)
        if run(directory, name, MAP.format(dir=directory, module=module, name=name), seconds) is None:
            return None
    with open(path, encoding="utf-8") as f:
        found = json.load(f)["modules"][module.lstrip("\\")]
    with open(kept, "w", encoding="utf-8") as f:
        f.write(key)
    return found


def netlists(modules, instances, directory, seconds, total):
    """The mapped netlists of all modules that end in time, two at a time, the largest first; and what failed."""
    cells = " ".join("=" + cell for cell in CELLS.split())
    run(directory, "cells", "read_verilog -lib +/xilinx/cells_sim.v\nread_verilog -lib +/xilinx/cells_xtra.v\n"
        f"blackbox =*\nselect {cells}\nwrite_rtlil -selected {directory}/cells.il\n", 60)
    deadline = time.monotonic() + total
    stubs, numbers, work = stubs_of(directory), collections.Counter(), collections.deque()
    for module in sorted(instances, key=lambda m: -len(modules[m])):
        number = numbers[plain(module)]
        numbers[plain(module)] += 1
        work.append((f"{plain(module)}-{number}", module))
        with open(f"{directory}/{work[-1][0]}.il", "w", encoding="utf-8") as f:
            f.write(modules[module])
    found, failed, lock = {}, [], threading.Lock()

    def worker():
        while True:
            with lock:
                if not work:
                    return
                name, module = work.popleft()
            left = int(deadline - time.monotonic())
            try:
                result = None if left <= 0 else netlist(directory, name, module, key_of(modules[module], stubs),
                                                        min(seconds, left))
                if result:
                    found[module] = result
            except (Failure, OSError, ValueError, KeyError) as error:
                failed.append(f"{plain(module)}: {error}")

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found, failed
