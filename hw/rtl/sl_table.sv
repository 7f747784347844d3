// SPDX-License-Identifier: BSD-3-Clause
// Stage table (docs/datapath.md, 6): the flow table's memories and the packets' lookup. sl_command, which changes the
// table, has the memories' second port: a lookup never waits and sees the table before or after a write.
//
//   hash ─► bank 0: bucket = 4 slots ─┐                        ┌► record ────────────────────┐
//      └──► bank 1: bucket = 4 slots ─┴► compare 8 ─► flow id ─┴► IPv6: addresses ─► compare ┴► hit
//
//   slot, from bit 0:   tag (sl_slot_tag) | flow id | bucket in the other bank | epoch (8) | valid
//
// The bucket in the other bank is kept so that a slot can be moved without hashing its key again. Of IPv6 keys the tag
// stands for the hash; the addresses are in a smaller memory, with the new ones that NAT may give the flow, and are
// compared there. Latency: 5 clocks.
`default_nettype none
module sl_table #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned V6_LOG2 = TABLE_LOG2 - sl_pkg::TABLE_V6_SHIFT,
  parameter int unsigned BUCKET_LOG2 = TABLE_LOG2 - 3,
  parameter int unsigned TAG_W = 121,
  parameter int unsigned SLOT_W = TAG_W + TABLE_LOG2 + BUCKET_LOG2 + 9,
  parameter int unsigned SLOT_S = 192,      // of the bus of eight slots: bits from one to the next
  parameter int unsigned KEPT_W = 240,      // of a record, as in sl_record
  parameter int unsigned RECORDS_HBM = 0    // what is kept of records is added later (sl_record_hbm)
) (
  input  wire logic                   clk_i,
  input  wire logic                   rst_ni,
  input  wire logic                   clearing_i,
  input  wire logic [7:0]             epoch_i,
  input  wire logic [31:0]            miss_mark_i,
  input  wire logic                   miss_valid_i,
  input  wire logic                   valid_i,
  input  wire logic [63:0]            hash_i,
  input  wire logic [319:0]           key_i,
  input  wire sl_dp_pkg::job_t        job_i,
  output logic                        valid_o,
  output sl_dp_pkg::job_t             job_o,
  output sl_dp_pkg::found_t           found_o,
  output logic [511:0]                record_o,
  // Commands: slots, addressed per bank; way w of bank b is bit 4*b + w, and slice of the data.
  input  wire logic                   c_slot_read_i,
  input  wire logic [7:0]             c_slot_write_i,
  input  wire logic [BUCKET_LOG2-1:0] c_bucket0_i,
  input  wire logic [BUCKET_LOG2-1:0] c_bucket1_i,
  input  wire logic [SLOT_W-1:0]      c_slot_i,
  output logic [8*SLOT_S-1:0]         c_slots_o,
  // Commands: records, by flow id.
  input  wire logic                   c_record_read_i,
  input  wire logic                   c_record_write_i,
  input  wire logic [TABLE_LOG2-1:0]  c_flow_i,
  input  wire logic [KEPT_W-1:0]      c_record_i,
  output logic [KEPT_W-1:0]           c_record_o,
  // Commands: addresses of an IPv6 flow (key's source, destination; the record's), by the entry that its slot names.
  input  wire logic                   c_v6_read_i,
  input  wire logic                   c_v6_write_i,
  input  wire logic [V6_LOG2-1:0]     c_v6_index_i,
  input  wire logic [511:0]           c_v6_i,
  output logic [511:0]                c_v6_o
);
  localparam int unsigned ID = TAG_W, ALT = TAG_W + TABLE_LOG2, EPOCH = ALT + BUCKET_LOG2;  // of a slot
  localparam int unsigned WHERE = 57;                                                       // of a tag
  localparam int unsigned B = BUCKET_LOG2;
  localparam int unsigned PARTS = 2 + 11;       // in which a slot is compared (sl_slot_same): eleven of the tag

  logic [8*SLOT_S-1:0] slots;
  for (genvar s = 0; s < 8; s++) begin : g_slot
    logic [SLOT_W-1:0] a_slot, b_slot;
    sl_slot_ram #(.W(SLOT_W), .LOG2(B)) u_ram (
      .clk_i, .a_read_i(valid_i), .a_addr_i(s < 4 ? hash_i[B-1:0] : hash_i[32 +: B]), .a_data_o(a_slot),
      .b_read_i(c_slot_read_i), .b_write_i(c_slot_write_i[s]), .b_addr_i(s < 4 ? c_bucket0_i : c_bucket1_i),
      .b_data_i(c_slot_i), .b_data_o(b_slot)
    );
    assign slots[s*SLOT_S +: SLOT_S]     = SLOT_S'(a_slot);
    assign c_slots_o[s*SLOT_S +: SLOT_S] = SLOT_S'(b_slot);
  end
  logic [TAG_W-1:0] tag, mask;
  sl_slot_tag #(.BUCKET_LOG2(B), .V6_LOG2(V6_LOG2)) u_tag (
    .key_i, .hash_i, .where_i('0), .tag_o(tag), .mask_o(mask)
  );

  // t1: the buckets are there. t2: compared in parts. t3: one flow id, one entry of IPv6 addresses. t4: both read.
  // t5: addresses compared, in parts as small as what a large memory leaves of a clock.
  logic                  valid1_q, valid2_q, valid3_q, valid4_q;
  sl_dp_pkg::job_t       job1_q, job2_q, job3_q, job4_q, job5_q;
  logic [63:0]           hash1_q, hash2_q, hash3_q, hash4_q, hash5_q;
  logic [255:0]          addr1_q, addr2_q, addr3_q, addr4_q;
  logic [TAG_W-1:0]      tag1_q, mask1_q;
  logic [8*PARTS-1:0]    same1, same2_q; // of each slot its parts
  logic [7:0]            match2;
  logic [85:0]           same5_q;       // of two IPv6 addresses, three bits each
  logic [8*TABLE_LOG2-1:0] ids2_q;
  logic [8*V6_LOG2-1:0]  wheres2_q;
  logic [TABLE_LOG2-1:0] id3_q, id4_q, id5_q, id;
  logic [V6_LOG2-1:0]    where3_q, where;
  logic                  hit3_q, hit4_q, hit5_q, v6_3_q, v6_4_q, v6_5_q;

  for (genvar s = 0; s < 8; s++) begin : g_same
    sl_slot_same #(.TAG_W(TAG_W), .ALT(ALT), .EPOCH(EPOCH)) u_same (
      .slot_i(slots[s*SLOT_S +: SLOT_W]), .tag_i(tag1_q), .mask_i(mask1_q),
      .alt_i(s < 4 ? hash1_q[32 +: B] : hash1_q[B-1:0]), .epoch_i, .same_o(same1[PARTS*s +: PARTS])
    );
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {valid_o, valid4_q, valid3_q, valid2_q, valid1_q} <= '0;
    else         {valid_o, valid4_q, valid3_q, valid2_q, valid1_q} <= {valid4_q, valid3_q, valid2_q, valid1_q, valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      job1_q  <= job_i;
      hash1_q <= hash_i;
      addr1_q <= {key_i[sl_pkg::KEY_DST_LSB +: 128], key_i[sl_pkg::KEY_SRC_LSB +: 128]};
      tag1_q  <= tag;
      mask1_q <= mask;
    end
    if (valid1_q) begin
      job2_q  <= job1_q;
      same2_q <= same1;
      hash2_q <= hash1_q;
      addr2_q <= addr1_q;
      for (int s = 0; s < 8; s++) begin
        ids2_q[s*TABLE_LOG2 +: TABLE_LOG2] <= slots[s*SLOT_S + ID +: TABLE_LOG2];
        wheres2_q[s*V6_LOG2 +: V6_LOG2]    <= slots[s*SLOT_S + WHERE +: V6_LOG2];
      end
    end
    if (valid2_q) begin
      job3_q   <= job2_q;
      hash3_q  <= hash2_q;
      addr3_q  <= addr2_q;
      hit3_q   <= match2 != 8'd0 && job2_q.has_key && !clearing_i;
      v6_3_q   <= job2_q.v6 && match2 != 8'd0;
      id3_q    <= id;
      where3_q <= where;
    end
    if (valid3_q) begin
      job4_q  <= job3_q;
      hash4_q <= hash3_q;
      addr4_q <= addr3_q;
      hit4_q  <= hit3_q;
      v6_4_q  <= v6_3_q;
      id4_q   <= id3_q;
    end
  end

  // During a move two slots match; both name the same flow.
  always_comb begin
    id    = '0;
    where = '0;
    for (int s = 0; s < 8; s++) match2[s] = &same2_q[PARTS*s +: PARTS];
    for (int s = 0; s < 8; s++) begin
      id    |= match2[s] ? ids2_q[s*TABLE_LOG2 +: TABLE_LOG2] : '0;
      where |= match2[s] ? wheres2_q[s*V6_LOG2 +: V6_LOG2] : '0;
    end
  end

  logic [KEPT_W-1:0] kept4;
  logic [511:0]      v6_4, record4;
  logic              hit;
  if (RECORDS_HBM == 0) begin : g_chip
    sl_slot_ram #(.W(KEPT_W), .LOG2(TABLE_LOG2)) u_record (
      .clk_i, .a_read_i(valid3_q), .a_addr_i(id3_q), .a_data_o(kept4),
      .b_read_i(c_record_read_i), .b_write_i(c_record_write_i), .b_addr_i(c_flow_i), .b_data_i(c_record_i),
      .b_data_o(c_record_o)
    );
  end else begin : g_hbm
    assign kept4      = '0;
    assign c_record_o = '0;
  end
  sl_slot_ram #(.W(512), .LOG2(V6_LOG2)) u_v6 (
    .clk_i, .a_read_i(valid3_q && v6_3_q), .a_addr_i(where3_q), .a_data_o(v6_4),
    .b_read_i(c_v6_read_i), .b_write_i(c_v6_write_i), .b_addr_i(c_v6_index_i), .b_data_i(c_v6_i), .b_data_o(c_v6_o)
  );
  sl_record u_kept (.kept_i(kept4), .v6_i(v6_4_q), .addresses_i(v6_4[511:256]), .age_s_i(16'd0), .record_o(record4));

  always_ff @(posedge clk_i) begin
    if (valid4_q) begin
      job5_q   <= job4_q;
      hash5_q  <= job4_q.has_key ? hash4_q : 64'd0;
      hit5_q   <= hit4_q;
      v6_5_q   <= v6_4_q;
      id5_q    <= id4_q;
      record_o <= record4;
      for (int i = 0; i < 85; i++) same5_q[i] <= v6_4[3*i +: 3] == addr4_q[3*i +: 3];
      same5_q[85] <= v6_4[255] == addr4_q[255];
    end
  end
  assign hit = hit5_q && (!v6_5_q || same5_q == '1);
  always_comb begin
    job_o           = job5_q;
    found_o.flow_id = hit ? 32'(id5_q) : sl_pkg::FLOW_ID_NONE;
    found_o.hash    = hash5_q;
    if (job5_q.reason == sl_pkg::REASON_FORWARDED && !hit) begin
      job_o.reason     = sl_pkg::REASON_MISS;
      job_o.mark_valid = miss_valid_i;
      job_o.mark       = miss_valid_i ? miss_mark_i : 32'd0;
    end
  end

`ifndef SYNTHESIS
  initial assert (V6_LOG2 >= 1 && V6_LOG2 <= 2*B) else $fatal(1, "sl_table: V6_LOG2 is out of range");
  initial assert (TAG_W == 11*(PARTS - 2)) else $fatal(1, "sl_table: a tag does not have its parts");
  initial assert (SLOT_W <= SLOT_S) else $fatal(1, "sl_table: a slot is wider than its place on the bus");

  // Slots that match must name one flow.
  for (genvar s = 0; s < 8; s++) begin : g_one
    a_one_flow: assert property (@(posedge clk_i) disable iff (!rst_ni || clearing_i)
      valid2_q && job2_q.has_key && match2[s] |-> ids2_q[s*TABLE_LOG2 +: TABLE_LOG2] == id);
  end

  // A lookup hits exactly if its key was inserted and not removed since, whatever was moved meanwhile and whichever
  // entry of IPv6 addresses was given to another key. A slot whose record follows one clock later is a new key's, so
  // keys come and go here in that clock, and a lookup is compared one clock after it has read the slots.
  logic [319:0] present [logic [319:0]];      // (the value means nothing)
  logic [255:0] v6_addr [0:(1<<V6_LOG2)-1];
  logic [319:0] key1_q, gone_q;
  logic         placed_q, removed_q, present2_q, present3_q, present4_q, present5_q;
  logic [TAG_W-1:0] placed_tag_q;
  function automatic logic [319:0] slot_key(input logic [TAG_W-1:0] t, input logic [255:0] addr);
    slot_key = t[56] ? {8'd6, t[55:0], addr} : {8'd4, t[55:0], 96'd0, t[120:89], 96'd0, t[88:57]};
  endfunction
  always_ff @(posedge clk_i) begin
    key1_q     <= key_i;
    present2_q <= valid1_q && job1_q.has_key && present.exists(key1_q) != 0;
    {present5_q, present4_q, present3_q} <= {present4_q, present3_q, present2_q};
    if (removed_q) present.delete(gone_q);
    if (c_record_write_i && placed_q) present[slot_key(placed_tag_q, c_v6_i[255:0])] = '0;
    if (clearing_i) present.delete();
    if (c_v6_write_i) v6_addr[c_v6_index_i] = c_v6_i[255:0];
    placed_q     <= c_slot_write_i != 8'd0 && c_slot_i[SLOT_W-1];
    placed_tag_q <= c_slot_i[TAG_W-1:0];
    removed_q    <= c_slot_write_i != 8'd0 && !c_slot_i[SLOT_W-1];
    for (int s = 0; s < 8; s++)
      if (c_slot_write_i[s])
        gone_q <= slot_key(c_slots_o[s*SLOT_S +: TAG_W], v6_addr[c_slots_o[s*SLOT_S + WHERE +: V6_LOG2]]);
  end
  a_present_hits: assert property (@(posedge clk_i) disable iff (!rst_ni || clearing_i)
    valid_o && present5_q |-> hit);
  a_absent_misses: assert property (@(posedge clk_i) disable iff (!rst_ni || clearing_i)
    valid_o && hit |-> present5_q);
`endif
endmodule
