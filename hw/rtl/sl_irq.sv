// SPDX-License-Identifier: BSD-3-Clause
// Interrupt requests: one vector at a time to whoever turns them into messages. A vector that is raised again while it
// waits is sent once.
`default_nettype none
module sl_irq #(
  parameter int unsigned N = 64
) (
  input  wire logic         clk_i,
  input  wire logic         rst_ni,
  input  wire logic         reset_i,
  input  wire logic [N-1:0] raise_i,
  output logic              irq_valid_o,
  input  wire logic         irq_ready_i,
  output logic [5:0]        irq_vector_o,
  output logic              busy_o
);
  logic [N-1:0] wait_q, taken;
  logic [5:0]   pick;
  always_comb begin
    pick = '0;
    for (int i = N - 1; i >= 0; i--) if (wait_q[i]) pick = 6'(i);
    for (int i = 0; i < N; i++) taken[i] = wait_q[i] && pick == 6'(i) && (!irq_valid_o || irq_ready_i);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || reset_i) begin
      wait_q      <= '0;
      irq_valid_o <= 1'b0;
    end else begin
      wait_q <= (wait_q & ~taken) | raise_i;
      if (!irq_valid_o || irq_ready_i) irq_valid_o <= wait_q != '0;
    end
    if (!irq_valid_o || irq_ready_i) irq_vector_o <= pick;
  end
  assign busy_o = wait_q != '0 || irq_valid_o || raise_i != '0;

`ifndef SYNTHESIS
  a_stable: assert property (@(posedge clk_i) disable iff (!rst_ni || reset_i)
    irq_valid_o && !irq_ready_i |=> irq_valid_o && $stable(irq_vector_o));
`endif
endmodule
