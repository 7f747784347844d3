// SPDX-License-Identifier: BSD-3-Clause
// All counters of the card: per flow (with last-seen), per verdict reason, per rule, per port. Flow, reason and rule
// counters are in memory, one update per clock each. What several places count at once (ports; copies; ingress drops,
// which can happen on every port in the same clock) is kept in registers and added when it is read.
`default_nettype none
module sl_counters #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned TABLE_LOG2 = 16
) (
  input  wire logic                    clk_i,
  input  wire logic                    rst_ni,
  input  wire logic [31:0]             time_ms_i,
  // Verdicts.
  input  wire logic                    verdict_i,
  input  wire logic [7:0]              reason_i,
  input  wire logic [13:0]             len_i,
  input  wire logic [7:0]              rule_i,        // as in sl_dp_pkg::job_t
  input  wire logic [31:0]             flow_id_i,
  input  wire logic                    copy_i,
  input  wire logic                    copy_lost_i,
  // Ports: frames received (reason 0: kept, else dropped in ingress), frames sent.
  input  wire logic [NPORTS-1:0]       rx_i,
  input  wire logic [16*NPORTS-1:0]    rx_len_i,
  input  wire logic [8*NPORTS-1:0]     rx_reason_i,
  input  wire logic [NPORTS-1:0]       tx_i,
  input  wire logic [16*NPORTS-1:0]    tx_len_i,
  // Flow counters, for commands: as in sl_flow_count.
  input  wire logic                    flow_read_i,
  input  wire logic                    flow_fresh_i,
  input  wire logic                    flow_last_i,
  input  wire logic [TABLE_LOG2-1:0]   flow_index_i,
  output logic [159:0]                 flow_data_o,
  input  wire logic                    flow_born_i,
  input  wire logic [TABLE_LOG2-1:0]   flow_born_index_i,
  output logic                         flow_told_o,
  output logic                         flow_mark_o,
  input  wire logic [TABLE_LOG2-1:0]   age_index_i,
  output logic                         age_touched_o,
  input  wire logic                    age_tell_i,
  input  wire logic                    age_tell_mark_i,
  output logic                         age_tell_ready_o,
  output logic                         bubble_o,      // a register read has waited long for a clock without a frame
  // Registers: read REASON (4), PORT (5) or RULE (6); clear a rule; clear reason and rule of this index (after reset).
  // A rule's index is that of one of its two pairs, as rule_i.
  input  wire logic                    csr_req_i,
  input  wire logic [7:0]              csr_table_i,
  input  wire logic [7:0]              csr_index_i,
  input  wire logic                    csr_clear_i,
  output logic                         csr_ack_o,
  output logic [127:0]                 csr_data_o,
  output logic                         busy_o
);
  logic flow_busy, reason_busy, rule_busy;
  sl_flow_count #(.LOG2(TABLE_LOG2)) u_flow (
    .clk_i, .rst_ni, .valid_i(verdict_i && reason_i == sl_pkg::REASON_FORWARDED), .index_i(flow_id_i[TABLE_LOG2-1:0]),
    .len_i({2'b00, len_i}), .time_ms_i, .read_i(flow_read_i), .fresh_i(flow_fresh_i), .last_i(flow_last_i),
    .read_index_i(flow_index_i), .data_o(flow_data_o), .born_i(flow_born_i), .born_index_i(flow_born_index_i),
    .told_o(flow_told_o), .mark_o(flow_mark_o), .age_index_i, .touched_o(age_touched_o), .tell_i(age_tell_i),
    .tell_mark_i(age_tell_mark_i), .tell_ready_o(age_tell_ready_o), .busy_o(flow_busy)
  );

  // The memory of reasons; ingress's own (RUNT, RX_OVERFLOW, PORT_DOWN, BAD_FCS, OVERSIZE) are counted per port, the
  // verdict's PORT_DOWN and those in memory are added.
  localparam int unsigned OWN = 5;
  logic [128:0] reason_data, rule_data;
  logic [1:0]   state_q;     // of a register read: 0 idle, 1 adding, 2 answer
  logic         reason_ack, rule_ack, reason_req_q, rule_req_q, port_req_q, clear_q;
  logic [7:0]   index_q;
  // (Asked for once: a second answer would be taken for the next request's.)
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !csr_req_i || csr_ack_o || reason_ack || rule_ack || state_q != 2'd0) begin
      {reason_req_q, rule_req_q, port_req_q} <= '0;
    end else begin
      reason_req_q <= csr_clear_i ? csr_table_i == 8'd0 : csr_table_i == sl_pkg::CSR_TABLE_REASON;
      rule_req_q   <= csr_table_i == sl_pkg::CSR_TABLE_RULE;
      port_req_q   <= csr_table_i == sl_pkg::CSR_TABLE_PORT;
    end
    clear_q <= csr_clear_i;
    index_q <= csr_index_i;
  end
  sl_count_ram #(.LOG2(8), .STAMP_W(1)) u_reason (
    .clk_i, .rst_ni, .valid_i(verdict_i), .index_i(reason_i), .len_i({2'b00, len_i}), .stamp_i(1'b0),
    .aux_req_i(reason_req_q), .aux_clear_i(clear_q), .aux_index_i(index_q), .aux_ack_o(reason_ack),
    .aux_data_o(reason_data), .busy_o(reason_busy)
  );
  sl_count_ram #(.LOG2(7), .STAMP_W(1)) u_rule (
    .clk_i, .rst_ni, .valid_i(verdict_i && !rule_i[7]), .index_i(rule_i[6:0]), .len_i({2'b00, len_i}),
    .stamp_i(1'b0), .aux_req_i(rule_req_q), .aux_clear_i(clear_q), .aux_index_i(index_q[6:0]),
    .aux_ack_o(rule_ack), .aux_data_o(rule_data), .busy_o(rule_busy)
  );

  logic [5:0] waited_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !(reason_req_q || rule_req_q) || csr_ack_o) waited_q <= '0;
    else if (waited_q != '1)                               waited_q <= waited_q + 6'd1;
  end
  assign bubble_o = waited_q == '1;

  // Registers: pairs {bytes, frames}.
  logic [128*2*NPORTS-1:0]   port_q;                 // received, sent
  logic [128*OWN*NPORTS-1:0] drop_q;
  logic [255:0]              copy_q;                 // delivered, lost

  function automatic logic [7:0] own_reason(input int i);
    own_reason = i == 0 ? sl_pkg::REASON_RUNT : i == 1 ? sl_pkg::REASON_RX_OVERFLOW : i == 2 ? sl_pkg::REASON_PORT_DOWN
                 : i == 3 ? sl_pkg::REASON_BAD_FCS : sl_pkg::REASON_OVERSIZE;
  endfunction

  for (genvar p = 0; p < NPORTS; p++) begin : g_port
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        port_q[256*p +: 256] <= '0;
        drop_q[128*OWN*p +: 128*OWN] <= '0;
      end else begin
        if (rx_i[p]) begin
          port_q[256*p +: 64]      <= port_q[256*p +: 64] + 64'd1;
          port_q[256*p + 64 +: 64] <= port_q[256*p + 64 +: 64] + 64'(rx_len_i[16*p +: 16]);
          for (int i = 0; i < OWN; i++) begin
            if (rx_reason_i[8*p +: 8] == own_reason(i)) begin
              drop_q[128*(OWN*p+i) +: 64]      <= drop_q[128*(OWN*p+i) +: 64] + 64'd1;
              drop_q[128*(OWN*p+i) + 64 +: 64] <= drop_q[128*(OWN*p+i) + 64 +: 64] + 64'(rx_len_i[16*p +: 16]);
            end
          end
        end
        if (tx_i[p]) begin
          port_q[256*p + 128 +: 64] <= port_q[256*p + 128 +: 64] + 64'd1;
          port_q[256*p + 192 +: 64] <= port_q[256*p + 192 +: 64] + 64'(tx_len_i[16*p +: 16]);
        end
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      copy_q <= '0;
    end else begin
      if (copy_i)      {copy_q[127:64], copy_q[63:0]}     <= {copy_q[127:64] + 64'(len_i), copy_q[63:0] + 64'd1};
      if (copy_lost_i) {copy_q[255:192], copy_q[191:128]} <= {copy_q[255:192] + 64'(len_i), copy_q[191:128] + 64'd1};
    end
  end

  // A read: from memory or a register first, then one addition per clock of what else counts to it, chosen a clock
  // before.
  logic [7:0]   add_q;
  logic [127:0] sum_q, addend, addend_q;
  always_comb begin
    addend = '0;
    for (int i = 0; i < OWN*NPORTS; i++)
      if (add_q == 8'(i) && index_q == own_reason(i % OWN)) addend = drop_q[128*i +: 128];
    if (add_q == 8'(OWN*NPORTS) && index_q == sl_pkg::REASON_COPY)             addend = copy_q[127:0];
    if (add_q == 8'(OWN*NPORTS) && index_q == sl_pkg::REASON_COPY_METERED)     addend = copy_q[255:128];
  end
  always_ff @(posedge clk_i) begin
    addend_q <= addend;
    if (!rst_ni) begin
      state_q <= 2'd0;
    end else begin
      case (state_q)
        2'd0: begin
          add_q    <= '0;
          addend_q <= '0;
          if (reason_ack) begin
            sum_q   <= reason_data[127:0];
            state_q <= clear_q ? 2'd2 : 2'd1;
          end else if (rule_ack) begin
            sum_q   <= rule_data[127:0];
            state_q <= 2'd2;
          end else if (port_req_q) begin
            sum_q <= '0;
            for (int i = 0; i < 2*NPORTS; i++) if (index_q == 8'(i)) sum_q <= port_q[128*i +: 128];
            state_q <= 2'd2;
          end
        end
        2'd1: begin
          sum_q <= {sum_q[127:64] + addend_q[127:64], sum_q[63:0] + addend_q[63:0]};
          add_q <= add_q + 8'd1;
          if (add_q == 8'(OWN*NPORTS + 1)) state_q <= 2'd2;
        end
        default: state_q <= 2'd0;
      endcase
    end
  end
  assign csr_ack_o  = state_q == 2'd2;
  assign csr_data_o = sum_q;
  assign busy_o     = flow_busy || reason_busy || rule_busy || verdict_i || rx_i != '0 || tx_i != '0;

`ifndef SYNTHESIS
  a_busy: assert property (@(posedge clk_i) disable iff (!rst_ni) flow_busy || reason_busy || rule_busy |-> busy_o);
`endif
endmodule
