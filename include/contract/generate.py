#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Turns the contract (values.yaml, remedies.yaml, structs.yaml, registers.yaml) into C, SystemVerilog and Markdown.

usage: generate.py --c FILE --remedies FILE --sv FILE --md FILE --reasons FILE

Only what is named is written, and only if it changed, so that nothing rebuilds without need. `load()` is the same
contract as Python objects, for test generators that must pack its structures.
"""
import argparse
import os
import re
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "be16": 2, "be32": 4}
C_TYPE = {"u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t",
          "be16": "uint16_t", "be32": "uint32_t"}
LICENCE = "SPDX-License-Identifier: BSD-3-Clause"
ORIGIN = "Generated from include/contract by generate.py; do not edit."


def fail(where, what):
    sys.exit(f"contract: {where}: {what}")


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        try:
            return yaml.safe_load(f)
        except yaml.YAMLError as e:
            return fail(name, one_line(str(e)))


def need(kind, entry, **types):
    """Refuses an entry that lacks a field or has one of another type."""
    where = f"{kind}.{entry['name']}" if kind and "name" in entry else kind or str(entry.get("name", entry))
    for field, wanted in types.items():
        if field not in entry:
            fail(where, f"{field} is missing")
        if not isinstance(entry[field], wanted):
            fail(where, f"{field} is {entry[field]!r}, which should be {'a number' if wanted is int else 'text'}")


def check_entries(values, structs, registers):
    for k in values["constants"]:
        need("", k, name=str, value=int, doc=str)
    for e in values["enums"]:
        need("", e, name=str, doc=str, values=list)
        for v in e["values"]:
            need(e["name"], v, name=str, value=int, doc=str)
    for s in structs["structs"]:
        need("", s, name=str, size=int, doc=str, fields=list)
        for f in s["fields"]:
            need(s["name"], f, name=str, type=str, doc=str)
    for b in registers["blocks"]:
        need("", b, name=str, base=int, size=int, doc=str, registers=list)
        for r in b["registers"]:
            need(b["name"], r, name=str, offset=int, access=str, doc=str)


def check_numbers(kind, values):
    seen = {}
    for v in values:
        if v["value"] in seen:
            fail(f"{kind}.{v['name']}", f"number {v['value']} is already {seen[v['value']]}'s")
        seen[v["value"]] = v["name"]


def lay_out(structs):
    """Gives every field its offset, size, count and alignment."""
    known = {}
    for s in structs:
        offset, widest = 0, 1
        for f in s["fields"]:
            m = re.fullmatch(r"(\w+?)(?:\[(\d+)\])?", f["type"])
            base, count = m.group(1), int(m.group(2) or 0)
            if base in WIDTH:
                unit = align = WIDTH[base]
            elif base in known:
                unit, align = known[base]["size"], known[base]["align"]
            else:
                fail(f"{s['name']}.{f['name']}", f"unknown type {base}; structures must be defined before use")
            if offset % align:
                fail(f"{s['name']}.{f['name']}", f"offset {offset} is not a multiple of {align}")
            f.update(base=base, count=count, offset=offset, size=unit * (count or 1))
            offset += f["size"]
            widest = max(widest, align)
        if offset != s["size"]:
            fail(s["name"], f"fields take {offset} bytes, not the stated {s['size']}")
        if offset % widest:
            fail(s["name"], f"size {offset} is not a multiple of its alignment {widest}")
        s["align"] = widest
        known[s["name"]] = s
    return known


def add_remedies(values, remedies):
    """Gives each reason what is done about it; there is one for each, and no other."""
    reasons = next(e for e in values["enums"] if e["name"] == "reason")["values"]
    for name in remedies.keys() - {v["name"] for v in reasons}:
        fail(f"remedies.{name}", "there is no such reason")
    for v in reasons:
        if not isinstance(remedies.get(v["name"]), str) or '"' in remedies[v["name"]]:
            fail(f"remedies.{v['name']}", "should be a sentence without double quotes that says what to do about that reason")
        v["remedy"] = remedies[v["name"]]


def load():
    values, structs, registers = read("values.yaml"), read("structs.yaml"), read("registers.yaml")
    check_entries(values, structs, registers)
    add_remedies(values, read("remedies.yaml")["remedies"])
    for e in values["enums"]:
        check_numbers(e["name"], e["values"])
    known = lay_out(structs["structs"])
    for b in registers["blocks"]:
        used = {}
        for r in b["registers"]:
            for i in range(r.get("count", 1)):
                at = r["offset"] + i * r.get("stride", 0)
                if at % 4 or at >= b["size"]:
                    fail(f"{b['name']}.{r['name']}", f"offset {at:#x} is unaligned or outside the block")
                if at in used:
                    fail(f"{b['name']}.{r['name']}", f"offset {at:#x} is already {used[at]}'s")
                used[at] = r["name"]
    return {"constants": values["constants"], "enums": values["enums"], "structs": structs["structs"],
            "struct": known, "blocks": registers["blocks"]}


def number(v):
    return f"{v:#x}" if v > 65535 or v in (0xC000,) else str(v)


def one_line(text):
    return " ".join(text.split())


def to_c(c):
    out = [f"/* {LICENCE} */", f"/* {ORIGIN} */", "#ifndef SLUICE_CONTRACT_H", "#define SLUICE_CONTRACT_H", "",
           "/* Plain integers are little-endian in memory shared with the card, be16 and be32 fields in network order. */",
           "#include <stddef.h>", "#include <stdint.h>", "", "/* Constants */"]
    for k in c["constants"]:
        suffix = "u" if k["value"] > 0x7FFFFFFF else ""
        out.append(f"#define SL_{k['name']} {number(k['value'])}{suffix} /* {k['doc']} */")
    for e in c["enums"]:
        out += ["", f"/* {one_line(e['doc'])} */", f"enum sl_{e['name']} {{"]
        for v in e["values"]:
            out.append(f"\tSL_{e['name'].upper()}_{v['name']} = {v['value']}, /* {v['doc']} */")
        out.append("};")
    for s in c["structs"]:
        out += ["", f"/* {one_line(s['doc'])} */", f"struct sl_{s['name']} {{"]
        for f in s["fields"]:
            ctype = C_TYPE.get(f["base"], f"struct sl_{f['base']}")
            dim = f"[{f['count']}]" if f["count"] else ""
            order = " network order:" if f["base"].startswith("be") else ""
            out.append(f"\t{ctype} {f['name']}{dim}; /* {f['offset']}:{order} {f['doc']} */")
        out.append("};")
        out.append(f"_Static_assert(sizeof(struct sl_{s['name']}) == {s['size']}, \"sl_{s['name']}\");")
        for f in s["fields"]:
            out.append(f"_Static_assert(offsetof(struct sl_{s['name']}, {f['name']}) == {f['offset']}, "
                       f"\"sl_{s['name']}.{f['name']}\");")
    for b in c["blocks"]:
        p = f"SL_{b['name'].upper()}"
        out += ["", f"/* {one_line(b['doc'])} */", f"#define {p}_BASE {b['base']:#x}u", f"#define {p}_SIZE {b['size']:#x}u"]
        for r in b["registers"]:
            if "count" in r:
                out.append(f"#define {p}_{r['name']}(i) ({r['offset']:#x}u + (i) * {r['stride']}u) /* {r['doc']} */")
                out.append(f"#define {p}_{r['name']}_COUNT {r['count']}")
            else:
                out.append(f"#define {p}_{r['name']} {r['offset']:#x}u /* {r['doc']} */")
    out += ["", "/* Sentences for people, by number; NULL where there is none. */"]
    for e in c["enums"]:
        out += [f"static inline const char *sl_{e['name']}_text(unsigned int value)", "{", "\tswitch (value) {"]
        out += [f"\tcase {v['value']}: return \"{v['doc']}\";" for v in e["values"]]
        out += ["\tdefault: return NULL;", "\t}", "}",
                f"static inline const char *sl_{e['name']}_name(unsigned int value)", "{", "\tswitch (value) {"]
        out += [f"\tcase {v['value']}: return \"{v['name'].lower().replace('_', '-')}\";" for v in e["values"]]
        out += ["\tdefault: return NULL;", "\t}", "}"]
    return "\n".join(out + ["", "#endif", ""])


def to_sv(c):
    out = [f"// {LICENCE}", f"// {ORIGIN}", "// A structure is a flat vector: byte n of memory is bits [8*n +: 8]. For each field the",
           "// package has <STRUCT>_<FIELD>_LSB and _W; be16 and be32 fields are byte-swapped by the reader.", "`default_nettype none",
           "package sl_pkg;"]
    for k in c["constants"]:
        out.append(f"  localparam int unsigned {k['name']} = 32'd{k['value']};")
    for e in c["enums"]:
        width = 8 if max(v["value"] for v in e["values"]) < 256 else 32
        out.append(f"  // {one_line(e['doc'])}")
        for v in e["values"]:
            out.append(f"  localparam logic [{width - 1}:0] {e['name'].upper()}_{v['name']} = {width}'d{v['value']};")
    for s in c["structs"]:
        up = s["name"].upper()
        out.append(f"  localparam int unsigned {up}_BITS = {s['size'] * 8};")
        for f in s["fields"]:
            out.append(f"  localparam int unsigned {up}_{f['name'].upper()}_LSB = {f['offset'] * 8};")
            out.append(f"  localparam int unsigned {up}_{f['name'].upper()}_W = {f['size'] * 8};")
    for b in c["blocks"]:
        up = b["name"].upper()
        out.append(f"  // {one_line(b['doc'])}")
        for r in b["registers"]:
            out.append(f"  localparam logic [31:0] {up}_{r['name']} = 32'h{r['offset']:08x};")
            if "count" in r:
                out.append(f"  localparam int unsigned {up}_{r['name']}_COUNT = {r['count']};")
                out.append(f"  localparam int unsigned {up}_{r['name']}_STRIDE = {r['stride']};")
    return "\n".join(out + ["endpackage", ""])


def to_md(c):
    out = ["# Contract reference", "", f"{ORIGIN} `make docs` writes it again and a test compares.", "",
           "Plain integers are little-endian; be16 and be32 are in network order; bytes are as on the wire.", "", "## Constants", "",
           "| name | value | meaning |", "|---|---|---|"]
    out += [f"| `SL_{k['name']}` | {number(k['value'])} | {k['doc']} |" for k in c["constants"]]
    out += ["", "## Lists"]
    for e in c["enums"]:
        out += ["", f"### {e['name']}", "", one_line(e["doc"]), "", "| number | name | meaning |", "|---|---|---|"]
        out += [f"| {v['value']} | `{v['name'].lower().replace('_', '-')}` | {v['doc']} |" for v in e["values"]]
    out += ["", "## Structures"]
    for s in c["structs"]:
        out += ["", f"### {s['name']} ({s['size']} bytes)", "", one_line(s["doc"]), "", "| offset | field | type | meaning |",
                "|---|---|---|---|"]
        out += [f"| {f['offset']} | `{f['name']}` | {f['type']} | {f['doc']} |" for f in s["fields"]]
    out += ["", "## Registers"]
    for b in c["blocks"]:
        out += ["", f"### {b['name']} (at {b['base']:#x}, {b['size']:#x} bytes)", "", one_line(b["doc"]), "",
                "| offset | register | access | meaning |", "|---|---|---|---|"]
        for r in b["registers"]:
            at = f"{r['offset']:#05x}" + (f" + {r['stride']} x n, n < {r['count']}" if "count" in r else "")
            out.append(f"| {at} | `{r['name']}` | {r['access']} | {r['doc']} |")
    return "\n".join(out + [""])


def to_remedies(c):
    out = [f"/* {LICENCE} */", f"/* {ORIGIN} */", "#ifndef SLUICE_REMEDIES_H", "#define SLUICE_REMEDIES_H", "", "#include <stddef.h>", "",
           "/* What to do about a reason; NULL: there is none of that number. */", "static inline const char *sl_reason_remedy(unsigned int value)",
           "{", "\tswitch (value) {"]
    out += [f"\tcase {v['value']}: return \"{v['remedy']}\";" for e in c["enums"] for v in e["values"] if "remedy" in v]
    return "\n".join(out + ["\tdefault: return NULL;", "\t}", "}", "", "#endif", ""])


def to_reasons(c):
    reasons = next(e for e in c["enums"] if e["name"] == "reason")["values"]
    out = ["# Reasons, and what to do about them", "", f"{ORIGIN} `make docs` writes it again and a test compares.", "",
           "`sluice stats` counts packets by reason; `sluice flow show` gives a connection's reason and the remedy; `sluice flow list reason=NAME` "
           "finds connections by it."]
    for title, first, last in (("To the host: the card did not forward the frame itself", 0, 63), ("Dropped by the card or XDP", 64, 127),
                               ("Of the agent: about connections, and about frames that it handled", 128, 255)):
        out += ["", f"## {title}", "", "| reason | meaning | remedy |", "|---|---|---|"]
        out += [f"| `{v['name'].lower().replace('_', '-')}` | {v['doc']} | {v['remedy']} |" for v in reasons if first <= v["value"] <= last]
    return "\n".join(out + [""])


def write(path, text):
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("c", "remedies", "sv", "md", "reasons"):
        p.add_argument(f"--{name}", metavar="FILE")
    args = p.parse_args()
    contract = load()
    for name, make in (("c", to_c), ("remedies", to_remedies), ("sv", to_sv), ("md", to_md), ("reasons", to_reasons)):
        if getattr(args, name):
            write(getattr(args, name), make(contract))


if __name__ == "__main__":
    main()
