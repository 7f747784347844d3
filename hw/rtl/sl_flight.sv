// SPDX-License-Identifier: BSD-3-Clause
// Numbers of frames that were looked up, and that have been counted: a flow whose slot is gone is found by none that
// begins now, and is no longer counted when as many have ended as had begun then. For records that come after any time
// (sl_record_hbm); with a fixed latency sl_retire waits for a number of clocks. And for rules that become others
// (sl_csr).
`default_nettype none
module sl_flight #(
  parameter int unsigned W = 16
) (
  input  wire logic    clk_i,
  input  wire logic    rst_ni,
  input  wire logic    lookup_i,        // a frame reads its slots, or meets the rules
  input  wire logic    verdict_i,
  output logic [W-1:0] begun_o,         // with this clock
  output logic [W-1:0] ended_o          // counted in memory
);
  logic         counted, always_one;
  logic [W-1:0] begun_q;
  // A frame is in sl_flow_count's memory five clocks after its verdict: in the clock in which ended_o has it.
  sl_delay #(.W(1), .N(4)) u_counted (
    .clk_i, .rst_ni, .valid_i(verdict_i), .data_i(1'b1), .valid_o(counted), .data_o(always_one)
  );
  assign begun_o = begun_q + W'(lookup_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      begun_q <= '0;
      ended_o <= '0;
    end else begin
      begun_q <= begun_o;
      ended_o <= ended_o + W'(counted);
    end
  end

`ifndef SYNTHESIS
  logic [W-1:0] flying;
  assign flying = begun_q - ended_o;
  a_flying: assert property (@(posedge clk_i) disable iff (!rst_ni) !flying[W-1]);
`endif
endmodule
