#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How many bytes of the card's memory a flow takes, from the RTL as Verilator elaborates it.

usage: table_memory.py VERILATOR FILE_LIST BUILD_DIR [-p]

Adds up the memories (unpacked arrays) of the flow table's instances and prints bytes per slot, per flow id and per IPv6
entry as JSON members, without braces; with -p, every memory too. A memory of the flow table that belongs to none of these is
an error: what is not counted cannot be claimed.
"""
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

# (figure, memories that count to it, by instance and name)
FIGURES = [
    ("slot_bytes_ipv4", r"u_table\.u_ram\.mem"),
    ("record_bytes_ipv4", r"u_table\.u_record\.mem|u_command\.at_mem"),
    ("counter_bytes", r"u_counters\.u_flow\.\w+"),
    ("age_bytes", r"u_age\.age_mem"),
    ("free_id_bytes", r"u_command\.u_retire\.given_mem"),
    ("ipv6_entry_bytes", r"u_table\.u_v6\.mem"),
    ("ipv6_free_entry_bytes", r"u_command\.u_where\.mem"),
]
# Parts of the flow table, and what is in them beside it: queues of commands, the nodes of a search.
TABLE = r"u_(table|command|age|counters\.u_flow)\."
WORK = r"u_command\.(u_queue|u_hashed|u_retire\.u_queue|u_retire\.u_out)\.mem|u_command\.u_search\.tree\d_mem"


def elaborate(verilator, file_list, build):
    os.makedirs(build, exist_ok=True)
    subprocess.run([verilator, "--xml-only", "-DSYNTHESIS", "--top-module", "sl_core", "--Mdir", build,
                    "hw/lint/waivers.vlt", "-f", file_list], check=True)
    return xml.etree.ElementTree.parse(os.path.join(build, "Vsl_core.xml")).getroot()


def number(const):
    return int(const.get("name").split("h")[-1], 16)


def width(kind, types):
    """Bits of a packed type."""
    if kind.tag == "basicdtype":
        return int(kind.get("left", "0")) - int(kind.get("right", "0")) + 1
    raise SystemExit(f"table_memory: memory of a type that is not counted: {kind.tag}")


def memories(root):
    """(name, bits, entries) of every memory, by the path of its instance."""
    types = {t.get("id"): t for t in root.find(".//typetable")}
    arrays = {}
    for module in root.iter("module"):
        found = arrays.setdefault(module.get("name"), [])
        for var in module.iter("var"):
            kind = types.get(var.get("dtype_id"))
            if kind is not None and kind.tag == "unpackarraydtype":
                first, last = (number(c) for c in kind.iter("const"))
                found.append((var.get("name"), width(types[kind.get("sub_dtype_id")], types), abs(last - first) + 1))
    for cell in root.find("cells").iter("cell"):
        path = cell.get("hier").split(".", 1)[-1]
        for name, bits, entries in arrays.get(cell.get("submodname"), []):
            yield f"{path}.{name}", bits, entries


def main():
    verilator, file_list, build = sys.argv[1:4]
    sums, ids, v6 = {figure: 0 for figure, _ in FIGURES}, 0, 0
    for path, bits, entries in memories(elaborate(verilator, file_list, build)):
        if not re.match(TABLE, path) or re.fullmatch(WORK, path):
            continue
        figure = next((f for f, pattern in FIGURES if re.fullmatch(pattern, path)), None)
        if figure is None:
            raise SystemExit(f"table_memory: {path} counts to no figure")
        sums[figure] += bits * entries
        ids = entries if path == "u_table.u_record.mem" else ids
        v6 = entries if path == "u_table.u_v6.mem" else v6
        if "-p" in sys.argv:
            print(f"{path}: {bits} x {entries} ({figure})", file=sys.stderr)
    figures = {f: total / 8 / (v6 if f.startswith("ipv6") else ids) for f, total in sums.items()}
    figures["slot_bytes_ipv6"] = figures["slot_bytes_ipv4"]
    figures["record_bytes_ipv6"] = figures["record_bytes_ipv4"] + figures["ipv6_entry_bytes"]
    figures["ipv6_entries_per_slot"] = v6 / ids
    print(",\n".join(f"  {json.dumps(f)}: {value:.2f}" for f, value in figures.items()))


if __name__ == "__main__":
    main()
