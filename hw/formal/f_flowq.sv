// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_flowq. Two rings of eight entries are as sl_queue gives them: each starts only when nothing of it
// is under way, stops at any time, and says a clock late whether it has commands and room. Memory answers when it
// likes; the table takes commands and completes them in order, when it likes. Any one command is followed: it is
// in entry P of ring Q; what is written there changes from lap to lap.
`default_nettype none
module f_flowq #(
  parameter int unsigned LIST_LOG2 = 2,
  parameter int unsigned DATA_W = 8,          // of half a command
  parameter int unsigned ROOM = 7             // completions that a ring holds
) (
  input wire logic              clk_i,
  input wire logic [1:0]        start_i,
  input wire logic [1:0]        stop_i,
  input wire logic [1:0]        announce_i,
  input wire logic [1:0]        free_i,         // the host looks at a completion
  input wire logic              cpl_ready_i,
  input wire logic              rd_ready_i,
  input wire logic              rsp_i,
  input wire logic              rsp_err_i,
  input wire logic [DATA_W-1:0] other_i,        // what is in other entries
  input wire logic [2*DATA_W-1:0] data_i,
  input wire logic              cmd_ready_i,
  input wire logic              done_i,
  input wire logic [255:0]      done_data_i,
  input wire logic              wr_ready_i,
  input wire logic              ack_i,
  input wire logic              ack_err_i,
  input wire logic              mark_i
);
  localparam int unsigned LIST = 1 << LIST_LOG2;
  localparam logic [2:0] IDLE = 3'd0, CTX = 3'd1, REQ = 3'd2, WAIT = 3'd3, PUSH = 3'd4;
  localparam logic [1:0] LOOK = 2'd0, DUMP = 2'd1, ACK = 2'd2, DONE = 2'd3;
  (* anyconst *) logic       q;
  (* anyconst *) logic [2:0] p;

  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  // The rings: commands announced and not consumed, room for completions, the first command.
  logic [1:0]   en_q, ready_q, active;
  logic [5:0]   pend_q, room_q, head_q;
  logic         sel, consume, fail, cpl_valid, cpl_queue, taken, take0, take1;
  logic [4:0]   consume_n;
  logic [255:0] cpl;
  logic [2:0]   pend, room, head;
  assign taken = cpl_valid && cpl_ready_i;
  assign pend  = sel ? pend_q[5:3] : pend_q[2:0];
  assign room  = sel ? room_q[5:3] : room_q[2:0];
  assign head  = sel ? head_q[5:3] : head_q[2:0];
  for (genvar i = 0; i < 2; i++) begin : g_ring
    logic announce, free, eats, gets;
    assign announce = announce_i[i] && pend_q[3*i +: 3] != 3'd7;
    assign free     = free_i[i] && room_q[3*i +: 3] != 3'(ROOM);
    assign eats     = consume && sel == 1'(i);
    assign gets     = taken && cpl_queue == 1'(i);
    always_ff @(posedge clk_i) begin
      if (!rst_n)                                            en_q[i] <= 1'b0;
      else if (stop_i[i] || (fail && sel == 1'(i)))          en_q[i] <= 1'b0;
      else if (start_i[i] && !active[i])                     en_q[i] <= 1'b1;
      ready_q[i] <= rst_n && en_q[i] && pend_q[3*i +: 3] != '0 && room_q[3*i +: 3] != '0;
      pend_q[3*i +: 3] <= en_q[i] ? pend_q[3*i +: 3] + 3'(announce) - 3'(eats) : '0;
      room_q[3*i +: 3] <= en_q[i] ? room_q[3*i +: 3] + 3'(free) - 3'(gets) : 3'(ROOM);
      head_q[3*i +: 3] <= en_q[i] ? head_q[3*i +: 3] + 3'(eats) : '0;
    end
  end

  // A read is answered line by line. The followed entry has its own data, until it was consumed.
  logic                rd_valid, rsp_valid, reading_q, of_p, failed_q;
  logic [63:0]         rd_addr;
  logic [13:0]         rd_len;
  logic [3:0]          left_q, at_q;         // lines
  logic [2:0]          at_p;                 // of the entry followed: behind the head
  logic [2*DATA_W-1:0] data_q;
  assign rsp_valid = reading_q && rsp_i;
  assign at_p      = p - head;
  assign of_p      = sel == q && at_p == at_q[3:1];
  always_ff @(posedge clk_i) begin
    if (!rst_n) reading_q <= 1'b0;
    else if (rd_valid && rd_ready_i) reading_q <= 1'b1;
    else if (rsp_valid && left_q == 4'd1) reading_q <= 1'b0;
    if (!rst_n || (rd_valid && rd_ready_i)) failed_q <= 1'b0;
    else if (rsp_valid && left_q == 4'd1)   failed_q <= rsp_err_i;
    if (rd_valid && rd_ready_i) begin
      left_q <= rd_len[9:6];
      at_q   <= '0;
    end else if (rsp_valid) begin
      left_q <= left_q - 4'd1;
      at_q   <= at_q + 4'd1;
    end
    if (consume && sel == q && head == p) data_q <= data_i;
  end

  // The table: commands that it has, and the completion that it shows.
  logic                cmd_valid, s_ready, t_valid_q, accept, finish;
  logic [2*DATA_W-1:0] cmd;
  logic [LIST_LOG2:0]  table_q;
  logic [255:0]        t_data_q;
  assign accept = cmd_valid && cmd_ready_i;
  assign finish = t_valid_q && s_ready;
  always_ff @(posedge clk_i) begin
    table_q <= rst_n ? table_q + (LIST_LOG2+1)'(accept) - (LIST_LOG2+1)'(finish) : '0;
    if (!rst_n || finish) t_valid_q <= 1'b0;
    else if (!t_valid_q && done_i && table_q != '0) begin
      t_valid_q <= 1'b1;
      t_data_q  <= done_data_i;
    end
  end

  // The state of a DUMP: its write is acknowledged later.
  logic        wr_valid, ack, acking_q, wrote_q, bad_q, busy;
  logic [63:0] wr_addr;
  logic [13:0] wr_len;
  logic [7:0]  wr_avail;
  logic [DATA_W-1:0] wr_data;
  assign ack = acking_q && ack_i;
  always_ff @(posedge clk_i) begin
    if (!rst_n)                       acking_q <= 1'b0;
    else if (wr_valid && wr_ready_i)  acking_q <= 1'b1;
    else if (ack)                     acking_q <= 1'b0;
    wrote_q <= rst_n && !finish && (wrote_q || ack);
    bad_q   <= rst_n && !finish && (bad_q || (ack && ack_err_i));
  end

  logic [2:0]                   state, batch, line, pushed;
  logic [1:0]                   done;
  logic                         bad, err, cmds_ok;
  logic [9:0]                   waiting;
  logic [LIST_LOG2:0]           held, cmds;
  logic [2*DATA_W*LIST-1:0]     cmd_list, lines;
  logic [LIST-1:0]              dead, queues;     // of the list, oldest first
  logic [15*LIST-1:0]           nexts;
  logic [64*LIST-1:0]           iovas;
  sl_flowq #(.N(2), .NL(1)) u_dut (
    .clk_i, .rst_ni(rst_n), .m_axis_cmd_tvalid(cmd_valid), .m_axis_cmd_tready(cmd_ready_i), .m_axis_cmd_tdata(cmd),
    .s_axis_cpl_tvalid(t_valid_q), .s_axis_cpl_tready(s_ready), .s_axis_cpl_tdata(t_data_q), .s_axis_cpl_state('0),
    .sel_o(sel), .en_all_i(en_q), .ready_i(ready_q & en_q),
    .sq_addr_i('0), .sq_head_i({12'd0, head}), .sq_mask_i(15'd7),
    .pending_i(en_q[sel] ? {12'd0, pend} : 15'd0), .room_i(en_q[sel] ? {12'd0, room} : 15'd0), .consume_o(consume),
    .consume_n_o(consume_n), .fail_o(fail), .active_o(active), .cpl_valid_o(cpl_valid), .cpl_ready_i,
    .cpl_queue_o(cpl_queue), .cpl_data_o(cpl), .rd_valid_o(rd_valid), .rd_ready_i, .rd_addr_o(rd_addr),
    .rd_len_o(rd_len),
    .rsp_valid_i(rsp_valid), .rsp_data_i(of_p ? (at_q[0] ? data_q[2*DATA_W-1:DATA_W] : data_q[DATA_W-1:0]) : other_i),
    .rsp_last_i(left_q == 4'd1), .rsp_err_i, .wr_valid_o(wr_valid), .wr_ready_i, .wr_addr_o(wr_addr), .wr_len_o(wr_len),
    .wr_avail_o(wr_avail), .wr_data_o(wr_data), .wr_pop_i(1'b0), .wr_pop_n_i('0), .b_valid_i(ack), .b_err_i(ack_err_i),
    .pend_i(acking_q), .busy_o(busy), .f_cmds_o({cmds_ok, cmds, cmd_list}),
    .f_state_o({state, batch, line, pushed, done, bad, err, waiting, held, dead, queues, nexts, iovas, lines})
  );

  // The command that is followed: how many are before it, and whether its ring lives on.
  logic                followed_q, lives_q, mine;
  logic [LIST_LOG2:0]  ahead_q;
  logic [2:0]          next_q;
  logic [2*DATA_W-1:0] its_q;
  assign mine = followed_q && ahead_q == '0;
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      followed_q <= 1'b0;
    end else if (consume && mark_i && !followed_q && sel == q && head == p) begin
      followed_q <= 1'b1;
      lives_q    <= 1'b1;
      ahead_q    <= held - (LIST_LOG2+1)'(finish);
      next_q     <= head + 3'd1;
      its_q      <= data_q;
    end else begin
      if (!en_q[q]) lives_q <= 1'b0;
      if (finish) begin
        ahead_q <= ahead_q - 1'b1;
        if (mine) followed_q <= 1'b0;
      end
    end
  end

  // What the completions of a ring are that are owed to it.
  logic [2:0]        todo, owed0, owed1, own;
  logic [LIST_LOG2-1:0] at;
  logic [2:0]        k;
  logic              dumped, fetching, lines_ok;
  logic [15:0]       entry;
  assign todo     = batch - pushed;
  assign fetching = state == REQ || state == WAIT || state == PUSH;
  assign dumped   = t_data_q[63:56] == sl_pkg::FLOW_OP_DUMP && t_data_q[55:48] == sl_pkg::STATUS_OK;
  always_comb begin
    {owed0, owed1} = '0;
    for (int i = 0; i < LIST; i++) begin
      if ((LIST_LOG2+1)'(i) < held && !dead[i]) begin
        if (queues[i]) owed1 = owed1 + 3'd1;
        else           owed0 = owed0 + 3'd1;
      end
    end
    k        = at_p + pushed;          // its place among the lines
    lines_ok = 1'b1;
    for (int i = 0; i < 4; i++) begin
      if (k == 3'(i)) begin
        lines_ok = (state == PUSH || 4'(2*i) >= at_q || lines[2*DATA_W*i +: DATA_W] == data_q[DATA_W-1:0])
                   && (state == PUSH || 4'(2*i + 1) >= at_q
                       || lines[2*DATA_W*i + DATA_W +: DATA_W] == data_q[2*DATA_W-1:DATA_W])
                   && (state != PUSH || lines[2*DATA_W*i +: 2*DATA_W] == data_q);
      end
    end
  end
  assign at  = LIST_LOG2'(ahead_q);
  assign own = 3'(ahead_q - table_q);

  always_comb begin
    if (rst_n) begin
      within:   assert ((!consume || (en_q[sel] && pend != '0 && consume_n == 5'd1 && !failed_q))
                        && (!(rd_valid && en_q[sel]) || (rd_addr == {54'd0, head, 7'd0} && rd_len[6:0] == '0
                                                         && rd_len[13:7] != '0 && rd_len[13:7] <= 7'(pend)
                                                         && 7'(head[1:0]) + rd_len[13:7] <= 7'd4))
                        && (!(fetching && en_q[sel]) || active[sel]));
      has_room: assert (!cpl_valid || (t_valid_q && held != '0
                                       && (!en_q[cpl_queue] || (cpl_queue ? room_q[5:3] : room_q[2:0]) != '0)));
      in_order: assert ((!(cmd_valid && followed_q && ahead_q == table_q) || cmd == its_q)
                        && (!(mine && t_valid_q && s_ready) || (taken == lives_q))
                        && (!(mine && cpl_valid) || (lives_q && cpl_queue == q && cpl[239:224] == {13'd0, next_q}
                                                     && cpl[223:56] == t_data_q[223:56]
                                                     && cpl[47:0] == t_data_q[47:0])));
      dumps:    assert ((!cpl_valid || (cpl[55:48] == (dumped && bad_q ? sl_pkg::STATUS_DMA_ERROR : t_data_q[55:48])
                                        && (!dumped || wrote_q)))
                        && (!(wr_valid && mine) || (dumped && wr_addr == 64'(its_q[7:4]) && wr_len == 14'd128)));
      seen_cpl: assert (!(mine && taken && next_q == 3'd1));

      held_ok:  assert (held <= (LIST_LOG2+1)'(LIST) && cmds_ok && held == table_q + cmds && table_q <= held);
      shows:    assert (!t_valid_q || table_q != '0);
      waits:    assert ((en_q[0] ? waiting[4:0] == 5'(owed0) && owed0 <= room_q[2:0] : 1'b1)
                        && (en_q[1] ? waiting[9:5] == 5'(owed1) && owed1 <= room_q[5:3] : 1'b1));
      batches:  assert (!fetching || (batch != '0 && batch <= 3'd4 && pushed < batch && (state == PUSH || pushed == '0)
                                      && 4'(held) + 4'(todo) <= 4'(LIST)));
      in_pend:  assert (!(fetching && en_q[sel]) || (todo <= pend && 4'(head[1:0]) + 4'(todo) <= 4'd4
                                                     && 4'(todo) + 4'(sel ? owed1 : owed0) <= 4'(room)));
      reads:    assert (reading_q == (state == WAIT) && (!reading_q || (left_q != '0 && at_q < {batch, 1'b0}
                                                                        && left_q + at_q == {batch, 1'b0}
                                                                        && line == at_q[2:0]))
                        && (state != PUSH || failed_q == bad)
                        && (state == PUSH || !fetching || !bad) && (state != WAIT || !failed_q)
                        && (state != REQ || line == '0) && state <= PUSH);
      has_line: assert (!((state == WAIT || state == PUSH) && en_q[sel] && sel == q && at_p < todo) || lines_ok);
      follows:  assert (!followed_q || (ahead_q < held && queues[at] == q && dead[at] == !lives_q
                                        && nexts[15*at +: 15] == {12'd0, next_q}
                                        && iovas[64*at +: 64] == 64'(its_q[7:4])
                                        && (ahead_q < table_q
                                            || cmd_list[2*DATA_W*own[LIST_LOG2-1:0] +: 2*DATA_W] == its_q)));
      finishes: assert ((done == LOOK || t_valid_q) && (!acking_q || done == ACK)
                        && (done != DUMP || (!wrote_q && !bad_q && !err)) && (done != ACK || acking_q != wrote_q)
                        && (done != LOOK || (!wrote_q && !bad_q)) && (!(done == DUMP || done == ACK) || dumped)
                        && (done == LOOK || err == bad_q)
                        && (done != DONE || !dumped || dead[0] || wrote_q));
    end
  end
endmodule
