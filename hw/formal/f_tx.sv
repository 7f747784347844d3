// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_tx. Emit looks at emit_room_o four clocks before its beat arrives, and pauses inside a frame
// for want of room only (as sl_emit); the host gives its beats when it likes, while there was room for three. The
// MAC is ready when it likes. Bit 0 of the data says who sent a beat. The queues themselves are f_ram_fifo's; here:
// what is pushed fits, and what leaves a queue is the next beat on the wire, once and unchanged.
`default_nettype none
module f_tx #(
  parameter int unsigned EMIT_LOG2 = 4,
  parameter int unsigned HOST_LOG2 = 2
) (
  input wire logic clk_i,
  input wire logic emit_go_i,
  input wire logic emit_last_i,
  input wire logic [6:0] emit_data_i,
  input wire logic host_go_i,
  input wire logic host_last_i,
  input wire logic [6:0] host_data_i,
  input wire logic ready_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic         emit_room, host_room, valid, last, cut, event_sent, busy;
  logic [511:0] data;
  logic [63:0]  keep;
  logic [15:0]  event_len;

  // Emit's four registers.
  logic       go, emit_mid_q, host;
  logic [3:0] go_q, go_last_q;
  assign go   = emit_room && (emit_mid_q || emit_go_i);
  assign host = host_go_i && host_room && rst_n;
  always_ff @(posedge clk_i) begin
    go_q      <= rst_n ? {go_q[2:0], go} : '0;
    go_last_q <= {go_last_q[2:0], emit_last_i};
    if (!rst_n)  emit_mid_q <= 1'b0;
    else if (go) emit_mid_q <= !emit_last_i;
  end

  sl_tx #(.EMIT_LOG2(EMIT_LOG2), .HOST_LOG2(HOST_LOG2)) u_dut (
    .clk_i, .rst_ni(rst_n), .por_ni(rst_n), .emit_valid_i(go_q[3]), .emit_data_i({504'd0, emit_data_i, 1'b0}),
    .emit_bytes_i(7'd64), .emit_last_i(go_last_q[3]), .emit_room_o(emit_room), .host_valid_i(host),
    .host_data_i({504'd0, host_data_i, 1'b1}), .host_keep_i('1), .host_last_i, .host_room_o(host_room),
    .m_axis_tvalid(valid), .m_axis_tready(ready_i), .m_axis_tdata(data), .m_axis_tkeep(keep), .m_axis_tlast(last),
    .m_axis_tuser(cut),
    .event_o(event_sent), .event_len_o(event_len), .busy_o(busy)
  );

  // The wire's side: which frame is under way.
  logic mid_q, source_q, source, sent;
  assign source = data[0];
  assign sent   = valid && ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_n)    mid_q <= 1'b0;
    else if (sent) mid_q <= !last;
    if (sent) source_q <= source;
  end

  // A side waits while its queue shows an entry (which it does one clock after a commit: f_ram_fifo, prompt) that is
  // not taken. Meanwhile at most one frame of the other side may start. (hierconn: flatten joins these to u_dut's own.)
  (* hierconn *) logic [EMIT_LOG2:0] \u_dut.emit_free ;
  (* hierconn *) logic [HOST_LOG2:0] \u_dut.host_free ;
  (* hierconn *) logic               \u_dut.e_valid ;
  (* hierconn *) logic               \u_dut.h_valid ;
  (* hierconn *) logic               \u_dut.in_valid_q ;
  (* hierconn *) logic               \u_dut.take ;
  (* hierconn *) logic               \u_dut.use_host ;
  (* hierconn *) logic               \u_dut.mid_q ;
  (* hierconn *) logic               \u_dut.e_last ;
  (* hierconn *) logic               \u_dut.h_last ;
  (* hierconn *) logic               \u_dut.e_pop ;
  (* hierconn *) logic               \u_dut.h_pop ;
  (* hierconn *) logic [511:0]       \u_dut.e_data ;
  (* hierconn *) logic [511:0]       \u_dut.h_data ;
  (* hierconn *) logic               \u_dut.in_last_q ;
  (* hierconn *) logic [511:0]       \u_dut.in_data_q ;
  (* hierconn *) logic [EMIT_LOG2:0] \u_dut.u_emit.wr_q , \u_dut.u_emit.commit_q ;
  (* hierconn *) logic [EMIT_LOG2:0] \u_dut.u_emit.rd_q , \u_dut.u_emit.rd_next_q ;
  (* hierconn *) logic               \u_dut.u_emit.read_q , \u_dut.u_emit.some_q ;
  (* hierconn *) logic [HOST_LOG2:0] \u_dut.u_host.wr_q , \u_dut.u_host.commit_q ;
  (* hierconn *) logic [HOST_LOG2:0] \u_dut.u_host.rd_q , \u_dut.u_host.rd_next_q ;
  (* hierconn *) logic               \u_dut.u_host.read_q , \u_dut.u_host.some_q ;
  logic       starts, emit_waits, host_waits;
  logic [1:0] emit_turns_q, host_turns_q;
  assign starts     = \u_dut.take && !\u_dut.mid_q ;
  assign emit_waits = \u_dut.e_valid && !(\u_dut.take && !\u_dut.use_host );
  assign host_waits = \u_dut.h_valid && !(\u_dut.take && \u_dut.use_host );
  always_ff @(posedge clk_i) begin
    if (!rst_n || !host_waits) host_turns_q <= '0;
    else if (starts)           host_turns_q <= host_turns_q + 2'd1;
    if (!rst_n || !emit_waits) emit_turns_q <= '0;
    else if (starts)           emit_turns_q <= emit_turns_q + 2'd1;
  end

  logic mid_sent_q, held_q, held_last_q;
  logic [511:0] held_data_q;
  always_ff @(posedge clk_i) begin
    mid_sent_q    <= rst_n && sent && !last;
    held_q        <= rst_n && valid && !ready_i;
    held_last_q   <= last;
    held_data_q   <= data;
  end

  // What was taken from a queue in the last clock, and what the host gave.
  logic         e_pop_q, h_pop_q, e_last_q, h_last_q, host_was_q, host_last_q;
  logic [511:0] e_data_q, h_data_q, host_data_q;
  always_ff @(posedge clk_i) begin
    e_pop_q     <= rst_n && \u_dut.e_pop ;
    h_pop_q     <= rst_n && \u_dut.h_pop ;
    e_last_q    <= \u_dut.e_last ;
    h_last_q    <= \u_dut.h_last ;
    e_data_q    <= \u_dut.e_data ;
    h_data_q    <= \u_dut.h_data ;
    host_was_q  <= host;
    host_last_q <= host_last_i;
    host_data_q <= {504'd0, host_data_i, 1'b1};
  end

  // The queues' own account (f_ram_fifo).
  localparam int unsigned E = EMIT_LOG2 + 1, H = HOST_LOG2 + 1;
  logic [EMIT_LOG2:0] e_inside, e_ready;
  logic [HOST_LOG2:0] h_inside, h_ready;
  assign e_inside = \u_dut.u_emit.wr_q - \u_dut.u_emit.rd_q ;
  assign e_ready  = \u_dut.u_emit.commit_q - \u_dut.u_emit.rd_q ;
  assign h_inside = \u_dut.u_host.wr_q - \u_dut.u_host.rd_q ;
  assign h_ready  = \u_dut.u_host.commit_q - \u_dut.u_host.rd_q ;

  // Emit's frame is not complete behind place i on the way to the queue; mid[4]: behind what is in the queue. Where a
  // beat is missing meanwhile, the queue had no room: it has enough to last.
  logic               tail_q;
  logic [4:0]         mid;
  logic [EMIT_LOG2:0] e_total;
  always_ff @(posedge clk_i) begin
    if (!rst_n)       tail_q <= 1'b0;
    else if (go_q[3]) tail_q <= !go_last_q[3];
  end
  always_comb begin
    mid[4] = tail_q;
    for (int i = 3; i >= 0; i--) mid[i] = go_q[i] ? !go_last_q[i] : mid[i+1];
  end
  assign e_total = e_ready + E'(\u_dut.e_valid );

  always_comb begin
    if (rst_n) begin
      e_full: assert (mid[0] == emit_mid_q && e_ready == e_inside
                      && (!emit_mid_q || emit_room || \u_dut.emit_free <= E'(8)));
      e_gap:  assert ((!mid[1] || go_q[0] || e_total >= E'(6)) && (!mid[2] || go_q[1] || e_total >= E'(5))
                      && (!mid[3] || go_q[2] || e_total >= E'(4)) && (!mid[4] || go_q[3] || e_total >= E'(3)));
      e_tail: assert (!\u_dut.e_valid || !tail_q || e_total >= E'(2));
      e_book: assert (e_ready <= e_inside && \u_dut.u_emit.some_q == (e_ready != '0)
                      && \u_dut.u_emit.rd_next_q == \u_dut.u_emit.rd_q + 1'b1 && e_inside <= E'(1 << EMIT_LOG2)
                      && \u_dut.emit_free == E'(1 << EMIT_LOG2) - e_inside - E'(\u_dut.u_emit.read_q ));
      h_book: assert (h_ready <= h_inside && \u_dut.u_host.some_q == (h_ready != '0)
                      && \u_dut.u_host.rd_next_q == \u_dut.u_host.rd_q + 1'b1 && h_inside <= H'(1 << HOST_LOG2)
                      && \u_dut.host_free == H'(1 << HOST_LOG2) - h_inside - H'(\u_dut.u_host.read_q ));
      e_room: assert (\u_dut.emit_free >= E'(go_q[0]) + E'(go_q[1]) + E'(go_q[2]) + E'(go_q[3])
                      && (!emit_room || \u_dut.emit_free >= E'(7)));
      h_room: assert (\u_dut.host_free >= H'(\u_dut.in_valid_q ) && (!host_room || \u_dut.host_free >= H'(2)));
      no_interleave: assert (!(valid && mid_q) || source == source_q);
      no_pause:   assert (!mid_sent_q || valid);
      stable:     assert (!held_q || (valid && last == held_last_q && data == held_data_q));
      emit_next:  assert (!e_pop_q || (valid && !h_pop_q && data == e_data_q && last == e_last_q));
      host_next:  assert (!h_pop_q || (valid && !e_pop_q && data == h_data_q && last == h_last_q));
      only_those: assert (!valid || held_q || e_pop_q || h_pop_q);
      no_empty_pop: assert (!(\u_dut.e_pop && !\u_dut.e_valid ) && !(\u_dut.h_pop && !\u_dut.h_valid ));
      host_in:    assert (\u_dut.in_valid_q == host_was_q
                          && (!host_was_q || (\u_dut.in_last_q == host_last_q && \u_dut.in_data_q == host_data_q)));
      emit_fits:  assert (!go_q[3] || \u_dut.emit_free != '0);
      host_fits:  assert (!\u_dut.in_valid_q || \u_dut.host_free != '0);
      work:       assert (!((\u_dut.e_valid || \u_dut.h_valid ) && !\u_dut.mid_q && (!valid || ready_i))
                          || \u_dut.take );
      emit_wait:  assert (emit_turns_q <= 2'd1);
      host_wait:  assert (host_turns_q <= 2'd1);
    end
  end
endmodule
