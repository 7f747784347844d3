// SPDX-License-Identifier: BSD-3-Clause
// The prefix tables beside stage class (docs/datapath.md, 3): in which sets are a frame's destination and source? The
// tables are read while parse is still at work, so that class has the answer with its rules and a frame takes no clock
// more. What is read from the window for that is taken on trust: it only says which buckets are looked at, and the
// prefixes in them are compared with what parse found.
//
//   window ─► e1: behind the tags ─► e2: addresses, ports, ends ─► e3-e5: hash ─► e7: read ─► compare ─► sets_o
//                                                                                 parsed_i ┘
`default_nettype none
module sl_prefix (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,
  input  wire logic                csr_read_i,
  input  wire logic                csr_write_i,
  input  wire logic                csr_clear_i,   // bucket csr_index_i[11:0] of all tables and banks
  input  wire logic [14:0]         csr_index_i,   // of csr_table PREFIX
  input  wire logic [1023:0]       csr_data_i,
  output logic [1023:0]            csr_data_o,
  input  wire logic                window_valid_i,
  input  wire logic [1535:0]       window_i,
  input  wire logic                parsed_valid_i, // of the same frame, seven clocks later
  input  wire sl_dp_pkg::parsed_t  parsed_i,
  // A clock after parsed_valid_i: of each table's eight prefixes in order, DST_EXACT lowest.
  output logic [4*8*32-1:0]        sets_o,
  output logic [4*8*8-1:0]         meters_o
);
  localparam logic [12*16-1:0] CONSTANTS = {16'h31d0, 16'h299f, 16'h3822, 16'ha409, 16'h7344, 16'h0370,
                                            16'h8a2e, 16'h1319, 16'h08d3, 16'h85a3, 16'h6a88, 16'h243f};

  // e1: 64 bytes from what would be the IP header on.
  logic [6:0]   valid_q;
  logic         first, second, v6_1_q;
  logic [511:0] view1_q;
  assign second = window_i[143:128] == 16'h0081;
  assign first  = window_i[111:96] == 16'h0081 || (window_i[111:96] == 16'ha888 && second);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else         valid_q <= {valid_q[5:0], window_valid_i};
    if (window_valid_i) begin
      view1_q <= first && second ? window_i[176 +: 512] : first ? window_i[144 +: 512] : window_i[112 +: 512];
      v6_1_q  <= (first && second ? window_i[175:160] : first ? window_i[143:128] : window_i[111:96]) == 16'hdd86;
    end
  end

  // e2: addresses, protocol and ports, behind an IPv4 header's options too; folded.
  logic [127:0] src, dst;
  logic [31:0]  ports;
  logic [7:0]   proto;
  always_comb begin
    src   = v6_1_q ? view1_q[64 +: 128] : {96'd0, view1_q[96 +: 32]};
    dst   = v6_1_q ? view1_q[192 +: 128] : {96'd0, view1_q[128 +: 32]};
    proto = v6_1_q ? view1_q[55:48] : view1_q[79:72];
    ports = view1_q[320 +: 32];
    if (!v6_1_q) begin
      ports = view1_q[160 +: 32];
      for (int ihl = 6; ihl < 16; ihl++) if (view1_q[3:0] == 4'(ihl)) ports = view1_q[32*ihl +: 32];
    end
  end

  // To e5: the four hashes, {source wide, source exact, destination wide, destination exact}; see sl_prefix_hash(). An
  // address's ends go in first, and its middle, which is zero in IPv4, after the first four rounds: a clock later.
  function automatic logic [31:0] ends(input logic [127:0] a);
    ends = a[31:0] ^ {a[106:96], a[127:107]};
  endfunction
  function automatic logic [31:0] middle(input logic [127:0] a);
    middle = {a[56:32], a[63:57]} ^ {a[80:64], a[95:81]};
  endfunction
  // Four rounds from the given one on, of {right, left}.
  function automatic logic [31:0] rounds(input logic [31:0] state, input logic [63:0] constants);
    logic [15:0] left, right, next;
    left  = state[15:0];
    right = state[31:16];
    for (int i = 0; i < 4; i++) begin
      next  = right ^ ({left[14:0], left[15]} & {left[7:0], left[15:8]}) ^ {left[13:0], left[15:14]}
              ^ constants[16*i +: 16];
      right = left;
      left  = next;
    end
    rounds = {right, left};
  endfunction
  logic [127:0] hash2_q, hash3_q, hash4_q, hash5_q, hash6_q;
  logic [63:0]  middle2_q;                       // {source, destination}
  logic [31:0]  dst_exact, src_exact;
  assign dst_exact = {8'd0, proto, ports[23:16], ports[31:24]};
  assign src_exact = {8'd0, proto, ports[7:0], ports[15:8]};
  always_ff @(posedge clk_i) begin
    if (valid_q[0]) begin
      hash2_q   <= {ends(src), ends(src) ^ src_exact, ends(dst), ends(dst) ^ dst_exact};
      middle2_q <= {middle(src), middle(dst)};
    end
    for (int t = 0; t < 4; t++) begin
      if (valid_q[1]) begin
        hash3_q[32*t +: 32] <= rounds(hash2_q[32*t +: 32], CONSTANTS[63:0]) ^ middle2_q[32*(t/2) +: 32];
      end
      if (valid_q[2]) hash4_q[32*t +: 32] <= rounds(hash3_q[32*t +: 32], CONSTANTS[127:64]);
      if (valid_q[3]) hash5_q[32*t +: 32] <= rounds(hash4_q[32*t +: 32], CONSTANTS[191:128]);
    end
    if (valid_q[4]) hash6_q <= hash5_q;
  end

  // Registers' commands, a clock later: the entry stays that long.
  logic        csr_read_q, csr_write_q, csr_clear_q;
  logic [14:0] csr_index_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {csr_read_q, csr_write_q, csr_clear_q} <= '0;
    else         {csr_read_q, csr_write_q, csr_clear_q} <= {csr_read_i, csr_write_i, csr_clear_i};
    csr_index_q <= csr_index_i;
  end

  // e7 and on.
  logic [4*1024-1:0] csr_data;
  logic [1:0]        csr_table_q;
  logic              l4;
  logic [15:0]       sport, dport;
  // (Ports behind IPv6 extension headers count for no prefix: the hash was made without following them.)
  assign l4    = (parsed_i.outer.tcp || parsed_i.outer.udp) && parsed_i.outer.l4_ok
                 && (!parsed_i.outer.v6 || parsed_i.outer.l4_words == 5'd10);
  assign sport = {parsed_i.outer.sport[7:0], parsed_i.outer.sport[15:8]};
  assign dport = {parsed_i.outer.dport[7:0], parsed_i.outer.dport[15:8]};
  for (genvar t = 0; t < 4; t++) begin : g_table
    sl_prefix_table #(.WIDE(t % 2), .LOG2(sl_pkg::PREFIX_BUCKETS_LOG2)) u_table (
      .clk_i, .csr_read_i(csr_read_q && csr_index_q[14:13] == 2'(t)),
      .csr_write_i(csr_write_q && csr_index_q[14:13] == 2'(t)), .csr_clear_i(csr_clear_q), .csr_bank_i(csr_index_q[12]),
      .csr_bucket_i(csr_index_q[11:0]), .csr_data_i, .csr_data_o(csr_data[1024*t +: 1024]),
      .read_i(valid_q[5]), .hash_i(hash6_q[32*t +: 32]), .valid_i(parsed_valid_i), .v4_i(parsed_i.outer.v4),
      .v6_i(parsed_i.outer.v6), .l4_i(l4), .proto_i(parsed_i.outer.proto), .port_i(t < 2 ? dport : sport),
      .addr_i(t < 2 ? parsed_i.outer.dst : parsed_i.outer.src), .sets_o(sets_o[256*t +: 256]),
      .meters_o(meters_o[64*t +: 64])
    );
  end
  always_ff @(posedge clk_i) if (csr_read_q) csr_table_q <= csr_index_q[14:13];
  always_comb begin
    csr_data_o = csr_data[1023:0];
    for (int t = 1; t < 4; t++) if (csr_table_q == 2'(t)) csr_data_o = csr_data[1024*t +: 1024];
  end

`ifndef SYNTHESIS
  initial assert (sl_pkg::PREFIX_BUCKETS_LOG2 == 12 && sl_pkg::PREFIX_SETS == 32)
    else $fatal(1, "sl_prefix: widths are those of 4096 buckets and 32 sets");
  a_in_step: assert property (@(posedge clk_i) disable iff (!rst_ni) parsed_valid_i == valid_q[6]);
`endif
endmodule
