// SPDX-License-Identifier: BSD-3-Clause
// Finds flows that were not seen for as long as their records say (age_s) and tells the host, one event per flow until
// it is seen again. A sweep looks at one flow after the other, five clocks for each, by the read port of the commands'
// copy of the counters, in clocks in which no command reads: no frame and no command waits for it. It waits itself
// while the last event has not been taken, so that none is lost.
//
//   READ ─► WAIT ─► IDLE ─► JUDGE ─► TELL ─► READ, next flow  (count: sl_flow_count; age: the memory here)
//    │ count, age    │ limit, idle time: which is more?
//
// Only ids that a flow had since the table was cleared are looked at; age is 0 while no flow has the id. A flow with a
// frame on its way to the counters in any of these clocks is being seen: it is passed over (touched).
`default_nettype none
module sl_age #(
  parameter int unsigned TABLE_LOG2 = 16
) (
  input  wire logic                  clk_i,
  input  wire logic                  rst_ni,
  input  wire logic [31:0]           time_ms_i,
  input  wire logic                  clearing_i,    // the flow table
  input  wire logic [31:0]           period_ms_i,   // from the start of one sweep to the next; 0 none
  input  wire logic                  start_i,       // one now, that tells also of flows told of before
  // Records as they are written (a new flow's: born) and flows as they are removed.
  input  wire logic                  write_i,
  input  wire logic                  born_i,
  input  wire logic                  remove_i,
  input  wire logic [TABLE_LOG2-1:0] flow_i,
  input  wire logic [15:0]           age_s_i,
  input  wire logic                  dump_i,        // read the age of flow_i for a command: there three clocks later
  output logic      [15:0]           dump_age_s_o,
  // sl_flow_count. Answers two clocks after read_o.
  input  wire logic                  taken_i,       // a command reads
  output logic                       read_o,
  output logic      [TABLE_LOG2-1:0] index_o,
  input  wire logic [31:0]           last_seen_i,
  input  wire logic                  told_i,
  input  wire logic                  mark_i,
  input  wire logic                  touched_i,     // in this clock
  output logic                       tell_o,
  output logic                       tell_mark_o,
  input  wire logic                  tell_ready_i,
  // Events: last seen, flow id.
  output logic                       m_axis_aged_tvalid,
  input  wire logic                  m_axis_aged_tready,
  output logic      [63:0]           m_axis_aged_tdata,
  output logic      [31:0]           aged_o,        // since reset
  output logic                       busy_o
);
  localparam logic [2:0] REST = 3'd0, READ = 3'd1, WAIT = 3'd2, IDLE = 3'd3, JUDGE = 3'd4, TELL = 3'd5;

  logic [15:0]           age_mem [0:(1<<TABLE_LOG2)-1];
  logic [15:0]           age_q, age2_q, age_s_q;
  logic                  write_q, born_q, remove_q;
  logic [TABLE_LOG2-1:0] flow_q;
  logic [2:0]            state_q;
  logic [TABLE_LOG2:0]   index_q, high_q, next;
  logic [31:0]           begun_q, since, last_q, idle_q;
  logic [25:0]           limit_q;
  logic                  due, again_q, start_q, touched_q, told_q, mark_q, never_q, old_q, old, dump_q, dump2_q;

  // What the command engine does, a clock later.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {write_q, born_q, remove_q, dump_q} <= '0;
    else         {write_q, born_q, remove_q, dump_q} <= {write_i, born_i, remove_i, dump_i};
    flow_q  <= flow_i;
    age_s_q <= age_s_i;
  end
  always_ff @(posedge clk_i) begin
    if (write_q || remove_q) age_mem[flow_q] <= remove_q ? 16'd0 : age_s_q;
    if (read_o || dump_q)    age_q <= age_mem[dump_q ? flow_q : index_q[TABLE_LOG2-1:0]];
    age2_q  <= age_q;
    dump2_q <= dump_q;
    if (dump2_q) dump_age_s_o <= age_q;
  end

  assign since  = time_ms_i - begun_q;
  assign due    = start_q || (period_ms_i != '0 && since >= period_ms_i);
  assign next   = index_q + 1'b1;
  assign read_o = state_q == READ && !taken_i && !dump_q && !m_axis_aged_tvalid && !start_q && index_q != high_q;
  assign index_o     = index_q[TABLE_LOG2-1:0];
  assign old         = old_q && !touched_q && !touched_i;
  assign tell_o      = state_q == TELL && old && tell_ready_i;
  assign tell_mark_o = mark_q;
  assign busy_o      = state_q == REST ? due : start_q || state_q != READ || !m_axis_aged_tvalid;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q            <= REST;
      high_q             <= '0;
      index_q            <= '0;
      begun_q            <= time_ms_i;
      again_q            <= 1'b0;
      start_q            <= 1'b0;
      m_axis_aged_tvalid <= 1'b0;
      aged_o             <= '0;
    end else begin
      if (m_axis_aged_tready) m_axis_aged_tvalid <= 1'b0;
      if (clearing_i)                                     high_q <= '0;
      else if (born_q && {1'b0, flow_q} >= high_q)        high_q <= {1'b0, flow_q} + 1'b1;
      case (state_q)
        REST: begin
          if (due) begin
            state_q <= READ;
            index_q <= '0;
            begun_q <= time_ms_i;
            again_q <= start_q;
            start_q <= 1'b0;
          end
        end
        READ: begin
          if (start_q || index_q >= high_q || period_ms_i == '0) state_q <= REST;
          else if (read_o) state_q <= WAIT;
        end
        WAIT: state_q <= IDLE;
        IDLE: state_q <= JUDGE;
        JUDGE: state_q <= TELL;
        default: begin
          if (!old || tell_ready_i) begin
            state_q <= READ;
            index_q <= next;
          end
          if (tell_o) begin
            m_axis_aged_tvalid <= 1'b1;
            aged_o             <= aged_o + 32'd1;
          end
        end
      endcase
      if (start_i)    start_q <= period_ms_i != '0;
      if (clearing_i) state_q <= REST;
    end
    touched_q <= touched_i || (touched_q && state_q != READ);
    if (state_q == JUDGE) old_q <= !never_q && idle_q >= 32'(limit_q) && (!told_q || again_q);
    if (state_q == IDLE) begin
      never_q <= age2_q == '0;
      limit_q <= {age2_q, 10'd0} - {6'd0, age2_q, 4'd0} - {7'd0, age2_q, 3'd0};    // x 1000
      last_q <= last_seen_i;
      idle_q <= time_ms_i - last_seen_i;
      told_q <= told_i;
      mark_q <= mark_i;
    end
    if (tell_o) m_axis_aged_tdata <= {last_q, 32'(index_o)};
  end

`ifndef SYNTHESIS
  a_stable: assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axis_aged_tvalid && !m_axis_aged_tready |=> m_axis_aged_tvalid && $stable(m_axis_aged_tdata));
  a_never_taken: assert property (@(posedge clk_i) disable iff (!rst_ni) read_o |-> !taken_i);
  a_room: assert property (@(posedge clk_i) disable iff (!rst_ni) tell_o |-> !m_axis_aged_tvalid);
`endif
endmodule
