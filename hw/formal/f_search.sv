// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_search: one search through any table, from whatever the search before has left behind. A search
// ends by a clock that is known, so following it for so many clocks says all there is to say about it.
//
// What it offers is a path that can be moved from its free end on: every slot on it holds a resident, no slot is on it
// twice, each resident goes to the bucket that its slot names, into a free slot or the one that was copied before, and
// the path leads to one of the new key's own buckets. A move stands until it is done; once there is one, or the search
// has failed, nothing is read any more.
`default_nettype none
module f_search #(
  parameter int unsigned B = 2,
  parameter int unsigned CANDIDATES = 84,
  parameter int unsigned END = 116           // clocks
) (
  input wire logic clk_i,
  input wire logic step_i
);
  localparam int unsigned SLOTS = 8 << B;    // slot: {bank, bucket, way}
  (* anyconst *) logic [SLOTS-1:0]   table_taken;
  (* anyconst *) logic [SLOTS*B-1:0] table_alt;
  (* anyconst *) logic [B-1:0]       bucket0;
  (* anyconst *) logic [B-1:0]       bucket1;
  function automatic logic [3:0] taken_of(input logic bank, input logic [B-1:0] bucket);
    taken_of = table_taken[{bank, bucket, 2'd0} +: 4];
  endfunction
  function automatic logic [4*B-1:0] alts_of(input logic bank, input logic [B-1:0] bucket);
    alts_of = table_alt[32'({bank, bucket})*4*B +: 4*B];
  endfunction

  logic [8:0] clock_q = 9'd0;
  always_ff @(posedge clk_i) if (clock_q != 9'h1ff) clock_q <= clock_q + 9'd1;

  // As sl_command asks: the slots that were read come two clocks later and stay. At the start they are the key's.
  // A move is done one to four clocks after it was offered.
  logic           start, read, step, found, failed, last, from_bank;
  logic [B-1:0]   s_bucket0, s_bucket1, from_bucket, to_bucket, read0_q, read1_q;
  logic [1:0]     from_way, to_way;
  logic           read_q;
  logic [7:0]     taken_q;
  logic [8*B-1:0] alts_q, alts;
  logic [1:0]     wait_q;
  assign start = clock_q == 9'd1;
  assign step  = found && (step_i || wait_q == 2'd3);
  assign alts  = start ? {alts_of(1'b1, bucket1), alts_of(1'b0, bucket0)} : alts_q;
  always_ff @(posedge clk_i) begin
    read_q  <= read && clock_q != 9'd0;
    read0_q <= s_bucket0;
    read1_q <= s_bucket1;
    if (read_q) begin
      taken_q <= {taken_of(1'b1, read1_q), taken_of(1'b0, read0_q)};
      alts_q  <= {alts_of(1'b1, read1_q), alts_of(1'b0, read0_q)};
    end
  end
  sl_search #(.BUCKET_LOG2(B), .CANDIDATES(CANDIDATES)) u_dut (
    .clk_i, .rst_ni(clock_q != 9'd0), .start_i(start), .bucket0_i(bucket0), .bucket1_i(bucket1), .read_o(read),
    .bucket0_o(s_bucket0), .bucket1_o(s_bucket1), .taken_i(taken_q), .alts_i(alts), .found_o(found),
    .failed_o(failed), .step_i(step), .last_o(last), .from_bank_o(from_bank), .from_bucket_o(from_bucket),
    .from_way_o(from_way), .to_bucket_o(to_bucket), .to_way_o(to_way)
  );

  logic               ended_q = 1'b0, moving_q = 1'b0;
  logic [SLOTS-1:0]   moved_q = '0;
  logic [B+2:0]       from, to, from_q;
  logic               offered_q = 1'b0, last_q;
  logic [B+2:0]       move_from_q, move_to_q;
  assign from = {from_bank, from_bucket, from_way};
  assign to   = {!from_bank, to_bucket, to_way};
  always_ff @(posedge clk_i) begin
    wait_q      <= found && !step ? wait_q + 2'd1 : 2'd0;
    offered_q   <= clock_q != 9'd0 && found && !step;
    move_from_q <= from;
    move_to_q   <= to;
    last_q      <= last;
    if (clock_q != 9'd0) begin
      if (failed || (step && last)) ended_q <= 1'b1;
      if (step) begin
        moving_q      <= !last;
        moved_q[from] <= 1'b1;
        from_q        <= from;
      end
    end
  end

  always_comb begin
    key_full: assume (taken_of(1'b0, bucket0) == 4'hf && taken_of(1'b1, bucket1) == 4'hf);
    if (clock_q != 9'd0 && clock_q != 9'h1ff) begin
      resident: assert (!found || (table_taken[from] && !moved_q[from]));
      goes:     assert (!found || to_bucket == table_alt[32'(from)*B +: B]);
      free:     assert (!found || (moving_q ? to == from_q : !table_taken[to]));
      leads:    assert (!found || !last || from_bucket == (from_bank ? bucket1 : bucket0));
      stands:   assert (!offered_q || (found && from == move_from_q && to == move_to_q && last == last_q));
      quiet:    assert (!read || !(found || ended_q || moving_q || clock_q < 9'd2));
      once:     assert (!((found || failed) && ended_q));
      ends:     assert (clock_q < 9'(END) || ended_q);
    end
  end
endmodule
