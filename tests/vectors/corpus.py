#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the vector corpus as JSON (tests/vectors/README.md describes it).

usage: corpus.py FILE

Expected bytes come from scapy and from docs/datapath.md; nothing here knows the C model.
"""
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import siphash  # noqa: E402
from cases import MODULES  # noqa: E402

DATAPATH_REASONS = range(0, 80)
# Not reachable with one frame after another: tests/vectors/bounds.c fills the buffers. Others belong to the DMA.
ELSEWHERE = {"rx-overflow", "host-overflow", "host-full", "no-host"}


def build():
    vectors = [c.json() for module in MODULES for c in module.cases()]
    names = [v["name"] for v in vectors]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        sys.exit(f"corpus: two vectors are called {', '.join(twice)}")
    from pack import ENUM
    seen = {s["reason"] for v in vectors for s in v["steps"] if s["kind"] == "frame"}
    seen |= {s["copy"] for v in vectors for s in v["steps"] if "copy" in s}
    wanted = {n.lower().replace("_", "-") for n, v in ENUM["reason"].items() if v in DATAPATH_REASONS} - ELSEWHERE
    if seen != wanted:
        sys.exit(f"corpus: reasons without a vector: {', '.join(sorted(wanted - seen)) or 'none'}; "
                 f"unknown: {', '.join(sorted(seen - wanted)) or 'none'}")
    return {"format": 1, "vectors": vectors}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip().split("\n\n")[1])
    siphash.check()
    corpus = build()
    os.makedirs(os.path.dirname(sys.argv[1]) or ".", exist_ok=True)
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        json.dump(corpus, f, indent=None, separators=(",", ":"))
    frames = sum(s["kind"] == "frame" for v in corpus["vectors"] for s in v["steps"])
    print(f"corpus: {len(corpus['vectors'])} vectors, {frames} frames")


if __name__ == "__main__":
    main()
