// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_adminq. The ring is as sl_queue gives it, of four entries: it starts only when nothing of it is
// under way, stops at any time, and says a clock late whether it has a command and room. The memory answers a read in
// four beats, the core looks, answers and restarts when it likes, and the host interface is reset at any time.
`default_nettype none
module f_adminq (
  input wire logic         clk_i,
  input wire logic         reset_i,
  input wire logic         restart_i,
  input wire logic         serving_i,
  input wire logic         look_i,
  input wire logic         answer_i,
  input wire logic         start_i,
  input wire logic         stop_i,
  input wire logic         announce_i,
  input wire logic         consume_i,
  input wire logic         cpl_ready_i,
  input wire logic         rd_ready_i,
  input wire logic         rsp_i,
  input wire logic [511:0] rsp_data_i,
  input wire logic         rsp_err_i
);
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  // The ring: commands announced and not consumed, room for completions, the first command.
  logic          en_q, ready_q, consume, fail, active, cpl_valid, taken, rd_valid, busy, pending, done;
  logic [1:0]    pend_q, room_q, head_q;
  logic [2047:0] cpl;
  logic [63:0]   rd_addr;
  logic [13:0]   rd_len;
  logic          announce, give;
  assign taken    = cpl_valid && cpl_ready_i;
  assign announce = en_q && announce_i && pend_q != 2'd3;
  assign give     = en_q && consume_i && room_q != 2'd3;
  always_ff @(posedge clk_i) begin
    if (!rst_n)                         en_q <= 1'b0;
    else if (reset_i || stop_i || fail) en_q <= 1'b0;
    else if (start_i && !active)        en_q <= 1'b1;
    ready_q <= rst_n && en_q && pend_q != '0 && room_q != '0;
    if (!en_q) begin
      pend_q <= '0;
      room_q <= 2'd3;
      head_q <= '0;
    end else begin
      pend_q <= pend_q + 2'(announce) - 2'(consume);
      room_q <= room_q + 2'(give) - 2'(taken);
      head_q <= head_q + 2'(consume);
    end
  end

  // A read is answered in four beats.
  logic       rsp_valid, reading_q;
  logic       failed_q;            // the read that has just ended
  logic [1:0] beat_q;
  assign rsp_valid = reading_q && rsp_i;
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      reading_q <= 1'b0;
      beat_q    <= '0;
      failed_q  <= 1'b0;
    end else begin
      failed_q  <= rsp_valid && beat_q == 2'd3 && rsp_err_i;
      if (rd_valid && rd_ready_i) reading_q <= 1'b1;
      else if (rsp_valid && beat_q == 2'd3) reading_q <= 1'b0;
      if (rsp_valid) beat_q <= beat_q + 2'd1;
    end
  end

  logic [31:0] req_word, rsp_word;
  sl_adminq u_dut (
    .clk_i, .rst_ni(rst_n), .reset_i, .restart_i, .serving_i, .index_i('0), .req_read_i(look_i),
    .req_word_o(req_word), .rsp_word_o(rsp_word), .rsp_write_i(1'b0), .rsp_data_i('0), .answer_i, .pending_o(pending),
    .done_o(done),
    .en_i(en_q), .ready_i(ready_q && en_q), .sq_addr_i('0), .sq_head_i({13'd0, head_q}), .consume_o(consume),
    .fail_o(fail), .active_o(active), .cpl_valid_o(cpl_valid), .cpl_ready_i, .cpl_data_o(cpl), .rd_valid_o(rd_valid),
    .rd_ready_i, .rd_addr_o(rd_addr), .rd_len_o(rd_len), .rd_rsp_valid_i(rsp_valid), .rd_rsp_data_i(rsp_data_i),
    .rd_rsp_last_i(beat_q == 2'd3), .rd_rsp_err_i(rsp_err_i), .busy_o(busy)
  );

  // The command that is owed a completion: of this life of the ring, with its id, and whether the core has answered.
  logic        open_q, answered_q, read_q;
  logic        once_q;             // a command has been completed
  logic [15:0] id_q, read_id_q;
  always_ff @(posedge clk_i) begin
    if (rsp_valid && beat_q == '0) read_id_q <= rsp_data_i[31:16];
    if (!rst_n || !en_q || reset_i) open_q <= 1'b0;
    else if (consume)               open_q <= 1'b1;
    else if (taken)                 open_q <= 1'b0;
    if (consume) id_q <= read_id_q;
    answered_q <= rst_n && en_q && !reset_i && !consume && !taken
                  && (answered_q || (open_q && (answer_i || restart_i)));
    if (!rst_n)     once_q <= 1'b0;
    else if (taken) once_q <= 1'b1;
    read_q <= rst_n && rd_valid && !rd_ready_i;
  end

  // The core has looked at a command that it has not answered; nobody has one, and yet none is fetched.
  logic       work_q;
  logic [2:0] idle_q;
  always_ff @(posedge clk_i) begin
    work_q <= rst_n && !answer_i && !restart_i && (work_q || (look_i && pending));
    idle_q <= rst_n && en_q && ready_q && serving_i && !active && !pending && !work_q && !cpl_valid
              ? idle_q + 3'(idle_q != 3'd7) : '0;
  end

  always_comb begin
    if (rst_n) begin
      one:        assert (!consume || (!open_q && !cpl_valid));
      owed:       assert (!cpl_valid || (en_q && open_q && answered_q));
      answers:    assert (!(en_q && open_q && answered_q) || cpl_valid);
      of_it:      assert (!cpl_valid || (cpl[47:32] == id_q && cpl[78:64] == {13'd0, head_q}));
      announced:  assert (!(rd_valid && en_q) || (pend_q != '0 && rd_addr == {54'd0, head_q, 8'd0}));
      consumes:   assert (!consume || (en_q && pend_q != '0));
      has_room:   assert (!cpl_valid || room_q != '0);
      keeps:      assert (!read_q || rd_valid);
      under_way:  assert (!(rd_valid || reading_q) || active);
      stops:      assert (fail == failed_q);
      prompt:     assert (idle_q <= 3'd3);
      seen_cpl:   assert (!(once_q && taken));
    end
  end
endmodule
