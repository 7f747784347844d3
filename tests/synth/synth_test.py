#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The synthesis report on small designs whose area, paths and faults are known. Usage: synth_test.py DIR"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../hw/synth"))
import flow
import report
import timing

DIRECTORY = sys.argv.pop(1)
HEAD = """module sl_core #(parameter int unsigned TABLE_LOG2 = 4) (
  input wire logic clk_i, input wire logic rst_ni, input wire logic [63:0] a_i, input wire logic [63:0] b_i,
  output logic [63:0] y_o
);
"""
ADD = """module sl_add(input wire logic [63:0] a_i, input wire logic [63:0] b_i, output logic [63:0] y_o);
  assign y_o = a_i + b_i;
endmodule
"""
# Registers in the top, the adder between them in a module of its own.
ADDER = ADD + HEAD + """  logic [63:0] a_q, b_q, sum;
  sl_add u_add (.a_i(a_q), .b_i(b_q), .y_o(sum));
  always_ff @(posedge clk_i) begin
    a_q <= a_i;
    b_q <= b_i;
    y_o <= sum;
  end
endmodule
"""
MEMORY = HEAD + """  logic [63:0] mem [0:511];
  logic [63:0] word_q;
  logic        even_q;
  always_ff @(posedge clk_i) begin
    if (b_i[63]) mem[b_i[8:0]] <= a_i;
    word_q <= mem[b_i[24:16]];
    even_q <= ^word_q;
  end
  assign y_o = {63'd0, even_q};
endmodule
"""
# 32 bits by 6: two blocks, which Yosys joins by an adder outside.
MULTIPLY = HEAD + """  logic [31:0] a_q;
  logic [5:0]  b_q;
  always_ff @(posedge clk_i) begin
    a_q <= a_i[31:0];
    b_q <= b_i[5:0];
    y_o <= 64'(38'(a_q) * 38'(b_q));
  end
endmodule
"""
# Three writes at a time: no memory of the device does that.
THREE_WRITES = HEAD + """  logic [63:0] mem [0:31];
  always_ff @(posedge clk_i) begin
    mem[b_i[4:0]]   <= a_i;
    mem[b_i[12:8]]  <= ~a_i;
    mem[b_i[20:16]] <= {a_i[31:0], a_i[63:32]};
    y_o <= mem[b_i[28:24]] ^ mem[b_i[36:32]];
  end
endmodule
"""
LOOP = HEAD + """  logic [63:0] ring;
  sl_not u_not (.a_i(ring & a_i), .y_o(ring));
  assign y_o = ring;
endmodule
module sl_not(input wire logic [63:0] a_i, output logic [63:0] y_o);
  assign y_o = ~a_i;
endmodule
"""


def source(name, text):
    os.makedirs(f"{DIRECTORY}/{name}", exist_ok=True)
    with open(f"{DIRECTORY}/{name}/sl_core.sv", "w", encoding="utf-8") as f:
        f.write(text)
    with open(f"{DIRECTORY}/{name}/sl_core.f", "w", encoding="utf-8") as f:
        f.write(f"{DIRECTORY}/{name}/sl_core.sv\n")
    return f"{DIRECTORY}/{name}/sl_core.f", {"TABLE_LOG2": 4}, f"{DIRECTORY}/{name}"


def rows(name, text):
    arguments = source(name, text)
    modules = flow.read(*arguments)
    instances = flow.instances_of(modules, "sl_core")
    netlists, failed = flow.netlists(modules, instances, arguments[2], 60, 60)
    if failed:
        raise flow.Failure("\n".join(failed))
    return report.rows_of(instances, netlists, "sl_core")


