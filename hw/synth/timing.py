# SPDX-License-Identifier: BSD-3-Clause
"""Estimates the paths between registers and memories of the whole design, across its modules' borders.

A simple model of an UltraScale+ part of middle speed grade: a fixed delay for each kind of cell and one for every net,
whatever its fan-out and its length. docs/performance.md tells where the figures come from. An estimate: nothing is
placed. Inputs and outputs of the top are taken to be registers outside.
"""
import re

# Nanoseconds.
CLOCK_TO_OUT = {"FF": 0.10, "RAMB": 0.83, "URAM": 1.20}
SETUP = {"FF": 0.07, "RAMB": 0.35, "URAM": 0.35, "RAM": 0.20}     # with the clock's uncertainty
NET, NET_LUT_TO_CARRY = 0.30, 0.01
LUT, LUT_MEMORY = 0.12, 0.20
CARRY_ENTER, CARRY_LEAVE, CARRY_PASS = 0.20, 0.12, 0.02           # S or DI to CO or O; CI to O; CI to CO, four bits
DSP_MULTIPLY, DSP_ADD = 1.52, 0.75                                # A or B to P; C or the cascade (PCIN) to P
CLOCKS = {"C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK"}


def kind_of(cell):
    """LUT, CARRY, DSP, FF, RAMB, URAM, RAM (distributed memory), or nothing."""
    if cell == "$lut":
        return "LUT"
    if cell.startswith("$_") and "DFF" in cell:
        return "FF"
    return next((kind for kind in ("CARRY", "DSP", "RAMB", "URAM", "RAM") if cell.startswith(kind)), None)


class Design:
    """The netlists of all modules as one graph. A net is a number; its driver is a combinational cell, or its start."""

    def __init__(self, netlists, top):
        self.netlists = netlists
        self.alias = []                       # of nets, to the net that they are the same as
        self.names = {}                       # net: [(path, name)], a net has one in each module it passes
        self.gates = []                       # (output, [(input, delay)], levels) of combinational cells
        self.starts = {}                      # net: (delay behind the clock, path, name of a memory or None)
        self.ends = []                        # (net, setup, module, path, name of a memory or a register's output net)
        self.lut_outputs = set()
        self.cascades = set()                 # nets between two DSP blocks of a column
        ports = {p: [self.net() for _ in port["bits"]] for p, port in netlists[top]["ports"].items()}
        self.place(top, "", ports)
        for name, port in netlists[top]["ports"].items():
            for net in ports[name]:
                if port["direction"] == "input":
                    self.starts[net] = (CLOCK_TO_OUT["FF"], "", None)
                else:
                    self.ends.append((net, SETUP["FF"], top, "", name))

    def net(self):
        self.alias.append(len(self.alias))
        return len(self.alias) - 1

    def find(self, net):
        while self.alias[net] != net:
            self.alias[net] = self.alias[self.alias[net]]
            net = self.alias[net]
        return net

    def place(self, module, path, ports):
        """One instance; ports: the nets outside, None for a constant."""
        netlist, local = self.netlists[module], {}
        for name, port in netlist["ports"].items():
            for bit, outside in zip(port["bits"], ports.get(name, [])):
                if outside is None or isinstance(bit, str):
                    continue
                inside = local.setdefault(bit, outside)
                if inside != outside:
                    self.alias[self.find(inside)] = self.find(outside)

        def nets(bits):
            result = []
            for bit in bits:
                if isinstance(bit, str):
                    result.append(None)
                else:
                    if bit not in local:
                        local[bit] = self.net()
                    result.append(local[bit])
            return result

        for name, cell in netlist["cells"].items():
            connections = {p: nets(bits) for p, bits in cell["connections"].items()}
            if cell["type"] in self.netlists:
                self.place(cell["type"], f"{path}{name}.", connections)
            else:
                self.add(module, path, name, cell, connections)
        for name, entry in netlist["netnames"].items():
            if not entry["hide_name"]:
                for i, bit in enumerate(entry["bits"]):
                    if bit in local:
                        shown = f"{name}[{i}]" if len(entry["bits"]) > 1 else name
                        self.names.setdefault(local[bit], []).append((path, shown))

    def add(self, module, path, name, cell, connections):
        kind = kind_of(cell["type"])
        if kind == "LUT":
            self.lut_outputs.add(connections["Y"][0])
            self.gates.append((connections["Y"][0], [(n, LUT) for n in connections["A"]], 1))
        elif kind == "CARRY":
            self.add_carry(connections)
        elif kind == "DSP":
            self.add_dsp(module, cell, connections)
        elif kind is None:
            raise ValueError(f"{module}: no timing for a cell {cell['type']}")
        else:
            outputs = {p for p, way in cell["port_directions"].items() if way == "output"} if kind != "FF" else {"Q"}
            for port, bits in connections.items():
                if port in outputs or port in CLOCKS:
                    continue
                if kind == "RAM" and port.startswith(("A", "DPRA")):
                    self.add_read(port, bits, connections)
                end = connections["Q"][0] if kind == "FF" else name
                self.ends += [(n, SETUP[kind], module, path, end) for n in bits if n is not None]
            if kind != "RAM":
                for port in outputs & set(connections):
                    for n in connections[port]:
                        if n is not None:
                            self.starts[n] = (CLOCK_TO_OUT[kind], path, None if kind == "FF" else name)

    def add_read(self, port, address, connections):
        """Distributed memory is read without a clock."""
        data = {"A": "SPO", "DPRA": "DPO"}.get(port, "DO" + port[-1])
        for n in connections.get(data, connections.get("O", [])):
            if n is not None:
                self.gates.append((n, [(a, LUT_MEMORY) for a in address], 1))

    def add_dsp(self, module, cell, connections):
        """A block of which no register is used: Yosys leaves them outside."""
        used = [p for p, value in cell["parameters"].items() if p.endswith("REG") and int(value, 2)]
        if used:
            raise ValueError(f"{module}: no timing for a DSP48E2 with {', '.join(used)}")
        self.cascades |= {n for n in connections.get("PCIN", []) if n is not None}
        inputs = [(n, DSP_MULTIPLY) for port in ("A", "B", "D") for n in connections.get(port, []) if n is not None]
        added = [n for port in ("C", "CARRYIN", "PCIN") for n in connections.get(port, []) if n is not None]
        inputs += [(n, DSP_ADD) for n in added]
        for port in ("P", "PCOUT"):
            self.gates += [(n, inputs, 0) for n in connections.get(port, []) if n is not None]

    def add_carry(self, connections):
        enter, unused = [], [None] * 4
        carry_in = [(n, CARRY_LEAVE, CARRY_PASS) for n in connections.get("CI", []) + connections.get("CYINIT", [])]
        for i in range(4):
            enter += [(connections.get(port, unused)[i], CARRY_ENTER, CARRY_ENTER) for port in ("S", "DI")]
            for port, which in (("O", 1), ("CO", 2)):
                out = connections.get(port, unused)[i]
                if out is not None:
                    self.gates.append((out, [(way[0], way[which]) for way in carry_in + enter], 0))


