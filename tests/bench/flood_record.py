#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Puts what flood_bench measured into the document's place between the two markers.

flood_record.py FLOOD_JSON DOCUMENT
"""
import json
import sys

BEGIN, END = "<!-- written by make bench-flood -->", "<!-- end of what make bench-flood writes -->"


def table(runs):
    lines = ["| flood | its rate, in rates that saturate the core | lost: the other service's packets | its new connections | the flood's packets "
             "| without shedding: the other service's packets | entries of the flood, at most |", "|---|---|---|---|---|---|---|"]
    for run in runs:
        if not run["shedding"]:
            continue
        plain = next((r for r in runs if r["flood"] == run["flood"] and r["times"] == run["times"] and not r["shedding"]), None)
        lines.append(f"| {run['words']} | {run['times']} | {run['lost_percent']:.1f} % | {run['new_lost_percent']:.1f} % "
                     f"| {run['flood_lost_percent']:.1f} % | {plain['lost_percent']:.1f} % | {max(run['flood_entries'], plain['flood_entries']):,} |"
                     if plain else f"| none | 0 | {run['lost_percent']:.1f} % | {run['new_lost_percent']:.1f} % | – | – | – |")
    return "\n".join(lines)


def main():
    with open(sys.argv[1], encoding="ascii") as f:
        runs = json.load(f)["runs"]
    with open(sys.argv[2], encoding="utf-8") as f:
        text = f.read()
    before, rest = text.split(BEGIN)
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(f"{before}{BEGIN}\n{table(runs)}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
