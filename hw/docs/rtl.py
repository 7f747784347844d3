# SPDX-License-Identifier: BSD-3-Clause
"""Reads the card's SystemVerilog far enough to draw it: modules, parameters, instances, who drives and who reads a net,
memories. Not a parser of the language: it relies on how hw/rtl is written (one module per file, `u_*` instances,
connections by name) and says so where a source is written otherwise.
"""
import os
import re
from dataclasses import dataclass, field

SIZES = r"(?:\[[^\]]*\]\s*)*"


class Unreadable(Exception):
    """A source is written in a way that this reader does not know."""


@dataclass
class Instance:
    module: str
    name: str
    parameters: dict           # name: expression
    ports: dict                # port: expression, as written
    loops: list = field(default_factory=list)    # (variable, bound) of the generate loops around it
    branches: list = field(default_factory=list) # (condition, whether it must hold) of the generate branches around it


@dataclass
class Module:
    name: str
    head: list                 # comment lines at the file's top, without the licence
    parameters: dict           # name: default expression, in order
    constants: dict            # localparam: expression
    ports: dict                # port: direction
    instances: list
    memories: list             # (name, packed sizes, unpacked size, loops, branches)
    assigns: list              # (left, right, branches)

    def purpose(self):
        """The first sentence that the file says of itself."""
        first = self.head[:self.head.index("")] if "" in self.head else self.head
        text = re.sub(r"\s*\(docs/[^)]*\)", "", " ".join(first))
        m = re.match(r"(.*?[\w)\"]\.)(?: |$)", text)
        return (m.group(1) if m else text).rstrip(".:")

    def latency(self):
        """What the file says of its latency, or nothing."""
        m = re.search(r"Latency: ([^,.;]+)", " ".join(self.head))
        return m.group(1) if m else ""


def bare(text):
    """Without comments, attributes, and what is for simulation or proofs only."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"`ifdef\s+(?:FORMAL|SIMULATION)\b.*?(?:`else(.*?))?`endif", r"\1", text, flags=re.S)
    text = re.sub(r"`ifndef\s+SYNTHESIS\b.*?(?:`else(.*?))?`endif", r"\1", text, flags=re.S)
    return re.sub(r"\(\*.*?\*\)", lambda m: "" if "mem2reg" not in m.group() else "mem2reg ", text, flags=re.S)


def closing(text, at):
    """Position behind the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += text[i] in "([{"
        depth -= text[i] in ")]}"
        if depth == 0:
            return i + 1
    raise Unreadable("a bracket is not closed")


def split(text):
    """At commas outside brackets."""
    parts, depth, begun = [], 0, 0
    for i, c in enumerate(text):
        depth += c in "([{"
        depth -= c in ")]}"
        if c == "," and depth == 0:
            parts.append(text[begun:i].strip())
            begun = i + 1
    return [p for p in parts + [text[begun:].strip()] if p]


def named(text):
    """`.a(x), .b` as {a: x, b: b}."""
    found = {}
    for part in split(text):
        m = re.fullmatch(r"\.(\w+)\s*(?:\((.*)\))?", part, flags=re.S)
        if not m:
            raise Unreadable(f"connection \"{part[:60]}\" is not by name")
        found[m.group(1)] = " ".join((m.group(2) if m.group(2) is not None else m.group(1)).split())
    return found


def settings(text):
    """`parameter int unsigned A = 1, B = 2` as {A: 1, B: 2}."""
    found = {}
    for part in split(text):
        m = re.match(r"(?:parameter|localparam)?\s*(?:[\w:]+\s+)*(?:\[[^\]]*\]\s*)?(\w+)\s*=\s*(.*)", part, flags=re.S)
        if m:
            found[m.group(1)] = " ".join(m.group(2).split())
    return found


def end_of(body, at):
    """Position behind the `end` of the `begin` that ends at `at`."""
    depth = 1
    for w in re.finditer(r"\b(begin|end)\b", body[at:]):
        depth += 1 if w.group() == "begin" else -1
        if depth == 0:
            return at + w.end()
    raise Unreadable("a block is not closed")


def loops_of(body):
    """(begin, end, (variable, bound)) of every generate loop."""
    return [(m.start(), end_of(body, m.end()), (m.group(1), m.group(2).strip())) for m in
            re.finditer(r"for\s*\(genvar (\w+) = 0; \w+ < ([^;]+); \w+\+\+\)\s*begin\b", body)]


def branches_of(body):
    """(begin, end, (condition, whether it must hold)) of every generate branch: one with a name g_*."""
    found = []
    for m in re.finditer(r"\bif\s*\(([^;]*?)\)\s*begin(?=\s*:\s*g_\w+)", body):
        end = end_of(body, m.end())
        found.append((m.start(), end, (m.group(1), True)))
        other = re.compile(r"\s*else\s+begin(?=\s*:\s*g_\w+)").match(body, end)
        if other:
            found.append((end, end_of(body, other.end()), (m.group(1), False)))
    return found


