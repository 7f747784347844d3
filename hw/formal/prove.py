#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Proves the properties listed in proofs.py about the RTL, or shows that each proof can fail.

usage: prove.py --build DIR [--only PART] [--jobs N]            prove; one line per property
       prove.py --build DIR [--only PART] [--jobs N] --mutants  break the RTL as listed; every proof must notice
       prove.py --check                                         do the mutants still fit the RTL? (nothing is proven)
       --replace FILE=COPY takes COPY for an RTL file, and only looks for a counterexample
Exit status: 0 all well, 1 there are counterexamples (or mutants not noticed), 2 something is merely undecided.

Yosys elaborates a harness with the module (reduced as proofs.py says). Engines:
  pdr        ABC's property directed reachability: unbounded, no help needed
  induction  yosys-smtbmc with z3: the first N clocks, then the step from any N clocks to the next: unbounded
  sat        the same, but the step with the solver in Yosys, which is faster where states are many small cases
  whole      ABC's bmc3: all N clocks that the harness follows, which asserts that nothing comes after them
A proof is a set of assertions proven together: the first is what is shown, the others are what it leans on.
Where a proof names an assertion as "seen" (that what the property speaks of never comes about), there has to be a
counterexample to it, or the proof is empty.
From reset some states are too far away at the size that is proven: where a proof names parameters as "small",
counterexamples to what is shown are looked for with them, and not before the clock "start": that nothing is violated in
the first clocks is what takes long to find out.
Seconds are of the wall clock. A mutant counts as noticed only if there is a counterexample that starts at reset.
"""
import argparse
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from proofs import MUTANTS, PROOFS

TO_AIGER = """async2sync
setundef -undriven -anyseq
delete -output
opt_clean -purge
memory_map -formal
opt_clean -purge
formalff -clk2ff -ff2anyinit
opt -full
techmap
opt -fast
simplemap
setundef -anyseq
dffunmap
aigmap
opt_clean -purge
write_aiger -I -B -zinit -no-startoffset {folder}/model.aig
"""
TO_STEP = """memory_map
async2sync
setundef -undriven -anyseq
opt -full
setundef -anyseq
dffunmap
opt_clean -purge
write_rtlil {folder}/model.il
"""
TO_SMT2 = """memory_map
async2sync
setundef -undriven -anyseq
opt_clean -purge
dffunmap
write_smt2 -wires {folder}/model.smt2
"""


def replace_once(text, old, new, where):
    if text.count(old) != 1:
        sys.exit(f"prove: {where}: found {text.count(old)} times instead of once: {old}")
    return text.replace(old, new)


def copy_sources(args, proof, folder, mutation, parameters):
    """Copies the proof's sources with parameters and its reductions, and perhaps one mutation, applied."""
    copies = []
    for path in proof.sources():
        with open(args.replace.get(path, path), encoding="utf-8") as f:
            text = f.read()
        if mutation and mutation.path == path:
            text = replace_once(text, mutation.old, mutation.new, f"{path}: mutant")
        for pattern, new in proof.reduce.get(os.path.basename(path), []):
            text, n = re.subn(pattern, new, text)
            if n == 0:
                sys.exit(f"prove: {path}: nothing matches the reduction {pattern}")
        if path == proof.sources()[-1]:
            for name, value in parameters.items():
                text, n = re.subn(rf"(parameter int unsigned {name} = )[^,\n ]+", rf"\g<1>{value}", text)
                if n != 1:
                    sys.exit(f"prove: {path}: no parameter {name}")
        copies.append(os.path.join(folder, os.path.basename(path)))
        with open(copies[-1], "w", encoding="utf-8") as f:
            f.write(text)
    return copies


def elaborate(args, proof, folder, mutation, asserts, small=False, aiger=False):
    """Small: for ABC, with the parameters of that name. Without them for ABC too: aiger."""
    os.makedirs(folder, exist_ok=True)
    copies = copy_sources(args, proof, folder, mutation, proof.small if small else proof.parameters)
    keep = " ".join(f"c:{name} %d" for name in asserts)
    script = f"read_verilog -sv -formal -DSYNTHESIS {' '.join(copies)}\nprep -flatten -top {proof.top}\n" \
             f"delete t:$assert {keep}\nselect -assert-count {len(asserts)} t:$assert\nselect -clear\n"
    smt2 = proof.engine in ("induction", "sat") and asserts == proof.asserts and not (small or aiger)
    script += (("design -save model\n" + TO_STEP + "design -load model\n" if proof.engine == "sat" else "") + TO_SMT2 if smt2
               else TO_AIGER).format(folder=folder)
    path = os.path.join(folder, "elaborate.ys")
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    done = subprocess.run([os.environ.get("YOSYS", "yosys"), "-q", "-s", path], capture_output=True, text=True)
    said = done.stdout + done.stderr
    if done.returncode or "implicitly declared" in said or "Resizing cell port" in said:
        return said.strip().split("\n")[-1] or "Yosys failed"
    return ""


