// SPDX-License-Identifier: BSD-3-Clause
// Stage table's other half (docs/datapath.md, 6): the engine that executes flow commands in their order, and clears the
// table after a reset or a new epoch. It has a hash unit of its own and uses the memories' second port, so that no
// packet waits for it. Commands are hashed while others are executed, executed one at a time, and answered while
// others are executed:
//
//   s_axis_cmd ─► queue ───────────────┐                              ┌► VERIFY ─┐ (IPv6, hash is there)
//         └─────► sl_hash ─► buckets ──┴─► READ ─► COMPARE ─► JUDGE ─┬┴──────────┴──► sl_retire ─► m_axis_cpl
//                                                       both full    └─► SEARCH ─► MOVE ... ─► SLOT ─┘
//
// JUDGE changes the slots in the same clock, or VERIFY, when the addresses of the one IPv6 key with this hash have been
// read and compared: if they are others, the key is not there, and may not be inserted. A new flow's counters are
// prepared with its id, and its record is written with its slot: a lookup reads the record three clocks after the slot.
// Moves copy first; SLOT then overwrites the last resident that was copied. A deleted flow's slot goes first; sl_retire
// waits for its last frames.
`default_nettype none
module sl_command #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned V6_LOG2 = TABLE_LOG2 - sl_pkg::TABLE_V6_SHIFT,
  parameter int unsigned BUCKET_LOG2 = TABLE_LOG2 - 3,
  parameter int unsigned TAG_W = 121,       // these as in sl_table
  parameter int unsigned SLOT_W = TAG_W + TABLE_LOG2 + BUCKET_LOG2 + 9,
  parameter int unsigned SLOT_S = 192,
  parameter int unsigned KEPT_W = 240,
  parameter int unsigned RECORDS_HBM = 0
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
  output logic [TABLE_LOG2-1:0]       flow_o,
  output logic [KEPT_W-1:0]           record_o,
  input  wire logic [KEPT_W-1:0]      record_i,
  input  wire logic                   record_room_i,    // for what one more command writes
  input  wire logic                   record_valid_i,   // what was read is there (three clocks later, or when it is)
  output logic                        v6_read_o,
  output logic                        v6_write_o,
  output logic [V6_LOG2-1:0]          v6_index_o,
  output logic [511:0]                v6_o,
  input  wire logic [511:0]           v6_i,
  // Counters of a flow, as in sl_flow_count.
  output logic                        count_read_o,
  output logic                        count_fresh_o,
  output logic                        count_last_o,
  output logic [TABLE_LOG2-1:0]       count_index_o,
  input  wire logic [159:0]           count_data_i,
  output logic                        born_o,      // with record_write_o: of a new flow
  output logic                        removed_o,   // flow_o is no flow any more
  // The record's age_s is kept by sl_age: written with record_write_o, read (two clocks later) with record_read_o.
  output logic [15:0]                 age_s_o,
  input  wire logic [15:0]            age_s_i,
  // Frames that have begun and ended, as in sl_flight.
  input  wire logic [15:0]            begun_i,
  input  wire logic [15:0]            ended_i,
  output logic                        busy_o
);
  localparam logic [4:0] CLEAR = 5'd0, READ = 5'd1, COMPARE = 5'd2, JUDGE = 5'd3, SEARCH = 5'd4, MOVE_READ = 5'd5,
    MOVE_WAIT = 5'd6, MOVE = 5'd7, SLOT = 5'd8, DUMP = 5'd9, DUMP_AT = 5'd10, DUMP_READ = 5'd11, DUMP_WAIT = 5'd12,
    DUMP_V6 = 5'd13, DUMP_KEEP = 5'd14, ADDRESSES = 5'd15, VERIFY = 5'd16;
  localparam int unsigned QUEUE_LOG2 = 4;
  localparam int unsigned B = BUCKET_LOG2;
  localparam int unsigned ID = TAG_W, ALT = TAG_W + TABLE_LOG2, WHERE = 57;

  // Commands wait here until they are hashed and until it is their turn.
  logic [4:0]          state_q;
  logic                accept, cmd_pop, cmd_valid, clear_q, hash_valid, hashed, stop;
  logic [QUEUE_LOG2:0] cmd_count, hash_count;
  logic [7:0]          op, cmd_op;
  logic [15:0]         tag;
  logic [31:0]         dump_id;
  logic [511:0]        record, cmd_record;
  logic [319:0]        key, cmd_key;
  logic                reads, keyed, cmd_good, cmd_keyed, v6;    // keyed: by its opcode; reads: and the key is good
  logic [63:0]         hash, cmd_hash;
  logic [B-1:0]        bucket0, bucket1;
  assign cmd_key    = s_axis_cmd_tdata[sl_pkg::FLOW_CMD_KEY_LSB +: 320];
  assign cmd_record = s_axis_cmd_tdata[sl_pkg::FLOW_CMD_RECORD_LSB +: 512];
  assign cmd_good   = cmd_key[sl_pkg::KEY_FAMILY_LSB +: 8] == 8'd6
                      || (cmd_key[sl_pkg::KEY_FAMILY_LSB +: 8] == 8'd4 && cmd_key[127:32] == '0
                          && cmd_key[255:160] == '0);
  assign cmd_op     = s_axis_cmd_tdata[sl_pkg::FLOW_CMD_OPCODE_LSB +: 8];
  assign cmd_keyed  = cmd_op == sl_pkg::FLOW_OP_INSERT || cmd_op == sl_pkg::FLOW_OP_DELETE
                      || cmd_op == sl_pkg::FLOW_OP_UPDATE || cmd_op == sl_pkg::FLOW_OP_QUERY;
  assign stop              = clear_q || clear_i;
  assign s_axis_cmd_tready = state_q != CLEAR && !stop && !cmd_count[QUEUE_LOG2];
  assign accept            = s_axis_cmd_tvalid && s_axis_cmd_tready;
  sl_fifo #(.W(2 + 8 + 16 + 32 + 512 + 320), .LOG2(QUEUE_LOG2)) u_queue (
    .clk_i, .rst_ni, .push_i(accept),
    .data_i({cmd_keyed && cmd_good, cmd_keyed, cmd_op,
             s_axis_cmd_tdata[sl_pkg::FLOW_CMD_TAG_LSB +: 16], s_axis_cmd_tdata[sl_pkg::FLOW_CMD_FLOW_ID_LSB +: 32],
             cmd_record, cmd_key}),
    .pop_i(cmd_pop), .valid_o(cmd_valid), .data_o({reads, keyed, op, tag, dump_id, record, key}), .count_o(cmd_count)
  );
  sl_hash_key u_hash (
    .clk_i, .rst_ni, .seed_i, .valid_i(accept), .key_i(cmd_key), .valid_o(hash_valid), .hash_o(cmd_hash)
  );
  sl_fifo #(.W(64), .LOG2(QUEUE_LOG2)) u_hashed (
    .clk_i, .rst_ni, .push_i(hash_valid), .data_i(cmd_hash), .pop_i(cmd_pop), .valid_o(hashed), .data_o(hash),
    .count_o(hash_count)
  );
  assign bucket0 = hash[B-1:0];
  assign bucket1 = hash[32 +: B];
  assign v6      = key[sl_pkg::KEY_FAMILY_LSB +: 8] == 8'd6;

  logic [TAG_W-1:0]   tag_bits, mask_bits;
  logic [V6_LOG2-1:0] where;        // of the next new IPv6 key's addresses
  sl_slot_tag #(.BUCKET_LOG2(B), .V6_LOG2(V6_LOG2)) u_tag (
    .key_i(key), .hash_i(hash), .where_i(where), .tag_o(tag_bits), .mask_o(mask_bits)
  );

  // What the command is, in the clocks after READ.
  logic insert_q, delete_q, v6_key_q;
  always_ff @(posedge clk_i) begin
    insert_q <= op == sl_pkg::FLOW_OP_INSERT;
    delete_q <= op == sl_pkg::FLOW_OP_DELETE;
    v6_key_q <= v6;
  end

  // The buckets' slots, compared in the clock after they were read.
  logic                  fresh_q;
  logic [7:0]            taken, same, taken_q, same_q;
  logic [8*B-1:0]        alts_q;
  logic [8*TABLE_LOG2-1:0] ids_q;
  logic [8*V6_LOG2-1:0]  wheres_q;
  logic [TABLE_LOG2-1:0] same_id;
  logic [V6_LOG2-1:0]    same_where;
  always_comb begin
    taken      = '0;
    same       = '0;
    same_id    = '0;
    same_where = '0;
    // (Written so that nothing is compared while nothing was read.)
    if (fresh_q) begin
      for (int s = 0; s < 8; s++) begin
        taken[s] = slots_i[s*SLOT_S + SLOT_W - 1] && slots_i[s*SLOT_S + SLOT_W - 9 +: 8] == epoch_i;
        same[s]  = taken[s] && ((slots_i[s*SLOT_S +: TAG_W] ^ tag_bits) & mask_bits) == '0
                   && slots_i[s*SLOT_S + ALT +: B] == (s < 4 ? bucket1 : bucket0);
      end
    end
    for (int s = 0; s < 8; s++) begin
      same_id    |= same_q[s] ? ids_q[s*TABLE_LOG2 +: TABLE_LOG2] : '0;
      same_where |= same_q[s] ? wheres_q[s*V6_LOG2 +: V6_LOG2] : '0;
    end
  end
  always_ff @(posedge clk_i) begin
    fresh_q <= slot_read_o;
    if (fresh_q) begin
      taken_q <= taken;
      same_q  <= same;
      for (int s = 0; s < 8; s++) begin
        alts_q[s*B +: B]                  <= slots_i[s*SLOT_S + ALT +: B];
        ids_q[s*TABLE_LOG2 +: TABLE_LOG2] <= slots_i[s*SLOT_S + ID +: TABLE_LOG2];
        wheres_q[s*V6_LOG2 +: V6_LOG2]    <= slots_i[s*SLOT_S + WHERE +: V6_LOG2];
      end
    end
  end

  function automatic logic [2:0] ones(input logic [3:0] x);
    ones = 3'(x[0]) + 3'(x[1]) + 3'(x[2]) + 3'(x[3]);
  endfunction
  function automatic logic [1:0] lowest_free(input logic [3:0] used);
    lowest_free = !used[0] ? 2'd0 : !used[1] ? 2'd1 : !used[2] ? 2'd2 : 2'd3;
  endfunction

  // The slot of a new key, bank and way: a free one, or that of the last resident copied.
  logic [2:0] free_q, place_q, place;
  logic       present, maybe, other, other_q, decide, full, insert, place_now, id_valid, where_valid, v6_full, finish;
  logic       remove;
  logic [TABLE_LOG2-1:0] id;
  logic [31:0] occupancy_q, moves_q, refused_q;
  always_ff @(posedge clk_i) begin
    if (fresh_q) free_q <= ones(taken[3:0]) <= ones(taken[7:4]) ? {1'b0, lowest_free(taken[3:0])}
                                                                : {1'b1, lowest_free(taken[7:4])};
  end
  // Of an IPv6 key the slots say only whether it may be there.
  assign maybe     = v6_key_q && same_q != 8'd0;
  assign other     = state_q == VERIFY && other_q;
  assign present   = same_q != 8'd0 && !other;
  assign decide    = (state_q == JUDGE && !maybe) || state_q == VERIFY;
  assign full      = occupancy_q[TABLE_LOG2] || (v6_key_q && v6_full);
  always_ff @(posedge clk_i) if (state_q == ADDRESSES) other_q <= v6_i[255:0] != key[255:0];
  assign place_now = (insert && taken_q != 8'hff) || state_q == SLOT;
  assign place     = state_q == SLOT ? place_q : free_q;

  // What nobody reads before the next command is judged changes one clock later: all but slots.
  logic                  write_q, placed_q, removed_q, v6_q;
  logic [TABLE_LOG2-1:0] flow_q, at_new_q;
  logic [KEPT_W-1:0]     kept_q;
  logic [V6_LOG2-1:0]    where_q;
  logic [511:0]          addresses_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q   <= 1'b0;
      placed_q  <= 1'b0;
      removed_q <= 1'b0;
    end else begin
      write_q   <= place_now
                   || (decide && present && (op == sl_pkg::FLOW_OP_INSERT || op == sl_pkg::FLOW_OP_UPDATE));
      placed_q  <= place_now;
      removed_q <= remove;
    end
    if (finish) begin
      v6_q        <= v6;
      flow_q      <= place_now ? id : same_id;
      at_new_q    <= {place[2], place[2] ? bucket1 : bucket0, place[1:0]};
      where_q     <= place_now ? where : same_where;
      kept_q      <= {record[sl_pkg::RECORD_COOKIE_LSB +: 64], record[sl_pkg::RECORD_NEW_SPORT_LSB +: 112],
                      record[sl_pkg::RECORD_NEW_DST_LSB +: 32], record[sl_pkg::RECORD_NEW_SRC_LSB +: 32]};
      age_s_o     <= record[sl_pkg::RECORD_AGE_S_LSB +: 16];
      addresses_q <= {record[sl_pkg::RECORD_NEW_SRC_LSB +: 256], key[sl_pkg::KEY_SRC_LSB +: 256]};
    end else if (state_q == READ) begin
      flow_q <= dump_id[TABLE_LOG2-1:0];     // (of the next state, DUMP)
    end
  end

  // Entries of IPv6 addresses. One that was given back is not written before the last lookup that found it has read it:
  // that takes three clocks from the slot, and the next command's JUDGE comes no sooner.
  sl_pool #(.LOG2(V6_LOG2)) u_where (
    .clk_i, .rst_ni, .clear_i(state_q == CLEAR), .give_i(removed_q && v6_q), .give_index_i(where_q),
    .valid_o(where_valid), .index_o(where), .take_i(place_now && v6), .none_o(v6_full)
  );

  // Displacement.
  logic         s_read, found, failed, last_move, from_bank;
  logic [B-1:0] s_bucket0, s_bucket1, from_bucket, to_bucket;
  logic [1:0]   from_way, to_way;
  logic [ALT-1:0] moved_q;                  // of the slot that is moved, or dumped: tag and id
  sl_search #(.BUCKET_LOG2(B)) u_search (
    .clk_i, .rst_ni, .start_i(insert && taken_q == 8'hff), .bucket0_i(bucket0), .bucket1_i(bucket1), .read_o(s_read),
    .bucket0_o(s_bucket0), .bucket1_o(s_bucket1), .taken_i(taken_q), .alts_i(alts_q), .found_o(found),
    .failed_o(failed), .step_i(state_q == MOVE), .last_o(last_move), .from_bank_o(from_bank),
    .from_bucket_o(from_bucket), .from_way_o(from_way), .to_bucket_o(to_bucket), .to_way_o(to_way)
  );

  // Where each flow's slot is, for DUMP: bank, bucket, way. The slot says whether the flow is still there.
  logic [TABLE_LOG2-1:0] at_mem [0:(1<<TABLE_LOG2)-1];
  logic [TABLE_LOG2-1:0] at_q, at_read_q;
  logic                  at_bank, there_q;
  logic [B-1:0]          at_bucket, walk_q;
  logic [1:0]            at_way;
  always_ff @(posedge clk_i) begin
    if (placed_q)             at_mem[flow_q] <= at_new_q;
    else if (state_q == MOVE) at_mem[moved_q[ID +: TABLE_LOG2]] <= {!from_bank, to_bucket, to_way};
    if (record_read_o) at_read_q <= at_mem[dump_id[TABLE_LOG2-1:0]];
    at_q <= at_read_q;
  end
  assign {at_bank, at_bucket, at_way} = at_q;

  // The end of a command.
  logic                  room, retired, answered, counted, go, dumped_q;
  logic [7:0]            status;
  logic [31:0]           flow;
  logic [191:0]          dump_count;
  always_comb begin
    finish  = 1'b0;
    counted = 1'b0;
    status  = sl_pkg::STATUS_OK;
    flow    = sl_pkg::FLOW_ID_NONE;
    case (state_q)
      READ: begin
        finish = go && (keyed ? !reads : op != sl_pkg::FLOW_OP_DUMP || dump_id[31:TABLE_LOG2] != '0);
        status = keyed ? sl_pkg::STATUS_BAD_VALUE : op == sl_pkg::FLOW_OP_NOP ? sl_pkg::STATUS_OK
                 : op == sl_pkg::FLOW_OP_DUMP ? sl_pkg::STATUS_BAD_INDEX : sl_pkg::STATUS_BAD_OPCODE;
      end
      JUDGE, VERIFY: if (decide) begin
        if (present) begin
          finish  = 1'b1;
          counted = 1'b1;
          flow    = 32'(same_id);
          if (op == sl_pkg::FLOW_OP_INSERT) status = sl_pkg::STATUS_EXISTS;
        end else if (op != sl_pkg::FLOW_OP_INSERT) begin
          finish = 1'b1;
          status = sl_pkg::STATUS_NOT_FOUND;
        end else if (full || other) begin
          finish = 1'b1;
          status = sl_pkg::STATUS_NO_SPACE;
        end
      end
      SEARCH: begin
        finish = failed;
        status = sl_pkg::STATUS_NO_SPACE;
      end
      DUMP_KEEP: begin
        finish  = 1'b1;
        counted = there_q && moved_q[ID +: TABLE_LOG2] == dump_id[TABLE_LOG2-1:0];
        status  = counted ? sl_pkg::STATUS_OK : sl_pkg::STATUS_NOT_FOUND;
        if (counted) flow = dump_id;
      end
      default: ;
    endcase
    if (place_now) begin
      finish = 1'b1;
      flow   = 32'(id);
    end
  end
  assign cmd_pop = finish;
  sl_retire #(.TABLE_LOG2(TABLE_LOG2), .EXACT(RECORDS_HBM), .QUEUE_LOG2(RECORDS_HBM != 0 ? 7 : 5)) u_retire (
    .clk_i, .rst_ni, .clear_i(state_q == CLEAR), .time_ms_i, .begun_i, .ended_i, .push_i(finish), .op_i(op),
    .status_i(status), .tag_i(tag), .counted_i(counted), .flow_i(flow), .room_o(room), .empty_o(retired),
    .done_o(answered), .id_valid_o(id_valid), .id_o(id), .id_take_i(place_now), .count_read_o, .count_fresh_o,
    .count_last_o, .count_index_o, .count_data_i,
    .m_axis_cpl_tvalid, .m_axis_cpl_tready, .m_axis_cpl_tdata, .dump_count_o(dump_count)
  );

  // The table's second port. (What is not from here is out of registers.)
  sl_slot_port #(
    .TABLE_LOG2(TABLE_LOG2), .V6_LOG2(V6_LOG2), .BUCKET_LOG2(B), .TAG_W(TAG_W), .SLOT_W(SLOT_W), .CLEAR(CLEAR),
    .READ(READ), .JUDGE(JUDGE), .MOVE_READ(MOVE_READ), .MOVE(MOVE), .SLOT(SLOT), .DUMP_READ(DUMP_READ),
    .DUMP_V6(DUMP_V6), .VERIFY(VERIFY)
  ) u_port (
    .state_i(state_q), .walk_i(walk_q), .go_i(go && reads), .bucket0_i(bucket0), .bucket1_i(bucket1),
    .tag_i(tag_bits), .epoch_i, .insert_i(insert_q), .delete_i(delete_q), .v6_i(v6_key_q), .taken_i(taken_q),
    .same_i(same_q), .free_i(free_q), .other_i(other_q), .full_i(occupancy_q[TABLE_LOG2]), .v6_full_i(v6_full),
    .id_valid_i(id_valid), .where_valid_i(where_valid), .id_i(id), .search_i(s_read), .search0_i(s_bucket0),
    .search1_i(s_bucket1), .found_i(found), .from_bucket_i(from_bucket), .to_bucket_i(to_bucket),
    .to_i({!from_bank, to_way}), .moved_i(moved_q), .place_i(place_q), .at_bucket_i(at_bucket), .v6_write_i(write_q),
    .where_i(where_q), .wheres_i(wheres_q), .dumped_i(moved_q[WHERE +: V6_LOG2]), .insert_o(insert), .remove_o(remove),
    .slot_read_o, .slot_write_o, .bucket0_o, .bucket1_o, .slot_o, .v6_read_o, .v6_index_o
  );
  assign record_read_o  = state_q == DUMP;
  assign record_write_o = write_q;
  assign flow_o         = flow_q;
  assign record_o       = kept_q;
  assign v6_write_o     = write_q && v6_q;
  assign v6_o           = addresses_q;
  assign born_o         = placed_q;
  assign removed_o      = removed_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= CLEAR;
      walk_q      <= '0;
      clear_q     <= 1'b0;
      clearing_o  <= 1'b1;
      occupancy_q <= '0;
      moves_q     <= '0;
      refused_q   <= '0;
      dumped_q    <= 1'b0;
    end else begin
      if (clear_i) clear_q <= 1'b1;
      if (clear_i) clearing_o <= 1'b1;
      else if (state_q == CLEAR && walk_q == '1) clearing_o <= 1'b0;
      if (placed_q)  occupancy_q <= occupancy_q + 32'd1;
      if (removed_q) occupancy_q <= occupancy_q - 32'd1;
      if (finish && status == sl_pkg::STATUS_NO_SPACE) refused_q <= refused_q + 32'd1;
      if (state_q == MOVE) moves_q <= moves_q + 32'd1;
      if (state_q == DUMP_KEEP) dumped_q <= 1'b1;
      else if (answered)        dumped_q <= 1'b0;
      case (state_q)
        CLEAR: begin
          walk_q      <= walk_q + 1'b1;
          occupancy_q <= '0;
          clear_q     <= clear_i;
          if (walk_q == '1) state_q <= READ;
        end
        READ: begin
          // All that was accepted before is executed before the table is cleared.
          if (clear_q && !cmd_valid && retired) state_q <= CLEAR;
          else if (slot_read_o) state_q <= COMPARE;
          else if (go && !keyed && !finish && answered) state_q <= DUMP;
        end
        COMPARE: state_q <= JUDGE;
        JUDGE: begin
          if (maybe)       state_q <= ADDRESSES;
          else if (finish) state_q <= READ;
          else if (insert) state_q <= SEARCH;      // else: the next id or entry is not there yet
        end
        SEARCH: begin
          if (failed)     state_q <= READ;
          else if (found) state_q <= MOVE_READ;
        end
        ADDRESSES: state_q <= VERIFY;
        MOVE_READ: if (found) state_q <= MOVE_WAIT;
        MOVE_WAIT: state_q <= MOVE;
        MOVE:      state_q <= last_move ? SLOT : MOVE_READ;
        DUMP:      state_q <= DUMP_AT;
        DUMP_AT:   state_q <= DUMP_READ;
        DUMP_READ: state_q <= DUMP_WAIT;
        DUMP_WAIT: state_q <= DUMP_V6;
        DUMP_V6:   if (record_valid_i) state_q <= DUMP_KEEP;
        default:   state_q <= READ;                // VERIFY, SLOT, DUMP_KEEP
      endcase
    end
    if (state_q == MOVE_WAIT || state_q == DUMP_WAIT) begin
      for (int s = 0; s < 8; s++) begin
        if ((state_q == MOVE_WAIT ? {from_bank, from_way} : {at_bank, at_way}) == 3'(s)) begin
          moved_q <= slots_i[s*SLOT_S +: ALT];
          there_q <= taken[s];
        end
      end
    end
    if (state_q == MOVE) place_q <= {from_bank, from_way};
  end

  // What was dumped stays until it is answered.
  logic [511:0] dumped_record;
  logic [319:0] dumped_key;
  sl_record u_dumped (.kept_i(record_i), .v6_i(moved_q[56]), .addresses_i(v6_i[511:256]), .age_s_i,
                     .record_o(dumped_record));
  assign dumped_key = {moved_q[56] ? 8'd6 : 8'd4, moved_q[55:0],
                       moved_q[56] ? v6_i[255:0] : {96'd0, moved_q[120:89], 96'd0, moved_q[88:57]}};
  assign m_axis_cpl_state = {dump_count, dumped_record, dumped_key};
  assign go               = hashed && room && record_room_i && !dumped_q;
  assign occupancy_o      = occupancy_q;
  assign moves_o          = moves_q;
  assign refused_o        = refused_q;
  assign busy_o           = state_q != READ || clear_q || cmd_valid || !answered || s_axis_cmd_tvalid;

`ifndef SYNTHESIS
  a_clearing: assert property (@(posedge clk_i) disable iff (!rst_ni) clearing_o == (state_q == CLEAR || clear_q));
  a_occupancy: assert property (@(posedge clk_i) disable iff (!rst_ni) occupancy_q <= 32'(1 << TABLE_LOG2));
  a_one_slot: assert property (@(posedge clk_i) disable iff (!rst_ni)
    state_q == JUDGE || state_q == VERIFY |-> $onehot0(same_q));
  a_hashed: assert property (@(posedge clk_i) disable iff (!rst_ni) hashed |-> cmd_valid && hash_count <= cmd_count);
  // A move overwrites a free slot, or the one that was copied last.
  logic       moving_q;
  always_ff @(posedge clk_i) begin
    moving_q <= rst_ni && (state_q == MOVE || (moving_q && state_q != SLOT));
  end
  a_from_copied: assert property (@(posedge clk_i) disable iff (!rst_ni)
    state_q == MOVE && moving_q |-> place_q == {!from_bank, to_way});
`endif
endmodule
