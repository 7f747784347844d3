// SPDX-License-Identifier: BSD-3-Clause
// Writes to host memory for several clients (docs/device.md, 13), posted: nobody waits for an acknowledgement but who
// wants to. Requests are cut into bursts (sl_dma_cut); the AXI ID is the client's number, so its bursts are
// acknowledged in order. What must not pass what is the client's business: it sees each acknowledgement (b_valid_o),
// and every engine issues completions only after those of its payload.
//
//   requests ─► sl_dma_cut ─► AW        and, up to 16 bursts behind,        clients' bytes ─► W, a beat per clock
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
  // The client's next bytes from bit 0, of its requests in their order; as many as asked for leave with pop.
  input  wire logic [8*NC-1:0]   avail_i,        // how many there are
  input  wire logic [512*NC-1:0] data_i,
  output logic [NC-1:0]          pop_o,
  output logic [6:0]             pop_n_o,
  output logic [NC-1:0]          b_valid_o,      // one burst acknowledged
  output logic                   b_err_o,
  output logic [NC-1:0]          pend_o,         // something of the client's is not acknowledged
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
  localparam int unsigned BURSTS_LOG2 = 4;      // whose data has not left
  (* mem2reg *) logic [7:0]  out_q [0:7];           // bursts not acknowledged, by client

  logic        burst, last, issue, cut_busy;
  logic [2:0]  client;
  logic [63:0] addr;
  logic [9:0]  part;
  logic [7:0]  beats;
  logic [NC-1:0] cut_pend;
  logic [BURSTS_LOG2:0] bursts;
  sl_dma_cut #(.NC(NC)) u_cut (
    .clk_i, .rst_ni, .req_valid_i, .req_ready_o, .req_addr_i, .req_len_i, .valid_o(burst), .ready_i(issue),
    .client_o(client), .addr_o(addr), .bytes_o(part), .beats_o(beats), .last_o(last), .pend_o(cut_pend),
    .busy_o(cut_busy)
  );
  assign issue = burst && (!m_axi_awvalid || m_axi_awready) && !(&out_q[client])
                 && bursts != (BURSTS_LOG2+1)'(1 << BURSTS_LOG2);

  // The bursts whose data is still to come.
  logic        w_valid, w_start_q, take, w_end;
  logic [2:0]  w_client;
  logic [5:0]  w_off, off;
  logic [9:0]  w_part, w_left_q, w_left;
  logic [6:0]  line, n;
  logic [7:0]  avail;
  logic [511:0] data;
  sl_fifo #(.W(19), .LOG2(BURSTS_LOG2)) u_bursts (
    .clk_i, .rst_ni, .push_i(issue), .data_i({client, addr[5:0], part}), .pop_i(w_end), .valid_o(w_valid),
    .data_o({w_client, w_off, w_part}), .count_o(bursts)
  );
  always_comb begin
    avail = '0;
    data  = '0;
    for (int c = 0; c < NC; c++) begin
      if (w_client == 3'(c)) begin
        avail = avail_i[8*c +: 8];
        data  = data_i[512*c +: 512];
      end
    end
  end
  assign off     = w_start_q ? w_off : '0;
  assign w_left  = w_start_q ? w_part : w_left_q;
  assign line    = 7'd64 - {1'b0, off};
  assign n       = 10'(line) > w_left ? 7'(w_left) : line;
  assign take    = w_valid && avail >= {1'b0, n} && (!m_axi_wvalid || m_axi_wready);
  assign w_end   = take && 10'(n) == w_left;
  assign pop_n_o = n;
  always_comb for (int c = 0; c < NC; c++) pop_o[c] = take && w_client == 3'(c);

  function automatic logic [63:0] mask(input logic [6:0] bytes);
    mask = bytes[6] ? '1 : (64'd1 << bytes[5:0]) - 64'd1;
  endfunction

  assign m_axi_bready = 1'b1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      w_start_q     <= 1'b1;
      m_axi_awvalid <= 1'b0;
      m_axi_wvalid  <= 1'b0;
      b_valid_o     <= '0;
      for (int c = 0; c < 8; c++) out_q[c] <= '0;
    end else begin
      if (m_axi_awready) m_axi_awvalid <= 1'b0;
      if (m_axi_wready)  m_axi_wvalid  <= 1'b0;
      if (issue) begin
        m_axi_awvalid <= 1'b1;
        m_axi_awid    <= 4'(client);
        m_axi_awaddr  <= {addr[63:6], 6'd0};
        m_axi_awlen   <= beats;
      end
      if (take) begin
        m_axi_wvalid <= 1'b1;
        m_axi_wdata  <= data << {off, 3'b000};
        m_axi_wstrb  <= mask(n) << off;
        m_axi_wlast  <= w_end;
        w_start_q    <= w_end;
        w_left_q     <= w_left - 10'(n);
      end
      for (int c = 0; c < 8; c++) begin
        if ((issue && client == 3'(c)) != (m_axi_bvalid && m_axi_bid[2:0] == 3'(c)))
          out_q[c] <= (issue && client == 3'(c)) ? out_q[c] + 8'd1 : out_q[c] - 8'd1;
      end
      for (int c = 0; c < NC; c++) b_valid_o[c] <= m_axi_bvalid && m_axi_bid[2:0] == 3'(c);
      b_err_o <= m_axi_bresp != 2'b00;
    end
  end
  // b_valid_o comes with the fall of pend_o or later: it counts as pending, so that an error is known before.
  always_comb begin
    for (int c = 0; c < NC; c++) pend_o[c] = out_q[c] != '0 || cut_pend[c] || b_valid_o[c];
    busy_o = cut_busy || w_valid || m_axi_awvalid || m_axi_wvalid;
    for (int c = 0; c < NC; c++) if (pend_o[c]) busy_o = 1'b1;
  end

`ifndef SYNTHESIS
  logic [7:0] out;
  always_comb for (int c = 0; c < 8; c++) out[c] = out_q[c] != '0;
  a_4k: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_awvalid |-> 32'(m_axi_awaddr[11:0]) + (32'(m_axi_awlen) + 1) * 64 <= 4096);
  a_aw_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_awvalid && !m_axi_awready |=> m_axi_awvalid && $stable(m_axi_awaddr) && $stable(m_axi_awlen));
  a_w_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_wvalid && !m_axi_wready |=> m_axi_wvalid && $stable(m_axi_wdata) && $stable(m_axi_wlast));
  a_b_expected: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_bvalid |-> 32'(m_axi_bid) < NC && out[m_axi_bid[2:0]]);
`endif
endmodule
