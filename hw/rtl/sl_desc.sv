// SPDX-License-Identifier: BSD-3-Clause
// Descriptors of the rx or the tx queues, fetched ahead: up to 128 of each queue wait here, so that a frame does not
// wait for the memory to say where it lies. A ring is read in blocks of up to 16 descriptors that do not cross a
// multiple of 16, so each is one burst and never wraps.
//
//   announced (tail) ── fetch_q ── arrived ── use_q ── used by the engine
//                      └──── ahead_q ─────────┘
//                            └── have_q ──────┘
//
// An entry whose block could not be read is marked: the engine stops the queue when it needs it, not before. What was
// fetched is forgotten when the queue stops.
`default_nettype none
module sl_desc #(
  parameter int unsigned N = 16,
  parameter int unsigned NL = 4,
  parameter int unsigned KEEP_LOG2 = 7      // log2 of the descriptors kept of a queue
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  // sl_queue.
  input  wire logic [N-1:0]      en_all_i,
  input  wire logic [15*N-1:0]   tail_all_i,
  output logic [NL-1:0]          fetch_o,          // queue whose ring follows
  input  wire logic [63:0]       fetch_addr_i,
  input  wire logic [14:0]       fetch_mask_i,
  // sl_dma_rd.
  output logic                   rd_valid_o,
  input  wire logic              rd_ready_i,
  output logic [63:0]            rd_addr_o,
  output logic [13:0]            rd_len_o,
  input  wire logic              rsp_valid_i,
  input  wire logic [511:0]      rsp_data_i,
  input  wire logic [6:0]        rsp_bytes_i,
  input  wire logic              rsp_last_i,
  input  wire logic              rsp_err_i,
  // The engine looks at one descriptor, n behind the first not used; it has it in the next clock.
  input  wire logic [NL-1:0]     look_i,
  input  wire logic [14:0]       look_mask_i,
  input  wire logic [4:0]        look_n_i,
  output logic [14:0]            look_index_o,     // of the first not used
  output logic [KEEP_LOG2:0]     look_have_o,
  output logic                   look_more_o,      // announced, and not yet here
  output logic                   desc_err_o,
  output logic                   desc_flag_o,      // bit 96
  output logic                   desc_big_o,       // a length of 16384 or more
  output logic [13:0]            desc_len_o,
  output logic [63:0]            desc_iova_o,
  input  wire logic              use_valid_i,      // of the queue looked at
  input  wire logic [4:0]        use_n_i,
  output logic [N-1:0]           have_all_o,       // something is here
  output logic [N-1:0]           came_o,           // something has just come
  output logic [N-1:0]           active_o,         // reads under way
  output logic                   busy_o
);
  localparam int unsigned KEEP = 1 << KEEP_LOG2;
  localparam int unsigned BLOCK = 16;
  localparam int unsigned ENTRY_W = 81;
  localparam int unsigned FLY_LOG2 = 3;
  localparam logic [1:0] IDLE = 2'd0, CTX = 2'd1, REQ = 2'd2;
  typedef logic [KEEP_LOG2:0] count_t;

  (* mem2reg *) logic [14:0]   fetch_q [0:N-1], use_q [0:N-1];
  (* mem2reg *) logic [KEEP_LOG2:0] ahead_q [0:N-1], have_q [0:N-1];
  (* mem2reg *) logic [3:0]    fly_q [0:N-1];                   // blocks under way

  // Fetching: the next queue with something announced and room for a block.
  logic [1:0]    state_q;
  logic [NL-1:0] sel_q, pick;
  logic          pick_valid, asked;
  logic [N-1:0]  want;
  logic [14:0]   at, tail, rest;
  logic [4:0]    n, n_q;
  logic [FLY_LOG2:0] flying;
  always_comb begin
    for (int i = 0; i < N; i++)
      want[i] = en_all_i[i] && fetch_q[i] != tail_all_i[15*i +: 15] && ahead_q[i] <= (KEEP_LOG2+1)'(KEEP - BLOCK);
    tail = '0;
    for (int i = 0; i < N; i++) if (sel_q == NL'(i)) tail = tail_all_i[15*i +: 15];
  end
  logic [N-1:0] turn;
  sl_turn #(.N(N), .NL(NL)) u_turn (
    .clk_i, .rst_ni, .req_i(want), .next_i(state_q == IDLE && (!pick_valid || !flying[FLY_LOG2])), .valid_o(pick_valid),
    .turn_o(turn), .index_o(pick)
  );
  assign fetch_o = sel_q;
  assign at      = fetch_q[sel_q];
  assign rest    = (tail - at) & fetch_mask_i;
  always_comb begin
    n = 5'(BLOCK) - 5'(at[3:0]);
    if (fetch_mask_i == 15'd7) n = 5'd8 - 5'(at[2:0]);
    if (rest < 15'(n)) n = rest[4:0];
  end
  assign rd_valid_o = state_q == REQ;
  assign rd_addr_o  = fetch_addr_i + (64'(at) << 4);
  assign rd_len_o   = 14'(n_q) << 4;
  assign asked      = rd_valid_o && rd_ready_i;

  // Arriving, in the order asked for.
  logic              fly_valid, live;
  logic [NL-1:0]     f_queue;
  logic [KEEP_LOG2-1:0] f_at, at_now;
  logic [KEEP_LOG2-1:0] off_q;
  logic [2:0]        came_n;
  sl_fifo #(.W(NL + KEEP_LOG2), .LOG2(FLY_LOG2)) u_fly (
    .clk_i, .rst_ni, .push_i(asked), .data_i({sel_q, at[KEEP_LOG2-1:0]}), .pop_i(rsp_valid_i && rsp_last_i),
    .valid_o(fly_valid), .data_o({f_queue, f_at}), .count_o(flying)
  );
  assign at_now = f_at + off_q;
  assign came_n = 3'(rsp_bytes_i >> 4);
  assign live   = rsp_valid_i && en_all_i[f_queue];

  // Four lanes of descriptors: a line of the ring is a line here.
  logic [14:0]           look_at;
  logic [NL+KEEP_LOG2-3:0] wr_line, rd_line;
  logic [1:0]            lane_q;
  logic [4*ENTRY_W-1:0]  lanes;
  logic [ENTRY_W-1:0]    entry;
  assign look_at = (use_q[look_i] + 15'(look_n_i)) & look_mask_i;
  assign wr_line = {f_queue, at_now[KEEP_LOG2-1:2]};
  assign rd_line = {look_i, look_at[KEEP_LOG2-1:2]};
  for (genvar k = 0; k < 4; k++) begin : g_lane
    logic [ENTRY_W-1:0] mem [0:(N<<(KEEP_LOG2-2))-1];
    logic [1:0]         j;
    logic [127:0]       d;
    logic [ENTRY_W-1:0] out_q;
    assign j = 2'(k) - at_now[1:0];
    assign d = rsp_data_i[128*j +: 128];
    always_ff @(posedge clk_i) begin
      if (rsp_valid_i && {1'b0, j} < came_n)
        mem[wr_line] <= {rsp_err_i, d[96], d[95:78] != '0, d[77:64], d[63:0]};
      out_q <= mem[rd_line];
    end
    assign lanes[ENTRY_W*k +: ENTRY_W] = out_q;
  end
  assign entry = lanes[ENTRY_W*lane_q +: ENTRY_W];
  assign {desc_err_o, desc_flag_o, desc_big_o, desc_len_o, desc_iova_o} = entry;

  assign look_index_o = use_q[look_i];
  assign look_have_o  = have_q[look_i];
  logic [14:0] look_tail;
  always_comb begin
    look_tail = '0;
    for (int i = 0; i < N; i++) if (look_i == NL'(i)) look_tail = tail_all_i[15*i +: 15];
  end
  assign look_more_o = fetch_q[look_i] != look_tail || ahead_q[look_i] != have_q[look_i];

  always_ff @(posedge clk_i) begin
    lane_q <= look_at[1:0];
    if (state_q == CTX) n_q <= n;
    if (!rst_ni) begin
      state_q <= IDLE;
      sel_q   <= '0;
      off_q   <= '0;
      for (int i = 0; i < N; i++) begin
        fetch_q[i] <= '0;
        use_q[i]   <= '0;
        ahead_q[i] <= '0;
        have_q[i]  <= '0;
        fly_q[i]   <= '0;
      end
    end else begin
      case (state_q)
        IDLE: begin
          if (pick_valid && !flying[FLY_LOG2]) begin
            sel_q   <= pick;
            state_q <= CTX;
          end
        end
        CTX:     state_q <= en_all_i[sel_q] && n != '0 ? REQ : IDLE;
        default: if (rd_ready_i) state_q <= IDLE;
      endcase
      if (rsp_valid_i) off_q <= rsp_last_i ? '0 : off_q + KEEP_LOG2'(came_n);
      for (int i = 0; i < N; i++) begin
        fly_q[i] <= fly_q[i] + 4'(asked && sel_q == NL'(i))
                    - 4'(rsp_valid_i && rsp_last_i && f_queue == NL'(i));
        if (!en_all_i[i]) begin
          fetch_q[i] <= '0;
          use_q[i]   <= '0;
          ahead_q[i] <= '0;
          have_q[i]  <= '0;
        end else begin
          if (asked && sel_q == NL'(i)) fetch_q[i] <= (at + 15'(n_q)) & fetch_mask_i;
          if (use_valid_i && look_i == NL'(i)) use_q[i] <= (use_q[i] + 15'(use_n_i)) & look_mask_i;
          ahead_q[i] <= ahead_q[i] + ((asked && sel_q == NL'(i)) ? (KEEP_LOG2+1)'(n_q) : '0)
                        - ((use_valid_i && look_i == NL'(i)) ? (KEEP_LOG2+1)'(use_n_i) : '0);
          have_q[i]  <= have_q[i] + ((live && f_queue == NL'(i)) ? (KEEP_LOG2+1)'(came_n) : '0)
                        - ((use_valid_i && look_i == NL'(i)) ? (KEEP_LOG2+1)'(use_n_i) : '0);
        end
      end
    end
  end
  always_comb begin
    for (int i = 0; i < N; i++) begin
      have_all_o[i] = have_q[i] != '0;
      came_o[i]     = live && f_queue == NL'(i);
      active_o[i]   = fly_q[i] != '0 || (state_q != IDLE && sel_q == NL'(i));
    end
  end
  assign busy_o = state_q != IDLE || want != '0 || fly_valid;

`ifndef SYNTHESIS
  logic [KEEP_LOG2:0] l_have;
  assign l_have = have_q[look_i];
  a_expected: assert property (@(posedge clk_i) disable iff (!rst_ni) rsp_valid_i |-> fly_valid);
  a_block: assert property (@(posedge clk_i) disable iff (!rst_ni)
    rsp_valid_i && !rsp_last_i |-> 7'(at_now[1:0]) + 7'(came_n) == 7'd4);
  a_used: assert property (@(posedge clk_i) disable iff (!rst_ni)
    use_valid_i && en_all_i[look_i] |-> (KEEP_LOG2+1)'(use_n_i) <= l_have);
`endif
endmodule
