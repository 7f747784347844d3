// SPDX-License-Identifier: BSD-3-Clause
// What sl_command does in each of its states with sl_table's second port: the slots, and the entries of IPv6 addresses.
// A module of its own: a memory leaves less of a clock than a register, so this is mapped for its own depth and not for
// that of the engine. Combinational.
`default_nettype none
module sl_slot_port #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned V6_LOG2 = 15,
  parameter int unsigned BUCKET_LOG2 = 13,
  parameter int unsigned TAG_W = 121,
  parameter int unsigned SLOT_W = 159,
  // The engine's states.
  parameter logic [4:0] CLEAR = 5'd0,
  parameter logic [4:0] READ = 5'd1,
  parameter logic [4:0] JUDGE = 5'd3,
  parameter logic [4:0] MOVE_READ = 5'd5,
  parameter logic [4:0] MOVE = 5'd7,
  parameter logic [4:0] SLOT = 5'd8,
  parameter logic [4:0] DUMP_READ = 5'd11,
  parameter logic [4:0] DUMP_V6 = 5'd13,
  parameter logic [4:0] VERIFY = 5'd16
) (
  input  wire logic [4:0]                    state_i,
  input  wire logic [BUCKET_LOG2-1:0]        walk_i,          // the buckets that are cleared
  // The command. Its buckets' slots are read if it goes on; then: slots that are taken, that have its key (IPv6: its
  // hash), the one that a new flow would have (bank, way); whether the addresses were read and are others.
  input  wire logic                          go_i,
  input  wire logic [BUCKET_LOG2-1:0]        bucket0_i,
  input  wire logic [BUCKET_LOG2-1:0]        bucket1_i,
  input  wire logic [TAG_W-1:0]              tag_i,
  input  wire logic [7:0]                    epoch_i,
  input  wire logic                          insert_i,
  input  wire logic                          delete_i,
  input  wire logic                          v6_i,
  input  wire logic [7:0]                    taken_i,
  input  wire logic [7:0]                    same_i,
  input  wire logic [2:0]                    free_i,
  input  wire logic                          other_i,
  // What a new flow needs, and its id.
  input  wire logic                          full_i,
  input  wire logic                          v6_full_i,
  input  wire logic                          id_valid_i,
  input  wire logic                          where_valid_i,
  input  wire logic [TABLE_LOG2-1:0]         id_i,
  // sl_search's reads; a move, to the other bank; what is moved, and the place that is left at the end.
  input  wire logic                          search_i,
  input  wire logic [BUCKET_LOG2-1:0]        search0_i,
  input  wire logic [BUCKET_LOG2-1:0]        search1_i,
  input  wire logic                          found_i,
  input  wire logic [BUCKET_LOG2-1:0]        from_bucket_i,
  input  wire logic [BUCKET_LOG2-1:0]        to_bucket_i,
  input  wire logic [2:0]                    to_i,
  input  wire logic [TAG_W+TABLE_LOG2-1:0]   moved_i,
  input  wire logic [2:0]                    place_i,
  input  wire logic [BUCKET_LOG2-1:0]        at_bucket_i,     // of the flow that is dumped
  // Entries of IPv6 addresses: to write, and those of the slots that were read and of the one that is dumped.
  input  wire logic                          v6_write_i,
  input  wire logic [V6_LOG2-1:0]            where_i,
  input  wire logic [8*V6_LOG2-1:0]          wheres_i,
  input  wire logic [V6_LOG2-1:0]            dumped_i,
  output logic                               insert_o,        // into a free slot, or else a search begins
  output logic                               remove_o,
  output logic                               slot_read_o,
  output logic      [7:0]                    slot_write_o,
  output logic      [BUCKET_LOG2-1:0]        bucket0_o,
  output logic      [BUCKET_LOG2-1:0]        bucket1_o,
  output logic      [SLOT_W-1:0]             slot_o,
  output logic                               v6_read_o,
  output logic      [V6_LOG2-1:0]            v6_index_o
);
  logic gone, bank;                       // slots with the command's key go; of a new flow's slot
  assign insert_o    = state_i == JUDGE && insert_i && same_i == 8'd0 && !full_i && id_valid_i
                       && (!v6_i || (where_valid_i && !v6_full_i));
  assign gone        = delete_i && ((state_i == JUDGE && !v6_i) || (state_i == VERIFY && !other_i));
  assign remove_o    = gone && same_i != 8'd0;
  assign slot_read_o = (state_i == READ && go_i) || search_i || (state_i == MOVE_READ && found_i)
                       || state_i == DUMP_READ;
  assign bank        = state_i == SLOT ? place_i[2] : free_i[2];
  always_comb begin
    bucket0_o = search_i ? search0_i : bucket0_i;
    bucket1_o = search_i ? search1_i : bucket1_i;
    slot_o    = {1'b1, epoch_i, bank ? bucket0_i : bucket1_i, id_i, tag_i};
    case (state_i)
      CLEAR: begin
        bucket0_o = walk_i;
        bucket1_o = walk_i;
        slot_o    = '0;
      end
      // (What is written does not wait for the comparison of IPv6 addresses; whether it is, does.)
      JUDGE, VERIFY: if (delete_i) slot_o = '0;
      MOVE_READ: begin
        bucket0_o = from_bucket_i;
        bucket1_o = from_bucket_i;
      end
      MOVE: begin
        // The copy names the bucket that it came from.
        slot_o    = {1'b1, epoch_i, from_bucket_i, moved_i};
        bucket0_o = to_bucket_i;
        bucket1_o = to_bucket_i;
      end
      DUMP_READ: begin
        bucket0_o = at_bucket_i;
        bucket1_o = at_bucket_i;
      end
      default: ;
    endcase
  end

  // (Whether one slot goes is told by that slot alone; one that is taken is not the free one: all are taken then.)
  always_comb begin
    for (int s = 0; s < 8; s++)
      slot_write_o[s] = state_i == CLEAR || (insert_o && !taken_i[s] && free_i == 3'(s)) || (gone && same_i[s])
                        || (state_i == MOVE && to_i == 3'(s)) || (state_i == SLOT && place_i == 3'(s));
  end

  assign v6_read_o = (state_i == JUDGE && v6_i) || state_i == DUMP_V6;
  always_comb begin
    v6_index_o = '0;
    for (int s = 0; s < 8; s++) v6_index_o |= same_i[s] ? wheres_i[s*V6_LOG2 +: V6_LOG2] : '0;
    if (state_i == DUMP_V6) v6_index_o = dumped_i;
    if (v6_write_i)         v6_index_o = where_i;
  end
endmodule
