// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_retire. Commands are executed in any order, deletes and looks of flows that are there; the id
// that is offered is taken with an insert. Any one id X is followed: when it was last to be found by a lookup, and
// whether a frame that found it may still be uncounted: for DRAIN clocks, or with EXACT while frames that had begun by
// then have not ended. Of all commands any one is followed to its completion.
`default_nettype none
module f_retire #(
  parameter int unsigned LOG2 = 2,
  parameter int unsigned DRAIN = 38,
  parameter int unsigned EXACT = 0,
  parameter int unsigned COUNT_W = 3
) (
  input wire logic            clk_i,
  input wire logic            clear_i,
  input wire logic            push_i,
  input wire logic            take_i,
  input wire logic [1:0]      op_i,
  input wire logic [7:0]      status_i,
  input wire logic [15:0]     tag_i,
  input wire logic            counted_i,
  input wire logic [LOG2-1:0] flow_i,
  input wire logic            begin_i,         // a frame is looked up
  input wire logic            end_i,           // a frame is counted
  input wire logic [31:0]     time_ms_i,
  input wire logic [159:0]    count_data_i,
  input wire logic            cpl_ready_i,
  input wire logic            mark_i           // the command to follow
);
  localparam int unsigned N = 1 << LOG2;
  localparam int unsigned QUEUE_LOG2 = 2;
  (* anyconst *) logic [LOG2-1:0] x;

  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic               room, empty, done, id_valid, read, fresh, last, cpl_valid;
  logic [LOG2-1:0]    id, index;
  logic [255:0]       cpl;
  logic [191:0]       dump;
  logic [COUNT_W-1:0] begun, begun_q, ended_q, flying;
  logic               clear, push, take, counted, permit, permit_q, idle_q;
  logic [7:0]         op;
  logic [LOG2-1:0]    flow;
  logic [N-1:0]       there_q;
  // Room is seen in this clock or in an earlier one since the last command. The table is cleared once all is done.
  assign permit  = room || permit_q;
  assign clear   = clear_i && idle_q;
  assign push    = rst_n && push_i && permit && !clear;
  assign take    = push && take_i && id_valid;
  assign flow    = take ? id : flow_i;
  assign counted = !take && counted_i && there_q[flow_i];
  assign op      = take ? sl_pkg::FLOW_OP_INSERT : op_i[0] ? (op_i[1] ? sl_pkg::FLOW_OP_DELETE : sl_pkg::FLOW_OP_DUMP)
                   : sl_pkg::FLOW_OP_QUERY;
  always_ff @(posedge clk_i) begin
    permit_q <= rst_n && permit && !push;
    idle_q   <= !rst_n || (empty && !push);
    for (int i = 0; i < N; i++) begin
      if (!rst_n || clear || (push && counted && op == sl_pkg::FLOW_OP_DELETE && flow == LOG2'(i))) there_q[i] <= 1'b0;
      else if (take && id == LOG2'(i)) there_q[i] <= 1'b1;
    end
  end

  // Frames: numbers, as sl_flight gives them.
  logic [COUNT_W-1:0] before_q;
  assign flying = begun_q - ended_q;
  assign begun  = begun_q + COUNT_W'(begin_i && flying < COUNT_W'((1 << (COUNT_W - 1)) - 1));
  always_ff @(posedge clk_i) begin
    begun_q <= rst_n ? begun : '0;
    ended_q <= rst_n ? ended_q + COUNT_W'(end_i && flying != '0) : '0;
  end

  localparam int unsigned W = EXACT != 0 ? COUNT_W : 7;
  localparam int unsigned ENTRY_W = 65, QUEUE = 1 << QUEUE_LOG2, OUT = 4;
  logic [(W+ENTRY_W)*QUEUE-1:0] queue;
  logic [QUEUE_LOG2:0]          queued;
  logic [224*OUT-1:0]           outs;
  logic [2:0]                   out_count;
  logic [LOG2*N-1:0]            givens;
  logic [LOG2:0]                fresh_at, given_wr, given_rd;
  logic [LOG2-1:0]              offer, given;
  logic                         queue_ok, outs_ok, has_offer, made, ready, preparing, has_given, v1, v2, v3;
  logic                         is_settled;
  logic [ENTRY_W-1:0]           e1, e2, e3;
  logic [6:0]                   now;
  logic [15:0]                  settle;
  sl_retire #(.TABLE_LOG2(LOG2), .DRAIN(DRAIN), .EXACT(EXACT), .QUEUE_LOG2(QUEUE_LOG2), .COUNT_W(COUNT_W)) u_dut (
    .clk_i, .rst_ni(rst_n), .clear_i(clear), .time_ms_i, .begun_i(begun), .ended_i(ended_q),
    .push_i(push), .op_i(op), .status_i, .tag_i, .counted_i(counted), .flow_i(32'(flow)),
    .room_o(room), .empty_o(empty), .done_o(done), .id_valid_o(id_valid), .id_o(id), .id_take_i(take),
    .count_read_o(read), .count_fresh_o(fresh), .count_last_o(last), .count_index_o(index),
    .count_data_i, .m_axis_cpl_tvalid(cpl_valid), .m_axis_cpl_tready(cpl_ready_i),
    .m_axis_cpl_tdata(cpl), .dump_count_o(dump), .f_settle_o(settle),
    .f_queue_o({queue_ok, queued, queue}), .f_outs_o({outs_ok, out_count, outs}),
    .f_state_o({is_settled, now, has_offer, made, ready, preparing, has_given, v3, v2, v1, e3, e2, e1, offer, given,
                fresh_at, given_wr, given_rd, givens})
  );

  // X: whether a frame that found it may be uncounted; whether its last look is to come; whether it was made new since.
  logic       gone, uncounted, owed_q, made_q, once_q, fresh_x, x_last, look_x;
  logic [6:0] since_q;               // clocks since a lookup could find it
  logic [1:0] soon_q;                // since it was made new
  assign gone      = clear || (push && counted && op == sl_pkg::FLOW_OP_DELETE && flow == x);
  assign fresh_x   = read && fresh && index == x;
  assign x_last    = read && last && index == x;
  assign look_x    = read && !fresh && index == x;
  assign uncounted = EXACT != 0 ? before_q != '0 : since_q < 7'(DRAIN);
  always_ff @(posedge clk_i) begin
    if (!rst_n || gone || there_q[x])  since_q <= '0;
    else if (since_q < 7'(DRAIN))      since_q <= since_q + 7'd1;
    if (!rst_n)                        before_q <= '0;
    else if (gone || there_q[x])       before_q <= begun - ended_q - COUNT_W'(end_i && flying != '0);
    else if (end_i && before_q != '0)  before_q <= before_q - 1'b1;
    if (!rst_n || clear || x_last)     owed_q <= 1'b0;
    else if (gone)                     owed_q <= 1'b1;
    if (!rst_n || clear || (take && id == x)) made_q <= 1'b0;
    else if (fresh_x)                         made_q <= 1'b1;
    if (!rst_n)                        once_q <= 1'b0;
    else if (x_last)                   once_q <= 1'b1;
    if (!rst_n || fresh_x)    soon_q <= 2'd2;
    else if (soon_q != '0)    soon_q <= soon_q - 2'd1;
  end

  // The command that is followed: how many are before it, and how many of them have a look at counters to come.
  logic            followed_q, looks_q, lookup_q, waits_q, is_it, mine;
  logic [4:0]      held_q, ahead_q, looks_held_q, looks_ahead_q;
  logic [159:0]    answer_q;
  logic            reads1_q, reads2_q;
  logic [7:0]      op_q;
  logic [7:0]      status_q;
  logic [15:0]     tag_q;
  logic            counted_q;
  logic [LOG2-1:0] flow_q;
  logic            taken, look;
  assign taken = cpl_valid && cpl_ready_i;
  assign look  = read && !fresh;
  assign mine  = followed_q && ahead_q == '0;
  assign is_it = followed_q && counted_q && looks_q && looks_ahead_q == '0 && look;
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      held_q       <= '0;
      looks_held_q <= '0;
      followed_q   <= 1'b0;
      looks_q      <= 1'b0;
    end else begin
      held_q       <= held_q + 5'(push) - 5'(taken);
      looks_held_q <= looks_held_q + 5'(push && counted) - 5'(look);
      if (push && mark_i && !followed_q) begin
        followed_q    <= 1'b1;
        looks_q       <= counted;
        ahead_q       <= held_q - 5'(taken);
        looks_ahead_q <= looks_held_q - 5'(look);
        op_q          <= op;
        status_q      <= status_i;
        tag_q         <= tag_i;
        counted_q     <= counted;
        flow_q        <= flow;
      end else begin
        if (taken) begin
          ahead_q <= ahead_q - 5'd1;
          if (mine) followed_q <= 1'b0;
        end
        if (look) begin
          looks_ahead_q <= looks_ahead_q - 5'd1;
          if (is_it) looks_q <= 1'b0;
        end
      end
    end
    reads1_q <= rst_n && is_it;
    reads2_q <= rst_n && reads1_q;
    if (reads2_q) begin
      answer_q <= {time_ms_i - count_data_i[159:128], count_data_i[127:0]};
    end
  end

  // Where ids are: each is at one place.
  logic [LOG2:0]        given_n;
  logic [N-1:0]         one;
  logic [QUEUE*N-1:0]   dies;              // entries of the queue are deletes of which
  logic [QUEUE-1:0]     dies_x, stamp_ok, looks_ok, looks_in, before;
  logic                 queue_x;
  assign given_n = given_wr - given_rd;
  assign queue_x = dies_x != '0;
  function automatic logic is_delete(input logic [ENTRY_W-1:0] e, input logic [LOG2-1:0] i);
    is_delete = e[32] && e[64:57] == sl_pkg::FLOW_OP_DELETE && e[31:0] == 32'(i);
  endfunction
  for (genvar k = 0; k < QUEUE; k++) begin : g_queue
    logic [ENTRY_W-1:0] entry;
    logic [W-1:0]       stamp, waited;
    logic               there;
    assign {stamp, entry} = queue[(W+ENTRY_W)*k +: W+ENTRY_W];
    assign looks_in[k] = there && entry[32];
    assign before[k]   = queue_at > 5'(k);
    assign there       = (QUEUE_LOG2+1)'(k) < queued;
    assign waited      = (EXACT != 0 ? W'(ended_q) : W'(now)) - stamp;
    assign dies_x[k]   = dies[N*k + 32'(x)];
    assign stamp_ok[k] = !dies_x[k] || (EXACT != 0 ? before_q == '0 || before_q == COUNT_W'(-waited)
                                        : since_q >= 7'(DRAIN) || waited == W'(since_q) + W'(1));
    // A look at X stands before its delete.
    assign looks_ok[k] = !there || !entry[32]
                         || (entry[31:LOG2] == '0 && (entry[31:0] != 32'(x) || there_q[x] || (dies_x >> k) != '0));
    for (genvar i = 0; i < N; i++) begin : g_id
      assign dies[N*k + i] = there && is_delete(entry, LOG2'(i));
    end
  end
  for (genvar i = 0; i < N; i++) begin : g_place
    logic [N-1:0]     given_i;
    logic [QUEUE-1:0] dies_i;
    logic [N+QUEUE+5:0] places;
    for (genvar k = 0; k < N; k++) begin : g_given
      assign given_i[k] = (LOG2+1)'(k) < given_n && givens[LOG2*k +: LOG2] == LOG2'(i);
    end
    for (genvar k = 0; k < QUEUE; k++) begin : g_dies
      assign dies_i[k] = dies[N*k + i];
    end
    assign places = {there_q[i], (LOG2+1)'(i) >= fresh_at, has_offer && offer == LOG2'(i),
                     v1 && is_delete(e1, LOG2'(i)),
                     v2 && is_delete(e2, LOG2'(i)), v3 && is_delete(e3, LOG2'(i)), given_i, dies_i};
    assign one[i] = places != '0 && (places & (places - 1'b1)) == '0;
  end

  // Where the command that is followed is: what stands before it in the queue, else in which step it is.
  logic [4:0]         queue_at, steps;
  logic               in_out, in_v3, in_v2, in_v1, in_queue;
  logic [223:0]       out_entry;
  logic [ENTRY_W-1:0] queue_entry, follow;
  logic [W-1:0]       queue_stamp;
  assign steps    = 5'(v1) + 5'(v2) + 5'(v3);
  assign in_out   = ahead_q < 5'(out_count);
  assign in_v3    = v3 && ahead_q == 5'(out_count);
  assign in_v2    = v2 && ahead_q == 5'(out_count) + 5'(v3);
  assign in_v1    = v1 && ahead_q == 5'(out_count) + 5'(v3) + 5'(v2);
  assign queue_at = ahead_q - 5'(out_count) - steps;
  assign in_queue = ahead_q >= 5'(out_count) + steps;
  assign follow   = {op_q, status_q, tag_q, counted_q, 32'(flow_q)};
  always_comb begin
    out_entry = '0;
    for (int k = 0; k < OUT; k++) if (ahead_q[1:0] == 2'(k)) out_entry = outs[224*k +: 224];
    {queue_stamp, queue_entry} = queue[0 +: W+ENTRY_W];
    for (int k = 1; k < QUEUE; k++)
      if (queue_at[QUEUE_LOG2-1:0] == QUEUE_LOG2'(k)) {queue_stamp, queue_entry} = queue[(W+ENTRY_W)*k +: W+ENTRY_W];
  end
  logic [159:0] answer;
  assign answer = counted_q && op_q != sl_pkg::FLOW_OP_DUMP ? answer_q : 160'd0;
  function automatic logic [4:0] ones(input logic [QUEUE-1:0] v);
    ones = '0;
    for (int k = 0; k < QUEUE; k++) ones = ones + 5'(v[k]);
  endfunction

  always_comb begin
    if (rst_n) begin
      ids:      assert ((!id_valid || (!there_q[id] && !(id == x && (owed_q || uncounted || !made_q || soon_q[1]))))
                        && (!(fresh_x || x_last) || (!there_q[x] && !uncounted && owed_q == x_last))
                        && (!(look_x || fresh_x) || soon_q == '0));
      seen_x:   assert (!(fresh_x && once_q));

      of_it:    assert (!is_it || index == flow_q);
      completes: assert (!cpl_valid || held_q != '0);
      answered: assert (!(cpl_valid && mine) || (!looks_q && cpl[63:0] == {op_q, status_q, tag_q, 32'(flow_q)}));
      reports:  assert (!(cpl_valid && mine) || cpl[223:64] == answer);

      held:     assert (held_q == 5'(queued) + steps + 5'(out_count) && (!followed_q || ahead_q < held_q)
                        && looks_held_q == ones(looks_in) + 5'(v1 && e1[32]));
      follows:  assert (!followed_q || (in_out ? out_entry == {answer, op_q, status_q, tag_q, 32'(flow_q)}
                                        : (in_v3 ? e3 : in_v2 ? e2 : in_v1 ? e1 : queue_entry) == follow));
      looked:   assert (!followed_q || (looks_q == (counted_q && (in_v1 || in_queue))
                                        && reads1_q == (counted_q && in_v2) && reads2_q == (counted_q && in_v3)
                                        && (!looks_q || looks_ahead_q == (in_v1 ? 5'd0 : ones(looks_in & before)
                                                                          + 5'(v1 && e1[32])))));
      unread:   assert (followed_q || (!looks_q && !reads1_q && !reads2_q));
      partition: assert (one == '1 && fresh_at <= (LOG2+1)'(N) && given_n <= (LOG2+1)'(N));
      fifos:    assert (queue_ok && outs_ok);
      stamped:  assert (stamp_ok == '1);
      looks:    assert (looks_ok == '1);
      owes:     assert (owed_q == (queue_x || (v1 && is_delete(e1, x))));
      reads:    assert (read == (fresh || (v1 && e1[32]))
                        && last == (v1 && e1[32] && e1[64:57] == sl_pkg::FLOW_OP_DELETE)
                        && !(fresh && v1) && (!read || index == (fresh ? offer : e1[LOG2-1:0])));
      narrow:   assert ((!v1 || !e1[32] || e1[31:LOG2] == '0) && (!v2 || !e2[32] || e2[31:LOG2] == '0)
                        && (!v3 || !e3[32] || e3[31:LOG2] == '0));
      gives:    assert (!has_given || (given_wr != given_rd && given == givens[0 +: LOG2]));
      waits:    assert (queue_x || there_q[x] || (is_settled ? !uncounted
                           : EXACT != 0 ? before_q == '0 || before_q == COUNT_W'(settle - 16'(ended_q))
                           : 7'(DRAIN) <= 7'(settle) + since_q));
      roomy:    assert ((!permit || queued <= (QUEUE_LOG2+1)'(QUEUE - 2))
                        && out_count + 3'(v1) + 3'(v2) + 3'(v3) <= 3'(OUT));
      offers:   assert ((!ready || made) && (!made || has_offer) && preparing == (has_offer && !made)
                        && fresh == preparing
                        && soon_q != 2'd3 && (!(has_offer && offer == x && made) || made_q)
                        && (!ready || !soon_q[1] || offer != x)
                        && (!soon_q[1] || !is_settled || (has_offer && offer == x && !ready)));
      resettles: assert (is_settled || (fresh_at == '0 && !has_offer));
      idle:     assert (!idle_q || (queued == '0 && !v1 && !v2 && !v3));
      flies:    assert (!flying[COUNT_W-1] && before_q <= flying);
      unsettled: assert (EXACT != 0 || is_settled == (settle == '0));
    end
  end
endmodule