def read_module(path, names):
    with open(path, encoding="utf-8") as f:
        source = f.read()
    head = []
    for line in source.split("\n"):
        if not line.startswith("//"):
            break
        head.append(re.sub(r"^// ?(SPDX-License-Identifier: BSD-3-Clause ?)?", "", line).rstrip())
    text = bare(source)
    m = re.search(r"\bmodule\s+(\w+)\s*", text)
    if not m:
        return None
    at, parameters = m.end(), {}
    if text[at] == "#":
        begun = text.index("(", at)
        at = closing(text, begun)
        parameters = settings(text[begun + 1:at - 1])
    begun = text.index("(", at)
    at = closing(text, begun)
    ports = {name: way for way, name in
             re.findall(rf"\b(input|output)\s+(?:wire\s+)?[\w:]+\s*{SIZES}(\w+)", text[begun:at])}
    body = text[at:text.rindex("endmodule")]
    loops, branches = loops_of(body), branches_of(body)

    def around(i, blocks):
        return [what for first, last, what in blocks if first <= i < last]
    module = Module(m.group(1), head[0 if head[0] else 1:], parameters, {},
                    ports, [], [], [])
    for m in re.finditer(r"\blocalparam\b([^;]*);", body):
        module.constants.update(settings(m.group(1)))
    for m in re.finditer(rf"^\s*(\w+)\s+(#\s*\(|u_\w+\s*\()", body, flags=re.M):
        if m.group(1) not in names:
            continue
        at, given = m.end() - 1, {}
        if m.group(2).startswith("#"):
            end = closing(body, at)
            given = named(body[at + 1:end - 1])
            at = body.index("(", end)
        end = closing(body, at)
        name = re.search(r"(u_\w+)\s*\($", body[m.start():at + 1])
        if not name:
            raise Unreadable(f"{path}: an instance of {m.group(1)} has no name u_*")
        module.instances.append(Instance(m.group(1), name.group(1), given, named(body[at + 1:end - 1]),
                                         around(m.start(), loops), around(m.start(), branches)))
    for m in re.finditer(rf"^\s*(mem2reg\s+)?logic\s*(?:signed)?\s*({SIZES})(\w+)\s*\[0:([^\]]+)\]\s*;", body, flags=re.M):
        if not m.group(1):
            module.memories.append((m.group(3), m.group(2).strip(), m.group(4), around(m.start(), loops),
                                    around(m.start(), branches)))
    module.assigns = [(*m.groups(), around(m.start(), branches)) for m in
                      re.finditer(r"\bassign\s+([^=;]+?)\s*=\s*([^;]+);", body)]
    return module


def read_list(path):
    """Files of a file list, those it includes first."""
    files = []
    with open(path, encoding="utf-8") as f:
        for line in f.read().split("\n"):
            line = line.split("//")[0].strip()
            if line.startswith("-f "):
                files += read_list(line[3:].strip())
            elif line:
                files.append(line)
    return files


