// SPDX-License-Identifier: BSD-3-Clause
// Where executed flow commands end: completions leave in order, each with its counters, and the ids of deleted flows
// come back. A deleted flow's slot is gone when it arrives here; frames that still found it are counted for DRAIN
// clocks more, or with EXACT until the frames that had begun are counted (sl_flight). It waits that long, with all
// behind it, before its last counters are read and its id returns, while the commands that follow are executed.
//
//   sl_command ─► queue ─► (aged) ─► read counters ─► . ─► answer ─► completions ─► m_axis_cpl
//                                                        └─► ids given back ─► made fresh ─► the next id
//
// Free ids: fresh ones first (0, 1, 2, ...), then those given back, in that order. The next id is prepared (its
// counters made those of a new flow) before it is asked for.
`default_nettype none
module sl_retire #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned DRAIN = 38,        // clocks from a lookup to its count in memory, at least
  parameter int unsigned EXACT = 0,
  parameter int unsigned QUEUE_LOG2 = 5,
  parameter int unsigned COUNT_W = 16
) (
  input  wire logic                  clk_i,
  input  wire logic                  rst_ni,
  input  wire logic                  clear_i,      // ids 0, 1, 2, ... again; the queue is empty
  input  wire logic [31:0]           time_ms_i,
  input  wire logic [COUNT_W-1:0]    begun_i,      // frames: with this clock
  input  wire logic [COUNT_W-1:0]    ended_i,
  // Executed commands. `counted`: with the counters of this id.
  input  wire logic                  push_i,
  input  wire logic [7:0]            op_i,
  input  wire logic [7:0]            status_i,
  input  wire logic [15:0]           tag_i,
  input  wire logic                  counted_i,
  input  wire logic [31:0]           flow_i,
  output logic                       room_o,
  output logic                       empty_o,      // nothing waits for counters or to give its id back
  output logic                       done_o,       // and no completion is left
  output logic                       id_valid_o,
  output logic      [TABLE_LOG2-1:0] id_o,
  input  wire logic                  id_take_i,
  // sl_flow_count.
  output logic                       count_read_o,
  output logic                       count_fresh_o,
  output logic                       count_last_o,
  output logic      [TABLE_LOG2-1:0] count_index_o,
  input  wire logic [159:0]          count_data_i,
  output logic                       m_axis_cpl_tvalid,
  input  wire logic                  m_axis_cpl_tready,
  output logic      [255:0]          m_axis_cpl_tdata,
  output logic      [191:0]          dump_count_o  // structure counters of the last DUMP
);
  localparam int unsigned OUT_LOG2 = 3;
  localparam int unsigned NOW_W = EXACT != 0 ? COUNT_W : 7;
  localparam int unsigned ENTRY_W = 8 + 8 + 16 + 1 + 32;
  localparam int unsigned CPL_W = 32 + 64 + 64 + 8 + 8 + 16 + 32;

  // The queue, with the time of entry.
  logic [6:0]           now_q;
  logic [NOW_W-1:0]     now, stamp, age;
  logic                 head_valid, pop, aged;
  logic [ENTRY_W-1:0]   head, e1_q, e2_q, e3_q;
  logic [QUEUE_LOG2:0]  queued;
  sl_fifo #(.W(NOW_W + ENTRY_W), .LOG2(QUEUE_LOG2)) u_queue (
    .clk_i, .rst_ni, .push_i, .data_i({now, op_i, status_i, tag_i, counted_i, flow_i}), .pop_i(pop),
    .valid_o(head_valid), .data_o({stamp, head}), .count_o(queued)
  );
  // (From a register: of two that are spare, one may come before it is told.)
  always_ff @(posedge clk_i) room_o <= queued < (QUEUE_LOG2+1)'((1 << QUEUE_LOG2) - 2);

  // Fields of an entry.
  logic        head_counted, head_delete, delete3, dump3, counted3;
  logic [31:0] flow3;
  assign head_counted = head[32];
  assign head_delete  = head_counted && head[ENTRY_W-1 -: 8] == sl_pkg::FLOW_OP_DELETE;
  assign flow3        = e3_q[31:0];
  assign counted3     = e3_q[32];
  assign delete3      = counted3 && e3_q[ENTRY_W-1 -: 8] == sl_pkg::FLOW_OP_DELETE;
  assign dump3        = counted3 && e3_q[ENTRY_W-1 -: 8] == sl_pkg::FLOW_OP_DUMP;

  // An age that wrapped waits once more: never too short.
  logic settled;                          // after clearing: the frames that found old flows are counted
  if (EXACT == 0) begin : g_clocks
    logic [6:0] settle_q;
    assign now     = now_q;
    assign age     = now_q - stamp;
    assign aged    = !head_delete || age >= 7'(DRAIN);
    assign settled = settle_q == '0;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i)  settle_q <= 7'(DRAIN);
      else if (settle_q != '0) settle_q <= settle_q - 7'd1;
    end
  end else begin : g_frames
    logic               settled_q;
    logic [COUNT_W-1:0] clear_q, since;
    assign now     = begun_i;
    assign age     = ended_i - stamp;
    assign aged    = !head_delete || !age[COUNT_W-1] || begun_i == ended_i;
    assign since   = ended_i - clear_q;
    assign settled = settled_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) begin
        settled_q <= 1'b0;
        clear_q   <= rst_ni ? begun_i : '0;
      end else if (!since[COUNT_W-1] || begun_i == ended_i) begin
        settled_q <= 1'b1;
      end
    end
  end

  // Ids.
  logic [TABLE_LOG2:0]   fresh_q, given_wr_q, given_rd_q;
  (* ram_style = "ultra" *) logic [TABLE_LOG2-1:0] given_mem [0:(1<<TABLE_LOG2)-1];
  logic [TABLE_LOG2-1:0] given_q, next, id_q;
  logic                  given_ok_q, fresh_left, prepare, preparing_q, id_valid_q, id_made_q, id_ready_q;
  assign fresh_left = !fresh_q[TABLE_LOG2];
  assign next       = fresh_left ? fresh_q[TABLE_LOG2-1:0] : given_q;
  assign prepare    = !clear_i && settled && !id_valid_q && !preparing_q && (fresh_left || given_ok_q);

  // Completions that were answered, and room for those being answered.
  logic               v1_q, v2_q, v3_q, out_valid;
  logic [OUT_LOG2:0]  out_count;
  logic [CPL_W-1:0]   out;
  logic [159:0]       answer;       // idle time, bytes, frames
  assign pop = head_valid && aged && !prepare
               && out_count + (OUT_LOG2+1)'(v1_q) + (OUT_LOG2+1)'(v2_q) + (OUT_LOG2+1)'(v3_q)
                  < (OUT_LOG2+1)'(1 << OUT_LOG2);

  // (From registers: what is to be read is out of a memory itself.)
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {count_read_o, count_fresh_o, count_last_o} <= '0;
    else         {count_read_o, count_fresh_o, count_last_o} <= {prepare || (pop && head_counted), prepare,
                                                                  pop && head_delete};
    count_index_o <= prepare ? next : head[TABLE_LOG2-1:0];
  end

  assign answer = counted3 && !dump3 ? {time_ms_i - count_data_i[159:128], count_data_i[127:0]} : 160'd0;
  sl_fifo #(.W(CPL_W), .LOG2(OUT_LOG2)) u_out (
    .clk_i, .rst_ni, .push_i(v3_q), .data_i({answer, e3_q[ENTRY_W-1 -: 32], flow3}),
    .pop_i(out_valid && m_axis_cpl_tready), .valid_o(out_valid), .data_o(out), .count_o(out_count)
  );
  assign m_axis_cpl_tvalid = out_valid;
  assign m_axis_cpl_tdata  = {32'd0, out};
  assign empty_o           = !head_valid && !v1_q && !v2_q && !v3_q;
  assign done_o            = empty_o && !out_valid;
  assign id_valid_o        = id_ready_q;
  assign id_o              = id_q;

  always_ff @(posedge clk_i) begin
    if (v3_q && delete3) given_mem[given_wr_q[TABLE_LOG2-1:0]] <= flow3[TABLE_LOG2-1:0];
    given_q <= given_mem[given_rd_q[TABLE_LOG2-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      now_q <= '0;
      v1_q  <= 1'b0;
      v2_q  <= 1'b0;
      v3_q  <= 1'b0;
    end else begin
      now_q <= now_q + 7'd1;
      v1_q  <= pop;
      v2_q  <= v1_q;
      v3_q  <= v2_q;
    end
    if (!rst_ni || clear_i) begin
      fresh_q     <= '0;
      given_wr_q  <= '0;
      given_rd_q  <= '0;
      given_ok_q  <= 1'b0;
      id_valid_q  <= 1'b0;
      id_made_q   <= 1'b0;
      id_ready_q  <= 1'b0;
      preparing_q <= 1'b0;
    end else begin
      given_ok_q  <= given_wr_q != given_rd_q && !(prepare && !fresh_left);
      preparing_q <= prepare;
      id_made_q   <= id_valid_q && !id_take_i;
      id_ready_q  <= id_made_q && !id_take_i;       // prepared: three clocks later
      if (prepare)        id_valid_q <= 1'b1;
      else if (id_take_i) id_valid_q <= 1'b0;
      if (prepare && fresh_left)  fresh_q <= fresh_q + 1'b1;
      if (prepare && !fresh_left) given_rd_q <= given_rd_q + 1'b1;
      if (v3_q && delete3)        given_wr_q <= given_wr_q + 1'b1;
    end
    if (prepare) id_q <= next;
    e1_q <= head;
    e2_q <= e1_q;
    e3_q <= e2_q;
    if (v3_q && dump3) dump_count_o <= {time_ms_i, count_data_i};
  end

`ifndef SYNTHESIS
  initial assert (DRAIN < 64) else $fatal(1, "sl_retire: DRAIN is out of range");
  a_take: assert property (@(posedge clk_i) disable iff (!rst_ni) id_take_i |-> id_valid_o);
  // Clocks without a read are the ageing's (sl_age).
  a_read: assert property (@(posedge clk_i) disable iff (!rst_ni) count_read_o |-> count_fresh_o || (v1_q && e1_q[32]));
  a_clear_empty: assert property (@(posedge clk_i) disable iff (!rst_ni) clear_i |-> empty_o && !push_i);
`endif
endmodule
