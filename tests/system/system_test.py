#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""System tests: the demo's topology (drawn in lab.py) and what must survive in it.

system_test.py --engine software [--engine xdp] [--engine model] [--engine rtl] [--engine rtl-hbm] [--only NAME]

One lab an engine carries all its cases in order; a case that needs a card is not run for the software engine. Cases end
with a line each; the last line is "N passed, N failed".
"""
import argparse
import os
import signal
import sys
import time
import traceback

import cases_forwarding  # the cases run in this order
import cases_survival
import cases_input
import cases_fragments
import cases_icmp
import cases_admission
import cases_fullnat
import cases_tunnels
import cases_decap
import cases_first
import cases_pass
import cases_bond
from cases import CASES
from lab import ENGINES, Lab, LabError


def run_engine(engine, only, tally):
    chosen = [c for c in CASES if (not only or c[0] in only) and not (c[2] and engine == "software")
              and (c[3] is None or engine in c[3])]
    with Lab(engine) as lab:
        for name in lab.backends:
            lab.start_backend(name)
        lab.start_card()
        lab.start_agent()
        for name, function, _, _ in chosen:
            started = time.monotonic()
            try:
                function(lab)
                tally["passed"] += 1
                print(f"ok      {engine:8} {name} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception as e:  # pylint: disable=broad-except; a case may fail in any way and the next one still runs
                tally["failed"] += 1
                print(f"FAILED  {engine:8} {name}: {type(e).__name__}: {e}", flush=True)
                traceback.print_exc(limit=3)
                tails(lab)


def tails(lab):
    for name in ("card", "agent"):
        if lab.log(name):
            print(f"--- last lines of {name}:\n{lab.log(name)[-1500:]}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--engine", action="append", choices=ENGINES, required=True)
    p.add_argument("--only", action="append", choices=[c[0] for c in CASES])
    args = p.parse_args()
    if os.geteuid():
        sys.exit("system tests make network namespaces and need root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tally = {"passed": 0, "failed": 0}
    for engine in args.engine:
        try:
            run_engine(engine, args.only, tally)
        except LabError as e:
            tally["failed"] += 1
            print(f"FAILED  {engine:8} the lab: {e}", flush=True)
    print(f"{tally['passed']} passed, {tally['failed']} failed")
    sys.exit(1 if tally["failed"] else 0)


if __name__ == "__main__":
    main()
