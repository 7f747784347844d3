#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Area and clock rate of the RTL on an UltraScale+ part: an estimate by Yosys and a simple delay model, no sign-off.

Every module is mapped by itself (flow.py): that gives LUTs, flip-flops and memories, of all its instances. Put
together, the netlists give the paths between registers (timing.py); a path counts for the module in which it ends, and
may have begun in another. Adders are carry chains. What does not end in its time is named and fails, as does what Yosys
warns of where it makes wrong hardware. The figures are compared with a stored file, so that growth is seen.

Usage: report.py check LIST PARAMETERS DIR                             read the design and look at the warnings, no more
       report.py estimate LIST PARAMETERS DIR SECONDS TOTAL BASELINE   (SECONDS of processor for a module, TOTAL for all)
       report.py baseline LIST PARAMETERS DIR SECONDS TOTAL BASELINE   the same, and write BASELINE
       report.py rates BASELINE CARD                                   add the stored clock rates to the figures in CARD
PARAMETERS are those of the top, as TABLE_LOG2=16,RECORDS_HBM=1; only figures of equal ones are compared.
"""
import json
import sys

import flow
import timing

KINDS = ("LUT", "FF", "CARRY8", "BRAM", "URAM", "DSP")
TARGET_MHZ, TARGET_MPPS = 322, 297.6
# What frames pass: the datapath but for its registers, commands and time, and the streams to the MACs.
BESIDE, WIRE, WIRE_PORTS = ("u_csr.", "u_command.", "u_clock."), "u_core.", ("m_axis_", "rx_free_")
# LUTs that one cell of distributed memory stands for.
DISTRIBUTED = {"RAM32M": 4, "RAM32M16": 8, "RAM64M": 4, "RAM64M8": 8, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4,
               "RAM512X1S": 8, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8, "RAM64X8SW": 8}
# BRAM counts blocks of 36 Kbit; a carry cell of four bits is half a CARRY8.
CELLS = {"RAMB18E2": ("BRAM", 0.5), "RAMB36E2": ("BRAM", 1), "URAM288": ("URAM", 1), "DSP48E2": ("DSP", 1),
         "CARRY4": ("CARRY8", 0.5), "$lut": ("LUT", 1)}
PART, CAPACITY = "XCVU9P", {"LUT": 1182240, "FF": 2364480, "CARRY8": 147780, "BRAM": 2160, "URAM": 960, "DSP": 6840}


def area_of(netlist):
    """The cells of one instance by kind, without its submodules."""
    area = dict.fromkeys(KINDS, 0)
    for cell in netlist["cells"].values():
        kind = cell["type"]
        if timing.kind_of(kind) == "FF":
            area["FF"] += 1
        elif kind in DISTRIBUTED:
            area["LUT"] += DISTRIBUTED[kind]
        elif kind in CELLS:
            area[CELLS[kind][0]] += CELLS[kind][1]
    return area


def on_wire(path, end):
    """Whether frames pass what is there: a register or memory of an instance, or a port of the top."""
    if not path:
        return isinstance(end, str) and end.startswith(WIRE_PORTS)
    return path.startswith(WIRE) and not path[len(WIRE):].startswith(BESIDE)


def rows_of(instances, netlists, top_name):
    """One row for each module of the source: area of all instances, the worst path of any, and of the wire path's."""
    paths = {}
    if len(netlists) == len(instances):
        top = next(m for m in instances if flow.plain(m) == top_name)
        # In a netlist, names come without the escape.
        graph = timing.Timing(timing.Design({m.lstrip("\\"): n for m, n in netlists.items()}, top.lstrip("\\")))
        paths = graph.paths(lambda module, path, end: (flow.plain(module), on_wire(path, end)))
    rows = {}
    for module, n in sorted(instances.items(), key=lambda item: flow.plain(item[0])):
        row = rows.setdefault(flow.plain(module), {"instances": 0, **dict.fromkeys(KINDS, 0), "levels": 0, "ns": 0.0})
        row["instances"] += n
        if module in netlists:
            for kind, k in area_of(netlists[module]).items():
                row[kind] += k * n
    for (name, wire), path in paths.items():
        row = rows[name]
        row["levels"] = max(row["levels"], path["levels"])
        found = {"ns": round(path["ns"], 2), "path": path["path"][0], "path_levels": path["path"][1]}
        row["wire" if wire else "rest"] = found
        if path["ns"] > row["ns"]:
            row.update(found)
    for row in rows.values():
        row["estimated_mhz"] = round(1000 / row["ns"]) if row["ns"] else None
    return rows


def rates_of(rows):
    """The slowest block that frames pass, which bounds the card's clock, and the slowest of the rest."""
    wire, rest = ({name: row[part]["ns"] for name, row in rows.items() if part in row} for part in ("wire", "rest"))
    if not wire or not rest:
        return None
    mhz = {name: round(1000 / ns) for name, ns in sorted(wire.items(), key=lambda item: -item[1])}
    slowest, other = next(iter(mhz)), max(rest, key=rest.get)
    return {"estimated_mhz": mhz[slowest], "slowest_wire_block": slowest, "estimated_mpps": mhz[slowest],
            "wanted_mpps": TARGET_MPPS, "slowest_other_block": other, "other_estimated_mhz": round(1000 / rest[other]),
            "wire_blocks_under_target": {name: value for name, value in mhz.items() if value < TARGET_MHZ}}


