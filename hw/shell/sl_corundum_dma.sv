// SPDX-License-Identifier: BSD-3-Clause
// The card's AXI4 master on Corundum's DMA interface (docs/shell.md). The shell does not take bursts but descriptors:
// "copy so many bytes between host memory and RAM of yours", and says by tag, in any order, which are done. So each
// burst has a slot of 512 bytes in a RAM here:
//
//   reads    AR ─► read descriptor, tag = ID      shell writes the slot     status ─► R, the whole slot in a row
//   writes   AW, W ─► slot ─► write descriptor, tag = slot      shell reads the slot     status ─► B
//
// A burst's bytes are in place when its status comes: nothing is given on before. A write descriptor has exactly the
// bytes that the strobes name. B comes in the order of AW, over all IDs. The RAMs have two segments of 64 bytes, as
// the shell wants for a PCIe interface of 512 bits: an even beat is in the first, an odd one in the second.
`default_nettype none
module sl_corundum_dma #(
  parameter int unsigned ADDR_W = 16,            // of the shell's RAM addresses
  parameter int unsigned LEN_W = 16,
  parameter int unsigned TAG_W = 16,
  parameter int unsigned WR_LOG2 = 5,            // write slots
  localparam int unsigned ROW_W = ADDR_W - 7     // of a segment's address
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,
  // The card's AXI4 master: one read of an ID at a time, strobes without holes.
  input  wire logic              s_axi_arvalid,
  output logic                   s_axi_arready,
  input  wire logic [6:0]        s_axi_arid,
  input  wire logic [63:0]       s_axi_araddr,   // of a beat
  input  wire logic [7:0]        s_axi_arlen,    // at most 7
  output logic                   s_axi_rvalid,
  input  wire logic              s_axi_rready,
  output logic [6:0]             s_axi_rid,
  output logic [511:0]           s_axi_rdata,
  output logic [1:0]             s_axi_rresp,
  output logic                   s_axi_rlast,
  input  wire logic              s_axi_awvalid,
  output logic                   s_axi_awready,
  input  wire logic [3:0]        s_axi_awid,
  input  wire logic [63:0]       s_axi_awaddr,   // of a beat
  input  wire logic [7:0]        s_axi_awlen,    // at most 7
  input  wire logic              s_axi_wvalid,
  output logic                   s_axi_wready,
  input  wire logic [511:0]      s_axi_wdata,
  input  wire logic [63:0]       s_axi_wstrb,
  input  wire logic              s_axi_wlast,
  output logic                   s_axi_bvalid,
  input  wire logic              s_axi_bready,
  output logic [3:0]             s_axi_bid,
  output logic [1:0]             s_axi_bresp,
  // Bursts that have begun, and those of them that the shell has carried out: who waits until the second has reached
  // what the first was has waited for all writes before.
  output logic [WR_LOG2+1:0]     writes_begun_o,
  output logic [WR_LOG2+1:0]     writes_done_o,
  // The shell's descriptors and their ends.
  output logic                   rd_desc_valid_o,
  input  wire logic              rd_desc_ready_i,
  output logic [63:0]            rd_desc_dma_addr_o,
  output logic [ADDR_W-1:0]      rd_desc_ram_addr_o,
  output logic [LEN_W-1:0]       rd_desc_len_o,
  output logic [TAG_W-1:0]       rd_desc_tag_o,
  input  wire logic              rd_status_valid_i,
  input  wire logic [TAG_W-1:0]  rd_status_tag_i,
  input  wire logic [3:0]        rd_status_error_i,
  output logic                   wr_desc_valid_o,
  input  wire logic              wr_desc_ready_i,
  output logic [63:0]            wr_desc_dma_addr_o,
  output logic [ADDR_W-1:0]      wr_desc_ram_addr_o,
  output logic [LEN_W-1:0]       wr_desc_len_o,
  output logic [TAG_W-1:0]       wr_desc_tag_o,
  input  wire logic              wr_status_valid_i,
  input  wire logic [TAG_W-1:0]  wr_status_tag_i,
  input  wire logic [3:0]        wr_status_error_i,
  // Its accesses to the RAMs, by segment.
  input  wire logic [1:0]           ram_wr_valid_i,
  output logic [1:0]                ram_wr_ready_o,
  input  wire logic [2*64-1:0]      ram_wr_be_i,
  input  wire logic [2*ROW_W-1:0]   ram_wr_addr_i,
  input  wire logic [2*512-1:0]     ram_wr_data_i,
  output logic [1:0]                ram_wr_done_o,
  input  wire logic [1:0]           ram_rd_valid_i,
  output logic [1:0]                ram_rd_ready_o,
  input  wire logic [2*ROW_W-1:0]   ram_rd_addr_i,
  output logic [1:0]                ram_rd_resp_valid_o,
  input  wire logic [1:0]           ram_rd_resp_ready_i,
  output logic [2*512-1:0]          ram_rd_resp_data_o
);
  localparam int unsigned WR_SLOTS = 1 << WR_LOG2;

  // Reads. The slot is the ID, so a descriptor is the address channel under other names.
  logic [6:0] ar_id;
  logic [2:0] ar_len;
  sl_skid #(.W(7 + 64 + 3)) u_ar (
    .clk_i, .rst_ni, .valid_i(s_axi_arvalid), .ready_o(s_axi_arready),
    .data_i({s_axi_arid, s_axi_araddr, s_axi_arlen[2:0]}), .valid_o(rd_desc_valid_o), .ready_i(rd_desc_ready_i),
    .data_o({ar_id, rd_desc_dma_addr_o, ar_len})
  );
  assign rd_desc_ram_addr_o = ADDR_W'({ar_id, 9'd0});
  assign rd_desc_len_o      = LEN_W'({4'(ar_len) + 4'd1, 6'd0});
  assign rd_desc_tag_o      = TAG_W'(ar_id);

  logic [2:0] beats [0:127];                     // less one, of the read of each ID
  always_ff @(posedge clk_i) if (s_axi_arvalid && s_axi_arready) beats[s_axi_arid] <= s_axi_arlen[2:0];

  // What the shell has read, in the order of its ends. There are never more than IDs.
  logic       done_valid, done_err, r_step, r_pop, r_last;
  logic [6:0] done_id;
  logic [2:0] beat_q;
  logic [7:0] done_count;
  sl_fifo #(.W(8), .LOG2(7)) u_done (
    .clk_i, .rst_ni, .push_i(rd_status_valid_i), .data_i({rd_status_error_i != '0, rd_status_tag_i[6:0]}),
    .pop_i(r_pop), .valid_o(done_valid), .data_o({done_err, done_id}), .count_o(done_count)
  );
  assign r_step = done_valid && (!s_axi_rvalid || s_axi_rready);
  assign r_last = beat_q == beats[done_id];
  assign r_pop  = r_step && r_last;

  logic [511:0] rd_mem0 [0:511];
  logic [511:0] rd_mem1 [0:511];
  logic [511:0] even_q, odd_q;
  logic         odd_beat_q;
  logic [8:0]   row0, row1;
  assign row0 = ram_wr_addr_i[0 +: 9];
  assign row1 = ram_wr_addr_i[ROW_W +: 9];
  assign ram_wr_ready_o = 2'b11;
  always_ff @(posedge clk_i) begin
    ram_wr_done_o <= rst_ni ? ram_wr_valid_i : '0;
    for (int i = 0; i < 64; i++) begin
      if (ram_wr_valid_i[0] && ram_wr_be_i[i])      rd_mem0[row0][8*i +: 8] <= ram_wr_data_i[8*i +: 8];
      if (ram_wr_valid_i[1] && ram_wr_be_i[64 + i]) rd_mem1[row1][8*i +: 8] <= ram_wr_data_i[512 + 8*i +: 8];
    end
    if (r_step) begin
      even_q      <= rd_mem0[{done_id, beat_q[2:1]}];
      odd_q       <= rd_mem1[{done_id, beat_q[2:1]}];
      odd_beat_q  <= beat_q[0];
      s_axi_rid   <= done_id;
      s_axi_rresp <= done_err ? 2'b10 : 2'b00;
      s_axi_rlast <= r_last;
    end
    if (!rst_ni) begin
      s_axi_rvalid <= 1'b0;
      beat_q       <= '0;
    end else begin
      if (s_axi_rready) s_axi_rvalid <= 1'b0;
      if (r_step) begin
        s_axi_rvalid <= 1'b1;
        beat_q       <= r_last ? '0 : beat_q + 3'd1;
      end
    end
  end
  assign s_axi_rdata = odd_beat_q ? odd_q : even_q;

  // Writes. A slot is taken by the first beat of a burst and given back with its B.
  logic               aw_valid, aw_pop, w_take, w_first_q, b_take;
  logic [3:0]         aw_id;
  logic [63:0]        aw_addr;
  logic [WR_LOG2:0]   head_q, tail_q;
  logic [WR_LOG2-1:0] slot, oldest, status_slot;
  logic [2:0]         w_beat_q;
  logic [5:0]         low, high, first_q, first;
  sl_skid #(.W(4 + 64)) u_aw (
    .clk_i, .rst_ni, .valid_i(s_axi_awvalid), .ready_o(s_axi_awready), .data_i({s_axi_awid, s_axi_awaddr}),
    .valid_o(aw_valid), .ready_i(aw_pop), .data_o({aw_id, aw_addr})
  );
  assign slot         = head_q[WR_LOG2-1:0];
  assign oldest       = tail_q[WR_LOG2-1:0];
  assign status_slot  = wr_status_tag_i[WR_LOG2-1:0];
  assign s_axi_wready = aw_valid && head_q - tail_q != (WR_LOG2+1)'(WR_SLOTS);
  assign w_take       = s_axi_wvalid && s_axi_wready;
  assign aw_pop       = w_take && s_axi_wlast;
  always_comb begin
    low  = '0;
    high = '0;
    for (int i = 63; i >= 0; i--) if (s_axi_wstrb[i]) low = 6'(i);
    for (int i = 0; i < 64; i++)  if (s_axi_wstrb[i]) high = 6'(i);
  end
  assign first = w_first_q ? low : first_q;

  logic [9:0]         part;
  logic [5:0]         desc_off;
  logic [WR_LOG2-1:0] desc_slot;
  logic [9:0]         desc_len;
  logic [57:0]        desc_line;
  logic [WR_LOG2:0]   desc_count;
  assign part = {1'b0, w_beat_q, high} + 10'd1 - 10'(first);
  sl_fifo #(.W(58 + 6 + WR_LOG2 + 10), .LOG2(WR_LOG2)) u_desc (
    .clk_i, .rst_ni, .push_i(aw_pop), .data_i({aw_addr[63:6], first, slot, part}),
    .pop_i(wr_desc_valid_o && wr_desc_ready_i), .valid_o(wr_desc_valid_o),
    .data_o({desc_line, desc_off, desc_slot, desc_len}), .count_o(desc_count)
  );
  assign wr_desc_dma_addr_o = {desc_line, desc_off};
  assign wr_desc_ram_addr_o = ADDR_W'({desc_slot, 3'd0, desc_off});
  assign wr_desc_len_o      = LEN_W'(desc_len);
  assign wr_desc_tag_o      = TAG_W'(desc_slot);

  logic [511:0] wr_mem0 [0:4*WR_SLOTS-1];
  logic [511:0] wr_mem1 [0:4*WR_SLOTS-1];
  logic [3:0]   ids [0:WR_SLOTS-1];
  logic [WR_SLOTS-1:0] done_q, err_q;
  logic [1:0]   rd_take;
  logic [WR_LOG2+1:0] rd_row0, rd_row1;
  assign rd_row0 = ram_rd_addr_i[0 +: WR_LOG2+2];
  assign rd_row1 = ram_rd_addr_i[ROW_W +: WR_LOG2+2];
  assign ram_rd_ready_o = ~ram_rd_resp_valid_o | ram_rd_resp_ready_i;
  assign rd_take        = ram_rd_valid_i & ram_rd_ready_o;
  always_ff @(posedge clk_i) begin
    if (w_take && !w_beat_q[0]) wr_mem0[{slot, w_beat_q[2:1]}] <= s_axi_wdata;
    if (w_take && w_beat_q[0])  wr_mem1[{slot, w_beat_q[2:1]}] <= s_axi_wdata;
    if (aw_pop)     ids[slot] <= aw_id;
    if (w_take)     first_q   <= first;
    if (rd_take[0]) ram_rd_resp_data_o[0 +: 512]   <= wr_mem0[rd_row0];
    if (rd_take[1]) ram_rd_resp_data_o[512 +: 512] <= wr_mem1[rd_row1];
    ram_rd_resp_valid_o <= !rst_ni ? '0 : rd_take | (ram_rd_resp_valid_o & ~ram_rd_resp_ready_i);
  end

  logic [WR_LOG2+1:0] begun_q, ended_q;
  assign writes_begun_o = begun_q;
  assign writes_done_o  = ended_q;
  assign b_take = done_q[oldest] && head_q != tail_q && (!s_axi_bvalid || s_axi_bready);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      head_q       <= '0;
      tail_q       <= '0;
      begun_q      <= '0;
      ended_q      <= '0;
      done_q       <= '0;
      w_first_q    <= 1'b1;
      w_beat_q     <= '0;
      s_axi_bvalid <= 1'b0;
    end else begin
      if (w_take && w_first_q) begun_q <= begun_q + 1'b1;
      if (b_take) ended_q <= ended_q + 1'b1;
      if (w_take) begin
        w_first_q <= s_axi_wlast;
        w_beat_q  <= s_axi_wlast ? '0 : w_beat_q + 3'd1;
      end
      if (aw_pop) head_q <= head_q + 1'b1;
      if (wr_status_valid_i) done_q[status_slot] <= 1'b1;
      if (s_axi_bready) s_axi_bvalid <= 1'b0;
      if (b_take) begin
        s_axi_bvalid   <= 1'b1;
        tail_q         <= tail_q + 1'b1;
        done_q[oldest] <= 1'b0;
      end
    end
    if (wr_status_valid_i) err_q[status_slot] <= wr_status_error_i != '0;
    if (b_take) begin
      s_axi_bid   <= ids[oldest];
      s_axi_bresp <= err_q[oldest] ? 2'b10 : 2'b00;
    end
  end

`ifndef SYNTHESIS
  initial assert (ADDR_W >= 16 && WR_LOG2 <= 7 && TAG_W >= 7 && LEN_W >= 10)
    else $fatal(1, "sl_corundum_dma: the shell's RAM addresses, tags or lengths are too narrow");
  logic [127:0] reading_q;                       // IDs with a read outstanding
  logic         was_reading, status_known;
  logic [63:0]  filled;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      reading_q <= '0;
    end else begin
      if (r_pop) reading_q[done_id] <= 1'b0;
      if (s_axi_arvalid && s_axi_arready) reading_q[s_axi_arid] <= 1'b1;
    end
  end
  assign was_reading  = reading_q[s_axi_arid] && !(r_pop && done_id == s_axi_arid);
  assign status_known = reading_q[rd_status_tag_i[6:0]];
  assign filled       = (s_axi_wstrb >> low) & ((s_axi_wstrb >> low) + 64'd1);
  a_one_read: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axi_arvalid && s_axi_arready |-> !was_reading);
  a_read_end: assert property (@(posedge clk_i) disable iff (!rst_ni) rd_status_valid_i |-> status_known);
  a_strobes: assert property (@(posedge clk_i) disable iff (!rst_ni)
    w_take |-> s_axi_wstrb != '0 && filled == '0 && (w_first_q || s_axi_wstrb[0]) && (s_axi_wlast || s_axi_wstrb[63]));
  a_ar: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axi_arvalid |-> s_axi_arlen <= 8'd7 && s_axi_araddr[5:0] == '0);
  a_aw: assert property (@(posedge clk_i) disable iff (!rst_ni)
    s_axi_awvalid |-> s_axi_awlen <= 8'd7 && s_axi_awaddr[5:0] == '0);
  a_write_end: assert property (@(posedge clk_i) disable iff (!rst_ni)
    wr_status_valid_i |-> !done_q[status_slot] && (WR_LOG2+1)'(WR_LOG2'(status_slot - oldest)) < head_q - tail_q);
`endif
endmodule
