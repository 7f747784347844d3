// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_desc. Two rings of 2 to 16 descriptors as sl_queue gives them: each starts only when nothing of
// it is under way, and stops at any time. Memory answers reads in order, line by line, when it likes; the engine looks
// where it likes and uses what is here. Of ring Q the host announces no entry that is not used yet; the other ring's
// tail is anything at any time. Any one descriptor of Q is followed, from its fetch until it is used.
// A line has 2 descriptors, a block 4, and 8 of a ring are kept; a descriptor has 2 bits.
`default_nettype none
module f_desc #(
  parameter int unsigned KEEP_LOG2 = 3
) (
  input wire logic       clk_i,
  input wire logic [1:0] start_i,
  input wire logic [1:0] stop_i,
  input wire logic [4:0] announce_i,
  input wire logic [4:0] other_tail_i,
  input wire logic       rd_ready_i,
  input wire logic       rsp_i,
  input wire logic       rsp_err_i,
  input wire logic [3:0] rsp_data_i,
  input wire logic       look_i,
  input wire logic [4:0] look_n_i,
  input wire logic       use_i,
  input wire logic [4:0] use_n_i,
  input wire logic       mark_i,
  input wire logic [1:0] mark_at_i
);
  localparam int unsigned KEEP = 1 << KEEP_LOG2;
  localparam int unsigned BLOCK = 4;
  localparam int unsigned LINE = 2;
  (* anyconst *) logic       q;
  (* anyconst *) logic [1:0] size0, size1;

  function automatic logic [4:0] mask(input logic [1:0] size);
    mask = (5'd2 << size) - 5'd1;
  endfunction

  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  // The rings.
  logic [1:0] en_q, active, haves, came;
  logic [4:0] its_mask, its_tail_q;
  logic       lives;
  assign its_mask = mask(q ? size1 : size0);
  assign lives    = en_q[q];
  always_ff @(posedge clk_i) begin
    for (int i = 0; i < 2; i++) begin
      if (!rst_n || stop_i[i])              en_q[i] <= 1'b0;
      else if (start_i[i] && !active[i])    en_q[i] <= 1'b1;
    end
  end

  // Memory: reads that wait for their answer, oldest first.
  logic        rd_valid, asked, rsp_valid, rsp_last, fetch, more, d_err, d_flag, d_big, d_iova, used, busy;
  logic [63:0] rd_addr;
  logic [13:0] rd_len, d_len;
  logic [1:0]  reads_q;                  // how many
  logic        queue0_q, queue1_q;
  logic [4:0]  at0_q, at1_q;
  logic [2:0]  left0_q, left1_q, rd_n, here;
  logic [4:0]  rd_at, index;
  logic [KEEP_LOG2:0] have;
  assign asked     = rd_valid && rd_ready_i;
  assign rd_at     = rd_addr[8:4];
  assign rd_n      = rd_len[6:4];
  assign rsp_valid = rsp_i && reads_q != '0;
  assign here      = left0_q < (at0_q[0] ? 3'd1 : 3'd2) ? left0_q : (at0_q[0] ? 3'd1 : 3'd2);
  assign rsp_last  = here == left0_q;
  always_ff @(posedge clk_i) begin
    reads_q <= rst_n ? reads_q + 2'(asked) - 2'(rsp_valid && rsp_last) : '0;
    if (rsp_valid) begin
      left0_q <= left0_q - here;
      at0_q   <= at0_q + 5'(here);
    end
    if (rsp_valid && rsp_last) {queue0_q, at0_q, left0_q} <= {queue1_q, at1_q, left1_q};
    if (asked) begin
      if (reads_q == 2'(rsp_valid && rsp_last)) {queue0_q, at0_q, left0_q} <= {fetch, rd_at, rd_n};
      else                                      {queue1_q, at1_q, left1_q} <= {fetch, rd_at, rd_n};
    end
  end

  // What is announced and not fetched, fetched and not here, here and not used.
  logic [4:0] unfetched_q, coming_q, here_q, use_q, announced, gone, arrives, fetched, at;
  logic       its_read, its_line, its_use;
  assign its_read  = asked && fetch == q;
  assign its_line  = rsp_valid && queue0_q == q;
  assign its_use   = used && look_i == q;
  assign announced = 6'(unfetched_q) + 6'(coming_q) + 6'(here_q) + 6'(announce_i) <= 6'(its_mask) ? announce_i : 5'd0;
  assign fetched   = its_read ? 5'(rd_n) : 5'd0;
  assign arrives   = its_line ? 5'(here) : 5'd0;
  assign gone      = its_use ? use_n_i : 5'd0;
  assign at        = (its_tail_q - unfetched_q) & its_mask;      // of the next one to fetch
  assign used      = use_i && (!en_q[look_i] || use_n_i <= 5'(have));
  always_ff @(posedge clk_i) begin
    if (!rst_n || !lives) begin
      {unfetched_q, here_q, use_q, its_tail_q} <= '0;
      coming_q <= '0;
    end else begin
      its_tail_q  <= (its_tail_q + announced) & its_mask;
      unfetched_q <= unfetched_q + announced - fetched;
      coming_q    <= coming_q + fetched - arrives;
      here_q      <= here_q + arrives - gone;
      use_q       <= (use_q + gone) & its_mask;
    end
  end

  // The descriptor that is followed: how many have to come before it, and how many to be used.
  logic       followed_q, came_q, err_q, looked_q, holds, now;
  logic [1:0] data_q;
  logic [4:0] before_come_q, before_use_q;
  assign now   = followed_q && !came_q && its_line && before_come_q < arrives;
  assign holds = followed_q && came_q && lives;
  always_ff @(posedge clk_i) begin
    if (!rst_n || !lives) begin
      followed_q <= 1'b0;
      came_q     <= 1'b0;
    end else if (its_read && mark_i && !followed_q && 3'(mark_at_i) < rd_n) begin
      followed_q    <= 1'b1;
      came_q        <= 1'b0;
      before_come_q <= coming_q + 5'(mark_at_i) - arrives;
      before_use_q  <= coming_q + here_q + 5'(mark_at_i) - gone;
    end else if (followed_q) begin
      before_come_q <= before_come_q - arrives;
      before_use_q  <= before_use_q - gone;
      if (now) came_q <= 1'b1;
      if (before_use_q < gone) followed_q <= 1'b0;
    end
    if (now) begin
      data_q <= before_come_q == '0 ? rsp_data_i[1:0] : rsp_data_i[3:2];
      err_q  <= rsp_err_i;
    end
    looked_q <= rst_n && holds && look_i == q && look_n_i == before_use_q;
  end

  logic        rd_q, of_q;
  logic [77:0] ask_q;
  always_ff @(posedge clk_i) begin
    rd_q  <= rst_n && rd_valid && !rd_ready_i && en_q[fetch];
    ask_q <= {rd_addr, rd_len};
  end

  logic [10:0] fly;
  logic [43:0] queues;
  logic [47:0] kept;
  logic [1:0]  turn, state;
  logic        pick, sel;
  logic [4:0]  n;
  logic [KEEP_LOG2-1:0] off;
  sl_desc #(.N(2), .NL(1), .KEEP_LOG2(KEEP_LOG2)) u_dut (
    .clk_i, .rst_ni(rst_n), .en_all_i(en_q), .tail_all_i(q ? {its_tail_q, other_tail_i} : {other_tail_i, its_tail_q}),
    .fetch_o(fetch), .fetch_addr_i({54'd0, fetch, 9'd0}), .fetch_mask_i(mask(fetch ? size1 : size0)),
    .rd_valid_o(rd_valid), .rd_ready_i, .rd_addr_o(rd_addr), .rd_len_o(rd_len), .rsp_valid_i(rsp_valid),
    .rsp_data_i, .rsp_bytes_i({here, 4'd0}), .rsp_last_i(rsp_last), .rsp_err_i, .look_i,
    .look_mask_i(mask(look_i ? size1 : size0)), .look_n_i, .look_index_o(index), .look_have_o(have), .look_more_o(more),
    .desc_err_o(d_err), .desc_flag_o(d_flag), .desc_big_o(d_big), .desc_len_o(d_len), .desc_iova_o(d_iova),
    .use_valid_i(used), .use_n_i, .have_all_o(haves), .came_o(came), .active_o(active), .busy_o(busy),
    .f_fly_o(fly), .f_queues_o(queues), .f_mem_o(kept), .f_state_o({turn, pick, sel, state, n, off})
  );


  // The oldest read of Q, the one after it, and how much of them is to come.
  localparam logic [1:0] IDLE = 2'd0, CTX = 2'd1, REQ = 2'd2;
  logic       has0, has1, f_ok;
  logic [1:0] f_count, reads0, reads1;
  logic [3:0] f_0, f_1, my_ahead, my_have, fly0, fly1;
  logic [4:0] my_use, my_fetch, next, all_mask, place;
  assign {f_ok, f_count, f_1, f_0} = fly;
  assign {my_ahead, my_have, my_use, my_fetch} = q ? queues[39:22] : queues[17:0];
  assign fly0     = queues[21:18];
  assign fly1     = queues[43:40];
  assign has0     = reads_q != '0 && queue0_q == q;
  assign has1     = reads_q[1] && queue1_q == q;
  assign reads0   = 2'(reads_q != '0 && !queue0_q) + 2'(reads_q[1] && !queue1_q);
  assign reads1   = 2'(reads_q != '0 && queue0_q) + 2'(reads_q[1] && queue1_q);
  assign next     = (use_q + here_q) & its_mask;       // to come next
  assign all_mask = mask(sel ? size1 : size0);
  assign of_q     = sel == q && lives;
  assign place    = (use_q + before_use_q) & its_mask;
  always_comb begin
    if (rst_n) begin
      fetches: assert ((!(rd_valid && of_q) || (rd_at == at && rd_n != '0 && 5'(rd_n) <= unfetched_q
                          && 6'(rd_n) + 6'(coming_q) + 6'(here_q) <= 6'(KEEP)
                          && 4'(rd_at[1:0]) + 4'(rd_n) <= 4'(BLOCK)))
                       && (!(look_i == q && lives) || (5'(have) == here_q && index == use_q
                           && more == (unfetched_q != '0 || coming_q != '0))));
      in_ring: assert ((!rd_valid || (rd_addr[63:9] == {54'd0, fetch} && rd_addr[3:0] == '0 && rd_len[13:7] == '0
                                      && rd_len[3:0] == '0 && rd_n != '0 && active[fetch]
                                      && 6'(rd_at) + 6'(rd_n) <= 6'(all_mask) + 6'd1))
                       && (!rd_q || (rd_valid && (!en_q[fetch] || ask_q == {rd_addr, rd_len})))
                       && (reads_q == '0 || active[queue0_q]) && (!reads_q[1] || active[queue1_q]));
      as_read: assert (!looked_q || {d_err, d_flag, d_iova} == {err_q, data_q});
      seen_used: assert (!(looked_q && index == 5'd1 && before_use_q == '0));

      turns:   assert (turn == (pick ? 2'b10 : 2'b01) && state <= REQ);
      flights: assert (f_ok && f_count == reads_q && reads_q <= 2'd2 && fly0 == 4'(reads0) && fly1 == 4'(reads1)
                       && (reads_q == '0 ? off == '0 : f_0[3] == queue0_q
                             && at0_q[KEEP_LOG2-1:0] == f_0[KEEP_LOG2-1:0] + off
                             && left0_q != '0 && off < 3'(BLOCK)
                             && 4'(f_0[1:0]) + 4'(left0_q) + 4'(off) <= 4'(BLOCK) && (off == '0 || !at0_q[0]))
                       && (!reads_q[1] || (f_1[3] == queue1_q && at1_q[KEEP_LOG2-1:0] == f_1[KEEP_LOG2-1:0]
                                           && left1_q != '0 && 4'(at1_q[1:0]) + 4'(left1_q) <= 4'(BLOCK)))
                       && (state != REQ || f_count != 2'd2) && (state != CTX || f_count != 2'd2));
      counted: assert (!lives || (6'(unfetched_q) + 6'(coming_q) + 6'(here_q) <= 6'(its_mask)
                       && my_fetch == at && my_use == use_q && 5'(my_have) == here_q
                       && 5'(my_ahead) == here_q + coming_q
                       && its_tail_q == ((use_q + here_q + coming_q + unfetched_q) & its_mask)
                       && use_q <= its_mask
                       && 6'(here_q) + 6'(coming_q) <= 6'(KEEP)
                       && coming_q == (has0 ? 5'(left0_q) : 5'd0) + (has1 ? 5'(left1_q) : 5'd0)
                       && (!has0 || (at0_q == next && 6'(at0_q) + 6'(left0_q) <= 6'(its_mask) + 6'd1))
                       && (!has1 || (at1_q == ((next + (has0 ? 5'(left0_q) : 5'd0)) & its_mask)
                                     && 6'(at1_q) + 6'(left1_q) <= 6'(its_mask) + 6'd1))));
      asking:  assert ((state == IDLE || !of_q || (state == REQ ? 5'(n) <= unfetched_q
                          && 6'(n) + 6'(here_q) + 6'(coming_q) <= 6'(KEEP) : here_q + coming_q <= 5'(KEEP - BLOCK)))
                       && (state != REQ || (n != '0 && n <= 5'(BLOCK) && 6'(n) <= 6'(all_mask) + 6'd1)));
      shapes:  assert ((queues[4:0] & ~mask(size0)) == '0 && (queues[26:22] & ~mask(size1)) == '0
                       && (state != REQ || 6'(sel ? queues[26:22] : queues[4:0]) + 6'(n) <= 6'(all_mask) + 6'd1)
                       && (state != REQ || 6'(sel ? queues[23:22] : queues[1:0]) + 6'(n) <= 6'(BLOCK)));
      placed:  assert (!followed_q || (came_q ? before_use_q < here_q
                         && kept[3*{q, place[KEEP_LOG2-1:0]} +: 3] == {err_q, data_q}
                         : before_come_q < coming_q && before_use_q == here_q + before_come_q));
    end
  end
endmodule