def run(command, seconds):
    """What it says; a session of its own, so that the solver ends with what has started it."""
    with subprocess.Popen(["nice", "-n", "5", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          start_new_session=True) as process:
        try:
            return process.communicate(timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return "timeout"


def run_pdr(folder, seconds, falsify, start=0):
    """'proven', 'failed' or what else came of it."""
    engine = f"bmc3 -F 40 -S {start}" if falsify else "pdr"
    script = f"read_aiger {folder}/model.aig; fold; strash; scorr; {engine} -T {seconds}"
    said = run(["yosys-abc", "-c", script], seconds + 20)
    if "Property proved" in said:
        return "proven"
    if "was asserted in frame" in said:
        return "failed"
    # (What scorr reduced to constant false is proven too.)
    return "proven" if "Networks are equivalent" in said else "undecided"


def run_whole(folder, depth, seconds):
    """The harness asserts that what it follows has ended by the last of so many clocks."""
    said = run(["yosys-abc", "-c", f"read_aiger {folder}/model.aig; fold; strash; scorr; bmc3 -F {depth + 1} -T {seconds}"],
               seconds + 20)
    if "was asserted in frame" in said:
        return "failed"
    return "proven" if f"No output asserted in {depth + 1} frames" in said else "undecided"


def run_step(folder, depth, seconds):
    said = run([os.environ.get("YOSYS", "yosys"), "-p", f"read_rtlil {folder}/model.il; "
                f"sat -tempinduct-inductonly -prove-asserts -set-assumes -maxsteps {depth}"], seconds)
    return "proven" if "Induction step proven: SUCCESS!" in said else "undecided"


def run_induction(folder, depth, seconds, falsify, engine):
    smt = ["yosys-smtbmc", "-s", "z3", "--unroll", "--noprogress", "-t", str(depth)]
    said = run([*smt, f"{folder}/model.smt2"], seconds)
    if "Status: FAILED" in said or "Status: failed" in said:
        return "failed"
    if "Status: PASSED" not in said and "Status: passed" not in said:
        return "undecided"
    if falsify:
        return "proven"
    if engine == "sat":
        return run_step(folder, depth, seconds)
    said = run([*smt, "-i", f"{folder}/model.smt2"], seconds)
    return "proven" if "Status: PASSED" in said or "Status: passed" in said else "undecided"


def prove(args, proof, mutation=None, number=0):
    folder = os.path.join(args.build, f"{proof.name}-{number}" if mutation else proof.name)
    started = time.time()
    falsify = bool(mutation or args.replace)
    small = falsify and bool(proof.small)
    aiger = small or proof.engine == "pdr" or (falsify and proof.engine == "sat")
    error = elaborate(args, proof, folder, mutation, proof.asserts[:1] if small else proof.asserts, small, aiger)
    if error:
        return f"not elaborated: {error}", time.time() - started
    if aiger:
        result = run_pdr(folder, proof.seconds, falsify, proof.start)
    elif proof.engine == "whole":
        result = run_whole(folder, proof.depth, proof.seconds)
    else:
        result = run_induction(folder, max(proof.depth, 12) if falsify else proof.depth, proof.seconds, falsify,
                               proof.engine)
    if result == "proven" and proof.seen and not falsify:
        error = elaborate(args, proof, f"{folder}-seen", None, [proof.seen], bool(proof.small))
        if error:
            result = f"not elaborated: {error}"
        elif run_pdr(f"{folder}-seen", proof.seconds, True, proof.start) != "failed":
            result = "empty"
    return result, time.time() - started


def prove_all(args, chosen):
    failed = wrong = 0
    print(f"{'module':14} {'property':50} {'engine':10} {'depth':10} {'seconds':>7}  result")
    with ThreadPoolExecutor(args.jobs) as pool:
        for proof, (result, seconds) in zip(chosen, pool.map(lambda p: prove(args, p), chosen)):
            failed += result != "proven"
            wrong += result == "failed"
            depth = {"pdr": "unbounded", "whole": f"{proof.depth} clocks"}.get(proof.engine, f"unb. k={proof.depth}")
            print(f"{proof.module:14} {proof.what:50} {proof.engine:10} {depth:10} {seconds:7.1f}  {result}",
                  flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if wrong else 2 if failed else 0


def break_all(args, chosen):
    work = [(n, m, p) for n, m in enumerate(MUTANTS) for p in chosen if p.name == m.proof]
    failed = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        results = pool.map(lambda w: prove(args, w[2], w[1], w[0]), work)
        for (_, mutation, proof), (result, seconds) in zip(work, results):
            noticed = result == "failed"
            failed += not noticed
            print(f"{proof.name:24} {seconds:6.1f} s  {'noticed' if noticed else result.upper():10} "
                  f"{mutation.path}: {mutation.old.strip()} => {mutation.new.strip()}", flush=True)
    for name in sorted({p.name for p in chosen} - {m.proof for m in MUTANTS}):
        failed += 1
        print(f"{name}: no mutant shows that it can fail")
    print(f"{len(work)} mutants: {len(work) - failed} passed, {failed} failed")
    return 1 if failed else 0


def check_mutants():
    """Every mutant breaks one place of a file that its proof reads, and every proof has one."""
    for n, mutant in enumerate(MUTANTS):
        proof = next((p for p in PROOFS if p.name == mutant.proof), None)
        if not proof or mutant.path not in proof.sources():
            sys.exit(f"prove: mutant {n}: no proof {mutant.proof} reads {mutant.path}")
        with open(mutant.path, encoding="utf-8") as f:
            replace_once(f.read(), mutant.old, mutant.new, f"{mutant.path}: mutant {n}")
    lacking = sorted({p.name for p in PROOFS} - {m.proof for m in MUTANTS})
    if lacking:
        sys.exit(f"prove: no mutant shows that these can fail: {', '.join(lacking)}")
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--build")
    p.add_argument("--only", default="")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--mutants", action="store_true")
    p.add_argument("--check", action="store_true")
    p.add_argument("--replace", action="append", default=[])
    args = p.parse_args()
    if args.check:
        return check_mutants()
    if not args.build:
        p.error("--build is missing")
    args.replace = dict(pair.split("=", 1) for pair in args.replace)
    chosen = [proof for proof in PROOFS if args.only in proof.name]
    return (break_all if args.mutants else prove_all)(args, chosen)


if __name__ == "__main__":
    sys.exit(main())
