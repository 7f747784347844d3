// SPDX-License-Identifier: BSD-3-Clause
// Counters in memory: frames, bytes and last time per index, one update per clock, exact also when the same index comes
// in every clock. Reads and clears (aux) pass through the same pipeline in clocks without an update.
//
//   A: read memory ─► B: add; if the entry is still on its way to memory, take it from there ─► C: write memory
//
// What was read in A lacks the updates that are then in B and C; B knows both (the last two entries written).
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

  logic               a_aux, a_valid, aux_busy_q;
  logic [LOG2-1:0]    a_index;
  assign a_aux   = aux_req_i && !valid_i && !aux_busy_q && !aux_ack_o;
  assign a_valid = valid_i || a_aux;
  assign a_index = valid_i ? index_i : aux_index_i;

  logic               b_valid_q, b_aux_q, b_clear_q, c_valid_q, d_valid_q;
  logic [LOG2-1:0]    b_index_q, c_index_q, d_index_q;
  logic [15:0]        b_len_q;
  logic [STAMP_W-1:0] b_stamp_q;
  logic [W-1:0]       b_read_q, b_now, b_new, c_data_q, d_data_q;

  always_ff @(posedge clk_i) begin
    if (a_valid) begin
      b_read_q  <= mem[a_index];
      b_index_q <= a_index;
      b_len_q   <= len_i;
      b_stamp_q <= stamp_i;
      b_clear_q <= aux_clear_i;
    end
    if (c_valid_q) mem[c_index_q] <= c_data_q;
  end

  always_comb begin
    // (Undefined without an update: nothing looks at it then.)
    b_now = 'x;
    if (b_valid_q) b_now = b_read_q;
    if (d_valid_q && d_index_q == b_index_q) b_now = d_data_q;
    if (c_valid_q && c_index_q == b_index_q) b_now = c_data_q;
    b_new = 'x;
    if (b_valid_q) b_new = {b_stamp_q, b_now[127:64] + 64'(b_len_q), b_now[63:0] + 64'd1};
    if (b_aux_q) b_new = b_clear_q ? {b_stamp_q, 128'd0} : b_now;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      b_valid_q  <= 1'b0;
      b_aux_q    <= 1'b0;
      c_valid_q  <= 1'b0;
      d_valid_q  <= 1'b0;
      aux_ack_o  <= 1'b0;
      aux_busy_q <= 1'b0;
    end else begin
      b_valid_q  <= a_valid;
      b_aux_q    <= a_aux;
      c_valid_q  <= b_valid_q;
      d_valid_q  <= c_valid_q;
      aux_ack_o  <= b_valid_q && b_aux_q;
      aux_busy_q <= a_aux;
    end
    if (b_valid_q) begin
      c_index_q <= b_index_q;
      c_data_q  <= b_new;
    end
    if (c_valid_q) begin
      d_index_q <= c_index_q;
      d_data_q  <= c_data_q;
    end
    if (b_valid_q && b_aux_q) aux_data_o <= b_new;
  end
  assign busy_o = b_valid_q || c_valid_q;

`ifdef FORMAL
  // Of any entry f_index: f_a_q is what it should hold after all that A has accepted since its last clear; f_b_q, f_c_q
  // and f_d_q are the same one, two and three clocks ago. f_read is what matters, the others make it inductive.
  (* anyconst *) logic [LOG2-1:0] f_index;
  logic [W-1:0] f_a_q, f_b_q, f_c_q, f_d_q;
  logic         f_known_a_q, f_known_b_q, f_known_c_q, f_known_d_q, f_b, f_c, f_d, f_ack_q;
  logic         f_started_q = 1'b0;
  assign f_b = b_valid_q && b_index_q == f_index;
  assign f_c = c_valid_q && c_index_q == f_index;
  assign f_d = d_valid_q && d_index_q == f_index;
  always_ff @(posedge clk_i) begin
    f_started_q <= 1'b1;
    {f_known_d_q, f_known_c_q, f_known_b_q} <= rst_ni ? {f_known_c_q, f_known_b_q, f_known_a_q} : 3'd0;
    {f_d_q, f_c_q, f_b_q} <= {f_c_q, f_b_q, f_a_q};
    f_ack_q <= rst_ni && f_b && b_aux_q;
    if (!rst_ni) f_known_a_q <= 1'b0;
    else if (a_aux && aux_clear_i && aux_index_i == f_index) begin
      f_known_a_q <= 1'b1;
      f_a_q       <= {stamp_i, 128'd0};
    end else if (valid_i && index_i == f_index) begin
      f_a_q <= {stamp_i, f_a_q[127:64] + 64'(len_i), f_a_q[63:0] + 64'd1};
    end
  end
  always_comb begin
    assume (rst_ni == f_started_q);
    if (rst_ni) begin
      f_read:    assert (!(f_ack_q && f_known_b_q) || (aux_ack_o && aux_data_o == f_b_q));
      f_memory:  assert (!f_known_c_q || mem[f_index] == f_c_q);
      f_written: assert (!(f_c && f_known_b_q) || c_data_q == f_b_q);
      f_forward: assert (!(f_d && f_known_c_q) || d_data_q == f_c_q);
      f_add:     assert (!(f_b && f_known_a_q) || b_new == f_a_q);
      f_fetched: assert (!(f_b && f_known_d_q) || b_read_q == f_d_q);
      f_stale:   assert ((f_b || (f_known_a_q == f_known_b_q && (!f_known_a_q || f_a_q == f_b_q)))
                         && (f_c || (f_known_b_q == f_known_c_q && (!f_known_b_q || f_b_q == f_c_q)))
                         && (f_d || (f_known_c_q == f_known_d_q && (!f_known_c_q || f_c_q == f_d_q))));
    end
  end
`endif
endmodule
