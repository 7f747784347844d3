#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Co-simulation in many independent streams, as many at a time as there are cores.

streams.py --cosim PROGRAM --build FOLDER --library FILE [--library FILE] --packets N --seed N

A stream has a seed of its own, and stalls none, some or most clocks; with a second library one of SECOND_EVERY streams runs
on that. The first stream that differs ends the run, with the command that shows it again. The last line says what all of
them carried.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import time

STREAM_PACKETS = 100000
STALLS = (40, 0, 70, 20)  # percent of the clocks
SECOND_EVERY = 12
TIMEOUT_S = 900  # of a stream, which takes about fifteen seconds


def command(args, i):
    library = args.library[-1] if i % SECOND_EVERY == SECOND_EVERY - 1 else args.library[0]
    packets = min(STREAM_PACKETS, args.packets - i * STREAM_PACKETS)
    return [args.cosim, "--other", os.path.abspath(library), "--seed", f"{args.seed}{i:03}", "--packets", str(packets), "--stall",
            str(STALLS[i % len(STALLS)]), "--reproduction", os.path.join(args.build, f"mismatch-{i}.json")]


def run(argv):
    """The stream's output, and whether it found no difference."""
    try:
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as e:
        return f"{e.output or ''}\nnot done after {TIMEOUT_S} s", False
    return r.stdout, r.returncode == 0


def number(pattern, text):
    m = re.search(pattern, text)
    return int(m.group(1)) if m else 0


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--cosim", required=True)
    p.add_argument("--build", required=True)
    p.add_argument("--library", action="append", required=True)
    p.add_argument("--packets", type=int, required=True)
    p.add_argument("--seed", type=int, required=True)
    args = p.parse_args()
    os.makedirs(args.build, exist_ok=True)
    streams = [command(args, i) for i in range(-(-args.packets // STREAM_PACKETS))]
    total, verdicts = collections.Counter(), collections.Counter()
    begun = time.monotonic()
    print(f"cosim: seed {args.seed}, {len(streams)} streams", flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = {pool.submit(run, argv): argv for argv in streams}
        for done in concurrent.futures.as_completed(waiting):
            text, good = done.result()
            if not good:
                pool.shutdown(wait=False, cancel_futures=True)
                print(f"{text}\nagain: {' '.join(waiting[done])}", flush=True)
                sys.exit(1)
            for what in ("packets", "commands", "worlds", "clocks"):
                total[what] += number(rf"(\d+) {what}[,:]", text.split("\n")[-3])
            verdicts.update({name: int(n) for name, n in re.findall(r"([a-z0-9-]+) (\d+)", text.split("verdicts:")[1].split(";")[0])})
            total["moves"] += number(r"slots moved (\d+)", text)
            total["refused"] += number(r"inserts refused (\d+)", text)
    print("cosim: verdicts:", " ".join(f"{name} {n}" for name, n in verdicts.most_common()))
    print(f"cosim: {total['packets']} packets, {total['commands']} commands, {total['moves']} moves, {total['refused']} inserts "
          f"refused in {total['worlds']} worlds, {total['clocks']} clocks, {time.monotonic() - begun:.0f} s: no difference")


if __name__ == "__main__":
    main()
