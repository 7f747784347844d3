// SPDX-License-Identifier: BSD-3-Clause
// Interrupt requests: one vector at a time to whoever turns them into messages. A vector that is raised again while it
// waits is sent once. After one of its requests a vector with a hold-off (Q_HOLDOFF) is held back for so many clocks;
// the clock looks at one vector after the other for the end of that, so it may take N more.
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
  // Q_HOLDOFF of one vector.
  input  wire logic         set_i,
  input  wire logic [5:0]   number_i,
  input  wire logic [15:0]  data_i,
  output logic [15:0]       data_o,
  output logic              busy_o
);
  localparam int unsigned TIME_W = 18;           // more than hold-off and a round together
  logic [N-1:0] wait_q, ready, taken, some_q, held_q;
  logic [5:0]   pick, round_q;
  logic         send;
  logic [TIME_W-1:0] now_q, age;
  logic [15:0]       holdoff [0:N-1];            // of those in some_q
  logic [TIME_W-1:0] until_t [0:N-1];            // of those in held_q
  assign ready  = wait_q & ~held_q;
  assign send   = ready != '0 && (!irq_valid_o || irq_ready_i);
  assign data_o = some_q[number_i] ? holdoff[number_i] : '0;
  assign age    = now_q - until_t[round_q];
  always_comb begin
    pick = '0;
    for (int i = N - 1; i >= 0; i--) if (ready[i]) pick = 6'(i);
    for (int i = 0; i < N; i++) taken[i] = send && pick == 6'(i);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || reset_i) begin
      wait_q      <= '0;
      some_q      <= '0;
      held_q      <= '0;
      irq_valid_o <= 1'b0;
    end else begin
      wait_q <= (wait_q & ~taken) | raise_i;
      if (!irq_valid_o || irq_ready_i) irq_valid_o <= ready != '0;
      if (held_q[round_q] && !age[TIME_W-1]) held_q[round_q] <= 1'b0;
      for (int i = 0; i < N; i++) if (taken[i] && some_q[i]) held_q[i] <= 1'b1;
      if (set_i) begin
        some_q[number_i] <= data_i != '0;
        if (data_i == '0) held_q[number_i] <= 1'b0;
      end
    end
    if (!irq_valid_o || irq_ready_i) irq_vector_o <= pick;
    now_q   <= !rst_ni ? '0 : now_q + 1'b1;
    round_q <= !rst_ni ? '0 : round_q + 6'd1;
    if (set_i) holdoff[number_i] <= data_i;
    if (send)  until_t[pick] <= now_q + TIME_W'(holdoff[pick]);
  end
  assign busy_o = wait_q != '0 || irq_valid_o || raise_i != '0;

`ifndef SYNTHESIS
  logic pick_held;
  assign pick_held = held_q[pick];
  a_held: assert property (@(posedge clk_i) disable iff (!rst_ni || reset_i) send |-> !pick_held);
  a_busy: assert property (@(posedge clk_i) disable iff (!rst_ni || reset_i) wait_q != '0 || irq_valid_o |-> busy_o);
  a_stable: assert property (@(posedge clk_i) disable iff (!rst_ni || reset_i)
    irq_valid_o && !irq_ready_i |=> irq_valid_o && $stable(irq_vector_o));
`endif
endmodule