class Estimate(unittest.TestCase):
    def test_adder_across_modules(self):
        got = rows("adder", ADDER)
        self.assertEqual((got["sl_add"]["LUT"], got["sl_add"]["CARRY8"], got["sl_add"]["FF"]), (64, 8, 0))
        self.assertEqual((got["sl_core"]["LUT"], got["sl_core"]["FF"]), (0, 192))
        # One LUT into the chain at its first bits, through its sixteen cells, out at its last.
        ns = (timing.CLOCK_TO_OUT["FF"] + timing.NET + timing.LUT + timing.NET_LUT_TO_CARRY + timing.CARRY_ENTER
              + 14 * timing.CARRY_PASS + timing.CARRY_LEAVE + timing.NET + timing.SETUP["FF"])
        self.assertAlmostEqual(got["sl_core"]["ns"], ns, 2)
        self.assertEqual(got["sl_core"]["levels"], 1)
        self.assertRegex(got["sl_core"]["path"], r"^[ab]_q\[[0-3]\] -> y_o\[6[0-3]\]$")

    def test_memory(self):
        got = rows("memory", MEMORY)["sl_core"]
        self.assertEqual((got["BRAM"], got["FF"]), (1, 1))
        # 64 bits to one: three LUTs of six, behind the memory.
        ns = timing.CLOCK_TO_OUT["RAMB"] + 3 * (timing.NET + timing.LUT) + timing.NET + timing.SETUP["FF"]
        self.assertAlmostEqual(got["ns"], ns, 2)
        self.assertEqual((got["levels"], got["path"]), (3, "mem -> even_q"))

    def test_multiplier(self):
        got = rows("multiply", MULTIPLY)["sl_core"]
        self.assertEqual((got["DSP"], got["path_levels"]), (2, 1))
        ns = (timing.CLOCK_TO_OUT["FF"] + timing.NET + timing.DSP_MULTIPLY + timing.NET + timing.LUT
              + timing.NET_LUT_TO_CARRY + timing.CARRY_ENTER + 4 * timing.CARRY_PASS + timing.CARRY_LEAVE + timing.NET
              + timing.SETUP["FF"])
        self.assertAlmostEqual(got["ns"], ns, 2)

    def test_rates(self):
        def path(ns):
            return {"ns": ns, "path": "a -> b", "path_levels": 1}
        got = report.rates_of({"sl_a": {"wire": path(4.0), "rest": path(2.0)}, "sl_b": {"wire": path(2.5)},
                               "sl_c": {"rest": path(10.0)}, "sl_d": {}})
        self.assertEqual((got["estimated_mhz"], got["slowest_wire_block"], got["wire_blocks_under_target"]),
                         (250, "sl_a", {"sl_a": 250}))
        self.assertEqual((got["slowest_other_block"], got["other_estimated_mhz"]), ("sl_c", 100))

    def test_wire_path(self):
        for path, end, wire in (("u_core.u_table.", 5, True), ("u_core.u_csr.", 5, False), ("u_hif.u_rd.", 5, False),
                                ("u_core.u_command.u_search.", "mem", False), ("", "m_axis_tdata", True),
                                ("", "m_axi_araddr", False), ("", 5, False)):
            self.assertEqual(report.on_wire(path, end), wire, path)

    def test_unchanged_module_is_kept(self):
        rows("kept", ADDER)
        before = {f: os.stat(f).st_mtime_ns for f in (f"{DIRECTORY}/kept/sl_{m}-0.json" for m in ("add", "core"))}
        rows("kept", ADDER.replace("a_i + b_i", "a_i - b_i"))
        changed = sorted(os.path.basename(f) for f, t in before.items() if os.stat(f).st_mtime_ns != t)
        self.assertEqual(changed, ["sl_add-0.json"])

    def test_growth(self):
        old = {"sl_a": {"LUT": 100, "FF": 10, "levels": 3}, "sl_b": {"LUT": 5, "FF": 5, "levels": 1}}
        new = {"sl_a": {"LUT": 110, "FF": 10, "levels": 4}, "sl_c": {"LUT": 5, "FF": 5, "levels": 1}}
        self.assertEqual(report.growth(new, old), ["  sl_a: LUT 100 -> 110 (+10.0 %), levels 3 -> 4 (+33.3 %)",
                                                   "  sl_b: gone", "  sl_c: new"])
        self.assertEqual(report.growth(old, old), [])


class Faults(unittest.TestCase):
    def refused(self, name, text, words):
        with self.assertRaisesRegex(flow.Failure, words):
            flow.read(*source(name, text))

    def test_implicit_wire(self):
        self.refused("implicit", HEAD + "  assign nosuch = a_i[0];\n  assign y_o = b_i;\nendmodule\n", "implicitly declared")

    def test_hierarchical_reference(self):
        self.refused("reference", ADDER.replace("y_o <= sum;", "y_o <= u_add.y_o;"), "implicitly declared|no driver")

    def test_port_width(self):
        self.refused("width", ADDER.replace(".b_i(b_q)", ".b_i(b_q[31:0])"), "Resizing cell port")

    def test_no_driver(self):
        self.refused("driver", HEAD + "  logic [63:0] x;\n  assign y_o = a_i ^ x;\nendmodule\n", "no driver")

    def test_latch(self):
        self.refused("latch", HEAD + "  always_comb if (b_i[0]) y_o = a_i;\nendmodule\n", "[Ll]atch")

    def test_memory_of_flip_flops(self):
        with self.assertRaisesRegex(flow.Failure, "a memory would become flip-flops"):
            rows("writes", THREE_WRITES)

    def test_loop(self):
        with self.assertRaisesRegex((flow.Failure, ValueError), "loop"):
            rows("loop", LOOP)


if __name__ == "__main__":
    unittest.main()
