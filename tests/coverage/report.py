#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Line coverage of the RTL per module, from Verilator's data files: points reached by any run.

usage: report.py --min PERCENT --write FILE FOLDER SOURCE...     FILE gets every point that no run reached, one per line

A point is a branch or block of the source; generated copies of a module count as one. Every source is reported: one
without points has no branch (-), or is in no run, which is an error.
"""
import argparse
import collections
import glob
import os
import re
import sys


def read_points(folder):
    """{(file, line, kind, comment): hits over all runs and copies}."""
    points = collections.Counter()
    for name in glob.glob(os.path.join(folder, "*.dat")):
        with open(name, encoding="latin-1") as f:
            for line in f:
                match = re.match(r"C '(.*)' (\d+)$", line.rstrip("\n"))
                if not match:
                    continue
                fields = dict(part.split("\2", 1) for part in match.group(1).split("\1") if "\2" in part)
                key = (fields["f"], int(fields["l"]), fields.get("n", ""), fields.get("o", ""))
                points[key] += int(match.group(2))
    return points


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--min", type=float, required=True)
    p.add_argument("--write", required=True)
    p.add_argument("folder")
    p.add_argument("sources", nargs="+")
    args = p.parse_args()
    points = read_points(args.folder)
    if not points:
        sys.exit(f"coverage: no data in {args.folder}")
    modules = collections.defaultdict(lambda: [0, 0])
    with open(args.write, "w", encoding="utf-8") as out:
        for (path, line, _, comment), hits in sorted(points.items()):
            module = modules[os.path.basename(path)]
            module[0] += hits > 0
            module[1] += 1
            if not hits:
                print(f"{path}:{line}: {comment}", file=out)
    print(f"{'module':24} {'reached':>8} {'points':>7}  percent")
    absent = []
    for source in args.sources:
        name = os.path.basename(source)
        if name not in modules:
            with open(source, encoding="utf-8") as f:
                if re.search(r"^ *always|\balways_comb\b|\bfunction\b", re.sub(r"//.*", "", f.read()), re.M):
                    absent.append(name)
            modules[name] = [0, 0]
    for name, (hit, total) in sorted(modules.items()):
        print(f"{name:24} {hit:8} {total:7}  {f'{100 * hit / total:6.1f}' if total else '     -'}")
    hit, total = (sum(m[i] for m in modules.values()) for i in (0, 1))
    print(f"{'all':24} {hit:8} {total:7}  {100 * hit / total:6.1f}   not reached: {args.write}")
    if absent:
        sys.exit(f"coverage: in no run: {' '.join(absent)}")
    if 100 * hit / total < args.min:
        sys.exit(f"coverage: below {args.min} %")


if __name__ == "__main__":
    main()