class Timing:
    """When each net's value is there, at the latest, and how many LUTs are before it at most."""

    def __init__(self, design):
        self.design = design
        find = design.find
        self.arrival, self.levels, self.before, self.lut, self.names = {}, {}, {}, {}, None
        self.starts = {find(net): start for net, start in design.starts.items()}
        for net, (delay, _, _) in self.starts.items():
            self.arrival[net] = delay
        luts = {find(n) for n in design.lut_outputs}
        dsps = {find(n) for n in design.cascades}
        carries = {find(out) for out, _, levels in design.gates if not levels} - dsps
        gates = [(find(out), [(find(n), d) for n, d in inputs if n is not None], levels)
                 for out, inputs, levels in design.gates]
        driven = {out for out, _, _ in gates}
        waiting, users = [], {}
        for i, (_, inputs, _) in enumerate(gates):
            needs = {n for n, _ in inputs if n in driven}
            waiting.append(len(needs))
            for n in needs:
                users.setdefault(n, []).append(i)
        ready, done = [i for i, n in enumerate(waiting) if n == 0], 0
        while ready:
            out, inputs, levels = gates[ready.pop()]
            done += 1
            self.settle(out, inputs, levels, luts, carries, dsps)
            for i in users.get(out, ()):
                waiting[i] -= 1
                if not waiting[i]:
                    ready.append(i)
        if done != len(gates):
            raise ValueError(f"combinational loop through {len(gates) - done} cells")

    def settle(self, out, inputs, levels, luts, carries, dsps):
        """One gate, its inputs being known."""
        time, last = 0.0, None
        for net, delay in inputs:
            if net not in self.arrival:
                continue
            wire = NET
            if not levels and net in dsps and delay == DSP_ADD:
                wire = 0.0
            elif not levels and net in carries and delay in (CARRY_LEAVE, CARRY_PASS):
                wire = 0.0
            elif not levels and net in luts and delay == CARRY_ENTER:
                wire = NET_LUT_TO_CARRY
            if self.arrival[net] + wire + delay > time:
                time, last = self.arrival[net] + wire + delay, net
        self.lut[out] = levels
        self.levels[out] = max([self.levels.get(net, 0) for net, _ in inputs], default=0) + levels
        if last is not None:
            self.arrival[out], self.before[out] = time, last

    def paths(self, key):
        """The slowest path, and the greatest number of LUTs on one, of all that end where key(module, path of the
        instance, name) says the same."""
        result = {}
        for net, setup, module, path, end in self.design.ends:
            net = self.design.find(net)
            if net not in self.arrival:
                continue
            time = self.arrival[net] + NET + setup
            row = result.setdefault(key(module, path, end), {"ns": 0.0, "levels": 0})
            row["levels"] = max(row["levels"], self.levels.get(net, 0))
            if time > row["ns"]:
                row.update(ns=time, net=net, end=(path, end))
        for row in result.values():
            row["path"] = self.describe(row.pop("net"), *row.pop("end"))
        return result

    def describe(self, net, path, end):
        """From where to where, and the LUTs between."""
        start, luts = net, 0
        while start in self.before:
            luts += self.lut[start]
            start = self.before[start]
        return f"{self.text(start, *self.starts[start][1:])} -> {self.text(end, path, end)}", luts

    def text(self, net, path, name):
        """A memory by its name, a register's output by its net's name in the register's own module."""
        if not isinstance(name, str):
            if self.names is None:
                self.names = {}
                for other, names in self.design.names.items():
                    self.names.setdefault(self.design.find(other), []).extend(names)
            names = self.names.get(self.design.find(net), [(path, "(unnamed register)")])
            path, name = next((pair for pair in names if pair[0] == path), names[0])
        return path + re.sub(r"(\.\d+)+$", "", name)