def growth(now, before):
    """Lines for what changed since the stored figures."""
    lines = []
    for name in sorted(set(now) | set(before)):
        old, new = before.get(name), now.get(name)
        if not old or not new:
            lines.append(f"  {name}: {'new' if new else 'gone'}")
            continue
        changes = [f"{k} {old[k]:g} -> {new[k]:g}" + (f" ({100 * (new[k] - old[k]) / old[k]:+.1f} %)" if old[k] else "")
                   for k in (*KINDS, "levels") if k in old and old[k] != new[k]]
        if changes:
            lines.append(f"  {name}: " + ", ".join(changes))
    return lines


def show(parameters, rows, total):
    chosen = ", ".join(f"{name} {value}" for name, value in parameters.items())
    print(f"ESTIMATE for UltraScale+, {chosen}, not placed or routed; area of all instances, the "
          "slowest path that ends in a module")
    head = " ".join(f"{k:>7}" for k in KINDS)
    print(f"{'module':14} {'':4} {head}  levels     ns   MHz")
    for name, row in rows.items():
        rate = f"{row['ns']:6.2f} {row['estimated_mhz']:5}" if row["ns"] else f"{'-':>6} {'-':>5}"
        print(f"{name:14} x{row['instances']:<3} " + " ".join(f"{row[k]:7g}" for k in KINDS)
              + f"  {row['levels']:6} {rate}")
    print(f"{'total':19} " + " ".join(f"{total[k]:7g}" for k in KINDS))
    print(f"{'of ' + PART:19} " + " ".join(f"{100 * total[k] / CAPACITY[k]:6.1f}%" for k in KINDS))
    for part, title in (("wire", "wire path"), ("rest", "registers, commands and host interface")):
        slow = sorted(((n, r[part]) for n, r in rows.items() if part in r), key=lambda item: -item[1]["ns"])
        print(f"{title}: slowest paths, by the module in which they end:")
        for i, (name, path) in enumerate(slow):
            if i < 5 or 1000 / path["ns"] < TARGET_MHZ:
                print(f"  {name:14} {path['ns']:5.2f} ns, {path['path_levels']:2} LUT: {path['path']}")
        below = [f"{name} {1000 / path['ns']:.0f}" for name, path in slow if 1000 / path["ns"] < TARGET_MHZ]
        print(f"{title}, under {TARGET_MHZ} MHz: " + (", ".join(below) or ("none" if slow else "not known")))
    rates = rates_of(rows)
    if rates:
        print(f"wire path: {rates['estimated_mhz']} MHz by {rates['slowest_wire_block']}, at one minimum-size frame a "
              f"clock {rates['estimated_mpps']} Mpps of the {TARGET_MPPS} of two ports of 100 Gbit/s; slowest of the "
              f"rest: {rates['slowest_other_block']}, {rates['other_estimated_mhz']} MHz")


def estimate(command, source, parameters, directory, seconds, whole, baseline):
    modules = flow.read(source, parameters, directory)
    instances = flow.instances_of(modules, flow.top_of(source))
    netlists, failed = flow.netlists(modules, instances, directory, seconds, whole)
    rows = rows_of(instances, netlists, flow.top_of(source))
    total = {kind: sum(row[kind] for row in rows.values()) for kind in KINDS}
    missing = sorted({flow.plain(m) for m in instances if m not in netlists})
    show(parameters, rows, total)
    stored = {"estimate": True, "parameters": parameters, "total": total, "rates": rates_of(rows),
              "modules": {name: {k: row[k] for k in ("instances", *KINDS, "levels", "ns", "estimated_mhz")}
                          for name, row in rows.items()}}
    with open(f"{directory}/report.json", "w", encoding="utf-8") as f:
        json.dump({**stored, "modules": rows, "not_finished": missing, "failed": failed}, f, indent=1)
    print(f"not finished ({seconds} s of processor each, {whole} s together): " + (", ".join(missing) or "none"))
    if failed or missing:
        raise flow.Failure("\n".join(failed) or "what did not finish is not in the figures")
    if command == "baseline":
        with open(baseline, "w", encoding="utf-8") as f:
            json.dump(stored, f, indent=1)
            f.write("\n")
        return
    with open(baseline, encoding="utf-8") as f:
        before = json.load(f)
    if before["parameters"] != parameters:
        print(f"no comparison: {baseline} is of a card with {before['parameters']}")
        return
    lines = growth({**stored["modules"], "total": total}, {**before["modules"], "total": before["total"]})
    print(f"growth since {baseline}:" + (" none" if not lines else ""))
    for line in lines:
        print(line)


def add_rates(baseline, card):
    """The stored rates beside the clocks that `make bench-card` measured."""
    with open(baseline, encoding="utf-8") as f:
        rates = json.load(f)["rates"]
    with open(card, encoding="utf-8") as f:
        figures = json.load(f)
    with open(card, "w", encoding="utf-8") as f:
        json.dump({**figures, **rates}, f, indent=1)
        f.write("\n")


def main():
    if sys.argv[1] == "rates":
        add_rates(*sys.argv[2:4])
        return
    command, source, directory = sys.argv[1], sys.argv[2], sys.argv[4]
    parameters = {name: int(value) for name, value in (p.split("=") for p in sys.argv[3].split(","))}
    try:
        if command == "check":
            flow.read(source, parameters, directory)
        else:
            estimate(command, source, parameters, directory, int(sys.argv[5]), int(sys.argv[6]), sys.argv[7])
    except flow.Failure as failure:
        sys.exit(f"synth: {failure}")


if __name__ == "__main__":
    main()
