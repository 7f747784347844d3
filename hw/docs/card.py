#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draws docs/reference/card.md from the sources: the RTL (rtl.py), the contract, the list of proofs and the firmware's
link script. Nothing here is a fact of the card; what a source no longer says as this expects is an error that names it.

usage: card.py FILE

Run in the top folder; `make docs` does.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../formal"), os.path.join(HERE, "../../include/contract")]
import generate  # noqa: E402
import proofs    # noqa: E402
import rtl       # noqa: E402

NIC = "hw/rtl/sl_nic.f"


def source(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def constants_of(contract):
    """What the generated package sl_pkg holds."""
    known = {k["name"]: k["value"] for k in contract["constants"]}
    for e in contract["enums"]:
        known.update({f"{e['name']}_{v['name']}".upper(): v["value"] for v in e["values"]})
    for s in contract["structs"]:
        known[f"{s['name']}_BITS".upper()] = 8 * s["size"]
        for f in s["fields"]:
            known[f"{s['name']}_{f['name']}_LSB".upper()] = 8 * f["offset"]
            known[f"{s['name']}_{f['name']}_W".upper()] = 8 * f["size"]
    return known


def drawn(lines):
    return ["```"] + [line.rstrip() for line in lines] + ["```"]


# The tree of modules -----------------------------------------------------------------------------------------------
# Drawn once, wherever they are used: they are what the others are built of.
PARTS = ("sl_fifo", "sl_ram_fifo", "sl_slot_ram", "sl_delay")


def tree(design, name, scope=None, indent=""):
    module = design.modules[name]
    scope = scope or design.scope(module)
    kinds = {}
    for i in design.instances(module, scope):
        count = 1
        for _, bound in i.loops:
            count *= design.value(bound, scope)
        kinds.setdefault(i.module, [0, i])
        kinds[i.module][0] += count
    kinds = [(k, n, i) for k, (n, i) in kinds.items() if k not in PARTS]
    for at, (kind, count, i) in enumerate(kinds):
        last = at == len(kinds) - 1
        below = design.modules[kind]
        left = f"{indent}{'└─' if last else '├─'} {kind}{f' x {count}' if count > 1 else ''}"
        yield f"{left:<34} {short(below.purpose(), 84)}"
        given = {p: design.number(e, {**scope, **{v: 0 for v, _ in i.loops}}) for p, e in i.parameters.items()}
        yield from tree(design, kind, design.scope(below, given), indent + ("   " if last else "│  "))


def short(text, limit):
    return text if len(text) <= limit else text[:limit - 1].rsplit(" ", 1)[0] + " …"


# Who feeds whom ----------------------------------------------------------------------------------------------------
# A connection is drawn if it says that something is passed on: by its name at the driver or at the reader.
PASSED = (r"(^|_)((aw|w|ar|b|r|t)?valid|push|pop|beat|verdict|done|event|read|write|tell|use|consume|asked?|start|early|"
          r"choose|tick|rx|tx|req|raise|irq|removed?|born)(_[io])?$")


def streams(design, name):
    """{(driver, reader): nets} of a module, with an AXI port's channels as one."""
    found, module = {}, design.modules[name]
    for driver, dport, net, reader, rport in design.connections(name):
        if not (re.search(PASSED, dport) and re.search(PASSED, rport)) or "busy" in rport:
            continue
        bus = re.match(r"([sm]_axil?(?:_\w+)??)_(aw|w|ar|b|r)valid$", net)
        if bus:
            if bus.group(1).startswith("s_") == (driver != "") or bus.group(1).startswith("m_") == (driver == ""):
                continue         # the answers
            net = bus.group(1)
        elif driver == "" and module.ports.get(net) == "input" and not net.endswith("valid"):
            continue
        net = re.sub(r"_t?valid$", "", net)
        nets = found.setdefault((driver, reader), [])
        if net not in nets:
            nets.append(net)
    return found


class Lanes:
    """Text lines on the left; on the right one vertical lane per driver, from its line to those of its readers."""

    def __init__(self, width):
        self.width, self.lines, self.lanes = width, [], []

    def add(self, text):
        self.lines.append(text)
        return len(self.lines) - 1

    def lane(self, begin, ends):
        self.lanes.append((begin, ends))

    def draw(self):
        taken, placed = [], []
        for begin, ends in sorted(self.lanes, key=lambda l: max(l[1] + [l[0]]) - min(l[1] + [l[0]])):
            low, high = min(ends + [begin]), max(ends + [begin])
            at = next((n for n, spans in enumerate(taken) if all(high < a or low > b for a, b in spans)), len(taken))
            if at == len(taken):
                taken.append([])
            taken[at].append((low, high))
            placed.append((at, low, high, {begin, *ends}))
        out = []
        for n, text in enumerate(self.lines):
            reach = [at for at, _, _, stops in placed if n in stops]
            cells = []
            for at in range(len(taken)):
                lane = next((p for p in placed if p[0] == at and p[1] <= n <= p[2]), None)
                more = bool(reach) and at < max(reach)      # the line goes on to the right
                pad = "──" if reach and at <= max(reach) else "  "
                if lane is None:
                    cells.append(pad + ("─" if more else " "))
                elif n in lane[3]:
                    up, down = n > lane[1], n < lane[2]
                    cells.append(pad + {(1, 1, 0): "┤", (1, 0, 0): "┘", (0, 1, 0): "┐", (1, 1, 1): "┼", (1, 0, 1): "┴",
                                        (0, 1, 1): "┬"}[(up, down, more)])
                else:
                    cells.append(pad + "│")
            arrow = "◄" if reach and text.startswith("▐") else "─" if reach else " "
            out.append((f"{text[1:]:<{self.width}}{arrow}" + "".join(cells)).rstrip())
        return out


def picture(design, name):
    """A module's instances in the order of its source, each with what it passes on and to whom."""
    module, passed = design.modules[name], streams(design, name)
    scope, lanes, arrive, leave = design.scope(module), Lanes(66), {}, {}

    def outgoing(who):
        nets = []      # what leaves the module first
        for (driver, _), names in sorted(passed.items(), key=lambda p: p[0][1] != ""):
            nets += [n for n in names if driver == who and n not in nets]
        return nets
    leave[""] = lanes.add(f" {short(', '.join(outgoing('')), 62):>64} ─")
    for i in design.instances(module, scope):
        count = 1
        for _, bound in i.loops:
            count *= design.value(bound, scope)
        times = f" x {count}" if count > 1 else ""
        latency = design.modules[i.module].latency()
        name = f"{i.module}{times}" + (f" as {i.name}" if i.name != "u_" + i.module[3:] else "")
        arrive[i.name] = lanes.add(f"▐{name}{f' ({latency})' if latency else ''} ")
        nets = outgoing(i.name)
        leave[i.name] = lanes.add(f" {short(', '.join(nets), 62):>64}{' ─' if nets else ''}")
    arrive[""] = lanes.add("▐out of the module ")
    for driver in leave:
        ends = [arrive[reader] for (d, reader) in passed if d == driver]
        if ends:
            lanes.lane(leave[driver], ends)
    return lanes.draw()


# Structures --------------------------------------------------------------------------------------------------------
CELL = 12


def grid(struct):
    """A structure of memory, eight bytes to a row."""
    out = [f"{struct['name']}, {struct['size']} bytes", "     " + "".join(f"{n:^{CELL + 1}}" for n in range(8)).rstrip()]
    starts, names = {}, {}
    for f in struct["fields"]:
        starts[f["offset"]] = f
        for b in range(f["offset"], f["offset"] + f["size"]):
            names[b] = f["name"]
    border = "    +" + ("-" * CELL + "+") * 8
    out.append(border)
    row = 0
    while row < struct["size"]:
        cells, at = "", row
        while at < row + 8:
            end = at
            while end < row + 8 and names.get(end) == names.get(at):
                end += 1
            wide = (end - at) * (CELL + 1) - 1
            text = names.get(at, "") if at in starts else ""
            cells += f" {short_cell(text, wide - 1):<{wide - 1}}|"
            at = end
        out.append(f"{row:3} |{cells}")
        after, skipped = row + 8, row
        while after + 8 <= struct["size"] and len({names[b] for b in range(skipped, after + 8)}) == 1:
            after += 8
        if after > row + 16:      # long fields: the middle is left out
            out.append("    :" + f" {after - row} bytes".ljust(8 * (CELL + 1) - 1) + ":")
        elif after == row + 16:
            out.append(f"{row + 8:3} |" + " " * (8 * (CELL + 1) - 1) + "|")
        out.append(border)
        row = after
    return out


def short_cell(text, wide):
    return text if len(text) <= wide else text[:wide - 1] + "…"


def strip(parts):
    """Fields of a word from bit 0: (name, bits)."""
    top, mid, low, at = "  ", "  ", "  ", 0
    for n, (name, bits) in enumerate(parts):
        text = f" {name} ({bits}) "
        low += f"{at:<{len(text) + 1}}"
        top += ("┌" if n == 0 else "┬") + "─" * len(text)
        mid += "│" + text
        at += bits
    return ["  bit", low + str(at), top + "┐", mid + "│", top.replace("┌", "└").replace("┬", "┴") + "┘"]


def slot(design, contract):
    """A slot's fields, by the positions that sl_table names."""
    table = design.modules["sl_table"]
    scope = design.scope(table)
    at = {n: design.value(n, scope) for n in ("TAG_W", "ID", "ALT", "EPOCH", "SLOT_W")}
    key = contract["struct"]["key"]["fields"]
    ends = [f for f in key if f["name"] in ("sport", "dport", "tenant", "proto")]
    bits = sum(8 * f["size"] for f in ends)
    if not at["TAG_W"] == at["ID"] < at["ALT"] < at["EPOCH"] < at["SLOT_W"] or at["TAG_W"] != bits + 1 + 64:
        raise rtl.Unreadable("sl_table.sv: a slot is no longer tag, flow id, other bucket, epoch, valid")
    yield [(f["name"], 8 * f["size"]) for f in ends] + [("IPv6", 1), ("IPv4: addresses; IPv6: entry and rest of the hash", 64)]
    yield [("tag", at["ID"]), ("flow id", at["ALT"] - at["ID"]), ("bucket in the other bank", at["EPOCH"] - at["ALT"]),
           ("epoch", at["SLOT_W"] - 1 - at["EPOCH"]), ("valid", 1)]


def record(design):
    """What of structure record is kept, by the assignments of sl_record."""
    text, parts = rtl.bare(source("hw/rtl/sl_record.sv")), []
    for name, high, low in re.findall(r"sl_pkg::RECORD_(\w+)_LSB \+: \d+\]\s*=\s*kept_i\[(\d+):(\d+)\]", text):
        parts.append((int(low), int(high) + 1, name.lower()))
    parts.sort()
    if not parts or parts[0][0] or any(a[1] != b[0] for a, b in zip(parts, parts[1:])):
        raise rtl.Unreadable("sl_record.sv: the parts of kept_i do not follow each other")
    widths = design.packages["sl_pkg"]
    for low, high, name in parts:
        fields = [f["name"] for f in STRUCT["record"]["fields"]]
        at, names, left = fields.index(name), [], high - low
        while left > 0:
            wide = min(left, widths[f"RECORD_{fields[at].upper()}_W"])
            names.append((fields[at], wide))
            left -= wide
            at += 1
        yield from names


STRUCT = {}


# Queues ------------------------------------------------------------------------------------------------------------
def queues(contract, known):
    """(name, first, count, submission entry, completion entry, RTL) of each kind of queue."""
    for kind, first, count, sq, cq, engine in (
            ("admin", known["QUEUE_ADMIN"], 1, "admin_cmd", "admin_cpl", "sl_adminq"),
            ("event", known["QUEUE_EVENT"], 1, None, "event", "sl_eventq"),
            ("flow", known["QUEUE_FLOW0"], known["FLOW_QUEUES"], "flow_cmd", "flow_cpl", "sl_flowq"),
            ("rx", known["QUEUE_RX0"], known["RX_QUEUES"], "rx_desc", "rx_cpl", "sl_rxq"),
            ("tx", known["QUEUE_TX0"], known["TX_QUEUES"], "tx_desc", "tx_cpl", "sl_txq")):
        yield kind, first, count, contract["struct"].get(sq), contract["struct"][cq], engine


def queue_chapter(contract, known):
    kinds = list(queues(contract, known))
    numbers = [f"{first}" if count == 1 else f"{first} .. {first + count - 1}" for _, first, count, _, _, _ in kinds]
    cells = [max(len(n), len(k[0])) + 2 for n, k in zip(numbers, kinds)]
    out = ["queue  " + " ".join(f"{n:^{w}}" for n, w in zip(numbers, cells)),
           "      ┌" + "┬".join("─" * w for w in cells) + "┐",
           "      │" + "│".join(f"{k[0]:^{w}}" for k, w in zip(kinds, cells)) + "│",
           "      └" + "┴".join("─" * w for w in cells) + "┘"]
    yield from drawn(out)
    yield ""
    low, high = 1 << known["QUEUE_LOG2_MIN"], 1 << known["QUEUE_LOG2_MAX"]
    yield "| queue | submission entry | largest ring | completion entry | largest ring | RTL |"
    yield "|---|---|---|---|---|---|"
    for kind, _, _, sq, cq, engine in kinds:
        row = [f"`{s['name']}`, {s['size']} bytes | {s['size'] * high // 1024} KiB" if s else "none | none" for s in (sq, cq)]
        yield f"| {kind} | {row[0]} | {row[1]} | `{engine}` |"
    bar = next(b for b in contract["blocks"] if b["name"] == "bar")
    at = {r["name"]: f"{r['offset']:#06x} + {r['stride']} x queue" for r in bar["registers"] if "stride" in r}
    yield ""
    yield f"A ring has {low} to {high} entries, a power of two, and lies at a multiple of {known['RING_ALIGN']} bytes."
    yield ""
    yield from drawn([
        "  submission ring (the host writes)             completion ring (the card writes)",
        "  ┌───┬───┬───┬───┬───┬───┬───┬───┐             ┌───┬───┬───┬───┬───┬───┬───┬───┐",
        "  │   │   │ s │ s │ s │   │   │   │             │ 1 │ 1 │ 1 │ 0 │ 0 │ 0 │ 0 │ 0 │  bit 0 of an entry's last byte:",
        "  └───┴───┴─▲─┴───┴───┴─▲─┴───┴───┘             └───┴─▲─┴───┴─▲─┴───┴───┴───┴───┘  the phase, 1 in the first lap",
        "            │           │                             │       │",
        "  head, which completions DB_SQ_TAIL            DB_CQ_HEAD   the card's next entry",
        "  report",
        "",
        f"  DB_SQ_TAIL  BAR {at['DB_SQ_TAIL']:<24}      DB_CQ_HEAD  BAR {at['DB_CQ_HEAD']}"])
    yield ""
    for _, _, _, sq, cq, _ in kinds:
        for s in (sq, cq):
            if s and s["name"] != "flow_cmd":
                yield from drawn(grid(s))
            elif s:
                yield f"`{s['name']}` ({s['size']} bytes): " + ", ".join(
                    f"{f['name']} at {f['offset']}" for f in s["fields"]) + "."
    yield ""


# The pages' parts --------------------------------------------------------------------------------------------------
def memory_rows(design):
    """The largest memories and the sum of the others."""
    rows, rest = [], 0
    for path, module, name, bits, entries, count in design.memories("sl_nic"):
        rows.append((bits * entries * count, f"`{path}.{name}`", bits, entries, count, module))
    rows.sort(key=lambda r: (-r[0], r[1]))
    for total, path, bits, entries, count, _ in rows:
        if total < 64 * 1024:
            rest += total
            continue
        times = f"{count} x " if count > 1 else ""
        yield f"| {path} | {times}{entries:,} x {bits} | {total / 8192:,.0f} |"
    yield f"| smaller ones | | {rest / 8192:,.0f} |"
    yield f"| all | | {sum(r[0] for r in rows) / 8192:,.0f} |"


def proof_rows():
    broken = {}
    for m in proofs.MUTANTS:
        broken[m.proof] = broken.get(m.proof, 0) + 1
    for p in proofs.PROOFS:
        how = p.engine + (f", {p.depth} clocks" if p.depth else "")
        reduced = ", ".join([f"{k} = {v}" for k, v in p.parameters.items()] + (["narrowed data"] if p.reduce else []))
        yield f"| `{p.name}` | `{p.module}` | {p.what} | {how} | {reduced or 'as it is'} | {broken.get(p.name, 0)} |"


def flash(known):
    size, state, sector = known["FLASH_SLOT_BYTES"], known["FLASH_STATE"], known["FLASH_SECTOR_BYTES"]
    for n in range(known["FLASH_SLOTS"]):
        yield f"  {n * size:#08x} {'├' if n else '┌'}{'─' * 30}{'┤' if n else '┐'}"
        yield f"           │ slot {n}: image                │ {state // sector} sectors of {sector} bytes"
        yield f"  {n * size + state:#08x} ├──────────────────────────────┤"
        yield f"           │ slot {n}: slot_state           │ 1 sector"
    yield f"  {known['FLASH_SLOTS'] * size:#08x} └──────────────────────────────┘"


def ram():
    regions = re.findall(r"^\s*(\w+) \((\w+)\)\s*: ORIGIN = (0x[0-9A-Fa-f]+), LENGTH = (0x[0-9A-Fa-f]+)",
                         source("firmware/link.ld"), flags=re.M)
    if len(regions) < 2:
        raise rtl.Unreadable("firmware/link.ld: no MEMORY regions found")
    end = 0
    for n, (name, rights, begin, length) in enumerate(regions):
        yield f"  {int(begin, 16):#08x} {'├' if n else '┌'}{'─' * 30}{'┤' if n else '┐'}"
        yield f"           │ {name:<28} │ {int(length, 16) // 1024} KiB, {rights}"
        end = int(begin, 16) + int(length, 16)
    yield f"  {end:#08x} └{'─' * 30}┘"


def page():
    contract = generate.load()
    known = constants_of(contract)
    STRUCT.update(contract["struct"])
    design = rtl.Design(NIC, known)
    nic = design.scope(design.modules["sl_nic"])
    entries = 1 << nic["TABLE_LOG2"]
    tag, word = slot(design, contract)
    out = ["# The card, drawn from its sources", "",
           "Drawn by hw/docs/card.py from hw/rtl, include/contract, hw/formal/proofs.py and firmware/link.ld; do not edit.",
           "`make docs` draws it again and a test compares. [card.md](../card.md) is the guide to it.", "",
           f"Sizes are those of the default card: {nic['NPORTS']} ports, a flow table of 2^{nic['TABLE_LOG2']} = {entries:,} flows.", "",
           "## The modules", "",
           "Beside each, what its file says of itself. Left out are the parts that many are built of:", ""]
    out += [f"- `{p}`: {short(design.modules[p].purpose(), 100)}" for p in PARTS if p in design.modules] + [""]
    there = {module.name for _, module, _, _ in design.walk("sl_nic")}
    out += ["The default card has not, for other parameters: " + ", ".join(f"`{m}`" for m in design.modules if m not in there) + ".", ""]
    out += drawn(["sl_nic"] + list(tree(design, "sl_nic")))
    for name, title in (("sl_core", "The datapath: who feeds whom in sl_core"), ("sl_hif", "The host interface: who feeds whom in sl_hif")):
        out += ["", f"## {title}", "",
                "Instances in the order of the source. On the line below a module stands what it passes on; its lane on the right leads to",
                "the readers, marked ◄. In brackets: the latency that the module's file states. Crossing lines are not joined (┤, ┼ and ┴",
                "are). Of an AXI port only the requests are drawn; data beside a `valid` goes along.", ""]
        out += drawn(picture(design, name))
    out += ["", "## The flow table", "",
            "`sl_table`: two banks of buckets with four slots each; a slot's tag, and the slot around it:", ""]
    out += drawn(strip(tag)) + drawn(strip(word))
    bits = sum(b for _, b in word)
    kept = list(record(design))
    out += ["", f"{bits} bits a slot ({bits / 8:.1f} bytes). The record by flow id holds, for an IPv4 flow, {sum(b for _, b in kept)} bits",
            f"({sum(b for _, b in kept) / 8:.0f} bytes) of the structure `record`:", ""]
    out += drawn(strip(kept))
    out += ["", "The structures of host memory that commands carry and DUMP returns, with byte offsets:", ""]
    out += drawn(grid(contract["struct"]["key"])) + drawn(grid(contract["struct"]["record"]))
    out += ["", "### Memories", "", "Of `sl_nic` with the default table, those of 8 KiB and more; attributes and spare bits of real blocks are not counted.",
            "", "| memory | entries x bits | KiB |", "|---|---|---|"]
    out += list(memory_rows(design))
    out += ["", "## Queues and rings", ""] + list(queue_chapter(contract, known))
    out += ["## The firmware", "", "Memory of the management core (firmware/link.ld) and the boot flash:", ""]
    out += drawn(list(ram())) + drawn(list(flash(known)))
    out += ["", "## Proofs", "", f"{len(proofs.PROOFS)} properties (`make formal`); each is seen to fail on the number of mutants in the last column",
            "(`make formal-mutants`). [verification](../verification.md) says under which rules they hold.", "",
            "| proof | module | what is proven | engine | reduction | mutants |", "|---|---|---|---|---|---|"]
    out += list(proof_rows())
    return "\n".join(out + [""])


def main():
    try:
        text = page()
    except rtl.Unreadable as e:
        sys.exit(f"card.py: {e}")
    generate.write(sys.argv[1], text)


if __name__ == "__main__":
    main()
