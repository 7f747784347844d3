// SPDX-License-Identifier: BSD-3-Clause
// Frames, bytes and last-seen of every flow: one update per clock, exact also when the same flow comes in every clock,
// and beside it one command per clock that never waits for frames.
//
//   A: read memory ─► B: find younger values on their way ─► C: take the youngest, add ─► D: write memory
//
// (What is taken from where is said in sl_count_ram. A begins a clock after valid_i.)
// The frames take both ports of a memory, so there is a second one with the same contents from which commands read. An
// entry is not zeroed for a new flow: it holds one bit, its life, and counts only while that equals the flow's. `fresh`
// makes the flow's life the other one than the entry's, whatever that is, before the id is given out; `born` notes
// when: until the first frame the counters are 0 and last-seen is then.
//
// Whether the host was told that the flow has aged is kept the same way: it was if the entry's mark equals the flow's.
// Every frame makes the entry's mark the other one; `tell` makes the flow's equal to the mark that was read, and must
// not meet a frame on its way (touched_o, in every clock from the read on).
`default_nettype none
module sl_flow_count #(
  parameter int unsigned LOG2 = 16
) (
  input  wire logic            clk_i,
  input  wire logic            rst_ni,
  input  wire logic            valid_i,
  input  wire logic [LOG2-1:0] index_i,
  input  wire logic [15:0]     len_i,
  input  wire logic [31:0]     time_ms_i,
  // Commands. data_o (last-seen, bytes, frames) is there two clocks after read_i, without updates younger than that; so
  // is the new life.
  input  wire logic            read_i,
  input  wire logic            fresh_i,      // with read_i: a new life; no frame of the old one is under way
  input  wire logic            last_i,       // with read_i: no frame of this flow may come any more
  input  wire logic [LOG2-1:0] read_index_i,
  output logic      [159:0]    data_o,
  input  wire logic            born_i,
  input  wire logic [LOG2-1:0] born_index_i,
  // Ageing: as of the read that data_o belongs to; frames under way of this index.
  output logic                 told_o,
  output logic                 mark_o,
  input  wire logic [LOG2-1:0] age_index_i,
  output logic                 touched_o,
  input  wire logic            tell_i,
  input  wire logic            tell_mark_i,
  output logic                 tell_ready_o,
  output logic                 busy_o
);
  localparam int unsigned W = 162;           // life, mark, last-seen, bytes, frames
  logic [W-1:0] mem [0:(1<<LOG2)-1];
  logic [W-1:0] copy_mem [0:(1<<LOG2)-1];
  logic         life_mem [0:(1<<LOG2)-1];
  logic         life_copy_mem [0:(1<<LOG2)-1];
  logic         told_mem [0:(1<<LOG2)-1];    // the mark
  logic         told_copy_mem [0:(1<<LOG2)-1];
  logic [31:0]  born_mem [0:(1<<LOG2)-1];

  logic            a_valid_q, b_valid_q, c_valid_q, d_valid_q, e_valid_q;
  logic            b_life_q, b_told_q, c_life_q, c_told_q, c_last_q, c_on_way_q;
  logic [LOG2-1:0] a_index_q, b_index_q, c_index_q, d_index_q, e_index_q;
  logic [15:0]     a_len_q, b_len_q, c_len_q;
  logic [31:0]     a_time_q, b_time_q, c_time_q;
  logic [W-1:0]    b_read_q, c_read_q, c_way_q, c_now, c_new, d_data_q, e_data_q;

  // A command: r is what the memories say, s the same in registers.
  logic            r_valid_q, r_fresh_q, r_life_q, r_told_q, s_write_q, s_life_q, s_told_q, told_write, told_data;
  logic [LOG2-1:0] r_index_q, s_index_q, told_index;
  logic [W-1:0]    r_entry_q, s_entry_q;
  logic [31:0]     r_born_q, s_born_q;
  assign tell_ready_o = !s_write_q;
  assign told_write   = s_write_q || tell_i;
  assign told_index   = s_write_q ? s_index_q : age_index_i;
  assign told_data    = s_write_q ? !s_entry_q[W-2] : tell_mark_i;

  always_ff @(posedge clk_i) begin
    if (a_valid_q) begin
      b_read_q <= mem[a_index_q];
      b_life_q <= life_mem[a_index_q];
      b_told_q <= told_mem[a_index_q];
    end
    if (d_valid_q) mem[d_index_q] <= d_data_q;
    if (s_write_q) life_mem[s_index_q] <= !s_entry_q[W-1];
    if (told_write) told_mem[told_index] <= told_data;
  end
  always_ff @(posedge clk_i) begin
    if (read_i) begin
      r_entry_q <= copy_mem[read_index_i];
      r_life_q  <= life_copy_mem[read_index_i];
      r_told_q  <= told_copy_mem[read_index_i];
      r_born_q  <= born_mem[read_index_i];
    end
    if (d_valid_q) copy_mem[d_index_q] <= d_data_q;
    if (s_write_q) life_copy_mem[s_index_q] <= !s_entry_q[W-1];
    if (told_write) told_copy_mem[told_index] <= told_data;
    if (born_i)    born_mem[born_index_i] <= time_ms_i;
  end

  logic d_same, e_same;
  assign d_same = d_valid_q && d_index_q == b_index_q;
  assign e_same = e_valid_q && e_index_q == b_index_q;
  always_comb begin
    // (Undefined without an update: nothing looks at it then.)
    c_now = 'x;
    if (c_valid_q) c_now = c_last_q ? d_data_q : c_on_way_q ? c_way_q : c_read_q;
    if (c_now[W-1] != c_life_q) c_now[127:0] = '0;
    c_new = 'x;
    if (c_valid_q) c_new = {c_life_q, !c_told_q, c_time_q, c_now[127:64] + 64'(c_len_q), c_now[63:0] + 64'd1};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {s_write_q, r_valid_q} <= '0;
    else         {s_write_q, r_valid_q} <= {r_valid_q && r_fresh_q, read_i};
    if (!rst_ni) {e_valid_q, d_valid_q, c_valid_q, b_valid_q, a_valid_q} <= '0;
    else         {e_valid_q, d_valid_q, c_valid_q, b_valid_q, a_valid_q} <= {d_valid_q, c_valid_q, b_valid_q, a_valid_q,
                                                                            valid_i};
    if (valid_i) begin
      a_index_q <= index_i;
      a_len_q   <= len_i;
      a_time_q  <= time_ms_i;
    end
    if (a_valid_q) begin
      b_index_q <= a_index_q;
      b_len_q   <= a_len_q;
      b_time_q  <= a_time_q;
    end
    if (b_valid_q) begin
      c_read_q   <= b_read_q;
      c_life_q   <= b_life_q;
      c_told_q   <= b_told_q;
      c_way_q    <= d_same ? d_data_q : e_data_q;
      c_on_way_q <= d_same || e_same;
      c_last_q   <= c_valid_q && c_index_q == b_index_q;
      c_index_q  <= b_index_q;
      c_len_q    <= b_len_q;
      c_time_q   <= b_time_q;
    end
    if (c_valid_q) begin
      d_index_q <= c_index_q;
      d_data_q  <= c_new;
    end
    if (d_valid_q) begin
      e_index_q <= d_index_q;
      e_data_q  <= d_data_q;
    end
    r_fresh_q <= fresh_i;
    if (read_i) r_index_q <= read_index_i;
    if (r_valid_q) begin
      s_index_q <= r_index_q;
      s_entry_q <= r_entry_q;
      s_life_q  <= r_life_q;
      s_told_q  <= r_told_q;
      s_born_q  <= r_born_q;
    end
  end
  assign data_o = s_entry_q[W-1] == s_life_q ? s_entry_q[159:0] : {s_born_q, 128'd0};
  assign told_o = s_entry_q[W-2] == s_told_q;
  assign mark_o = s_entry_q[W-2];

  // Frames of the index that age is at, in registers. Those that were on their way to D when it came to that index pass
  // there while it waits for what it read; later ones are seen as they come.
  logic touched_a_q, touched_d_q, touched_e_q;
  always_ff @(posedge clk_i) begin
    touched_a_q <= valid_i && index_i == age_index_i;
    touched_d_q <= c_valid_q && c_index_q == age_index_i;
    touched_e_q <= d_valid_q && d_index_q == age_index_i;
  end
  assign touched_o = touched_a_q || touched_d_q || touched_e_q;
  assign busy_o = a_valid_q || b_valid_q || c_valid_q || d_valid_q;

`ifndef SYNTHESIS
  // Frames are counted only between a flow's insertion and the last look at its counters.
  logic alive [0:(1<<LOG2)-1];
  logic alive_q;
  always_ff @(posedge clk_i) begin
    alive_q <= alive[a_index_q];
    if (read_i && last_i) alive[read_index_i] <= 1'b0;
    if (born_i)           alive[born_index_i] <= 1'b1;
  end
  a_tell: assert property (@(posedge clk_i) disable iff (!rst_ni)
    tell_i |-> tell_ready_o && !(a_valid_q && a_index_q == age_index_i) && !(b_valid_q && b_index_q == age_index_i)
               && !(c_valid_q && c_index_q == age_index_i) && !(d_valid_q && d_index_q == age_index_i));
  a_alive: assert property (@(posedge clk_i) disable iff (!rst_ni) b_valid_q |-> alive_q);
  a_settled: assert property (@(posedge clk_i) disable iff (!rst_ni)
    read_i && (fresh_i || last_i) |-> !(a_valid_q && a_index_q == read_index_i)
                                      && !(b_valid_q && b_index_q == read_index_i)
                                      && !(c_valid_q && c_index_q == read_index_i)
                                      && !(d_valid_q && d_index_q == read_index_i));
