// SPDX-License-Identifier: BSD-3-Clause
// One channel of the memory that holds the records (sl_record_hbm): bounds what is outstanding in it, and remembers in
// order what its answers are for. The channel answers its reads in their order, and its writes in theirs (AXI with one
// ID); between a read and a write it may choose.
//
// A card reset does not reach the memory: what was asked before is still sent and answered, and thrown away here. Until
// then nothing new is taken.
`default_nettype none
module sl_record_channel #(
  parameter int unsigned ADDR_W = 12,       // of a record in the channel
  parameter int unsigned FOR_W = 11,        // what a read is for
  parameter int unsigned READS_LOG2 = 5,    // waiting or outstanding
  parameter int unsigned WRITE_W = 6        // index of a write: as many are outstanding at most
) (
  input  wire logic               clk_i,
  input  wire logic               rst_ni,       // card
  input  wire logic               por_ni,       // the memory's side
  // Reads: room_o is for one more than those that are pushed in this clock.
  output logic                    room_o,
  input  wire logic               push_i,
  input  wire logic [ADDR_W-1:0]  addr_i,
  input  wire logic [FOR_W-1:0]   for_i,
  output logic [FOR_W-1:0]        for_o,        // of the next answer
  output logic                    stale_o,      // what is answered was asked before a reset
  input  wire logic               answered_i,   // r_valid and r_ready
  // Writes: pushed when the channel takes one.
  input  wire logic               written_i,    // w_valid and w_ready
  input  wire logic [WRITE_W-1:0] write_i,
  input  wire logic               acked_i,      // b_valid and b_ready
  output logic [WRITE_W-1:0]      acked_o,
  input  wire logic               offering_i,   // a write is offered to any channel
  // The memory's read addresses.
  output logic                    ar_valid_o,
  input  wire logic               ar_ready_i,
  output logic [ADDR_W-1:0]       ar_addr_o,
  output logic                    busy_o
);
  logic                 out_valid, ack_valid, stale_q;
  logic [READS_LOG2:0]  waiting, out;
  logic [WRITE_W:0]     acks;
  sl_fifo #(.W(ADDR_W), .LOG2(READS_LOG2)) u_requests (
    .clk_i, .rst_ni(por_ni), .push_i, .data_i(addr_i), .pop_i(ar_valid_o && ar_ready_i), .valid_o(ar_valid_o),
    .data_o(ar_addr_o), .count_o(waiting)
  );
  sl_fifo #(.W(FOR_W), .LOG2(READS_LOG2)) u_out (
    .clk_i, .rst_ni(por_ni), .push_i, .data_i(for_i), .pop_i(answered_i), .valid_o(out_valid), .data_o(for_o),
    .count_o(out)
  );
  sl_fifo #(.W(WRITE_W), .LOG2(WRITE_W)) u_acks (
    .clk_i, .rst_ni(por_ni), .push_i(written_i), .data_i(write_i), .pop_i(acked_i), .valid_o(ack_valid),
    .data_o(acked_o), .count_o(acks)
  );

  always_ff @(posedge clk_i) begin
    if (!por_ni)                                        stale_q <= 1'b0;
    else if (!rst_ni)                                   stale_q <= 1'b1;
    else if (!out_valid && !ack_valid && !offering_i)   stale_q <= 1'b0;
    room_o <= por_ni && rst_ni && !stale_q && out < (READS_LOG2+1)'((1 << READS_LOG2) - 4);
  end
  assign stale_o = stale_q;
  assign busy_o  = out_valid || ack_valid;

`ifndef SYNTHESIS
  a_answer: assert property (@(posedge clk_i) disable iff (!por_ni) answered_i |-> out > waiting);
  a_ack: assert property (@(posedge clk_i) disable iff (!por_ni) acked_i |-> ack_valid && acks != '0);
  a_stale: assert property (@(posedge clk_i) disable iff (!por_ni) push_i |-> !stale_q);
  // What was asked before a card reset, and is not answered.
  logic [READS_LOG2:0] old_reads_q;
  logic [WRITE_W:0]    old_writes_q;
  always_ff @(posedge clk_i) begin
    if (!por_ni) begin
      old_reads_q  <= '0;
      old_writes_q <= '0;
    end else if (!rst_ni) begin
      old_reads_q  <= out + (READS_LOG2+1)'(push_i) - (READS_LOG2+1)'(answered_i);
      old_writes_q <= acks + (WRITE_W+1)'(written_i) - (WRITE_W+1)'(acked_i);
    end else begin
      old_reads_q  <= old_reads_q - (READS_LOG2+1)'(answered_i && old_reads_q != '0);
      old_writes_q <= old_writes_q + (WRITE_W+1)'(written_i && stale_q) - (WRITE_W+1)'(acked_i && old_writes_q != '0);
    end
  end
  a_old: assert property (@(posedge clk_i) disable iff (!por_ni || !rst_ni)
    old_reads_q != '0 || old_writes_q != '0 |-> stale_q);
  a_room: assert property (@(posedge clk_i) disable iff (!por_ni || !rst_ni) room_o |-> !stale_q);
  a_busy: assert property (@(posedge clk_i) disable iff (!por_ni) out != '0 || acks != '0 |-> busy_o);
`endif
endmodule
