// SPDX-License-Identifier: BSD-3-Clause
// Reads of host memory for several clients (docs/device.md, 13). A request is cut into bursts (sl_dma_cut), each
// with an AXI ID of its own. Memory may answer the IDs in any order: each has room of its own here. Clients get their
// bytes in the order of requests:
//
//   requests ─► sl_dma_cut ─► AR (ID = slot)
//               R ─► slot memory ─► oldest slot first ─► first bytes to bit 0 ─► clients
//
// One burst may leave and one line be given in every clock. A client that cannot take a line says so with hold_i; two
// more may still come, and the clients behind it wait.
`default_nettype none
module sl_dma_rd #(
  parameter int unsigned NC = 5,          // clients
  parameter int unsigned SLOTS_LOG2 = 7,  // bursts outstanding
  parameter int unsigned ID_W = 7
) (
  input  wire logic             clk_i,
  input  wire logic             rst_ni,
  input  wire logic [NC-1:0]    req_valid_i,
  output logic [NC-1:0]         req_ready_o,
  input  wire logic [64*NC-1:0] req_addr_i,
  input  wire logic [14*NC-1:0] req_len_i,       // bytes, not 0
  input  wire logic [NC-1:0]    hold_i,
  output logic [NC-1:0]         rsp_valid_o,
  output logic [511:0]          rsp_data_o,      // from bit 0
  output logic [6:0]            rsp_bytes_o,
  output logic                  rsp_last_o,      // of the request
  output logic                  rsp_err_o,       // some byte up to the end of this burst could not be read
  // AXI4 master, read channels.
  output logic                  m_axi_arvalid,
  input  wire logic             m_axi_arready,
  output logic [ID_W-1:0]       m_axi_arid,
  output logic [63:0]           m_axi_araddr,
  output logic [7:0]            m_axi_arlen,
  input  wire logic             m_axi_rvalid,
  output logic                  m_axi_rready,
  input  wire logic [ID_W-1:0]  m_axi_rid,
  input  wire logic [511:0]     m_axi_rdata,
  input  wire logic [1:0]       m_axi_rresp,
  input  wire logic             m_axi_rlast,
  output logic                  busy_o
);
  localparam int unsigned SLOTS = 1 << SLOTS_LOG2;
  localparam int unsigned INFO_W = 3 + 10 + 6 + 1;
  typedef logic [SLOTS_LOG2-1:0] slot_t;

  logic        burst, burst_last, issue, slots_full, cut_busy;
  logic [2:0]  client;
  logic [63:0] addr;
  logic [9:0]  part;
  logic [7:0]  beats;
  logic [NC-1:0] pend;
  logic [SLOTS_LOG2:0] head_q, tail_q;     // next slot to give; oldest
  sl_dma_cut #(.NC(NC)) u_cut (
    .clk_i, .rst_ni, .req_valid_i, .req_ready_o, .req_addr_i, .req_len_i, .valid_o(burst), .ready_i(issue),
    .client_o(client), .addr_o(addr), .bytes_o(part), .beats_o(beats), .last_o(burst_last), .pend_o(pend),
    .busy_o(cut_busy)
  );
  assign slots_full = (head_q - tail_q) == (SLOTS_LOG2+1)'(SLOTS);
  assign issue      = burst && !slots_full && (!m_axi_arvalid || m_axi_arready);

  // What is known of each slot: client, bytes, offset of the first, last of its request.
  logic [INFO_W-1:0] info [0:SLOTS-1];
  logic [SLOTS-1:0]  done_q, err_q;
  (* mem2reg *) logic [2:0]        got_q [0:SLOTS-1];
  logic [511:0]      mem [0:SLOTS*8-1];
  slot_t             rslot;
  assign rslot = m_axi_rid[SLOTS_LOG2-1:0];
  assign m_axi_rready = 1'b1;

  logic finish;   // the oldest slot is being emptied by its last line
  slot_t oldest;
  assign oldest = tail_q[SLOTS_LOG2-1:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_q        <= '0;
      m_axi_arvalid <= 1'b0;
      done_q        <= '0;
      err_q         <= '0;
    end else begin
      if (m_axi_arready) m_axi_arvalid <= 1'b0;
      if (issue) begin
        m_axi_arvalid <= 1'b1;
        m_axi_arid    <= ID_W'(head_q[SLOTS_LOG2-1:0]);
        m_axi_araddr  <= {addr[63:6], 6'd0};
        m_axi_arlen   <= beats;
        info[head_q[SLOTS_LOG2-1:0]]  <= {client, part, addr[5:0], burst_last};
        got_q[head_q[SLOTS_LOG2-1:0]] <= '0;
        head_q <= head_q + 1'b1;
      end
      if (m_axi_rvalid) begin
        got_q[rslot] <= got_q[rslot] + 3'd1;
        if (m_axi_rlast) done_q[rslot] <= 1'b1;
        if (m_axi_rresp != 2'b00) err_q[rslot] <= 1'b1;
      end
      if (finish) begin
        done_q[oldest] <= 1'b0;
        err_q[oldest]  <= 1'b0;
      end
    end
    if (m_axi_rvalid) mem[{rslot, got_q[rslot]}] <= m_axi_rdata;
  end

  // The oldest slot, when all of it is here: one line per clock.
  logic [2:0]   o_client, line_q;
  logic [9:0]   o_part, given_q;
  logic [5:0]   o_off;
  logic         o_last, give, held;
  logic [6:0]   n;
  assign {o_client, o_part, o_off, o_last} = info[oldest];
  assign give   = done_q[oldest] && !held;
  always_comb begin
    held = 1'b0;
    for (int c = 0; c < NC; c++) if (o_client == 3'(c)) held = hold_i[c];
    n = 7'd64 - (line_q == '0 ? {1'b0, o_off} : 7'd0);
    if (10'(n) > o_part - given_q) n = 7'(o_part - given_q);
  end
  assign finish = give && given_q + 10'(n) == o_part;

  logic         give_q, last1_q, err1_q, sticky_q;
  logic [2:0]   client1_q;
  logic [5:0]   off1_q;
  logic [6:0]   n1_q;
  logic [511:0] line1_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tail_q      <= '0;
      line_q      <= '0;
      given_q     <= '0;
      give_q      <= 1'b0;
      sticky_q    <= 1'b0;
      rsp_valid_o <= '0;
    end else begin
      give_q <= give;
      if (give) begin
        line_q  <= finish ? '0 : line_q + 3'd1;
        given_q <= finish ? '0 : given_q + 10'(n);
        if (finish) begin
          tail_q   <= tail_q + 1'b1;
          sticky_q <= !o_last && (sticky_q || err_q[oldest]);
        end
      end
      for (int c = 0; c < NC; c++) rsp_valid_o[c] <= give_q && client1_q == 3'(c);
    end
    if (give) begin
      line1_q   <= mem[{oldest, line_q}];
      client1_q <= o_client;
      off1_q    <= line_q == '0 ? o_off : '0;
      n1_q      <= n;
      last1_q   <= finish && o_last;
      err1_q    <= sticky_q || err_q[oldest];
    end
    if (give_q) begin
      rsp_data_o  <= line1_q >> {off1_q, 3'b000};
      rsp_bytes_o <= n1_q;
      rsp_last_o  <= last1_q;
      rsp_err_o   <= err1_q;
    end
  end
  assign busy_o = cut_busy || head_q != tail_q || give_q || rsp_valid_o != '0;

`ifndef SYNTHESIS
  initial assert (SLOTS_LOG2 <= ID_W) else $fatal(1, "sl_dma_rd: too many slots");
  slot_t r_age;
  assign r_age = rslot - oldest;
  a_4k: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_arvalid |-> 32'(m_axi_araddr[11:0]) + (32'(m_axi_arlen) + 1) * 64 <= 4096);
  a_ar_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_arvalid && !m_axi_arready |=> m_axi_arvalid && $stable(m_axi_araddr) && $stable(m_axi_arlen));
  a_r_expected: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_rvalid |-> 32'(m_axi_rid) < SLOTS && !done_q[rslot]
                     && (SLOTS_LOG2+1)'(r_age) < head_q - tail_q);
`endif
endmodule
