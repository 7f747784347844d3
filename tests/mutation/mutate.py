#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Breaks the RTL in one place at a time, chosen by a seed over all its files, and asks the checks whether they notice.

usage: mutate.py --build DIR --made BUILD --cosim PROGRAM --count N --seed N [--jobs N] [--only FILE] [--min PERCENT]
        [--tops TOPS] [--skip CHECKS] [--packets N] [--optimize FLAG] [--numbers NUMBERS]

All chosen mutants are in one copy of the RTL (places.py), of which four tops are made: sl_core, sl_hif, sl_nic, and sl_core
with records in HBM (hbm). A mutant meets the checks of the tops that its file is in, from the quickest to notice on, and ends at
the first that fails:
  core      brief: random frames and commands against the model, few of them, table of 256 slots; unit, age: its unit tests;
            cosim: many random frames; vectors: the corpus; all with the RTL's assertions
  hbm       the modules that are only there with records in HBM: the same with that memory's tests (hbm_test) for the unit tests;
            after the others also those that are not quite the same then
  hif       test_hif: the simulator's tests of its DMA; hif_bounds; hif_rate
  nic       nic_reset, nic_pause, nic_stress: the whole card
Then what survived meets Verilator's -Wall and the proofs about its module, or else those that it has a part in (hw/formal),
alone. A check that needs four times the processor time that it needs without a mutant has noticed (the core hangs); one that does
not get that much, on a busy machine, leaves the mutant undecided. Mutants that no input can tell from the RTL are in
equivalent.txt.

What became of each mutant is written to DIR/judged.json, one a line, as soon as it is known: a run that was interrupted goes on
from there, and builds nothing twice. What survived is judged again, since a test may have come for it; when a file of the RTL
has changed, so is all that is in it. NUMBERS (168-210,47) are those of the chosen mutants that are judged, in that order; all
chosen are in the models nevertheless, and have the same numbers.
"""
import argparse
import collections
import glob
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import places

HERE = os.path.dirname(os.path.abspath(__file__))
EQUIVALENT = os.path.join(HERE, "equivalent.txt")
PACKAGE = """package sl_mutant_pkg;
  import "DPI-C" function int sl_mutant_id();
  int id = sl_mutant_id();