class Design:
    """All modules of a file list, and the contract's constants."""

    def __init__(self, file_list, contract):
        files = [f for f in read_list(file_list) if os.path.exists(f) and not f.startswith("build/")]
        names = {os.path.basename(f)[:-3] for f in files}
        self.packages = {"sl_pkg": contract, "sl_dp_pkg": {}}
        self.modules = {}
        for path in files:
            if path.endswith("_pkg.sv"):
                with open(path, encoding="utf-8") as f:
                    for m in re.finditer(r"\blocalparam\b([^;]*);", bare(f.read())):
                        self.packages["sl_dp_pkg"].update(settings(m.group(1)))
                continue
            module = read_module(path, names)
            self.modules[module.name] = module

    def value(self, expression, scope, depth=0):
        """An expression as a number; scope: {name: number or expression}."""
        if isinstance(expression, int):
            return expression
        if depth > 20:
            raise Unreadable(f"\"{expression}\" goes round in a circle")
        text = re.sub(r"\d*'[sd]?d(\d+)", r"\1", expression)
        text = re.sub(r"\d*'b([01_]+)", lambda m: str(int(m.group(1).replace("_", ""), 2)), text)
        text = re.sub(r"\d*'h([0-9a-fA-F_]+)", lambda m: str(int(m.group(1).replace("_", ""), 16)), text)
        text = re.sub(r"\bint'\(", "(", text).replace("$clog2", "_clog2").replace("$bits", "_bits")
        choice = re.fullmatch(r"(.+?)\?(.+):(.+)", text)
        if choice:
            text = f"({choice.group(2)}) if ({choice.group(1)}) else ({choice.group(3)})"
        text = text.replace("&&", " and ").replace("||", " or ").replace("/", "//")

        def known(m):
            package, name = m.group(1), m.group(2)
            if name in ("if", "else", "and", "or", "_clog2") and not package:
                return name
            place = self.packages[package] if package else scope
            if name not in place:
                raise Unreadable(f"\"{expression}\": {name} is not known")
            return f"({self.value(place[name], scope if not package else place, depth + 1)})"
        text = re.sub(r"(?:(sl_(?:dp_)?pkg)::)?\b([A-Za-z_]\w*)", known, text)
        try:
            return int(eval(text, {"__builtins__": {}, "_clog2": lambda n: max(n - 1, 0).bit_length()}))
        except (SyntaxError, TypeError, NameError) as e:
            raise Unreadable(f"\"{expression}\": {e}") from e

    def scope(self, module, given=None):
        """The numbers of a module's parameters, with those given by the instance, and its constants' expressions."""
        scope = {**module.constants, **module.parameters, **(given or {})}
        for name in module.parameters:
            scope[name] = self.number(scope[name], scope)
        return scope

    def number(self, expression, scope):
        """The same, but what is no number (masks, names of files) stays as it is and complains when it is used."""
        try:
            return self.value(expression, scope)
        except Unreadable:
            return expression

    def there(self, branches, scope):
        """Whether the conditions of generate branches hold."""
        return all(bool(self.value(condition, scope)) == holds for condition, holds in branches)

    def instances(self, module, scope):
        return [i for i in module.instances if self.there(i.branches, scope)]

    def walk(self, name, scope=None, path="", times=1):
        """Every instance below a module: (path, module, scope, how many of it)."""
        module = self.modules[name]
        scope = scope or self.scope(module)
        yield path, module, scope, times
        for i in self.instances(module, scope):
            below = self.modules[i.module]
            inside = {**scope, **{variable: 0 for variable, _ in i.loops}}   # all of a loop's are alike, but for flags
            given = {p: self.number(e, inside) for p, e in i.parameters.items()}
            count = times
            for _, bound in i.loops:
                count *= self.value(bound, scope)
            yield from self.walk(i.module, self.scope(below, given), f"{path}.{i.name}" if path else i.name, count)

    def memories(self, name):
        """(path, memory, bits wide, entries, how many) of every memory below a module."""
        for path, module, scope, times in self.walk(name):
            for memory, sizes, last, loops, branches in module.memories:
                if not self.there(branches, scope):
                    continue
                bits = 1
                for high, low in re.findall(r"\[(.*?):(.*?)\]", sizes):
                    bits *= self.value(high, scope) - self.value(low, scope) + 1
                count = times
                for _, bound in loops:
                    count *= self.value(bound, scope)
                yield path, module.name, memory, bits, self.value(last, scope) + 1, count

    def connections(self, name):
        """(driver, port, net, reader, port) inside a module. A driver or reader is an instance's name, or "" for the
        module's own ports; a net that an `assign` makes of others counts as driven by whoever drives those."""
        module = self.modules[name]
        scope = self.scope(module)
        instances = self.instances(module, scope)
        drivers = {p: [("", p)] for p, way in module.ports.items() if way == "input"}
        for i in instances:
            for port, expression in i.ports.items():
                if self.modules[i.module].ports.get(port) is None:
                    raise Unreadable(f"{name}.{i.name}: {i.module} has no port {port}")
                if self.modules[i.module].ports[port] == "output":
                    for net in re.findall(r"(?<![\w.'])[a-z]\w*", re.sub(r"\[[^\]]*\]", "", expression)):
                        drivers.setdefault(net, []).append((i.name, port))
        for left, right, branches in module.assigns * 2:
            if not self.there(branches, scope):
                continue
            for net in re.findall(r"(?<![\w.'])[a-z]\w*", re.sub(r"\[[^\]]*\]", "", left)):
                for source in re.findall(r"(?<![\w.'])[a-z]\w*", right):
                    for d in drivers.get(source, []) if source != net else []:
                        if d not in drivers.setdefault(net, []):
                            drivers[net].append(d)
        seen = []
        for i in instances:
            for port, expression in i.ports.items():
                if self.modules[i.module].ports[port] == "input":
                    for net in dict.fromkeys(re.findall(r"(?<![\w.'])[a-z]\w*", expression)):
                        seen += [(d, dp, net, i.name, port) for d, dp in drivers.get(net, []) if d != i.name]
        for port, way in module.ports.items():
            if way == "output":
                seen += [(d, dp, port, "", port) for d, dp in drivers.get(port, []) if d]
        return seen
