// SPDX-License-Identifier: BSD-3-Clause
// Flow queues (docs/device.md, 7): commands in batches of up to four from the rings to the flow table, completions
// back. The table finishes commands in the order it got them; a list beside it remembers whose they are:
//
//   ring ─► lines ─► command queue ─► (table) ─► DUMP: state to memory, acknowledged ─► completion
//              └────► list: queue, sq_head, address of a DUMP, dead (its queue has stopped meanwhile)
`default_nettype none
module sl_flowq #(
  parameter int unsigned N = 8,
  parameter int unsigned NL = 3
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  // To the table and back.
  output logic                   m_axis_cmd_tvalid,
  input  wire logic              m_axis_cmd_tready,
  output logic [1023:0]          m_axis_cmd_tdata,
  input  wire logic              s_axis_cpl_tvalid,
  output logic                   s_axis_cpl_tready,
  input  wire logic [255:0]      s_axis_cpl_tdata,
  input  wire logic [1023:0]     s_axis_cpl_state,
  // sl_queue.
  output logic [NL-1:0]          sel_o,
  input  wire logic [N-1:0]      en_all_i,
  input  wire logic [N-1:0]      ready_i,
  input  wire logic [63:0]       sq_addr_i,
  input  wire logic [14:0]       sq_head_i,
  input  wire logic [14:0]       sq_mask_i,
  input  wire logic [14:0]       pending_i,
  input  wire logic [14:0]       room_i,
  output logic                   consume_o,
  output logic [4:0]             consume_n_o,
  output logic                   fail_o,
  output logic [N-1:0]           active_o,
  output logic                   cpl_valid_o,
  input  wire logic              cpl_ready_i,
  output logic [NL-1:0]          cpl_queue_o,
  output logic [255:0]           cpl_data_o,
  // sl_dma_rd.
  output logic                   rd_valid_o,
  input  wire logic              rd_ready_i,
  output logic [63:0]            rd_addr_o,
  output logic [13:0]            rd_len_o,
  input  wire logic              rsp_valid_i,
  input  wire logic [511:0]      rsp_data_i,
  input  wire logic              rsp_last_i,
  input  wire logic              rsp_err_i,
  // sl_dma_wr.
  output logic                   wr_valid_o,
  input  wire logic              wr_ready_i,
  output logic [63:0]            wr_addr_o,
  output logic [13:0]            wr_len_o,
  output logic [7:0]             wr_avail_o,
  output logic [511:0]           wr_data_o,
  input  wire logic              wr_pop_i,
  input  wire logic [6:0]        wr_pop_n_i,
  input  wire logic              b_valid_i,
  input  wire logic              b_err_i,
  input  wire logic              pend_i,
  output logic                   busy_o
);
  localparam logic [2:0] IDLE = 3'd0, CTX = 3'd1, REQ = 3'd2, WAIT = 3'd3, PUSH = 3'd4;
  localparam logic [1:0] LOOK = 2'd0, DUMP = 2'd1, ACK = 2'd2, DONE = 2'd3;
  localparam int unsigned LIST_LOG2 = 4;
  localparam int unsigned LIST = 1 << LIST_LOG2;
  typedef logic [LIST_LOG2-1:0] at_t;

  // Fetching.
  logic [2:0]    state_q;
  logic [NL-1:0] sel_q, pick;
  logic          pick_valid, bad_q;
  (* mem2reg *) logic [4:0]    waiting_q [0:N-1];                // in the table, by queue
  logic [2:0]    batch, batch_q, line_q, push_q;
  logic [511:0]  line_even [0:3], line_odd [0:3];  // halves of the commands fetched
  logic [LIST_LOG2:0] head_q, tail_q, space;      // of the list
  logic [N-1:0] turn;
  sl_turn #(.N(N), .NL(NL)) u_turn (
    .clk_i, .rst_ni, .req_i(ready_i), .next_i(state_q == IDLE), .valid_o(pick_valid), .turn_o(turn), .index_o(pick)
  );
  assign sel_o = sel_q;
  assign space = (LIST_LOG2+1)'(LIST) - (head_q - tail_q);
  always_comb begin
    // Up to a multiple of 512 bytes: one burst, so that a page that is not mapped stops nothing before it.
    batch = 3'd4 - 3'(sq_head_i[1:0]);
    if (pending_i < 15'(batch)) batch = pending_i[2:0];
    if (room_i <= 15'(waiting_q[sel_q])) batch = '0;
    else if (room_i - 15'(waiting_q[sel_q]) < 15'(batch)) batch = 3'(room_i - 15'(waiting_q[sel_q]));
    if (space < (LIST_LOG2+1)'(batch)) batch = '0;
  end
  assign rd_valid_o  = state_q == REQ;
  assign rd_addr_o   = sq_addr_i + (64'(sq_head_i) << 7);
  assign rd_len_o    = 14'(batch_q) << 7;
  assign fail_o      = state_q == PUSH && bad_q;

  logic push, last_push;
  assign push        = state_q == PUSH && !bad_q && en_all_i[sel_q];
  assign last_push   = push_q + 3'd1 == batch_q;
  assign consume_o   = push;
  assign consume_n_o = 5'd1;

  logic        cmd_valid;
  logic [1023:0] cmd_next;
  logic [LIST_LOG2:0] cmds;
  assign cmd_next = {line_odd[push_q[1:0]], line_even[push_q[1:0]]};
  sl_fifo #(.W(1024), .LOG2(LIST_LOG2)) u_cmd (
    .clk_i, .rst_ni, .push_i(push), .data_i(cmd_next), .pop_i(m_axis_cmd_tvalid && m_axis_cmd_tready),
    .valid_o(cmd_valid), .data_o(m_axis_cmd_tdata), .count_o(cmds)
  );
  assign m_axis_cmd_tvalid = cmd_valid;

  // The list.
  (* mem2reg *) logic [NL-1:0] l_queue [0:LIST-1];
  logic [14:0]     l_next [0:LIST-1];
  logic [63:0]     l_iova [0:LIST-1];
  logic [LIST-1:0] dead_q;
  at_t             oldest;
  logic [NL-1:0]   o_queue;
  logic            finish;
  assign oldest  = tail_q[LIST_LOG2-1:0];
  assign o_queue = l_queue[oldest];

  // Finishing.
  logic [1:0]    done_q;
  logic          err_q, dumps, o_dead;
  logic [1023:0] state_data_q;
  logic [7:0]    status;
  assign o_dead = dead_q[oldest];
  assign dumps  = s_axis_cpl_tdata[63:56] == sl_pkg::FLOW_OP_DUMP && s_axis_cpl_tdata[55:48] == sl_pkg::STATUS_OK;
  assign wr_valid_o  = done_q == DUMP;
  assign wr_addr_o   = l_iova[oldest];
  assign wr_len_o    = 14'd128;
  assign wr_avail_o  = 8'd64;
  assign wr_data_o   = state_data_q[511:0];
  assign cpl_valid_o = done_q == DONE && s_axis_cpl_tvalid && !o_dead;
  assign cpl_queue_o = o_queue;
  assign status      = dumps && err_q ? sl_pkg::STATUS_DMA_ERROR : s_axis_cpl_tdata[55:48];
  assign cpl_data_o  = {16'd0, 1'b0, l_next[oldest], s_axis_cpl_tdata[223:56], status, s_axis_cpl_tdata[47:0]};
  assign finish      = done_q == DONE && s_axis_cpl_tvalid && (o_dead || cpl_ready_i);
  assign s_axis_cpl_tready = finish;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      done_q  <= LOOK;
      sel_q   <= '0;
      head_q  <= '0;
      tail_q  <= '0;
      dead_q  <= '0;
      for (int i = 0; i < N; i++) waiting_q[i] <= '0;
    end else begin
      case (state_q)
        IDLE: begin
          if (pick_valid) begin
            sel_q   <= pick;
            state_q <= CTX;
          end
        end
        CTX:  state_q <= batch == '0 ? IDLE : REQ;
        REQ:  if (rd_ready_i) state_q <= WAIT;
        WAIT: if (rsp_valid_i && rsp_last_i) state_q <= PUSH;
        PUSH: if (!push || last_push) state_q <= IDLE;
        default: state_q <= IDLE;
      endcase
      case (done_q)
        LOOK: if (s_axis_cpl_tvalid) done_q <= (dumps && !o_dead) ? DUMP : DONE;
        DUMP: if (wr_ready_i) done_q <= ACK;
        ACK:  if (!pend_i) done_q <= DONE;
        default: if (finish) done_q <= LOOK;
      endcase
      if (push) head_q <= head_q + 1'b1;
      if (finish) tail_q <= tail_q + 1'b1;
      for (int i = 0; i < LIST; i++) if (!en_all_i[l_queue[i]]) dead_q[i] <= 1'b1;
      if (push) dead_q[head_q[LIST_LOG2-1:0]] <= 1'b0;
      for (int i = 0; i < N; i++) begin
        if (!en_all_i[i]) waiting_q[i] <= '0;
        else waiting_q[i] <= waiting_q[i] + 5'(push && sel_q == NL'(i)) - 5'(finish && !o_dead && o_queue == NL'(i));
      end
    end
    if (state_q == CTX) begin
      batch_q <= batch;
      line_q  <= '0;
      push_q  <= '0;
      bad_q   <= 1'b0;
    end
    if (rsp_valid_i) begin
      if (line_q[0]) line_odd[line_q[2:1]] <= rsp_data_i;
      else           line_even[line_q[2:1]] <= rsp_data_i;
      line_q <= line_q + 3'd1;
      if (rsp_last_i && rsp_err_i) bad_q <= 1'b1;
    end
    if (push) begin
      push_q <= push_q + 3'd1;
      l_queue[head_q[LIST_LOG2-1:0]] <= sel_q;
      l_next[head_q[LIST_LOG2-1:0]]  <= (sq_head_i + 15'd1) & sq_mask_i;
      l_iova[head_q[LIST_LOG2-1:0]]  <= cmd_next[127:64];
    end
    if (done_q == LOOK) begin
      err_q <= 1'b0;
      if (s_axis_cpl_tvalid) state_data_q <= s_axis_cpl_state;
    end else if (wr_pop_i) begin
      state_data_q <= state_data_q >> {wr_pop_n_i, 3'b000};
    end
    if (b_valid_i && b_err_i) err_q <= 1'b1;
  end
  logic finishing;
  assign finishing = done_q == DUMP || done_q == ACK || (done_q == DONE && !o_dead);
  always_comb begin
    for (int i = 0; i < N; i++)
      active_o[i] = (state_q != IDLE && sel_q == NL'(i)) || (finishing && o_queue == NL'(i));
  end
  assign busy_o = state_q != IDLE || done_q != LOOK || ready_i != '0 || head_q != tail_q;

`ifndef SYNTHESIS
  a_list: assert property (@(posedge clk_i) disable iff (!rst_ni) push |-> space != '0);
  a_expected: assert property (@(posedge clk_i) disable iff (!rst_ni) s_axis_cpl_tvalid |-> head_q != tail_q);
  a_active: assert property (@(posedge clk_i) disable iff (!rst_ni) rd_valid_o || consume_o |-> active_o[sel_o]);
  a_dumped: assert property (@(posedge clk_i) disable iff (!rst_ni) cpl_valid_o |-> !pend_i);
`endif
endmodule
