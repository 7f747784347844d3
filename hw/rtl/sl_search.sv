// SPDX-License-Identifier: BSD-3-Clause
// Displacement search (docs/datapath.md, 6): both buckets of a new key are full, so a resident has to move, for which
// another may have to move first. Two trees are searched breadth first side by side, one from each of the key's
// buckets. Their levels alternate between the banks in opposite phase: a clock reads one bucket of each bank, one for
// each tree.
//
//   node 0: the key's bucket           candidate c: the resident in way c % 4 of node c / 4
//   node c + 1: the bucket where candidate c could go
//
// The first candidate, tree 0 before tree 1, whose node has a free slot ends the search. The path back to node 0 is
// then offered move by move, from the free slot on: whoever moves a resident copies it first (to), then its old slot
// (from) is the place for the next. Reads and moves leave from registers: a read a clock after its place was looked up,
// the next move two clocks after a step.
`default_nettype none
module sl_search #(
  parameter int unsigned BUCKET_LOG2 = 13,
  parameter int unsigned CANDIDATES = 4 + 16 + 64 + 256
) (
  input  wire logic                     clk_i,
  input  wire logic                     rst_ni,
  input  wire logic                     start_i,      // alts_i are those of the key's buckets
  input  wire logic [BUCKET_LOG2-1:0]   bucket0_i,    // these, held
  input  wire logic [BUCKET_LOG2-1:0]   bucket1_i,
  output logic                          read_o,
  output logic      [BUCKET_LOG2-1:0]   bucket0_o,
  output logic      [BUCKET_LOG2-1:0]   bucket1_o,
  // Two clocks after a read: of bank 0's four slots, then bank 1's, which are taken and the buckets they could go to.
  input  wire logic [7:0]               taken_i,
  input  wire logic [8*BUCKET_LOG2-1:0] alts_i,
  output logic                          found_o,
  output logic                          failed_o,     // for one clock
  // The present move, while found_o.
  input  wire logic                     step_i,
  output logic                          last_o,
  output logic                          from_bank_o,
  output logic      [BUCKET_LOG2-1:0]   from_bucket_o,
  output logic      [1:0]               from_way_o,
  output logic      [BUCKET_LOG2-1:0]   to_bucket_o,  // in the other bank
  output logic      [1:0]               to_way_o
);
  localparam int unsigned PARENTS = 1 + (CANDIDATES - 4) / 4;    // nodes whose residents are candidates
  localparam int unsigned NODE_LOG2 = $clog2(PARENTS);
  localparam int unsigned B = BUCKET_LOG2;

  // Whether the bucket of node c + 1 is in the bank opposite to its tree's root.
  function automatic logic opposite(input logic [NODE_LOG2+1:0] c);
    opposite = 32'(c) < 4 || (32'(c) >= 20 && 32'(c) < 84);
  endfunction
  function automatic logic [1:0] lowest_free(input logic [3:0] used);
    lowest_free = !used[0] ? 2'd0 : !used[1] ? 2'd1 : !used[2] ? 2'd2 : 2'd3;
  endfunction

  // The buckets where the four residents of each node could go.
  (* ram_style = "distributed" *) logic [4*B-1:0] tree0_mem [0:(1<<NODE_LOG2)-1];
  (* ram_style = "distributed" *) logic [4*B-1:0] tree1_mem [0:(1<<NODE_LOG2)-1];

  logic                 run_q, found_q, offered_q, tree_q;
  logic [NODE_LOG2+1:0] c_q, c1_q, c2_q, c3_q;    // candidate: looked up; read; slots there; judged. Found: c_q moves
  logic                 look_up, v1_q, v2_q, v3_q;
  logic [B-1:0]         node0_1_q, node1_1_q, node0_2_q, node1_2_q, node0_3_q, node1_3_q;
  logic [B-1:0]         to_bucket_q;
  logic [1:0]           to_way_q;

  // One look into each memory per clock: candidate c_q's bucket, or (found) that of the node where it is now.
  logic [NODE_LOG2+1:0] look, parent;
  logic [B-1:0]         look0, look1;
  assign parent = (c_q >> 2) - 1'b1;          // the candidate whose move leads to c_q's node
  assign look   = found_q ? parent : c_q;
  assign look0  = tree0_mem[look[NODE_LOG2+1:2]][32'(look[1:0])*B +: B];
  assign look1  = tree1_mem[look[NODE_LOG2+1:2]][32'(look[1:0])*B +: B];

  logic [3:0]     used0, used1;
  logic [4*B-1:0] alts0, alts1;
  logic           hit0, hit1, keep;
  assign used0 = opposite(c3_q) ? taken_i[7:4] : taken_i[3:0];
  assign used1 = opposite(c3_q) ? taken_i[3:0] : taken_i[7:4];
  assign alts0 = opposite(c3_q) ? alts_i[4*B +: 4*B] : alts_i[0 +: 4*B];
  assign alts1 = opposite(c3_q) ? alts_i[0 +: 4*B] : alts_i[4*B +: 4*B];
  assign hit0  = v3_q && used0 != 4'hf;
  assign hit1  = v3_q && used1 != 4'hf;
  assign keep  = v3_q && 32'(c3_q) + 1 < PARENTS;

  always_ff @(posedge clk_i) begin
    if (start_i)   tree0_mem[0] <= alts_i[0 +: 4*B];
    else if (keep) tree0_mem[NODE_LOG2'(c3_q + 1'b1)] <= alts0;
    if (start_i)   tree1_mem[0] <= alts_i[4*B +: 4*B];
    else if (keep) tree1_mem[NODE_LOG2'(c3_q + 1'b1)] <= alts1;
  end

  logic         last;
  logic [B-1:0] from_bucket;
  assign look_up       = run_q && 32'(c_q) < CANDIDATES;
  assign last          = 32'(c_q) < 4;
  assign from_bucket   = last ? (tree_q ? bucket1_i : bucket0_i) : tree_q ? look1 : look0;
  assign failed_o      = run_q && v3_q && !hit0 && !hit1 && 32'(c3_q) == CANDIDATES - 1;
  assign found_o       = offered_q;
  assign to_bucket_o   = to_bucket_q;
  assign to_way_o      = to_way_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q     <= 1'b0;
      found_q   <= 1'b0;
      offered_q <= 1'b0;
      read_o    <= 1'b0;
      v1_q      <= 1'b0;
      v2_q      <= 1'b0;
      v3_q      <= 1'b0;
    end else begin
      read_o    <= look_up;
      offered_q <= found_q && !step_i;
      v1_q <= look_up && !hit0 && !hit1;
      v2_q <= v1_q && !hit0 && !hit1;
      v3_q <= v2_q && !hit0 && !hit1;
      if (start_i) run_q <= 1'b1;
      else if (hit0 || hit1 || failed_o) run_q <= 1'b0;
      if (hit0 || hit1) found_q <= 1'b1;
      else if (step_i && last_o) found_q <= 1'b0;
    end
    bucket0_o <= opposite(c_q) ? look1 : look0;
    bucket1_o <= opposite(c_q) ? look0 : look1;
    if (found_q) begin
      last_o        <= last;
      from_bank_o   <= tree_q ^ !opposite(c_q);
      from_bucket_o <= from_bucket;
      from_way_o    <= c_q[1:0];
    end
    c1_q <= c_q;
    c2_q <= c1_q;
    c3_q <= c2_q;
    {node0_1_q, node1_1_q} <= {look0, look1};
    {node0_2_q, node1_2_q} <= {node0_1_q, node1_1_q};
    {node0_3_q, node1_3_q} <= {node0_2_q, node1_2_q};
    if (start_i)      c_q <= '0;
    else if (look_up) c_q <= c_q + 1'b1;
    if (hit0 || hit1) begin
      tree_q      <= !hit0;
      c_q         <= c3_q;
      to_bucket_q <= hit0 ? node0_3_q : node1_3_q;
      to_way_q    <= lowest_free(hit0 ? used0 : used1);
    end
    if (step_i) begin
      c_q         <= parent;
      to_bucket_q <= from_bucket_o;
      to_way_q    <= from_way_o;
    end
  end

`ifndef SYNTHESIS
  initial assert (CANDIDATES == 340) else $fatal(1, "sl_search: the levels' borders are for 340 candidates");
  a_one_phase: assert property (@(posedge clk_i) disable iff (!rst_ni) !(run_q && found_q));
  a_step: assert property (@(posedge clk_i) disable iff (!rst_ni) step_i |-> offered_q);
  a_bound: assert property (@(posedge clk_i) disable iff (!rst_ni) run_q |-> 32'(c_q) <= CANDIDATES);
`endif
endmodule
