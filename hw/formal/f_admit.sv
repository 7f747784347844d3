// SPDX-License-Identifier: BSD-3-Clause
// Proof harness of sl_admit with frames of at most two beats and two queues, queue i at port i. A frame may begin in
// any clock in which its queue is admitted; it is given back or its beats leave in any order and as late as they like,
// those of port 0 perhaps never. The harness counts for itself how many beats each port has promised. (hierconn:
// flatten joins these to u_dut's own.)
`default_nettype none
module f_admit #(
  parameter int unsigned ROOM = 8
) (
  input wire logic        clk_i,
  input wire logic        begin_i,
  input wire logic        queue_i,
  input wire logic [13:0] len_i,
  input wire logic        give_i,
  input wire logic        give_port_i,
  input wire logic [13:0] give_len_i,
  input wire logic [1:0]  pop_i
);
  localparam int unsigned THREE = 6;
  logic rst_n = 1'b0;
  always_ff @(posedge clk_i) rst_n <= 1'b1;

  logic [1:0] admit, pop;
  logic       take, give;
  (* mem2reg *) logic [3:0] promised_q [0:1];
  logic [3:0] beats, back;
  assign beats = len_i > 14'd64 ? 4'd2 : 4'd1;
  assign back  = give_len_i > 14'd64 ? 4'd2 : 4'd1;
  assign take  = rst_n && begin_i && admit[queue_i];
  assign give  = rst_n && give_i && promised_q[give_port_i] > back;
  always_comb for (int p = 0; p < 2; p++) pop[p] = rst_n && pop_i[p] && promised_q[p] != '0;
  sl_admit #(.NPORTS(2), .N(2), .ROOM(ROOM), .FRAME_MAX(128)) u_dut (
    .clk_i, .rst_ni(rst_n), .port_all_i({3'd1, 3'd0}), .admit_o(admit), .take_i(take), .take_port_i({2'd0, queue_i}),
    .take_len_i(len_i), .give_i(give), .give_port_i({2'd0, give_port_i}), .give_len_i, .pop_i(pop)
  );

  // What the module has heard of, but not yet counted; and for how long a port has had all its room.
  (* mem2reg *) logic [3:0] heard_less_q [0:1];
  (* mem2reg *) logic [3:0] heard_more_q [0:1];
  (* mem2reg *) logic [1:0] free_q [0:1];
  always_ff @(posedge clk_i) begin
    for (int p = 0; p < 2; p++) begin
      if (!rst_n) begin
        promised_q[p]   <= '0;
        heard_less_q[p] <= '0;
        heard_more_q[p] <= '0;
        free_q[p]       <= '0;
      end else begin
        promised_q[p]   <= promised_q[p] + ((take && queue_i == 1'(p)) ? beats : '0)
                           - ((give && give_port_i == 1'(p)) ? back : '0) - 4'(pop[p]);
        heard_less_q[p] <= (take && queue_i == 1'(p)) ? beats : '0;
        heard_more_q[p] <= ((give && give_port_i == 1'(p)) ? back : '0) + 4'(pop[p]);
        free_q[p]       <= promised_q[p] + ((take && queue_i == 1'(p)) ? beats : '0) > 4'(ROOM - THREE) ? '0
                           : free_q[p] == 2'd3 ? 2'd3 : free_q[p] + 2'd1;
      end
    end
  end
  (* hierconn *) logic [3:0] \u_dut.room_q[0] ;
  (* hierconn *) logic [3:0] \u_dut.room_q[1] ;

  always_comb begin
    assume (len_i != '0 && len_i <= 14'd128 && give_len_i != '0 && give_len_i <= 14'd128);
    if (rst_n) begin
      fits:   assert (promised_q[0] <= 4'(ROOM) && promised_q[1] <= 4'(ROOM));
      counts: assert (\u_dut.room_q[0] == 4'(ROOM) - promised_q[0] + heard_less_q[0] - heard_more_q[0]
                      && \u_dut.room_q[1] == 4'(ROOM) - promised_q[1] + heard_less_q[1] - heard_more_q[1]);
      admits: assert ((free_q[0] != 2'd3 || admit[0]) && (free_q[1] != 2'd3 || admit[1]));
    end
  end
endmodule