`endif
`ifdef FORMAL
  // Of any flow f_index, as in sl_count_ram: f_a_q is what all frames since it was made fresh add up to (any, last
  // time, bytes, frames); f_b_q to f_f_q are the same one to five clocks ago. f_read is what matters. The rules are
  // a_settled, and that neither a frame nor a look meets an id that is being made fresh.
  (* anyconst *) logic [LOG2-1:0] f_index;
  logic [160:0] f_a_q, f_b_q, f_c_q, f_d_q, f_e_q, f_f_q, f_due1_q, f_due2_q;
  logic         f_known_q = 1'b0, f_read1_q = 1'b0, f_read2_q = 1'b0, f_started_q = 1'b0;
  logic         f_a, f_b, f_c, f_d, f_e, f_wait1, f_wait2, f_wait, f_fresh, f_frame, f_look;
  assign f_a     = a_valid_q && a_index_q == f_index;
  assign f_b     = b_valid_q && b_index_q == f_index;
  assign f_c     = c_valid_q && c_index_q == f_index;
  assign f_d     = d_valid_q && d_index_q == f_index;
  assign f_e     = e_valid_q && e_index_q == f_index;
  assign f_wait1 = r_valid_q && r_fresh_q && r_index_q == f_index;
  assign f_wait2 = s_write_q && s_index_q == f_index;
  assign f_wait  = f_wait1 || f_wait2;
  assign f_fresh = read_i && fresh_i && read_index_i == f_index;
  assign f_look  = read_i && !fresh_i && read_index_i == f_index;
  assign f_frame = valid_i && index_i == f_index;
  function automatic logic f_is(input logic [W-1:0] entry, input logic life, input logic [160:0] due);
    f_is = (entry[W-1] == life ? entry[127:0] : 128'd0) == due[127:0]
           && (!due[160] || (entry[W-1] == life && entry[159:128] == due[159:128]));
  endfunction
  function automatic logic [160:0] f_plus(input logic [160:0] due, input logic [15:0] len, input logic [31:0] now);
    f_plus = {1'b1, now, due[127:64] + 64'(len), due[63:0] + 64'd1};
  endfunction
  always_ff @(posedge clk_i) begin
    f_started_q <= 1'b1;
    f_read1_q   <= rst_ni && f_look && f_known_q;
    f_read2_q   <= rst_ni && f_read1_q;
    f_due1_q    <= f_e_q;
    f_due2_q    <= f_due1_q;
    {f_f_q, f_e_q, f_d_q, f_c_q, f_b_q} <= {f_e_q, f_d_q, f_c_q, f_b_q, f_a_q};
    if (f_fresh && rst_ni) begin
      f_known_q <= 1'b1;
      {f_f_q, f_e_q, f_d_q, f_c_q, f_b_q, f_a_q} <= '0;
    end else if (f_frame) begin
      f_a_q <= f_plus(f_a_q, len_i, time_ms_i);
    end
  end
  always_comb begin
    assume (rst_ni == f_started_q);
    assume (f_started_q || (mem[f_index] == copy_mem[f_index] && !f_known_q));
    assume (!(read_i && read_index_i == f_index && (fresh_i || last_i)) || !(f_a || f_b || f_c || f_d));
    assume (!(f_fresh || f_wait) || !f_frame);
    assume (!f_wait || !(read_i && read_index_i == f_index));
    if (rst_ni) begin
      f_read:    assert (!f_read2_q || (data_o[127:0] == f_due2_q[127:0]
                                        && (!f_due2_q[160] || data_o[159:128] == f_due2_q[159:128])));
      f_looked:  assert (!f_read1_q || (r_valid_q && f_is(r_entry_q, r_life_q, f_due1_q)));
      f_same:    assert (f_known_q || !f_wait);
      f_copies:  assert (mem[f_index] == copy_mem[f_index]
                         && (!f_known_q || f_wait || life_mem[f_index] == life_copy_mem[f_index]));
      f_fresher: assert ((!f_wait1 || r_entry_q == mem[f_index]) && (!f_wait2 || s_entry_q == mem[f_index])
                         && (!f_wait || !(f_a || f_b || f_c || f_d) && f_a_q == '0));
      f_memory:  assert (!f_known_q || f_wait || f_is(mem[f_index], life_mem[f_index], f_e_q));
      f_written: assert (!(f_d && f_known_q) || (f_is(d_data_q, life_mem[f_index], f_d_q)
                                                 && d_data_q[W-1] == life_mem[f_index]));
      f_forward: assert (!(f_e && f_known_q) || f_wait || f_is(e_data_q, life_mem[f_index], f_e_q));
      f_add:     assert (!(f_c && f_known_q) || (f_is(c_new, life_mem[f_index], f_c_q)
                                                 && c_life_q == life_mem[f_index]));
      f_found:   assert (!f_c || (c_last_q == f_d && (!f_e || c_on_way_q)
                                  && (!f_known_q || f_is(c_on_way_q ? c_way_q : c_read_q, c_life_q, f_e_q))));
      f_fetched: assert (!(f_b && f_known_q) || (f_is(b_read_q, b_life_q, f_f_q) && b_life_q == life_mem[f_index]));
      f_carried: assert (!f_known_q || ((!f_a || f_a_q == f_plus(f_b_q, a_len_q, a_time_q))
                                        && (!f_b || f_b_q == f_plus(f_c_q, b_len_q, b_time_q))
                                        && (!f_c || f_c_q == f_plus(f_d_q, c_len_q, c_time_q))));
      f_stale:   assert (!f_known_q || ((f_a || f_a_q == f_b_q) && (f_b || f_b_q == f_c_q) && (f_c || f_c_q == f_d_q)
                                        && (f_d || f_d_q == f_e_q) && (f_e || f_e_q == f_f_q)));
    end
  end
`endif
endmodule
