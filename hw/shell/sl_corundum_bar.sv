// SPDX-License-Identifier: BSD-3-Clause
// The host's accesses to BAR 0 as Corundum's shell brings them (docs/shell.md): 24 bits of address, strobes.
//
//   00xxxx  the card (docs/device.md, 1)
//   01xxxx  the shell's MSI-X table, and from 018000 its pending bits
//   02xxxx  words that this wrapper has: read only
//   else    nothing: reads 0, writes are ignored; the answer is DECERR
//
// A register of the card is 32 bits wide: a write of less is not carried out, and answered by SLVERR. A read is
// answered when all writes to host memory that began before the card's answer have been carried out, because on PCIe
// completions and the card's writes may leave by different ways. Writes and reads do not wait for each other; of each
// there is one at a time.
`default_nettype none
module sl_corundum_bar #(
  parameter int unsigned WORDS = 4,
  parameter int unsigned COUNT_W = 7             // of the counts of writes to host memory
) (
  input  wire logic                clk_i,
  input  wire logic                rst_ni,
  input  wire logic                s_axil_awvalid,
  output logic                     s_axil_awready,
  input  wire logic [23:0]         s_axil_awaddr,
  input  wire logic                s_axil_wvalid,
  output logic                     s_axil_wready,
  input  wire logic [31:0]         s_axil_wdata,
  input  wire logic [3:0]          s_axil_wstrb,
  output logic                     s_axil_bvalid,
  input  wire logic                s_axil_bready,
  output logic [1:0]               s_axil_bresp,
  input  wire logic                s_axil_arvalid,
  output logic                     s_axil_arready,
  input  wire logic [23:0]         s_axil_araddr,
  output logic                     s_axil_rvalid,
  input  wire logic                s_axil_rready,
  output logic [31:0]              s_axil_rdata,
  output logic [1:0]               s_axil_rresp,
  // The card (bit 0) and the MSI-X table (bit 1): what differs has two bits, the rest is common.
  output logic [1:0]               m_axil_awvalid,
  input  wire logic [1:0]          m_axil_awready,
  output logic [15:0]              m_axil_awaddr,
  output logic [1:0]               m_axil_wvalid,
  input  wire logic [1:0]          m_axil_wready,
  output logic [31:0]              m_axil_wdata,
  output logic [3:0]               m_axil_wstrb,
  input  wire logic [1:0]          m_axil_bvalid,
  output logic [1:0]               m_axil_bready,
  input  wire logic [3:0]          m_axil_bresp,
  output logic [1:0]               m_axil_arvalid,
  input  wire logic [1:0]          m_axil_arready,
  output logic [15:0]              m_axil_araddr,
  input  wire logic [1:0]          m_axil_rvalid,
  output logic [1:0]               m_axil_rready,
  input  wire logic [63:0]         m_axil_rdata,
  input  wire logic [3:0]          m_axil_rresp,
  input  wire logic [32*WORDS-1:0] words_i,
  // Writes to host memory (sl_corundum_dma).
  input  wire logic [COUNT_W-1:0]  writes_begun_i,
  input  wire logic [COUNT_W-1:0]  writes_done_i
);
  localparam logic [1:0] OKAY = 2'b00, SLVERR = 2'b10, DECERR = 2'b11;

  // Writes: taken, given to whom it is for, answered with that answer.
  logic       w_take, w_busy_q, w_done;
  logic [1:0] w_dest;
  assign w_take         = s_axil_awvalid && s_axil_wvalid && !w_busy_q && !s_axil_bvalid;
  assign s_axil_awready = w_take;
  assign s_axil_wready  = w_take;
  assign w_dest[0]      = s_axil_awaddr[23:16] == 8'd0 && s_axil_wstrb == 4'hf;
  assign w_dest[1]      = s_axil_awaddr[23:16] == 8'd1;
  assign m_axil_bready  = {2{w_busy_q}};
  assign w_done         = w_busy_q && m_axil_bvalid != '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      w_busy_q       <= 1'b0;
      s_axil_bvalid  <= 1'b0;
      m_axil_awvalid <= '0;
      m_axil_wvalid  <= '0;
    end else begin
      m_axil_awvalid <= m_axil_awvalid & ~m_axil_awready;
      m_axil_wvalid  <= m_axil_wvalid & ~m_axil_wready;
      if (s_axil_bready) s_axil_bvalid <= 1'b0;
      if (w_take) begin
        w_busy_q       <= w_dest != '0;
        s_axil_bvalid  <= w_dest == '0;
        m_axil_awvalid <= w_dest;
        m_axil_wvalid  <= w_dest;
      end
      if (w_done) begin
        w_busy_q      <= 1'b0;
        s_axil_bvalid <= 1'b1;
      end
    end
    if (w_take) begin
      m_axil_awaddr <= s_axil_awaddr[15:0];
      m_axil_wdata  <= s_axil_wdata;
      m_axil_wstrb  <= s_axil_wstrb;
      s_axil_bresp  <= s_axil_awaddr[23:16] == 8'd0 ? SLVERR : s_axil_awaddr[23:16] == 8'd2 ? OKAY : DECERR;
    end
    if (w_done) s_axil_bresp <= m_axil_bvalid[0] ? m_axil_bresp[1:0] : m_axil_bresp[3:2];
  end

  // Reads: the same, and then the wait for the writes before.
  logic               r_take, r_busy_q, r_wait_q, r_done, r_free;
  logic [1:0]         r_dest;
  logic [31:0]        word;
  logic [COUNT_W-1:0] until_q, behind;
  assign r_take         = s_axil_arvalid && !r_busy_q && !r_wait_q && !s_axil_rvalid;
  assign s_axil_arready = r_take;
  assign r_dest[0]      = s_axil_araddr[23:16] == 8'd0;
  assign r_dest[1]      = s_axil_araddr[23:16] == 8'd1;
  assign m_axil_rready  = {2{r_busy_q}};
  assign r_done         = r_busy_q && m_axil_rvalid != '0;
  assign behind         = writes_done_i - until_q;
  assign r_free         = !behind[COUNT_W-1];
  always_comb begin
    word = '0;
    for (int i = 0; i < WORDS; i++)
      if (s_axil_araddr[23:16] == 8'd2 && s_axil_araddr[15:2] == 14'(i)) word = words_i[32*i +: 32];
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      r_busy_q       <= 1'b0;
      r_wait_q       <= 1'b0;
      s_axil_rvalid  <= 1'b0;
      m_axil_arvalid <= '0;
    end else begin
      m_axil_arvalid <= m_axil_arvalid & ~m_axil_arready;
      if (s_axil_rready) s_axil_rvalid <= 1'b0;
      if (r_take) begin
        r_busy_q       <= r_dest != '0;
        s_axil_rvalid  <= r_dest == '0;
        m_axil_arvalid <= r_dest;
      end
      if (r_done) begin
        r_busy_q <= 1'b0;
        r_wait_q <= 1'b1;
      end
      if (r_wait_q && r_free) begin
        r_wait_q      <= 1'b0;
        s_axil_rvalid <= 1'b1;
      end
    end
    if (r_take) begin
      m_axil_araddr <= s_axil_araddr[15:0];
      s_axil_rdata  <= word;
      s_axil_rresp  <= s_axil_araddr[23:16] == 8'd2 ? OKAY : DECERR;
    end
    if (r_done) begin
      s_axil_rdata <= m_axil_rvalid[0] ? m_axil_rdata[31:0] : m_axil_rdata[63:32];
      s_axil_rresp <= m_axil_rvalid[0] ? m_axil_rresp[1:0] : m_axil_rresp[3:2];
      until_q      <= writes_begun_i;
    end
  end

`ifndef SYNTHESIS
  a_one: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axil_awvalid != 2'b11 && m_axil_arvalid != 2'b11 && m_axil_bvalid != 2'b11 && m_axil_rvalid != 2'b11);
  a_b_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axil_bvalid && !s_axil_bready |=> s_axil_bvalid && $stable(s_axil_bresp));
  a_r_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axil_rvalid && !s_axil_rready |=> s_axil_rvalid && $stable(s_axil_rdata) && $stable(s_axil_rresp));
`endif
endmodule
