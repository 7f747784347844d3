// SPDX-License-Identifier: BSD-3-Clause
// Stage table's other half (docs/datapath.md, 6): the engine that executes flow commands, one at a time, and clears the
// table after a reset or a new epoch. It hashes with a unit of its own (half a round per clock) and uses the memories'
// second port, so that no packet waits for it.
//
//   IDLE ─► HASH ─► READ ─► COMPARE ─► JUDGE ─┬─ present ─► RECORD / DRAIN ─► COUNT ─► DONE
//                                  └─ insert ──► free slot ──────────────► RECORD ─► COUNT (zero) ─► SLOT ─► DONE
//                                            └─► both full: TRY 8 residents: MOVE (copy), then SLOT (overwrite)
//
// An inserted flow's record and counters are in place before its slot is. A deleted flow's slot goes first; then the
// engine waits until every frame that still found it has been counted (DRAIN) before it reads the last counters and
// gives the id back.
`default_nettype none
module sl_command #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned BUCKET_LOG2 = TABLE_LOG2 - 3,
  parameter int unsigned SLOT_W = 320 + TABLE_LOG2 + BUCKET_LOG2 + 9,
  parameter int unsigned SLOT_S = 384,      // as in sl_table
  parameter int unsigned DRAIN = 32         // clocks from a lookup to its count, at least
) (
  input  wire logic                   clk_i,
  input  wire logic                   rst_ni,
  input  wire logic [127:0]           seed_i,
  input  wire logic [7:0]             epoch_i,
  input  wire logic [31:0]            time_ms_i,
  input  wire logic                   clear_i,     // forget everything
  output logic                        clearing_o,
  output logic [31:0]                 occupancy_o,
  output logic [31:0]                 moves_o,
  output logic [31:0]                 refused_o,
  // Commands and completions: structures flow_cmd, flow_cpl, flow_state.
  input  wire logic                   s_axis_cmd_tvalid,
  output logic                        s_axis_cmd_tready,
  input  wire logic [1023:0]          s_axis_cmd_tdata,
  output logic                        m_axis_cpl_tvalid,
  input  wire logic                   m_axis_cpl_tready,
  output logic [255:0]                m_axis_cpl_tdata,
  output logic [1023:0]               m_axis_cpl_state,
  // sl_table's second port.
  output logic                        slot_read_o,
  output logic [7:0]                  slot_write_o,
  output logic [BUCKET_LOG2-1:0]      bucket0_o,
  output logic [BUCKET_LOG2-1:0]      bucket1_o,
  output logic [SLOT_W-1:0]           slot_o,
  input  wire logic [8*SLOT_S-1:0]    slots_i,
  output logic                        record_read_o,
  output logic                        record_write_o,
  output logic                        key_write_o,
  output logic [TABLE_LOG2-1:0]       flow_o,
  output logic [511:0]                record_o,
  output logic [319:0]                key_o,
  input  wire logic [511:0]           record_i,
  input  wire logic [319:0]           key_i,
  // Counters of a flow: read, or zero with last-seen now. count_data_i: last seen (32), bytes (64), packets (64).
  output logic                        count_req_o,
  output logic                        count_clear_o,
  output logic [TABLE_LOG2-1:0]       count_flow_o,
  input  wire logic                   count_ack_i,
  input  wire logic [159:0]           count_data_i,
  output logic                        busy_o
);
  localparam logic [4:0] CLEAR = 5'd0, IDLE = 5'd1, HASH = 5'd2, READ = 5'd3, COMPARE = 5'd4, JUDGE = 5'd5, TAKE = 5'd6,
    TRY = 5'd7, TRY_READ = 5'd8, TRY_WAIT = 5'd9, TRY_JUDGE = 5'd10, RECORD = 5'd11, ZERO = 5'd12, MOVE = 5'd13,
    SLOT = 5'd14, REPLACE = 5'd15, REMOVE = 5'd16, DRAINING = 5'd17, COUNT = 5'd18, RELEASE = 5'd19, DUMP = 5'd20,
    DUMP_WAIT = 5'd21, DUMP_KEEP = 5'd22, DONE = 5'd23;

  logic [4:0]    state_q;
  logic [1023:0] cmd_q;
  logic [7:0]    op;
  logic [319:0]  cmd_key;
  assign op      = cmd_q[sl_pkg::FLOW_CMD_OPCODE_LSB +: 8];
  assign cmd_key = cmd_q[sl_pkg::FLOW_CMD_KEY_LSB +: 320];

  // Hash: one half round per clock on the words that are left.
  function automatic logic [255:0] first(input logic [255:0] s, input logic [63:0] m, input logic [63:0] f);
    logic [63:0] v0, v1, v2, v3, a, b;
    v0 = s[63:0];
    v1 = s[127:64];
    v2 = s[191:128] ^ f;
    v3 = s[255:192] ^ m;
    a = v0 + v1;
    b = v2 + v3;
    first = {{v3[47:0], v3[63:48]} ^ b, b, {v1[50:0], v1[63:51]} ^ a, {a[31:0], a[63:32]}};
  endfunction

  function automatic logic [255:0] second(input logic [255:0] s, input logic [63:0] m);
    logic [63:0] v0, v1, v2, v3, a, b;
    v0 = s[63:0];
    v1 = s[127:64];
    v2 = s[191:128];
    v3 = s[255:192];
    a = v2 + v1;
    b = v0 + v3;
    second = {{v3[42:0], v3[63:43]} ^ b, {a[31:0], a[63:32]}, {v1[46:0], v1[63:47]} ^ a, b ^ m};
  endfunction

  logic [319:0] words_q;
  logic [255:0] sip_q;
  logic [3:0]   round_q;     // as in sl_hash: 0-4 words, 5 length, 6-8 the end
  logic         half_q, v6_q;
  logic [63:0]  m, hash_q, hash;
  logic         last_word;
  assign m = round_q < 4'd5 ? words_q[63:0] : round_q == 4'd5 ? {v6_q ? 8'd40 : 8'd16, 56'd0} : 64'd0;
  assign last_word = round_q == (v6_q ? 4'd4 : 4'd1);
  assign hash = sip_q[63:0] ^ sip_q[127:64] ^ sip_q[191:128] ^ sip_q[255:192];

  logic [BUCKET_LOG2-1:0] bucket0, bucket1;
  assign bucket0 = hash_q[BUCKET_LOG2-1:0];
  assign bucket1 = hash_q[32 +: BUCKET_LOG2];

  // The buckets' slots once read: which are taken, which is the key.
  logic [7:0]            taken, same, taken_q, same_q;
  logic [TABLE_LOG2-1:0] same_id;
  always_comb begin
    same_id = '0;
    taken = '0;
    same = '0;
    // (Written so that nothing is compared while nothing was read.)
    if (state_q == COMPARE || state_q == TRY_WAIT || state_q == JUDGE) begin
      for (int s = 0; s < 8; s++) begin
        taken[s] = slots_i[s*SLOT_S + SLOT_W - 1] && slots_i[s*SLOT_S + SLOT_W - 9 +: 8] == epoch_i;
        same[s]  = taken[s] && slots_i[s*SLOT_S +: 320] == cmd_key;
        if (same_q[s]) same_id = slots_i[s*SLOT_S + 320 +: TABLE_LOG2];
      end
    end
  end

  function automatic logic [2:0] ones(input logic [3:0] x);
    ones = 3'(x[0]) + 3'(x[1]) + 3'(x[2]) + 3'(x[3]);
  endfunction
  function automatic logic [1:0] lowest_free(input logic [3:0] used);
    lowest_free = !used[0] ? 2'd0 : !used[1] ? 2'd1 : !used[2] ? 2'd2 : 2'd3;
  endfunction

  // Free flow ids: fresh ones first (0, 1, 2, ...), then those given back, in that order.
  logic [TABLE_LOG2:0]   fresh_q;
  logic [TABLE_LOG2:0]   given_wr_q, given_rd_q;
  (* ram_style = "ultra" *) logic [TABLE_LOG2-1:0] given_mem [0:(1<<TABLE_LOG2)-1];
  logic [TABLE_LOG2-1:0] given_q, id_q, id_d;
  logic                  fresh_left, id_left;
  assign fresh_left = !fresh_q[TABLE_LOG2];
  assign id_left    = fresh_left || given_wr_q != given_rd_q;
  assign id_d       = fresh_left ? fresh_q[TABLE_LOG2-1:0] : given_q;

  // Which ids are in use, for DUMP; eight to a word, so that clearing takes as long as the slots'.
  logic [7:0]             live_mem [0:(1<<BUCKET_LOG2)-1];
  logic [7:0]             live_q;
  logic [BUCKET_LOG2-1:0] walk_q;
  logic                   live_write;
  logic [7:0]             live_d;

  logic [2:0]             slot_q;        // bank and way the new key gets
  logic [2:0]             try_q;         // resident being tried
  logic                   move_q;
  logic [SLOT_W-1:0]      moved_q;       // its slot
  logic [2:0]             to_q;          // where it goes
  logic [5:0]             wait_q;
  logic [7:0]             status_q;
  logic [31:0]            cpl_flow_q;
  logic [63:0]            packets_q, bytes_q;
  logic [31:0]            idle_q;
  logic [1023:0]          dump_q;
  logic                   clear_q;
  logic [31:0]            occupancy_q, moves_q, refused_q;
  logic [BUCKET_LOG2-1:0] alt;
  logic [3:0]             alt_used;

  assign alt      = moved_q[320 + TABLE_LOG2 +: BUCKET_LOG2];
  assign alt_used = try_q[2] ? taken_q[3:0] : taken_q[7:4];   // a resident of bank 1 looks at bank 0

  always_comb begin
    slot_read_o    = state_q == READ || state_q == TRY_READ;
    slot_write_o   = 8'd0;
    bucket0_o      = bucket0;
    bucket1_o      = bucket1;
    slot_o         = {1'b1, epoch_i, slot_q[2] ? bucket0 : bucket1, id_q, cmd_key};
    record_read_o  = state_q == DUMP;
    record_write_o = state_q == RECORD || state_q == REPLACE;
    key_write_o    = state_q == RECORD;
    flow_o         = id_q;
    record_o       = cmd_q[sl_pkg::FLOW_CMD_RECORD_LSB +: 512];
    key_o          = cmd_key;
    count_req_o    = state_q == ZERO || state_q == COUNT;
    count_clear_o  = state_q == ZERO;
    count_flow_o   = id_q;
    live_write     = 1'b0;
    live_d         = live_q;
    case (state_q)
      CLEAR: begin
        slot_write_o = 8'hff;
        bucket0_o    = walk_q;
        bucket1_o    = walk_q;
        slot_o       = '0;
        live_write   = 1'b1;
        live_d       = 8'd0;
      end
      TRY_READ: begin
        if (try_q[2]) bucket0_o = alt;
        else          bucket1_o = alt;
      end
      MOVE: begin
        // The copy names the bucket that it came from.
        slot_o    = {1'b1, epoch_i, try_q[2] ? bucket1 : bucket0, moved_q[320 +: TABLE_LOG2], moved_q[319:0]};
        bucket0_o = alt;
        bucket1_o = alt;
        slot_write_o[to_q] = 1'b1;
      end
      SLOT: begin
        slot_write_o[slot_q] = 1'b1;
        live_write = 1'b1;
        live_d[id_q[2:0]] = 1'b1;
      end
      REMOVE: begin
        slot_o       = '0;
        slot_write_o = same_q;
        live_write   = 1'b1;
        live_d[id_q[2:0]] = 1'b0;
      end
      default: ;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (live_write) live_mem[state_q == CLEAR ? walk_q : id_q[TABLE_LOG2-1:3]] <= live_d;
    else            live_q <= live_mem[id_q[TABLE_LOG2-1:3]];
    if (state_q == RELEASE) given_mem[given_wr_q[TABLE_LOG2-1:0]] <= id_q;
    else                    given_q <= given_mem[given_rd_q[TABLE_LOG2-1:0]];
  end

  logic [31:0] dump_id;
  assign dump_id = cmd_q[sl_pkg::FLOW_CMD_FLOW_ID_LSB +: 32];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= CLEAR;
      walk_q      <= '0;
      clear_q     <= 1'b0;
      occupancy_q <= '0;
      moves_q     <= '0;
      refused_q   <= '0;
      fresh_q     <= '0;
      given_wr_q  <= '0;
      given_rd_q  <= '0;
    end else begin
      if (clear_i) clear_q <= 1'b1;
      case (state_q)
        CLEAR: begin
          walk_q <= walk_q + 1'b1;
          fresh_q     <= '0;
          given_wr_q  <= '0;
          given_rd_q  <= '0;
          occupancy_q <= '0;
          clear_q     <= clear_i;
          if (walk_q == '1) state_q <= IDLE;
        end
        IDLE: begin
          if (clear_q || clear_i) state_q <= CLEAR;
          else if (s_axis_cmd_tvalid) state_q <= HASH;
          round_q    <= 4'd0;
          half_q     <= 1'b0;
          status_q   <= sl_pkg::STATUS_OK;
          cpl_flow_q <= sl_pkg::FLOW_ID_NONE;
          packets_q  <= '0;
          bytes_q    <= '0;
          idle_q     <= '0;
          move_q     <= 1'b0;
          try_q      <= '0;
        end
        HASH: begin
          // The first clock prepares; commands without a key leave here.
          if (round_q == 4'd0 && !half_q && op != sl_pkg::FLOW_OP_INSERT && op != sl_pkg::FLOW_OP_DELETE
              && op != sl_pkg::FLOW_OP_UPDATE && op != sl_pkg::FLOW_OP_QUERY) begin
            if (op == sl_pkg::FLOW_OP_DUMP) begin
              if (dump_id[31:TABLE_LOG2] != '0) begin
                status_q <= sl_pkg::STATUS_BAD_INDEX;
                state_q  <= DONE;
              end else begin
                id_q    <= dump_id[TABLE_LOG2-1:0];
                state_q <= DUMP;
              end
            end else begin
              status_q <= op == sl_pkg::FLOW_OP_NOP ? sl_pkg::STATUS_OK : sl_pkg::STATUS_BAD_OPCODE;
              state_q  <= DONE;
            end
          end else if (round_q == 4'd9) begin
            state_q <= READ;
          end else begin
            half_q <= !half_q;
            if (half_q) round_q <= last_word ? 4'd5 : round_q + 4'd1;
          end
        end
        READ:    state_q <= COMPARE;
        COMPARE: state_q <= JUDGE;
        JUDGE: begin
          id_q <= same_q != 8'd0 ? same_id : id_d;
          if (same_q != 8'd0) begin
            cpl_flow_q <= 32'(same_id);
            state_q    <= op == sl_pkg::FLOW_OP_DELETE ? TAKE : op == sl_pkg::FLOW_OP_QUERY ? COUNT : REPLACE;
            if (op == sl_pkg::FLOW_OP_INSERT) status_q <= sl_pkg::STATUS_EXISTS;
          end else if (op != sl_pkg::FLOW_OP_INSERT) begin
            status_q <= sl_pkg::STATUS_NOT_FOUND;
            state_q  <= DONE;
          end else if (!id_left) begin
            status_q  <= sl_pkg::STATUS_NO_SPACE;
            refused_q <= refused_q + 32'd1;
            state_q   <= DONE;
          end else if (taken_q == 8'hff) begin
            moved_q <= slots_i[0 +: SLOT_W];
            state_q <= TRY_READ;
          end else begin
            slot_q <= ones(taken_q[3:0]) <= ones(taken_q[7:4]) ? {1'b0, lowest_free(taken_q[3:0])}
                                                               : {1'b1, lowest_free(taken_q[7:4])};
            state_q <= RECORD;
          end
        end
        // Both buckets are full: look at where the residents could go. Reading the other bucket loses the slots read
        // before, so the key's own buckets are read again for the next resident.
        TRY_READ:  state_q <= TRY_WAIT;
        TRY_WAIT:  state_q <= TRY_JUDGE;
        TRY_JUDGE: begin
          to_q <= {!try_q[2], lowest_free(alt_used)};
          if (alt_used != 4'hf) begin
            slot_q  <= try_q;
            move_q  <= 1'b1;
            state_q <= RECORD;
          end else if (try_q == 3'd7) begin
            status_q  <= sl_pkg::STATUS_NO_SPACE;
            refused_q <= refused_q + 32'd1;
            state_q   <= DONE;
          end else begin
            try_q   <= try_q + 3'd1;
            state_q <= READ;
          end
        end
        TRY: begin
          moved_q <= slots_i[32'(try_q)*SLOT_S +: SLOT_W];
          state_q <= TRY_READ;
        end
        RECORD: begin
          cpl_flow_q  <= 32'(id_q);
          occupancy_q <= occupancy_q + 32'd1;
          if (fresh_left) fresh_q <= fresh_q + 1'b1;
          else            given_rd_q <= given_rd_q + 1'b1;
          state_q <= ZERO;
        end
        ZERO: if (count_ack_i) state_q <= move_q ? MOVE : SLOT;
        MOVE: begin
          moves_q <= moves_q + 32'd1;
          state_q <= SLOT;
        end
        SLOT:    state_q <= DONE;
        REPLACE: state_q <= COUNT;
        TAKE:    state_q <= REMOVE;    // the live word of this id arrives
        REMOVE: begin
          occupancy_q <= occupancy_q - 32'd1;
          wait_q      <= 6'(DRAIN);
          state_q     <= DRAINING;
        end
        DRAINING: begin
          wait_q <= wait_q - 6'd1;
          if (wait_q == 6'd0) state_q <= COUNT;
        end
        COUNT: begin
          if (count_ack_i) begin
            packets_q <= count_data_i[63:0];
            bytes_q   <= count_data_i[127:64];
            idle_q    <= time_ms_i - count_data_i[159:128];
            dump_q    <= {time_ms_i, count_data_i[159:128], count_data_i[127:0], record_i, key_i};
            if (op == sl_pkg::FLOW_OP_DUMP) begin
              packets_q <= '0;
              bytes_q   <= '0;
              idle_q    <= '0;
            end
            state_q <= op == sl_pkg::FLOW_OP_DELETE ? RELEASE : DONE;
          end
        end
        RELEASE: begin
          given_wr_q <= given_wr_q + 1'b1;
          state_q    <= DONE;
        end
        DUMP:      state_q <= DUMP_WAIT;
        DUMP_WAIT: state_q <= DUMP_KEEP;
        DUMP_KEEP: begin
          if (live_q[id_q[2:0]]) begin
            cpl_flow_q <= 32'(id_q);
            state_q    <= COUNT;
          end else begin
            status_q <= sl_pkg::STATUS_NOT_FOUND;
            state_q  <= DONE;
          end
        end
        DONE: if (m_axis_cpl_tready) state_q <= IDLE;
        default: state_q <= IDLE;
      endcase
      // Second and later residents: after reading again, COMPARE leads to TRY instead of JUDGE.
      if (state_q == COMPARE && try_q != 3'd0) state_q <= TRY;
    end
    if (state_q == IDLE && s_axis_cmd_tvalid) begin
      cmd_q <= s_axis_cmd_tdata;
      v6_q  <= s_axis_cmd_tdata[sl_pkg::FLOW_CMD_KEY_LSB + sl_pkg::KEY_FAMILY_LSB +: 8] != 8'd4;
      sip_q <= {seed_i[127:64] ^ 64'h7465646279746573, seed_i[63:0] ^ 64'h6c7967656e657261,
                seed_i[127:64] ^ 64'h646f72616e646f6d, seed_i[63:0] ^ 64'h736f6d6570736575};
      if (s_axis_cmd_tdata[sl_pkg::FLOW_CMD_KEY_LSB + sl_pkg::KEY_FAMILY_LSB +: 8] != 8'd4)
        words_q <= s_axis_cmd_tdata[sl_pkg::FLOW_CMD_KEY_LSB +: 320];
      else
        words_q <= {192'd0, s_axis_cmd_tdata[sl_pkg::FLOW_CMD_KEY_LSB + 256 +: 64],
                    s_axis_cmd_tdata[sl_pkg::FLOW_CMD_KEY_LSB + 128 +: 32],
                    s_axis_cmd_tdata[sl_pkg::FLOW_CMD_KEY_LSB +: 32]};
    end
    if (state_q == HASH) begin
      if (round_q == 4'd9) hash_q <= hash;
      else if (half_q)     sip_q <= second(sip_q, m);
      else                 sip_q <= first(sip_q, m, round_q == 4'd6 ? 64'hff : 64'd0);
      if (half_q) words_q <= {64'd0, words_q[319:64]};
    end
    if (state_q == COMPARE || state_q == TRY_WAIT) begin
      taken_q <= taken;
      if (state_q == COMPARE) same_q <= same;
    end
  end

  assign s_axis_cmd_tready = state_q == IDLE && !clear_q && !clear_i;
  assign m_axis_cpl_tvalid = state_q == DONE;
  assign m_axis_cpl_tdata  = {8'd0, 8'd0, 16'd0, idle_q, bytes_q, packets_q, op, status_q,
                              cmd_q[sl_pkg::FLOW_CMD_TAG_LSB +: 16], cpl_flow_q};
  assign m_axis_cpl_state  = dump_q;
  assign clearing_o        = state_q == CLEAR || clear_q;
  assign occupancy_o       = occupancy_q;
  assign moves_o           = moves_q;
  assign refused_o         = refused_q;
  assign busy_o            = state_q != IDLE || clear_q || s_axis_cmd_tvalid;

`ifndef SYNTHESIS
  a_occupancy: assert property (@(posedge clk_i) disable iff (!rst_ni) occupancy_q <= 32'(1 << TABLE_LOG2));
  a_one_slot: assert property (@(posedge clk_i) disable iff (!rst_ni) state_q == JUDGE |-> $onehot0(same_q));
`endif
endmodule
