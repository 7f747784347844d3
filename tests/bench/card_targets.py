#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the card's figures (card.json) against what they have to be. Usage: card_targets.py JSON. Exits with 1 if one is missed."""
import json
import sys

# Key, least or most, and what it is.
TARGETS = (
    ("packets_per_clock", "least", 0.999, "minimum-size hits a clock"),
    ("beat_efficiency", "least", 0.999, "of one frame per max(in, out) beats: every size, action and mix"),
    ("latency_clocks", "most", 48, "first beat in to first beat out of a minimum-size frame"),
    ("hits_beside_misses", "least", 0.999, "of their rate that hits keep beside a stream of misses"),
    ("inserts_per_clock_50", "least", 1 / 8, "replacements at 50 % load, under hits at line rate"),
    ("inserts_per_clock_90", "least", 1 / 16, "the same at 90 %"),
    ("deletes_per_clock", "least", 1 / 4, ""),
    ("load_before_refusal", "least", 0.95, "the worst of 20 seeds after ten replacements of all"),
    ("slot_bytes_ipv4", "most", 24, ""),
    ("record_bytes_ipv4", "most", 32, "without the time that ageing keeps (age_bytes)"),
    ("hbm_packets_per_clock", "least", 0.99, "minimum-size hits a clock with records in HBM"),
    ("estimated_mhz", "least", 322, "of the wire path's slowest block, an estimate"),
)


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        figures = json.load(f)
    missed = 0
    for key, side, bound, what in TARGETS:
        value = figures.get(key)
        good = value is not None and (value >= bound if side == "least" else value <= bound)
        missed += not good
        print(f"{'ok    ' if good else 'MISSED'} {key:22} {value!s:>9} (at {side} {bound:g}){': ' + what if what else ''}")
    print(f"card: {len(TARGETS) - missed} of {len(TARGETS)} targets met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
