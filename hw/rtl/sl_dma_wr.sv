// SPDX-License-Identifier: BSD-3-Clause
// Writes to host memory for several clients (docs/device.md, 13), one request after the other. A request is cut at
// multiples of 512 bytes, so no burst crosses 4 KiB; the AXI ID is the client's number, so its bursts are acknowledged
// in order. What must not pass what is the client's business: pend_o says whether anything of its is unacknowledged,
// and every engine issues completions only after that of its payload has fallen.
`default_nettype none
module sl_dma_wr #(
  parameter int unsigned NC = 7
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  input  wire logic [NC-1:0]     req_valid_i,
  output logic [NC-1:0]          req_ready_o,
  input  wire logic [64*NC-1:0]  req_addr_i,
  input  wire logic [14*NC-1:0]  req_len_i,      // bytes, not 0
  // The client's next bytes from bit 0; as many as asked for leave with pop.
  input  wire logic [8*NC-1:0]   avail_i,        // how many there are
  input  wire logic [512*NC-1:0] data_i,
  output logic [NC-1:0]          pop_o,
  output logic [6:0]             pop_n_o,
  output logic [NC-1:0]          b_valid_o,      // one burst acknowledged
  output logic                   b_err_o,
  output logic [NC-1:0]          pend_o,
  // AXI4 master, write channels.
  output logic                   m_axi_awvalid,
  input  wire logic              m_axi_awready,
  output logic [3:0]             m_axi_awid,
  output logic [63:0]            m_axi_awaddr,
  output logic [7:0]             m_axi_awlen,
  output logic                   m_axi_wvalid,
  input  wire logic              m_axi_wready,
  output logic [511:0]           m_axi_wdata,
  output logic [63:0]            m_axi_wstrb,
  output logic                   m_axi_wlast,
  input  wire logic              m_axi_bvalid,
  output logic                   m_axi_bready,
  input  wire logic [3:0]        m_axi_bid,
  input  wire logic [1:0]        m_axi_bresp,
  output logic                   busy_o
);
  logic [5:0]  out_q [0:7];           // bursts not acknowledged, by client
  logic        work_q, burst_q;       // a request; inside one of its bursts
  logic [2:0]  client_q, pick;
  logic [63:0] addr_q;
  logic [13:0] left_q;
  logic [9:0]  part_q, room, part;    // bytes of the burst still to write
  logic        pick_valid, start, take;
  logic [63:0] pick_addr;
  logic [13:0] pick_len;
  logic [7:0]  avail;
  logic [511:0] data;
  always_comb begin
    pick       = client_q;
    pick_valid = 1'b0;
    pick_addr  = '0;
    pick_len   = '0;
    for (int i = NC; i >= 1; i--) begin
      if (req_valid_i[(32'(client_q) + i) % NC]) begin
        pick       = 3'((32'(client_q) + i) % NC);
        pick_valid = 1'b1;
      end
    end
    avail = '0;
    data  = '0;
    for (int c = 0; c < NC; c++) begin
      if (pick == 3'(c)) begin
        pick_addr = req_addr_i[64*c +: 64];
        pick_len  = req_len_i[14*c +: 14];
      end
      if (work_q && client_q == 3'(c)) begin
        avail = avail_i[8*c +: 8];
        data  = data_i[512*c +: 512];
      end
      req_ready_o[c] = !work_q && pick_valid && pick == 3'(c);
    end
  end
  assign room  = 10'd512 - 10'(addr_q[8:0]);
  assign part  = left_q > 14'(room) ? room : left_q[9:0];
  assign start = work_q && !burst_q && (!m_axi_awvalid || m_axi_awready) && !(&out_q[client_q]);

  logic [6:0] n;
  logic [6:0] line;
  assign line = 7'd64 - {1'b0, addr_q[5:0]};
  assign n    = 10'(line) > part_q ? 7'(part_q) : line;
  assign take = work_q && burst_q && avail >= {1'b0, n} && (!m_axi_wvalid || m_axi_wready);
  assign pop_n_o = n;
  always_comb for (int c = 0; c < NC; c++) pop_o[c] = take && client_q == 3'(c);

  function automatic logic [63:0] mask(input logic [6:0] bytes);
    mask = bytes[6] ? '1 : (64'd1 << bytes[5:0]) - 64'd1;
  endfunction

  assign m_axi_bready = 1'b1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      work_q        <= 1'b0;
      burst_q       <= 1'b0;
      client_q      <= '0;
      m_axi_awvalid <= 1'b0;
      m_axi_wvalid  <= 1'b0;
      b_valid_o     <= '0;
      for (int c = 0; c < 8; c++) out_q[c] <= '0;
    end else begin
      if (m_axi_awready) m_axi_awvalid <= 1'b0;
      if (m_axi_wready)  m_axi_wvalid  <= 1'b0;
      if (!work_q && pick_valid) begin
        work_q   <= 1'b1;
        client_q <= pick;
        addr_q   <= pick_addr;
        left_q   <= pick_len;
      end
      if (start) begin
        burst_q       <= 1'b1;
        part_q        <= part;
        m_axi_awvalid <= 1'b1;
        m_axi_awid    <= 4'(client_q);
        m_axi_awaddr  <= {addr_q[63:6], 6'd0};
        m_axi_awlen   <= 8'((10'(addr_q[5:0]) + part - 10'd1) >> 6);
      end
      if (take) begin
        m_axi_wvalid <= 1'b1;
        m_axi_wdata  <= data << {addr_q[5:0], 3'b000};
        m_axi_wstrb  <= mask(n) << addr_q[5:0];
        m_axi_wlast  <= 10'(n) == part_q;
        addr_q       <= addr_q + 64'(n);
        left_q       <= left_q - 14'(n);
        part_q       <= part_q - 10'(n);
        if (10'(n) == part_q) begin
          burst_q <= 1'b0;
          work_q  <= left_q != 14'(n);
        end
      end
      for (int c = 0; c < 8; c++) begin
        if ((start && client_q == 3'(c)) != (m_axi_bvalid && m_axi_bid[2:0] == 3'(c)))
          out_q[c] <= (start && client_q == 3'(c)) ? out_q[c] + 6'd1 : out_q[c] - 6'd1;
      end
      for (int c = 0; c < NC; c++) b_valid_o[c] <= m_axi_bvalid && m_axi_bid[2:0] == 3'(c);
      b_err_o <= m_axi_bresp != 2'b00;
    end
  end
  // b_valid_o comes with the fall of pend_o or later: it counts as pending, so that an error is known before.
  always_comb begin
    for (int c = 0; c < NC; c++) pend_o[c] = out_q[c] != '0 || (work_q && client_q == 3'(c)) || b_valid_o[c];
    busy_o = work_q || m_axi_awvalid || m_axi_wvalid || req_valid_i != '0;
    for (int c = 0; c < NC; c++) if (pend_o[c]) busy_o = 1'b1;
  end

`ifndef SYNTHESIS
  logic [7:0] out;
  always_comb for (int c = 0; c < 8; c++) out[c] = out_q[c] != '0;
  initial assert (NC <= 8) else $fatal(1, "sl_dma_wr: too many clients");
  a_4k: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_awvalid |-> 32'(m_axi_awaddr[11:0]) + (32'(m_axi_awlen) + 1) * 64 <= 4096);
  a_aw_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_awvalid && !m_axi_awready |=> m_axi_awvalid && $stable(m_axi_awaddr) && $stable(m_axi_awlen));
  a_w_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_wvalid && !m_axi_wready |=> m_axi_wvalid && $stable(m_axi_wdata) && $stable(m_axi_wlast));
  a_b_expected: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_bvalid |-> 32'(m_axi_bid) < NC && out[m_axi_bid[2:0]]);
  for (genvar c = 0; c < NC; c++) begin : g_check
    a_len: assert property (@(posedge clk_i) disable iff (!rst_ni) req_valid_i[c] |-> req_len_i[14*c +: 14] != '0);
  end
`endif
endmodule