endpackage
"""
NUMBER = """#include <cstdlib>
extern "C" int sl_mutant_id() { const char *s = getenv("SL_MUTANT"); return s ? atoi(s) : 0; }
"""
FLAGS = {"sl_core": ["-GTABLE_LOG2=8"], "hbm": ["-GTABLE_LOG2=8", "-GRECORDS_HBM=1"], "sl_hif": [], "sl_nic": ["-GTABLE_LOG2=8"]}
BRIEF = 3000    # packets of the first co-simulation
# Modules that are in the card only with records in HBM.
HBM = {f"hw/rtl/{m}.sv" for m in ("sl_flight", "sl_record_channel", "sl_record_share", "sl_record_pending", "sl_record_hbm")}
# Modules that are in both, with other parameters.
PERHAPS_HBM = {f"hw/rtl/{m}.sv" for m in ("sl_core", "sl_command", "sl_table", "sl_retire")}
# Modules that are in the whole card only, neither in sl_core nor in sl_hif.
NIC = {"hw/rtl/sl_nic.sv", "hw/rtl/sl_skid.sv"}


def file_list(path):
    found = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.strip()
            if line.startswith("-f "):
                found += file_list(line[3:])
            elif line and not line.startswith("//"):
                found.append(line)
    return found


def digest(paths):
    """Of the text of files."""
    sums = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as f:
            sums.update(f.read())
    return sums.hexdigest()


class Broken(Exception):
    """What was written for a mutant is no RTL; lines: where."""

    def __init__(self, said, lines):
        super().__init__(said)
        self.lines = lines


class Tops:
    """The copy of the RTL with all mutants, its models, and the programs made of them."""

    def __init__(self, args, numbered):
        self.args = args
        self.folder = args.build
        self.numbered = numbered
        self.root = subprocess.run(["verilator", "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True,
                                   check=True).stdout.strip()
        self.cxx = ["g++", "-std=c++17", "-w", f"-I{self.root}/include", f"-I{self.root}/include/vltstd",
                    f"-I{args.made}/include", "-Iinclude", "-I."]
        self.runtime = [f"{self.root}/include/verilated.cpp", f"{self.root}/include/verilated_threads.cpp",
                        f"{self.folder}/number.cpp"]
        self.objects = [f"{self.folder}/{os.path.basename(source)}.o" for source in self.runtime]

    def write(self):
        os.makedirs(f"{self.folder}/hw/rtl", exist_ok=True)
        for name, text in (("sl_mutant_pkg.sv", PACKAGE), ("number.cpp", NUMBER)):
            with open(f"{self.folder}/{name}", "w", encoding="utf-8") as f:
                f.write(text)
        for path in file_list("hw/rtl/sl_nic.f"):
            if path.startswith("hw/"):
                mine = [(n, m) for n, m in self.numbered.items() if m.path == path]
                with open(f"{self.folder}/{path}", "w", encoding="utf-8") as f:
                    f.write(places.schema_of(path, mine))

    def call(self, command):
        done = subprocess.run(["nice", "-n", "5", *command], capture_output=True, text=True, errors="replace")
        if done.returncode:
            said = done.stdout + done.stderr
            raise Broken(said[-2000:], {(p, int(n)) for p, n in re.findall(r"(hw/rtl/\w+\.sv):(\d+):", said)})

    def verilate(self, top):
        """Unless that was done of the same text."""
        made = f"{self.folder}/{top}"
        name = "sl_core" if top == "hbm" else top
        listed = file_list("hw/rtl/sl_core.f" if name == "sl_core" else "hw/rtl/sl_nic.f")
        sources = [f"{self.folder}/{p}" if p.startswith("hw/") else p for p in listed]
        stamp, now = f"{made}/mutants.stamp", f"{digest(sources)} {FLAGS[top]} {self.args.optimize}"
        if os.path.exists(stamp):
            with open(stamp, encoding="utf-8") as f:
                if f.read() == now:
                    return
            os.remove(stamp)
        self.call(["verilator", "--cc", "--top-module", name, "-O3", "--x-assign", "fast", "--x-initial", "fast", "-Wno-lint",
                   "-Wno-style", "-Wno-fatal", "--output-split", "20000", "--assert", *FLAGS[top], "--Mdir", made,
                   "hw/lint/waivers.vlt", f"{self.folder}/sl_mutant_pkg.sv", *sources])
        with open(stamp, "w", encoding="utf-8") as f:
            f.write(now)

    def link(self, top, target, sources, more):
        made = f"{self.folder}/{top}"
        self.call([*self.cxx, "-O1", "-fPIC", f"-I{made}", "-o", f"{self.folder}/{target}", *sources, *self.objects,
                   *glob.glob(f"{made}/V*__ALL.a"), *more])

    def build(self, top):
        """The model and the programs of a top, when the first mutant meets one of them: some models take many minutes."""
        name = "sl_core" if top == "hbm" else top
        for source, made in zip(self.runtime, self.objects):
            if not os.path.exists(made):
                self.call([*self.cxx, "-O1", "-fPIC", "-c", "-o", made, source])
        self.call(["make", "-s", f"-j{self.args.jobs}", "-C", f"{self.folder}/{top}", "-f", f"V{name}.mk", "CFG_CXXFLAGS_PCH_I=",
                   f"OPT_FAST={self.args.optimize} -fPIC", "OPT_SLOW=-O0 -fPIC", "OPT_GLOBAL=-O1 -fPIC", f"V{name}__ALL.a"])
        if top == "sl_core":
            self.link("sl_core", "core.so", ["sim/engine_rtl/engine_rtl.cpp"], ["-shared", "-Wl,-z,defs", "-lpthread", "-lm"])
        if top == "hbm":
            self.link("hbm", "hbm.so", ["sim/engine_rtl/engine_rtl.cpp"],
                      ["-DSL_RTL_HBM", "-shared", "-Wl,-z,defs", "-lpthread", "-lm"])
        if top == "sl_hif":
            t = f"{self.args.made}/tests"
            self.link("sl_hif", "test_hif", ["tests/rtl/hif_dma.cpp", f"{t}/rtl/test_dma.o", f"{t}/sim/host.o",
                                             f"{t}/sim/card/sim/iova.o"],
                      ["-fsanitize=address,undefined", "-lcmocka", "-lpthread"])
            for name in ("hif_bounds", "hif_rate"):
                self.link("sl_hif", name, [f"tests/rtl/{name}.cpp"], ["-lpthread"])
        if top == "sl_nic":
            self.link("sl_nic", "nic.so", ["sim/nic_rtl/engine_nic.cpp"], ["-shared", "-Wl,-z,defs", "-lpthread", "-lm"])
            for name in ("nic_reset", "nic_pause"):
                self.link("sl_nic", name, [f"tests/rtl/{name}.cpp"], ["-lpthread"])


class Journal:
    """What became of each mutant, by its place, the text of its file, and the seed."""

    def __init__(self, args):
        self.path = f"{args.build}/judged.json"
        self.common = {"seed": args.seed, "tops": args.tops}
        self.files = {}
        self.lock = threading.Lock()
        self.known = {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as f:
                for row in f:
                    try:
                        row = json.loads(row)
                    except ValueError:
                        continue        # cut off by the interruption
                    if {key: row[key] for key in self.common} == self.common:
                        self.known[tuple(row["mutant"])] = (row["state"], row["by"], row["why"])

    def key(self, mutant):
        if mutant.path not in self.files:
            self.files[mutant.path] = digest([mutant.path])
        return mutant.path, mutant.line, mutant.start, mutant.old, mutant.new, self.files[mutant.path]

    def said(self, mutant):
        """(state, by what, detail) of one that need not be judged again, or None."""
        known = self.known.get(self.key(mutant))
        return known if known and known[0] == "killed" else None

    def write(self, mutant, state, by, why):
        row = {**self.common, "mutant": self.key(mutant), "state": state, "by": by, "why": why}
        with self.lock, open(self.path, "a", encoding="utf-8") as f:
            f.write(json.dumps(row) + "\n")


class Checks:
    def __init__(self, args, tops, models):
        self.args = args
        self.models = models
        self.built = set()
        self.journal = Journal(args)
        self.lock = threading.Lock()
        self.seconds = {}
        made, here = args.made, os.path.abspath(args.build)
        core, nic = f"{here}/core.so", f"{here}/nic.so"
        self.core = set(file_list("hw/rtl/sl_core.f"))
        self.hif = set(file_list("hw/rtl/sl_nic.f")) - self.core - NIC
        self.commands = {}
        if "sl_core" in tops:
            self.commands["vectors"] = [f"{made}/bin/vectors", "--corpus", f"{made}/vectors/corpus.json", "--engine", "rtl",
                                        "--rtl", core, "--stop", "first"]
            self.commands["unit"] = ["env", f"MUTANT={core}", f"{made}/mutation/engine_rtl_test"]
            self.commands["age"] = ["env", f"MUTANT={core}", f"{made}/mutation/age_test"]
            self.commands["brief"] = self.cosim(core, BRIEF)
            self.commands["cosim"] = self.cosim(core, args.packets)
        if "hbm" in tops:
            self.commands["hbm brief"] = self.cosim(f"{here}/hbm.so", BRIEF)
            self.commands["hbm test"] = ["env", f"MUTANT={here}/hbm.so", f"{made}/mutation/hbm_test"]
            self.commands["hbm cosim"] = self.cosim(f"{here}/hbm.so", args.packets)
            self.commands["hbm vectors"] = [f"{made}/bin/vectors", "--corpus", f"{made}/vectors/corpus.json", "--engine",
                                            "rtl", "--rtl", f"{here}/hbm.so", "--stop", "first"]
        if "sl_hif" in tops:
            for name in ("test_hif", "hif_bounds", "hif_rate"):
                self.commands[name] = [f"{here}/{name}"]
        if "sl_nic" in tops:
            for name in ("nic_reset", "nic_pause"):
                self.commands[name] = [f"{here}/{name}"]
            self.commands["nic_stress"] = ["env", f"MUTANT={nic}", "NIC_SEED=1", f"{made}/mutation/nic_stress"]
        for name in filter(None, args.skip.split(",")):
            del self.commands[name]
        with open("hw/formal/proofs.py", encoding="utf-8") as f:
            space = {"__name__": "proofs"}
            sys.modules["proofs"] = type(sys)("proofs")
            exec(compile(f.read(), "proofs.py", "exec"), space)
        self.proofs = space["PROOFS"]

    def cosim(self, library, packets):
        return [self.args.cosim, "--other", library, "--seed", "1", "--packets", str(packets), "--stall", "40",
                "--reproduction", f"{library}.json"]

    def names(self, path):
        if path in HBM:
            chosen = ["hbm brief", "hbm test", "hbm cosim", "hbm vectors"]
        elif path in self.core:
            chosen = ["brief", "unit", "age", "cosim", "vectors", "nic_reset", "nic_stress"]
            if path in PERHAPS_HBM:
                chosen += ["hbm brief", "hbm test"]
        elif path in self.hif:
            chosen = ["test_hif", "hif_bounds", "nic_reset", "nic_pause", "nic_stress", "hif_rate"]
        else:
            chosen = ["nic_reset", "nic_stress"]
        return [name for name in dict.fromkeys(chosen) if name in self.commands]

    def run(self, command, seconds, number=0, passes=(0,)):
        """(noticed, what it said last); seconds of processor. Raises TimeoutExpired if it does not get them."""
        done = subprocess.run(["nice", "-n", "5", "prlimit", f"--cpu={int(seconds) + 1}", *command], capture_output=True,
                              text=True, timeout=20 * seconds, errors="replace",
                              env={**os.environ, "SL_MUTANT": str(number)})
        if done.returncode in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
            return True, "no end"
        said = (done.stdout + done.stderr).strip().split("\n")
        return done.returncode not in passes, said[-1][:160]

    def top_of(self, name):
        if name.startswith("hbm "):
            return "hbm"
        return "sl_nic" if name.startswith("nic_") else "sl_hif" if "hif" in name else "sl_core"

    def build(self, top):
        if top not in self.built:
            try:
                self.models.build(top)
            except Broken as broken:
                sys.exit(f"mutants: the model of {top} does not build: {broken}")
            self.built.add(top)

    def seconds_of(self, name):
        """A check passes with no mutant before it is asked about one; the time it takes is the measure for those with one."""
        with self.lock:
            if name not in self.seconds:
                self.build(self.top_of(name))
                began = resource.getrusage(resource.RUSAGE_CHILDREN)
                noticed, why = self.run(self.commands[name], 600)
                if noticed:
                    sys.exit(f"mutants: {name} fails with the unchanged RTL: {why}")
                ended = resource.getrusage(resource.RUSAGE_CHILDREN)
                took = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
                self.seconds[name] = 5 + 4 * took
                print(f"mutants: {name} passes without one, in {took:.1f} seconds", flush=True)
            return self.seconds[name]

    def alone(self, number, mutant):
        """(by what, why) a survivor is noticed that is the only change of the RTL."""
        changed = f"{self.args.build}/{number}/{mutant.path}"    # (the waivers go by hw/rtl/ in a path)
        os.makedirs(os.path.dirname(changed), exist_ok=True)
        with open(changed, "w", encoding="utf-8") as f:
            f.write(places.mutated(mutant))
        sources = [changed if p == mutant.path else p for p in file_list("hw/rtl/sl_nic.f")]
        noticed, why = self.run(["verilator", "--lint-only", "--top-module", "sl_nic", "-Wall", "-Wno-UNUSEDPARAM",
                                 "hw/lint/waivers.vlt", *sources], 300)
        if noticed:
            return "lint", why
        module = os.path.basename(mutant.path)[:-3]
        own = [proof for proof in self.proofs if proof.module == module]
        for proof in own or [proof for proof in self.proofs if module in proof.rtl]:
            noticed, why = self.run([sys.executable, "-B", "hw/formal/prove.py", "--build",
                                     f"{self.args.build}/{number}/formal", "--only", proof.name, "--replace",
                                     f"{mutant.path}={changed}", "--jobs", "1"], 1000, 0, (0, 2))       # 2: merely undecided
            if noticed:
                return "formal", why
        return "", ""

    def meet(self, number, mutant):
        """(state, by what, detail)."""
        try:
            found = self.journal.said(mutant) or self.judge(number, mutant)
        except subprocess.TimeoutExpired as e:
            found = "undecided", os.path.basename(e.cmd[5]), ""
        if self.journal.known.get(self.journal.key(mutant)) != found:
            self.journal.write(mutant, *found)
        return found

    def judge(self, number, mutant):
        for name in self.names(mutant.path):
            noticed, why = self.run(self.commands[name], self.seconds_of(name), number)
            if noticed:
                return "killed", name, why
        if is_equivalent(mutant):
            return "equivalent", "", ""
        by, why = self.alone(number, mutant)
        return ("killed", by, why) if by else ("survived", "", "")


def is_equivalent(mutant):
    """Listed as file | code | mutated code, separated by tabs; a reason follows."""
    with open(EQUIVALENT, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f if "\t" in line]
    with open(mutant.path, encoding="utf-8") as f:
        alike = [n for n, line in enumerate(places.without_comments(f.read()).split("\n"), 1)
                 if places.squeezed(line) == mutant.old]
    place = mutant.path if len(alike) == 1 else f"{mutant.path}#{alike.index(mutant.line) + 1}"
    return any(r[:3] == [place, mutant.old, mutant.new] for r in rows)


def numbers_of(text, count):
    """Of 3-5,1: 3, 4, 5, 1; of nothing: all."""
    found = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    outside = [n for n in found if not 1 <= n <= count]
    if outside:
        sys.exit(f"mutants: {outside[0]} is none of the {count} chosen")
    return list(dict.fromkeys(found)) or list(range(1, count + 1))


def verilate(args, tops, numbered):
    """Mutants that make no RTL (what has to be constant is not always seen) are taken out until all tops are RTL."""
    out = 0
    models = Tops(args, numbered)
    while True:
        try:
            models.write()
            for top in tops:
                models.verilate(top)
            return models, out
        except Broken as broken:
            bad = [n for n, m in numbered.items()
                   if any(m.path == p and m.line - 1 <= line <= m.line + 1 for p, line in broken.lines)]
            if not bad:
                sys.exit(f"mutants: with them it is no RTL: {broken}")
            for n in bad:
                print(f"{numbered[n].path}:{numbered[n].line}: no RTL: {numbered[n].name}: {numbered[n].new}")
                del numbered[n]
            out += len(bad)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("build", "made", "cosim"):
        p.add_argument("--" + name, required=True)
    for name, default in (("count", 200), ("seed", 1), ("jobs", 2), ("packets", 60000)):
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--only", default="")
    p.add_argument("--tops", default="sl_core,hbm,sl_hif,sl_nic")
    p.add_argument("--optimize", default="-O2")
    p.add_argument("--skip", default="")
    p.add_argument("--numbers", default="")
    p.add_argument("--min", type=float, default=95)
    args = p.parse_args()
    tops = args.tops.split(",")
    within = set(file_list("hw/rtl/sl_core.f")) if tops == ["sl_core"] else set(file_list("hw/rtl/sl_nic.f"))
    sources = [s for s in sorted(within) if s.startswith("hw/") and args.only in s]
    if "sl_nic" not in tops:
        sources = [s for s in sources if s not in NIC]
    if "hbm" not in tops:
        sources = [s for s in sources if s not in HBM]
    chosen = places.choose(sources, args.count, args.seed)
    total = sum(len(places.mutants_of(s)) for s in sources)
    print(f"mutants: seed {args.seed}, {len(chosen)} of {total} in {len(sources)} files", flush=True)
    numbered = dict(enumerate(chosen, 1))
    numbers = numbers_of(args.numbers, len(chosen))
    tally = collections.Counter()
    models, tally["no RTL"] = verilate(args, tops, numbered)
    checks = Checks(args, tops, models)
    judged = [(n, numbered[n]) for n in numbers if n in numbered]
    with ThreadPoolExecutor(args.jobs) as pool:
        for (number, mutant), (state, by, why) in zip(judged, pool.map(lambda m: checks.meet(*m), judged)):
            tally[state] += 1
            print(f"{number} {mutant.path}:{mutant.line}: {state}{' by ' + by if by else ''}: {mutant.name}: "
                  f"{mutant.old}  ->  {mutant.new}", flush=True)
    told = tally["killed"] + tally["survived"]
    print(f"mutants: {len(judged)} of {len(chosen)} judged: {tally['killed']} killed, {tally['survived']} survived, "
          f"{tally['equivalent']} equivalent, {tally['no RTL']} no RTL, {tally['undecided']} undecided")
    return 0 if told == 0 or 100 * tally["killed"] >= args.min * told else 1


if __name__ == "__main__":
    sys.exit(main())
