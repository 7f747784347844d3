// SPDX-License-Identifier: BSD-3-Clause
// Stage table (docs/datapath.md, 6): the flow table's memories and the packets' lookup. sl_command, which changes the
// table, has the memories' second port: a lookup never waits and sees the table before or after a write.
//
//   hash ─► bank 0: bucket = 4 slots ─┐
//      └──► bank 1: bucket = 4 slots ─┴► compare 8 keys ─► flow id ─► record
//
//   slot, from bit 0:   key (320) | flow id | bucket in the other bank | epoch (8) | valid
//
// The bucket in the other bank is kept so that a slot can be moved without hashing its key again. Latency: 5 clocks.
`default_nettype none
module sl_table #(
  parameter int unsigned TABLE_LOG2 = 16,
  parameter int unsigned BUCKET_LOG2 = TABLE_LOG2 - 3,
  parameter int unsigned SLOT_W = 320 + TABLE_LOG2 + BUCKET_LOG2 + 9,
  parameter int unsigned SLOT_S = 384       // of the bus of eight slots: bits from one to the next
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
  // Commands: records and the keys beside them.
  input  wire logic                   c_record_read_i,
  input  wire logic                   c_record_write_i,
  input  wire logic                   c_key_write_i,
  input  wire logic [TABLE_LOG2-1:0]  c_flow_i,
  input  wire logic [511:0]           c_record_i,
  input  wire logic [319:0]           c_key_i,
  output logic [511:0]                c_record_o,
  output logic [319:0]                c_key_o
);
  logic [8*SLOT_S-1:0] slots;
  for (genvar s = 0; s < 8; s++) begin : g_slot
    logic [SLOT_W-1:0] a_slot, b_slot;
    sl_slot_ram #(.W(SLOT_W), .LOG2(BUCKET_LOG2)) u_ram (
      .clk_i,
      .a_read_i(valid_i), .a_addr_i(s < 4 ? hash_i[BUCKET_LOG2-1:0] : hash_i[32 +: BUCKET_LOG2]),
      .a_data_o(a_slot),
      .b_read_i(c_slot_read_i), .b_write_i(c_slot_write_i[s]), .b_addr_i(s < 4 ? c_bucket0_i : c_bucket1_i),
      .b_data_i(c_slot_i), .b_data_o(b_slot)
    );
    assign slots[s*SLOT_S +: SLOT_S]     = SLOT_S'(a_slot);
    assign c_slots_o[s*SLOT_S +: SLOT_S] = SLOT_S'(b_slot);
  end

  // t1: the buckets are there. t2: compared. t3: one flow id. t4: its record.
  logic                  valid1_q, valid2_q, valid3_q, valid4_q;
  sl_dp_pkg::job_t       job1_q, job2_q, job3_q, job4_q;
  logic [63:0]           hash1_q, hash2_q, hash3_q, hash4_q;
  logic [319:0]          key1_q;
  logic [7:0]            match2_q;
  logic [8*TABLE_LOG2-1:0] ids2_q;
  logic [TABLE_LOG2-1:0] id3_q, id4_q, id;
  logic                  hit3_q, hit4_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {valid_o, valid4_q, valid3_q, valid2_q, valid1_q} <= '0;
    else         {valid_o, valid4_q, valid3_q, valid2_q, valid1_q} <= {valid4_q, valid3_q, valid2_q, valid1_q, valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      job1_q  <= job_i;
      hash1_q <= hash_i;
      key1_q  <= key_i;
    end
    if (valid1_q) begin
      job2_q  <= job1_q;
      hash2_q <= hash1_q;
      for (int s = 0; s < 8; s++) begin
        match2_q[s] <= slots[s*SLOT_S + SLOT_W - 1] && slots[s*SLOT_S + SLOT_W - 9 +: 8] == epoch_i
                       && slots[s*SLOT_S +: 320] == key1_q;
        ids2_q[s*TABLE_LOG2 +: TABLE_LOG2] <= slots[s*SLOT_S + 320 +: TABLE_LOG2];
      end
    end
    if (valid2_q) begin
      job3_q  <= job2_q;
      hash3_q <= hash2_q;
      hit3_q  <= match2_q != 8'd0 && job2_q.has_key && !clearing_i;
      id3_q   <= id;
    end
    if (valid3_q) begin
      job4_q  <= job3_q;
      hash4_q <= hash3_q;
      hit4_q  <= hit3_q;
      id4_q   <= id3_q;
    end
  end

  // During a move two slots match; both name the same flow.
  always_comb begin
    id = '0;
    for (int s = 0; s < 8; s++) id |= match2_q[s] ? ids2_q[s*TABLE_LOG2 +: TABLE_LOG2] : '0;
  end

  logic [511:0] record4;
  sl_slot_ram #(.W(512), .LOG2(TABLE_LOG2)) u_record (
    .clk_i, .a_read_i(valid3_q), .a_addr_i(id3_q), .a_data_o(record4),
    .b_read_i(c_record_read_i), .b_write_i(c_record_write_i), .b_addr_i(c_flow_i), .b_data_i(c_record_i),
    .b_data_o(c_record_o)
  );

  // Only commands look at a record's key.
  (* ram_style = "ultra" *) logic [319:0] key_mem [0:(1<<TABLE_LOG2)-1];
  always_ff @(posedge clk_i) begin
    if (c_key_write_i)        key_mem[c_flow_i] <= c_key_i;
    else if (c_record_read_i) c_key_o <= key_mem[c_flow_i];
  end

  always_ff @(posedge clk_i) begin
    if (valid4_q) begin
      job_o           <= job4_q;
      record_o        <= record4;
      found_o.flow_id <= hit4_q ? 32'(id4_q) : sl_pkg::FLOW_ID_NONE;
      found_o.hash    <= job4_q.has_key ? hash4_q : 64'd0;
      if (job4_q.reason == sl_pkg::REASON_FORWARDED && !hit4_q) begin
        job_o.reason     <= sl_pkg::REASON_MISS;
        job_o.mark_valid <= miss_valid_i;
        job_o.mark       <= miss_valid_i ? miss_mark_i : 32'd0;
      end
    end
  end

`ifndef SYNTHESIS
  // Slots that match must name one flow.
  for (genvar s = 0; s < 8; s++) begin : g_one
    a_one_flow: assert property (@(posedge clk_i) disable iff (!rst_ni || clearing_i)
      valid2_q && job2_q.has_key && match2_q[s] |-> ids2_q[s*TABLE_LOG2 +: TABLE_LOG2] == id);
  end

  // A lookup hits exactly if its key was inserted and not removed since, whatever was moved meanwhile.
  logic [319:0] present [logic [319:0]];      // (the value means nothing)
  logic present1_q, present2_q;
  always_ff @(posedge clk_i) begin
    present1_q <= valid_i && job_i.has_key && present.exists(key_i) != 0;
    present2_q <= present1_q;
    if (clearing_i) present.delete();
    else if (c_slot_write_i != 8'd0 && c_slot_i[SLOT_W-1]) present[c_slot_i[319:0]] = '0;
    else begin
      for (int s = 0; s < 8; s++) if (c_slot_write_i[s]) present.delete(c_slots_o[s*SLOT_S +: 320]);
    end
  end
  a_present_hits: assert property (@(posedge clk_i) disable iff (!rst_ni || clearing_i)
    valid2_q && present2_q |-> match2_q != 8'd0);
  a_absent_misses: assert property (@(posedge clk_i) disable iff (!rst_ni || clearing_i)
    valid2_q && job2_q.has_key && match2_q != 8'd0 |-> present2_q);
`endif
endmodule
