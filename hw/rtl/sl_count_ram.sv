// SPDX-License-Identifier: BSD-3-Clause
// Counters in memory: frames, bytes and last time per index, one update per clock, exact also when the same index comes
// in every clock. Reads and clears (aux) pass through the same pipeline in clocks without an update.
//
//   A: read memory ─► B: find younger values on their way ─► C: take the youngest, add ─► D: write memory
//
// What was read in A lacks the updates that were then in B, C and D. When the entry is in C, the youngest of them is in
// D, known a clock before by its index (c_last_q); one of the other two was kept in B (c_way_q).
`default_nettype none
module sl_count_ram #(
  parameter int unsigned LOG2 = 8,
  parameter int unsigned STAMP_W = 32     // bits of the time kept
) (
  input  wire logic                   clk_i,
  input  wire logic                   rst_ni,
  input  wire logic                   valid_i,
  input  wire logic [LOG2-1:0]        index_i,
  input  wire logic [15:0]            len_i,
  input  wire logic [STAMP_W-1:0]     stamp_i,
  input  wire logic                   aux_req_i,     // held until aux_ack_o
  input  wire logic                   aux_clear_i,   // zero, time now; else read
  input  wire logic [LOG2-1:0]        aux_index_i,
  output logic                        aux_ack_o,
  output logic [STAMP_W+127:0]        aux_data_o,    // with aux_ack_o: time, bytes, frames
  output logic                        busy_o
);
  localparam int unsigned W = STAMP_W + 128;
  logic [W-1:0] mem [0:(1<<LOG2)-1];

  logic               a_aux, a_valid;
  logic [LOG2-1:0]    a_index;
  assign a_aux   = aux_req_i && !valid_i && !b_aux_q && !c_aux_q && !aux_ack_o;
  assign a_valid = valid_i || a_aux;
  assign a_index = valid_i ? index_i : aux_index_i;

  logic               b_valid_q, b_aux_q, b_clear_q, c_valid_q, c_aux_q, c_clear_q, d_valid_q, e_valid_q;
  logic [LOG2-1:0]    b_index_q, c_index_q, d_index_q, e_index_q;
  logic [15:0]        b_len_q, c_len_q;
  logic [STAMP_W-1:0] b_stamp_q, c_stamp_q;
  logic [W-1:0]       b_read_q, c_read_q, c_way_q, c_now, c_new, d_data_q, e_data_q;
  logic               c_last_q, c_on_way_q;

  always_ff @(posedge clk_i) begin
    if (a_valid) begin
      b_read_q  <= mem[a_index];
      b_index_q <= a_index;
      b_len_q   <= len_i;
      b_stamp_q <= stamp_i;
      b_clear_q <= aux_clear_i;
    end
    if (d_valid_q) mem[d_index_q] <= d_data_q;
  end

  logic d_same, e_same;
  assign d_same = d_valid_q && d_index_q == b_index_q;
  assign e_same = e_valid_q && e_index_q == b_index_q;
  always_ff @(posedge clk_i) begin
    if (b_valid_q) begin
      c_read_q   <= b_read_q;
      c_way_q    <= d_same ? d_data_q : e_data_q;
      c_on_way_q <= d_same || e_same;
      c_last_q   <= c_valid_q && c_index_q == b_index_q;
      c_index_q  <= b_index_q;
      c_len_q    <= b_len_q;
      c_stamp_q  <= b_stamp_q;
      c_clear_q  <= b_clear_q;
    end
  end

  always_comb begin
    // (Undefined without an update: nothing looks at it then.)
    c_now = 'x;
    if (c_valid_q) c_now = c_last_q ? d_data_q : c_on_way_q ? c_way_q : c_read_q;
    c_new = 'x;
    if (c_valid_q) c_new = {c_stamp_q, c_now[127:64] + 64'(c_len_q), c_now[63:0] + 64'd1};
    if (c_aux_q) c_new = c_clear_q ? {c_stamp_q, 128'd0} : c_now;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {e_valid_q, d_valid_q, c_valid_q, b_valid_q} <= '0;
      b_aux_q    <= 1'b0;
      c_aux_q    <= 1'b0;
      aux_ack_o  <= 1'b0;
    end else begin
      {e_valid_q, d_valid_q, c_valid_q, b_valid_q} <= {d_valid_q, c_valid_q, b_valid_q, a_valid};
      b_aux_q    <= a_aux;
      c_aux_q    <= b_aux_q;
      aux_ack_o  <= c_aux_q;
    end
    if (c_valid_q) begin
      d_index_q <= c_index_q;
      d_data_q  <= c_new;
    end
    if (d_valid_q) begin
      e_index_q <= d_index_q;
      e_data_q  <= d_data_q;
    end
    if (c_aux_q) aux_data_o <= c_new;
  end
  assign busy_o = b_valid_q || c_valid_q || d_valid_q;

`ifdef FORMAL
  // Of any entry f_index: f_a_q is what it should hold after all that A has accepted since its last clear; f_b_q to
  // f_e_q are the same one to four clocks ago. f_read is what matters, the others make it inductive.
  (* anyconst *) logic [LOG2-1:0] f_index;
  logic [W-1:0] f_a_q, f_b_q, f_c_q, f_d_q, f_e_q;
  logic [4:0]   f_known_q;                  // f_a_q lowest
  logic         f_b, f_c, f_d, f_e, f_ack_q;
  logic         f_started_q = 1'b0;
  assign f_b = b_valid_q && b_index_q == f_index;
  assign f_c = c_valid_q && c_index_q == f_index;
  assign f_d = d_valid_q && d_index_q == f_index;
  assign f_e = e_valid_q && e_index_q == f_index;
  always_ff @(posedge clk_i) begin
    f_started_q <= 1'b1;
    f_known_q[4:1] <= rst_ni ? f_known_q[3:0] : 4'd0;
    {f_e_q, f_d_q, f_c_q, f_b_q} <= {f_d_q, f_c_q, f_b_q, f_a_q};
    f_ack_q <= rst_ni && f_c && c_aux_q;
    if (!rst_ni) f_known_q[0] <= 1'b0;
    else if (a_aux && aux_clear_i && aux_index_i == f_index) begin
      f_known_q[0] <= 1'b1;
      f_a_q        <= {stamp_i, 128'd0};
    end else if (valid_i && index_i == f_index) begin
      f_a_q <= {stamp_i, f_a_q[127:64] + 64'(len_i), f_a_q[63:0] + 64'd1};
    end
  end
  always_comb begin
    assume (rst_ni == f_started_q);
    if (rst_ni) begin
      f_read:    assert (!(f_ack_q && f_known_q[2]) || (aux_ack_o && aux_data_o == f_c_q));
      f_memory:  assert (!f_known_q[3] || mem[f_index] == f_d_q);
      f_written: assert (!(f_d && f_known_q[2]) || d_data_q == f_c_q);
      f_forward: assert (!(f_e && f_known_q[3]) || e_data_q == f_d_q);
      f_add:     assert (!(f_c && f_known_q[1]) || c_new == f_b_q);
      f_found:   assert (!f_c || (c_last_q == f_d && (!f_e || c_on_way_q)
                                  && (!f_known_q[3] || (c_on_way_q ? c_way_q : c_read_q) == f_d_q)));
      f_fetched: assert (!(f_b && f_known_q[4]) || b_read_q == f_e_q);
      f_stale:   assert ((f_b || (f_known_q[0] == f_known_q[1] && (!f_known_q[0] || f_a_q == f_b_q)))
                         && (f_c || (f_known_q[1] == f_known_q[2] && (!f_known_q[1] || f_b_q == f_c_q)))
                         && (f_d || (f_known_q[2] == f_known_q[3] && (!f_known_q[2] || f_c_q == f_d_q)))
                         && (f_e || (f_known_q[3] == f_known_q[4] && (!f_known_q[3] || f_d_q == f_e_q))));
    end
  end
`endif
endmodule
