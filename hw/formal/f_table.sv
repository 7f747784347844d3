// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of the flow table: sl_command, sl_slot_port, and the lookup of sl_table. Any one key K is followed, as
// slots know it: by its two buckets and its tag (of IPv6 keys: its hash, ports, tenant and protocol). A slot is K's if
// it is valid, is in one of these buckets, names the other and has the tag. So eight slots of the memories are
// followed, and of each whether it is K's, and with which id; what else is read may be anything that is not K's.
//
// Commands come in any order, for K and for any other keys, and lookups of K in any clock. What comes from other
// modules is as their own proofs say, or free: a path of sl_search can be moved from its free end on, from residents to
// the buckets that their slots name, and ends in a bucket of the new key (f_search); hashes, ids, room and the
// comparison of IPv6 addresses are free. That a slot is found does not say that those addresses are right.
`default_nettype none
module f_table #(
  parameter int unsigned B = 2,
  parameter int unsigned TAG_W = 11,
  parameter int unsigned LOG2 = B + 3,
  parameter int unsigned SLOT_S = 192,
  parameter int unsigned KEPT = 0          // what table-kept proves is assumed
) (
  input wire logic                 clk_i,
  input wire logic                 clear_i,
  // The next command.
  input wire logic                 cmd_i,
  input wire logic [7:0]           op_i,
  input wire logic                 good_i,
  input wire logic                 is_k_i,
  input wire logic [B-1:0]         bucket0_i,
  input wire logic [B-1:0]         bucket1_i,
  input wire logic [TAG_W-1:0]     tag_i,
  // The search.
  input wire logic                 s_read_i,
  input wire logic [B-1:0]         s_bucket0_i,
  input wire logic [B-1:0]         s_bucket1_i,
  input wire logic                 offer_i,
  input wire logic                 fail_i,
  input wire logic                 last_i,
  input wire logic [B+2:0]         from_i,      // bank, bucket, way
  input wire logic [B+2:0]         to_i,
  // What commands and lookups read of slots that are not K's.
  input wire logic [8*SLOT_S-1:0]  c_others_i,
  input wire logic [8*SLOT_S-1:0]  others_i,
  input wire logic                 lookup_i,    // of K
  input wire sl_dp_pkg::job_t      job_i,
  input wire logic [511:0]         addresses_i
);
  localparam logic [4:0] CLEAR = 5'd0, COMPARE = 5'd2, JUDGE = 5'd3, SEARCH = 5'd4, MOVE_READ = 5'd5, MOVE_WAIT = 5'd6,
    MOVE = 5'd7, SLOT = 5'd8, ADDRESSES = 5'd15, VERIFY = 5'd16;
  localparam int unsigned SLOT_W = TAG_W + LOG2 + B + 9;
  localparam int unsigned ID = TAG_W, ALT = TAG_W + LOG2, EPOCH = ALT + B;      // of a slot

  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  // K. Bit 1 of a tag says that the key is IPv6; bit 0, where its addresses are, is then not compared.
  (* anyconst *) logic [B-1:0]     k_bucket0;
  (* anyconst *) logic [B-1:0]     k_bucket1;
  (* anyconst *) logic [TAG_W-1:0] k_tag;
  (* anyconst *) logic [7:0]       epoch;
  function automatic logic [TAG_W-1:0] mask_of(input logic [TAG_W-1:0] t);
    mask_of = {{TAG_W-1{1'b1}}, !t[1]};
  endfunction
  function automatic logic tag_is_k(input logic [TAG_W-1:0] t);
    tag_is_k = ((t ^ k_tag) & mask_of(k_tag)) == '0;
  endfunction
  // A slot of one of K's buckets.
  function automatic logic slot_is_k(input logic bank, input logic [SLOT_W-1:0] x);
    slot_is_k = x[SLOT_W-1] && x[EPOCH +: 8] == epoch && x[ALT +: B] == (bank ? k_bucket0 : k_bucket1)
                && tag_is_k(x[TAG_W-1:0]);
  endfunction
  function automatic logic [SLOT_S-1:0] slot_of_k(input logic bank, input logic [LOG2-1:0] id, input logic where);
    slot_of_k = SLOT_S'({1'b1, epoch, bank ? k_bucket0 : k_bucket1, id, k_tag[TAG_W-1:1], k_tag[1] ? where : k_tag[0]});
  endfunction
  // Slots of K's buckets: those in one bucket of each bank; the one in a place.
  function automatic logic [7:0] in_buckets(input logic [B-1:0] b0, input logic [B-1:0] b1);
    in_buckets = {{4{b1 == k_bucket1}}, {4{b0 == k_bucket0}}};
  endfunction
  function automatic logic [7:0] in_place(input logic [B+2:0] place);
    in_place = (8'd1 << {place[B+2], place[1:0]}) & in_buckets(place[B+1:2], place[B+1:2]);
  endfunction
  function automatic logic one_or_none(input logic [7:0] x);
    one_or_none = (x & (x - 8'd1)) == '0;
  endfunction

  // The command, held until it ends.
  logic             cmd_q, good_q, is_k_q, keyed, reads, pop;
  logic [7:0]       op_q;
  logic [B-1:0]     bucket0_q, bucket1_q;
  logic [TAG_W-1:0] tag_q;
  assign keyed = op_q == sl_pkg::FLOW_OP_INSERT || op_q == sl_pkg::FLOW_OP_DELETE || op_q == sl_pkg::FLOW_OP_UPDATE
                 || op_q == sl_pkg::FLOW_OP_QUERY;
  assign reads = keyed && good_q;
  always_ff @(posedge clk_i) begin
    if (!rst_n) begin
      cmd_q <= 1'b0;
    end else if (!cmd_q || pop) begin
      cmd_q     <= cmd_i;
      op_q      <= op_i;
      good_q    <= good_i;
      is_k_q    <= is_k_i;
      bucket0_q <= bucket0_i;
      bucket1_q <= bucket1_i;
      tag_q     <= tag_i;
    end
  end

  logic [4:0]            state;
  logic                  slot_read, clearing, start, found, last, failed, s_read, insert, delete, v6, fresh, clear;
  logic [7:0]            slot_write, status, taken, same;
  logic [31:0]           flow;
  logic [B-1:0]          bucket0, bucket1, walk;
  logic [B+2:0]          from, to, hole;
  logic [SLOT_W-1:0]     slot;
  logic [8*SLOT_S-1:0]   c_slots, slots;
  logic [2:0]            place, free;
  logic [TAG_W+LOG2-1:0] moved;
  logic [8*LOG2-1:0]     ids;
  sl_command #(
    .TABLE_LOG2(LOG2), .V6_LOG2(1), .BUCKET_LOG2(B), .TAG_W(TAG_W), .SLOT_W(SLOT_W), .SLOT_S(SLOT_S)
  ) u_command (
    .clk_i, .rst_ni(rst_n), .epoch_i(epoch), .clear_i, .clearing_o(clearing), .slot_read_o(slot_read),
    .slot_write_o(slot_write), .bucket0_o(bucket0), .bucket1_o(bucket1), .slot_o(slot), .slots_i(c_slots),
    .v6_i(addresses_i), .f_cmd_i({cmd_q, keyed, reads, op_q, bucket1_q, bucket0_q, mask_of(tag_q), tag_q}),
    .f_search_i({s_read, s_bucket1_i, s_bucket0_i, found, failed, last, from, to[B+1:0]}),
    .f_state_o({insert, delete, v6, fresh, clear, start, pop, status, flow, walk, taken, same, place, free, ids, moved,
                state})
  );

  // Of K's eight slots: which are K's, with which id; the same of what was read a clock ago.
  logic [7:0]        k_q, c_k_q, a_k_q, here, c_here_q;
  logic [8*LOG2-1:0] k_id_q, c_id_q, a_id_q;
  assign here = in_buckets(bucket0, bucket1);
  always_ff @(posedge clk_i) begin
    for (int s = 0; s < 8; s++) begin
      if (slot_write[s] && here[s]) begin
        k_q[s]                 <= slot_is_k(s >= 4, slot);
        k_id_q[s*LOG2 +: LOG2] <= slot[ID +: LOG2];
      end
    end
    c_k_q  <= slot_read ? k_q & here : '0;
    c_id_q <= k_id_q;
    if (slot_read) c_here_q <= here;
    a_k_q  <= k_q;
    a_id_q <= k_id_q;
  end
  always_comb begin
    for (int s = 0; s < 8; s++) begin
      c_slots[s*SLOT_S +: SLOT_S] = c_k_q[s] ? slot_of_k(s >= 4, c_id_q[s*LOG2 +: LOG2], c_others_i[s*SLOT_S])
                                             : c_others_i[s*SLOT_S +: SLOT_S];
      slots[s*SLOT_S +: SLOT_S]   = a_k_q[s] ? slot_of_k(s >= 4, a_id_q[s*LOG2 +: LOG2], others_i[s*SLOT_S])
                                             : others_i[s*SLOT_S +: SLOT_S];
    end
  end

  // The search: moves are offered one by one. The hole is where the present move goes, or where the last came from; of
  // K's slots, those of the path so far were the hole once.
  logic         run_q, found_q, moving_q, last_q, offer;
  logic [B+2:0] from_q, to_q, next_to;
  logic [7:0]   path_q;
  assign failed  = run_q && !found_q && !moving_q && fail_i && !offer_i;
  assign s_read  = run_q && !found_q && !moving_q && s_read_i;
  assign offer   = run_q && !found_q && offer_i;
  assign next_to = moving_q ? from_q : to_i;
  assign found   = found_q;
  assign last    = last_q;
  assign from    = from_q;
  assign to      = to_q;
  assign hole    = found_q ? to_q : from_q;
  always_ff @(posedge clk_i) begin
    if (start) begin
      run_q    <= 1'b1;
      moving_q <= 1'b0;
      path_q   <= '0;
    end
    if (failed) run_q <= 1'b0;
    if (offer) begin
      found_q <= 1'b1;
      from_q  <= from_i;
      to_q    <= next_to;
      last_q  <= last_i;
      path_q  <= path_q | in_place(next_to);
    end
    if (found_q && state == MOVE) begin
      found_q  <= 1'b0;
      moving_q <= 1'b1;
      path_q   <= path_q | in_place(from_q);
      run_q    <= !last_q;
    end
    if (!rst_n) {run_q, found_q, moving_q} <= '0;
  end

  // Whether K is there, by the completions of its commands alone, and with which id.
  logic            there_q, ok;
  logic [LOG2-1:0] id_q;
  assign ok = pop && is_k_q && reads && status == sl_pkg::STATUS_OK;
  always_ff @(posedge clk_i) begin
    if (!rst_n || state == CLEAR) begin
      there_q <= 1'b0;
    end else if (ok && inserting) begin
      there_q <= 1'b1;
      id_q    <= flow[LOG2-1:0];
    end else if (ok && op_q == sl_pkg::FLOW_OP_DELETE) begin
      there_q <= 1'b0;
    end
  end

  // Lookups of K: one, two and three clocks after they have begun, and what was to be found when they began.
  logic              hit;
  logic [LOG2-1:0]   hit_id;
  logic [2:0]        valid, ask_q, was_q, clearing_q;
  logic [1:0]        has_key;
  logic [3*LOG2-1:0] was_id_q;
  logic [TAG_W-1:0]  tag1, mask1;
  logic [2*B-1:0]    buckets1;
  logic [7:0]        match2;
  logic [8*LOG2-1:0] ids2;
  sl_table #(
    .TABLE_LOG2(LOG2), .V6_LOG2(1), .BUCKET_LOG2(B), .TAG_W(TAG_W), .SLOT_W(SLOT_W), .SLOT_S(SLOT_S), .RECORDS_HBM(1)
  ) u_table (
    .clk_i, .rst_ni(rst_n), .clearing_i(clearing), .epoch_i(epoch), .valid_i(lookup_i),
    .hash_i({32'(k_bucket1), 32'(k_bucket0)}), .key_i('0), .job_i, .f_slots_i(slots), .f_tag_i(k_tag),
    .f_mask_i(mask_of(k_tag)),
    .f_state_o({valid, has_key, buckets1, mask1, tag1, match2, ids2, hit, hit_id})
  );
  always_ff @(posedge clk_i) begin
    ask_q      <= rst_n ? {ask_q[1:0], lookup_i && job_i.has_key} : '0;
    was_q      <= {was_q[1:0], there_q};
    was_id_q   <= {was_id_q[2*LOG2-1:0], id_q};
    clearing_q <= {clearing_q[1:0], clearing};
  end

  // Whether K's slots, and what was read of them, have the id.
  logic ids_good, same_good, c_good, a_good, match_good;
  always_comb begin
    {ids_good, same_good, c_good, a_good, match_good} = '1;
    for (int s = 0; s < 8; s++) begin
      ids_good   = ids_good && (!k_q[s] || k_id_q[s*LOG2 +: LOG2] == id_q);
      same_good  = same_good && (!same[s] || ids[s*LOG2 +: LOG2] == id_q);
      c_good     = c_good && (!c_k_q[s] || c_id_q[s*LOG2 +: LOG2] == id_q);
      a_good     = a_good && (!a_k_q[s] || a_id_q[s*LOG2 +: LOG2] == was_id_q[0 +: LOG2]);
      match_good = match_good && (!match2[s] || ids2[s*LOG2 +: LOG2] == was_id_q[LOG2 +: LOG2]);
    end
  end

  logic       inserting, judging, moves, placing, moved_k;
  logic [7:0] mine, from_k, hole_k;
  assign mine    = in_buckets(bucket0_q, bucket1_q);
  assign from_k  = in_place(from_q);
  assign hole_k  = in_place(hole);
  assign inserting = op_q == sl_pkg::FLOW_OP_INSERT;
  assign judging = state == JUDGE || state == ADDRESSES || state == VERIFY;
  assign moves   = state == MOVE_READ || state == MOVE_WAIT || state == MOVE;
  assign placing = moves || state == SLOT;
  assign moved_k = tag_is_k(moved[TAG_W-1:0]) && in_place(from_q) != '0
                   && to_q[B+1:2] == (from_q[B+2] ? k_bucket0 : k_bucket1);

  always_comb begin
    // Other keys differ from K, and slots of K's buckets that are not K's do.
    other_key: assume (is_k_i == (bucket0_i == k_bucket0 && bucket1_i == k_bucket1 && tag_is_k(tag_i)));
    for (int s = 0; s < 8; s++) begin
      assume (!slot_is_k(s >= 4, others_i[s*SLOT_S +: SLOT_W]));
      assume (!c_here_q[s] || !slot_is_k(s >= 4, c_others_i[s*SLOT_S +: SLOT_W]));
      // The path: a resident goes where its slot says. (What was read is of the buckets at from.)
      if (state == MOVE_WAIT && {from_q[B+2], from_q[1:0]} == 3'(s)) begin
        assume (c_slots[s*SLOT_S + SLOT_W - 1] && c_slots[s*SLOT_S + EPOCH +: 8] == epoch
                && c_slots[s*SLOT_S + ALT +: B] == to_q[B+1:2]);
      end
    end
    if (offer) begin
      path_once:  assume ((in_place(from_i) & path_q) == '0 && from_i[B+2] != next_to[B+2]);
      path_goes:  assume ((in_place(from_i) & k_q) == '0 || next_to[B+1:2] == (from_i[B+2] ? k_bucket0 : k_bucket1));
      path_free:  assume (moving_q || (in_place(next_to) & k_q) == '0);
      path_leads: assume (!last_i || from_i[B+1:2] == (from_i[B+2] ? bucket1_q : bucket0_q));
    end
    if (KEPT != 0) begin
      assume (state == CLEAR || ((k_q != '0) == there_q && ids_good));
      assume (clearing == (state == CLEAR || clear));
    end

    if (rst_n) begin
      kept:     assert (state == CLEAR || ((k_q != '0) == there_q && ids_good));
      lookup:   assert (!ask_q[2] || clearing_q[2]
                        || (hit == (was_q[2] && !clearing_q[0]) && (!hit || hit_id == was_id_q[2*LOG2 +: LOG2])));
      told:     assert (!pop || !is_k_q || !reads
                        || (there_q && flow == 32'(id_q)
                            && status == (inserting ? sl_pkg::STATUS_EXISTS : sl_pkg::STATUS_OK))
                        || ((!there_q || k_tag[1])
                            && (inserting ? status == sl_pkg::STATUS_NO_SPACE
                                            || (!there_q && status == sl_pkg::STATUS_OK)
                                          : status == sl_pkg::STATUS_NOT_FOUND)));
      seen_two: assert (!(ask_q[0] && !one_or_none(a_k_q)));

      // What these lean on. The command:
      is_k:     assert (!cmd_q || is_k_q == (bucket0_q == k_bucket0 && bucket1_q == k_bucket1 && tag_is_k(tag_q)));
      held:     assert (!(state == COMPARE || judging || state == SEARCH || placing)
                        || (cmd_q && reads && insert == inserting
                            && delete == (op_q == sl_pkg::FLOW_OP_DELETE) && v6 == tag_q[1]));
      inserts:  assert (!(state == SEARCH || placing) || (inserting && (!is_k_q || k_q == '0)));
      dumps:    assert (state <= VERIFY && (state <= SLOT || state >= ADDRESSES
                                            || (cmd_q && op_q == sl_pkg::FLOW_OP_DUMP)));
      compared: assert (state != COMPARE || (fresh && c_here_q == mine && c_k_q == (k_q & mine)));
      c_ids:    assert (!(state == COMPARE || state == MOVE_WAIT) || c_good);
      judged:   assert (!judging || (!fresh && (k_q & mine & ~taken) == '0 && (same & ~taken) == '0
                                     && (is_k_q ? same == k_q && same_good : (same & k_q & mine) == '0)
                                     && (taken == 8'hff || !taken[free]) && (state == JUDGE || v6)));
      // A search and its moves: two slots are K's only while the first is the hole.
      one:      assert (state == CLEAR || one_or_none(k_q)
                        || (placing && moving_q && (k_q & hole_k) != '0 && one_or_none(k_q & ~hole_k)
                            && (k_q & ~hole_k & path_q) != '0));
      runs:     assert (state == SEARCH ? run_q && !moving_q
                        : moves ? run_q && (found_q || (moving_q && state == MOVE_READ))
                        : state == SLOT ? !run_q && !found_q && moving_q && place == {from_q[B+2], from_q[1:0]}
                                          && from_q[B+1:2] == (from_q[B+2] ? bucket1_q : bucket0_q)
                        : !run_q && !found_q);
      on_path:  assert (!(found_q || (placing && moving_q))
                        || ((hole_k & ~path_q) == '0 && ((k_q & hole_k) == '0 || !one_or_none(k_q))));
      offered:  assert (!found_q || (run_q && (from_k & path_q) == '0 && from_q[B+2] != to_q[B+2]
                                     && ((from_k & k_q) == '0 || to_q[B+1:2] == (from_q[B+2] ? k_bucket0 : k_bucket1))
                                     && (!last_q || from_q[B+1:2] == (from_q[B+2] ? bucket1_q : bucket0_q))));
      waited:   assert (state != MOVE_WAIT || (fresh && c_here_q == in_buckets(from_q[B+1:2], from_q[B+1:2])
                                               && c_k_q == (k_q & c_here_q)));
      copied:   assert (state != MOVE || (moved_k == ((from_k & k_q) != '0)
                                          && (!moved_k || moved[ID +: LOG2] == id_q)));
      cleared:  assert (state == CLEAR ? (walk <= k_bucket0 || k_q[3:0] == '0) && (walk <= k_bucket1 || k_q[7:4] == '0)
                                         && (walk == '0 || !there_q)
                                       : walk == '0);
      clears:   assert (clearing == (state == CLEAR || clear));
      // A lookup:
      t1:       assert (!ask_q[0] || (valid[0] && has_key[0] && tag1 == k_tag && mask1 == mask_of(k_tag)
                                      && buckets1 == {k_bucket1, k_bucket0}));
      t1_k:     assert (!ask_q[0] || clearing_q[0] || ((a_k_q != '0) == was_q[0] && a_good));
      t2:       assert (!ask_q[1] || (valid[1] && has_key[1]));
      t2_k:     assert (!ask_q[1] || clearing_q[1] || ((match2 != '0) == was_q[1] && match_good));
      t3:       assert (!ask_q[2] || valid[2]);
    end
  end
endmodule
