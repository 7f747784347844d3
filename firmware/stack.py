#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bounds the firmware's stack from the compiler's call graphs (-fcallgraph-info=su) and refuses recursion.

ROOTS, separated by commas, are where a stack starts. A call through a pointer is taken as a call of the deepest function that runs an admin command (named *run_*), the only
ones whose address is taken.

usage: stack.py LIMIT ROOTS FILE.ci...
"""
import re
import sys

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
INDIRECT = "__indirect_call"


def main() -> int:
    limit = int(sys.argv[1], 0)
    own: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    roots = sys.argv[2].split(",")
    for path in sys.argv[3:]:
        with open(path, encoding="utf-8") as f:
            for line in f:
                if m := NODE.search(line):
                    if size := re.search(r"(\d+) bytes \((\w+)", m[2]):
                        if size[2] != "static":
                            sys.exit(f"{m[1]}: its stack frame has no fixed size")
                        own[m[1]] = int(size[1])
                elif m := EDGE.search(line):
                    calls.setdefault(m[1], set()).add(m[2])
    calls[INDIRECT] = {name for name in own if re.search(r"(^|[:_])run_", name)}
    if not calls[INDIRECT] and any(INDIRECT in below for below in calls.values()):
        sys.exit("no function that runs an admin command was found")
    deepest: dict[str, tuple[int, list[str]]] = {}

    def depth(name: str, path: list[str]) -> tuple[int, list[str]]:
        if name in path:
            sys.exit("recursion: " + " -> ".join(path[path.index(name):] + [name]))
        if name not in deepest:
            below = max((depth(c, path + [name]) for c in calls.get(name, ())), default=(0, []))
            deepest[name] = (own.get(name, 0) + below[0], [name] + below[1])
        return deepest[name]

    for root in roots:
        if root not in own:
            sys.exit(f"there is no function {root}")
        used, path = depth(root, [])
        names = " > ".join(re.sub(r".*:", "", name) for name in path)
        print(f"firmware stack: {used} of {limit} bytes ({names})")
        if used > limit:
            sys.exit("the stack does not suffice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
