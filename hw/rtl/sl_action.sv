// SPDX-License-Identifier: BSD-3-Clause
// Stage action (docs/datapath.md, 7): reads the action entry that a hit's record names and decides whether the frame
// may leave as it says. Keeps the action table; the registers' side has the memory's second port. Latency: 3 clocks.
`default_nettype none
module sl_action #(
  parameter int unsigned NPORTS = 2
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,
  input  wire logic [NPORTS-1:0]   port_up_i,
  // Registers: one entry, read data one clock later.
  input  wire logic                csr_read_i,
  input  wire logic                csr_write_i,
  input  wire logic [11:0]         csr_index_i,
  input  wire logic [1023:0]       csr_data_i,
  output logic [1023:0]            csr_data_o,
  input  wire logic                valid_i,
  input  wire sl_dp_pkg::job_t     job_i,
  input  wire sl_dp_pkg::found_t   found_i,
  input  wire logic [511:0]        record_i,
  output logic                     valid_o,
  output sl_dp_pkg::job_t          job_o,
  output sl_dp_pkg::found_t        found_o,
  output logic [511:0]             record_o,
  output logic [1023:0]            action_o,
  output sl_dp_pkg::shape_t        shape_o
);
  logic              valid1_q, valid2_q;
  sl_dp_pkg::job_t   job1_q, job2_q;
  sl_dp_pkg::found_t found1_q, found2_q;
  logic [511:0]      record1_q, record2_q;
  logic [1023:0]     action1, action2_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) {valid_o, valid2_q, valid1_q} <= '0;
    else         {valid_o, valid2_q, valid1_q} <= {valid2_q, valid1_q, valid_i};
  end

  // a1: the entry.
  sl_slot_ram #(.W(1024), .LOG2(12)) u_ram (
    .clk_i, .a_read_i(valid_i), .a_addr_i(record_i[sl_pkg::RECORD_ACTION_LSB +: 12]), .a_data_o(action1),
    .b_read_i(csr_read_i), .b_write_i(csr_write_i), .b_addr_i(csr_index_i), .b_data_i(csr_data_i),
    .b_data_o(csr_data_o)
  );
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      job1_q    <= job_i;
      found1_q  <= found_i;
      record1_q <= record_i;
    end
  end

  // a2: lengths.
  logic [7:0]         hdr_len, l3_off, flags;
  logic [6:0]         eth_len, l2_len, src_off, l2_len2_q, src_off2_q;
  logic signed [9:0]  outer2_q;                // what the wire's IP packet is longer than the one looked up
  logic signed [17:0] over2_q;                 // what that one is longer than the MTU, less 1
  logic [16:0]        out_len2_q;
  logic               usable2_q;
  assign hdr_len = action1[sl_pkg::ACTION_HDR_LEN_LSB +: 8];
  assign l3_off  = action1[sl_pkg::ACTION_L3_OFF_LSB +: 8];
  assign flags   = action1[sl_pkg::ACTION_FLAGS_LSB +: 8];
  assign eth_len = 7'd14 + 7'({job1_q.tags, 2'b00});
  assign src_off = eth_len + (job1_q.decap ? job1_q.in_off : 7'd0);
  assign l2_len  = flags[1] ? hdr_len[6:0] : job1_q.decap ? 7'd14 : eth_len;

  always_ff @(posedge clk_i) begin
    if (valid1_q) begin
      job2_q      <= job1_q;
      found2_q    <= found1_q;
      record2_q   <= record1_q;
      action2_q   <= action1;
      // A bare packet out of a tunnel has no Ethernet header of its own.
      usable2_q   <= record1_q[sl_pkg::RECORD_ACTION_LSB + 12 +: 20] == 20'd0 && flags[0]
                      && (flags[1] || !job1_q.decap || job1_q.in_eth);
      l2_len2_q   <= l2_len;
      src_off2_q  <= src_off;
      out_len2_q  <= 17'(job1_q.ip_len) + 17'(l2_len);
      outer2_q    <= (flags[2] || flags[3]) ? 10'(hdr_len) - 10'(l3_off) : 10'd0;
      over2_q     <= 18'(job1_q.ip_len) + {2'b11, ~action1[sl_pkg::ACTION_MTU_LSB +: 16]};
    end
  end

  // a3: the verdict, with the ports as they were a clock ago.
  logic [7:0]  reason, port;
  logic [NPORTS-1:0] port_up_q;
  always_ff @(posedge clk_i) port_up_q <= port_up_i;
  logic [15:0] mtu;
  logic        port_ok, too_long;
  logic signed [17:0] over;
  assign port = action2_q[sl_pkg::ACTION_PORT_LSB +: 8];
  assign mtu  = action2_q[sl_pkg::ACTION_MTU_LSB +: 16];
  assign over = over2_q + 18'(outer2_q);
  assign too_long = mtu != 16'd0 && !over[17];
  always_comb begin
    port_ok = 1'b0;
    for (int p = 0; p < NPORTS; p++) if (port == 8'(p)) port_ok = port_up_q[p];
    reason = job2_q.reason;
    if (reason == sl_pkg::REASON_FORWARDED) begin
      if (!usable2_q)
        reason = sl_pkg::REASON_BAD_ACTION;
      else if (record2_q[sl_pkg::RECORD_FLAGS_LSB + 2] && job2_q.ttl <= 8'd1)
        reason = sl_pkg::REASON_TTL;
      else if (too_long)
        reason = sl_pkg::REASON_MTU;
      else if (!port_ok)
        reason = sl_pkg::REASON_PORT_DOWN;
      else if (out_len2_q > 17'(sl_pkg::FRAME_MAX))
        reason = sl_pkg::REASON_MTU;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid2_q) begin
      job_o           <= job2_q;
      job_o.reason    <= reason;
      found_o         <= found2_q;
      record_o        <= record2_q;
      action_o        <= action2_q;
      shape_o.port    <= port[2:0];
      shape_o.out_len <= out_len2_q[13:0];
      shape_o.hdr_len <= l2_len2_q;
      shape_o.src_off <= src_off2_q;
      shape_o.ip_len  <= job2_q.ip_len;
    end
  end
endmodule
