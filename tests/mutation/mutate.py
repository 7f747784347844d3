#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Breaks the RTL in one place at a time, chosen by a seed over all its files, and asks the checks whether they notice.

usage: mutate.py --build DIR --list FILE --cosim PROGRAM --vectors PROGRAM --corpus FILE --unit PROGRAM
                 --count N --seed N [--jobs N] [--only FILE] [--min PERCENT]

A mutant is a copy of one RTL file below DIR with one operator, constant, condition, index or assignment changed. It
meets the checks from the cheapest on and ends at the first that fails:
  build     Verilator's -Wall; what it refuses is "not built" and counts for nothing
  vectors   the corpus on the Verilated core, with the RTL's assertions, table of 256 slots
  unit      the RTL's unit test
  cosim     random frames and commands against the model
  formal    the proofs about its module (hw/formal), if there are any
A check that does not end in time has noticed (the core hangs). Objects are shared between mutants by the hash of what
they are compiled from, so that a mutant compiles little more than what differs. Known equivalents: see EQUIVALENT.
"""
import argparse
import collections
import glob
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
EQUIVALENT = os.path.join(HERE, "equivalent.txt")
# Modules that are in the card only with records in HBM: their mutants are built that way.
HBM = {"sl_flight", "sl_record_channel", "sl_record_share", "sl_record_pending", "sl_record_hbm"}
# (name, pattern, replacement): each match in a line of logic is one mutant.
OPERATORS = [
    ("equal", r"==(?!=)", "!="), ("unequal", r"!=(?!=)", "=="),
    ("less", r"(?<=[\w)\]] )<(?= )", "<="), ("greater", r"(?<=[\w)\]] )>(?= )", ">="),
    ("at least", r"(?<=[\w)\]] )>=(?= )", ">"),
    ("and", r"&&", "||"), ("or", r"\|\|", "&&"), ("bit and", r"(?<= )&(?= )", "|"), ("bit or", r"(?<= )\|(?= )", "&"),
    ("exclusive or", r"(?<= )\^(?= )", "|"), ("plus", r"(?<= )\+(?= )", "-"), ("minus", r"(?<=[\w)\]] )-(?= )", "+"),
    ("left", r"<<", ">>"), ("right", r">>(?!>)", "<<"),
    ("negated", r"\bif \(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)", r"if (!(\1))"), ("not", r"!(?=[\w(])", ""),
    ("constant", r"(?<=\d'd)\d+", lambda m: str(int(m.group()) ^ 1)),
    ("bit", r"(?<='b)[01]\b", lambda m: str(1 - int(m.group()))),
    ("index", r"(?<=\w\[)\d+(?=\])", lambda m: str(int(m.group()) + 1 if m.group() == "0" else int(m.group()) - 1)),
    ("swapped choice", r"\? (\w+) : (\w+)(?=[;,])", r"? \2 : \1"),
    ("dropped", r"(?<=\s)\w+(\[[\w:\-+* ]+\])?\s*<= [^;]+;(?=\s*$)", ";"),
]
NO_LOGIC = re.compile(r"^\s*(//|`|\(\*|input|output|parameter|localparam|module|endmodule|function|package|for \(genvar"
                      r"|typedef|initial|a_\w+: assert)|localparam|\bparameter\b")


Mutant = collections.namedtuple("Mutant", "path line name old new")


def mutants_of(path):
    """All mutants of one file. What only simulation or proofs read is left alone."""
    found, logic = [], True
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for number, text in enumerate(lines):
        if re.match(r"`ifn?def (SYNTHESIS|FORMAL)", text):
            logic = False
        elif text.startswith("`endif"):
            logic = True
        code = text.split("//")[0]
        if not logic or NO_LOGIC.search(code) or not code.strip() or re.match(r"^\s*logic\b[^=]*;", code):
            continue
        for name, pattern, replacement in OPERATORS:
            for match in re.finditer(pattern, code):
                new = match.expand(replacement) if isinstance(replacement, str) else replacement(match)
                found.append(Mutant(path, number + 1, name, text, code[:match.start()] + new + code[match.end():]))
    return found


def choose(sources, count, seed):
    """The same number from each file as far as it has so many; the order is random."""
    chance = random.Random(seed)
    left = [mutants_of(path) for path in sources]
    for each in left:
        chance.shuffle(each)
    chance.shuffle(left)
    chosen = []
    while len(chosen) < count and any(left):
        for each in left:
            if each and len(chosen) < count:
                chosen.append(each.pop())
    return chosen


class Checks:
    def __init__(self, args):
        self.args = args
        self.root = subprocess.run(["verilator", "--getenv", "VERILATOR_ROOT"], capture_output=True, text=True,
                                   check=True).stdout.strip()
        self.cache = os.path.join(args.build, "objects")
        os.makedirs(self.cache, exist_ok=True)
        with open(args.list, encoding="utf-8") as f:
            self.list = [line.strip() for line in f if line.strip() and not line.startswith("//")]
        with open("hw/formal/proofs.py", encoding="utf-8") as f:
            space = {"__name__": "proofs"}
            sys.modules["proofs"] = type(sys)("proofs")
            exec(compile(f.read(), "proofs.py", "exec"), space)
        self.proofs = space["PROOFS"]

    def run(self, command, seconds, passes=(0,)):
        try:
            done = subprocess.run(["nice", "-n", "5", *command], capture_output=True, text=True, timeout=seconds,
                                  errors="replace")
        except subprocess.TimeoutExpired:
            return True, "no end"
        said = (done.stdout + done.stderr).strip().split("\n")
        return done.returncode not in passes, said[-1][:160]

    def build(self, folder, mutant):
        """The library of a mutant, or None and why not."""
        sources = [os.path.join(folder, p) if mutant and p == mutant.path else p for p in self.list]
        made = os.path.join(folder, "made")
        hbm = mutant and os.path.basename(mutant.path)[:-3] in HBM
        failed, why = self.run(["verilator", "--cc", "--top-module", "sl_core", "-O3", "--x-assign", "fast",
                                "--x-initial", "fast", "-Wall", "-Wno-UNUSEDPARAM", "--output-split", "1500",
                                "--assert", "-GTABLE_LOG2=8", f"-GRECORDS_HBM={int(bool(hbm))}", "--Mdir", made,
                                "hw/lint/waivers.vlt", *sources], 300)
        if failed:
            return None, why
        flags = ["-std=c++17", "-O1", "-fPIC", "-w", f"-I{self.root}/include", f"-I{self.root}/include/vltstd",
                 f"-I{made}", "-Ibuild/include", "-Iinclude", "-I.", *["-DSL_RTL_HBM"] * bool(hbm)]
        headers = b"".join(open(h, "rb").read() for h in sorted(glob.glob(made + "/*.h")))
        objects = [self.compile(s, headers, flags, made) for s in sorted(glob.glob(made + "/*.cpp"))]
        for name in ("sim/engine_rtl/engine_rtl.cpp", f"{self.root}/include/verilated.cpp",
                     f"{self.root}/include/verilated_threads.cpp"):
            objects.append(self.compile(name, headers, flags, made))
        library = os.path.join(folder, "libmutant.so")
        subprocess.run(["g++", "-shared", "-Wl,-z,defs", "-o", library, *objects, "-lpthread", "-lm"], check=True)
        return library, ""

    def compile(self, source, headers, flags, made):
        """The object made of source, perhaps by an earlier mutant: it depends on the contents, not on their folder."""
        with open(source, "rb") as f:
            name = hashlib.sha256(f.read() + headers).hexdigest()[:24]
        target = os.path.join(self.cache, name + ".o")
        if not os.path.exists(target):
            part = os.path.join(made, os.path.basename(source) + ".o")
            subprocess.run(["nice", "-n", "5", "g++", *flags, "-c", source, "-o", part], check=True,
                           capture_output=True)
            shutil.move(part, target)
        return target

    def formal(self, folder, mutant):
        module = os.path.basename(mutant.path)[:-3]
        for proof in self.proofs:
            if proof.module == module:
                yield [sys.executable, "-B", "hw/formal/prove.py", "--build", f"{folder}/formal", "--only",
                       proof.name, "--replace", f"{mutant.path}={folder}/{mutant.path}", "--jobs", "1"]

    def simulated(self, folder, library):
        """(noticed, by what, detail) of the checks that run a library."""
        args = self.args
        library = os.path.abspath(library)
        for name, command in (
                ("vectors", [args.vectors, "--corpus", args.corpus, "--engine", "rtl", "--rtl", library, "--stop",
                             "first"]),
                ("unit", ["env", f"MUTANT={library}", args.unit]),
                ("cosim", [args.cosim, "--other", library, "--seed", "1", "--packets", str(args.packets), "--stall",
                           "40", "--reproduction", os.path.join(folder, "mismatch.json")])):
            noticed, why = self.run(command, args.seconds)
            if noticed:
                return True, name, why
        return False, "", ""

    def meet(self, number, mutant):
        """(state, by what, detail)."""
        folder = os.path.join(self.args.build, str(number))
        shutil.rmtree(folder, ignore_errors=True)
        changed = os.path.join(folder, mutant.path)    # (the waivers go by hw/rtl/ in a path)
        os.makedirs(os.path.dirname(changed))
        with open(mutant.path, encoding="utf-8") as f:
            lines = f.read().split("\n")
        lines[mutant.line - 1] = mutant.new
        with open(changed, "w", encoding="utf-8") as f:
            f.write("\n".join(lines))
        try:
            library, why = self.build(folder, mutant)
            if library is None:
                return "not built", "", why
            noticed, name, why = self.simulated(folder, library)
            if noticed:
                return "killed", name, why
            for command in self.formal(folder, mutant):
                noticed, why = self.run(command, 1000, (0, 2))    # 2: merely undecided
                if noticed:
                    return "killed", "formal", why
        except subprocess.CalledProcessError as error:
            return "not built", "", f"{error.cmd[3]}: {error.returncode}"
        finally:
            shutil.rmtree(os.path.join(folder, "made"), ignore_errors=True)
        return "survived", "", ""


def is_equivalent(mutant):
    """Listed as file | line's code | mutated code, separated by tabs; a reason follows."""
    with open(EQUIVALENT, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f if "\t" in line]
    return any(r[:3] == [mutant.path, mutant.old.strip(), mutant.new.strip()] for r in rows)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("build", "list", "cosim", "vectors", "corpus", "unit"):
        p.add_argument("--" + name, required=True)
    for name, default in (("count", 200), ("seed", 1), ("jobs", 2), ("seconds", 120), ("packets", 60000)):
        p.add_argument("--" + name, type=int, default=default)
    p.add_argument("--only", default="")
    p.add_argument("--min", type=float, default=95)
    args = p.parse_args()
    checks = Checks(args)
    sources = [s for s in checks.list if s.startswith("hw/") and args.only in s]
    chosen = choose(sources, args.count, args.seed)
    total = sum(len(mutants_of(s)) for s in sources)
    print(f"mutants: seed {args.seed}, {len(chosen)} of {total} in {len(sources)} files", flush=True)
    base, why = checks.build(args.build, None)
    if base is None:
        sys.exit(f"mutants: the unchanged core does not build: {why}")
    noticed, by, why = checks.simulated(args.build, base)
    if noticed:
        sys.exit(f"mutants: {by} fails with the unchanged core: {why}")
    tally = collections.Counter()
    with ThreadPoolExecutor(args.jobs) as pool:
        for mutant, (state, by, why) in zip(chosen, pool.map(lambda m: checks.meet(*m), enumerate(chosen))):
            if state == "survived" and is_equivalent(mutant):
                state = "equivalent"
            tally[state] += 1
            print(f"{mutant.path}:{mutant.line}: {state}{' by ' + by if by else ''}: {mutant.name}: "
                  f"{mutant.new.strip()}{' (' + why + ')' if state == 'not built' else ''}", flush=True)
    judged = tally["killed"] + tally["survived"]
    print(f"mutants: {tally['killed']} killed, {tally['survived']} survived, {tally['equivalent']} equivalent, "
          f"{tally['not built']} not built")
    return 0 if judged == 0 or 100 * tally["killed"] >= args.min * judged else 1


if __name__ == "__main__":
    sys.exit(main())
