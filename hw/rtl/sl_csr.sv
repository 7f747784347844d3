// SPDX-License-Identifier: BSD-3-Clause
// The datapath's registers (block csr of the contract) on AXI4-Lite, one transaction at a time, and the window TBL_*
// through which the tables of rules, actions, meters and counters are read and written an entry at a time. After a
// reset it first clears the action table and the counters in memory (STATUS bit 0 meanwhile). A card reset takes
// registers and tables, not the bus: an access that it meets is answered, one that comes meanwhile waits for its end.
`default_nettype none
module sl_csr #(
  parameter int unsigned NPORTS = 2,
  parameter int unsigned TABLE_LOG2 = 16
) (
  input  wire logic              clk_i,
  input  wire logic              rst_ni,           // card
  input  wire logic              por_ni,           // power-on
  // AXI4-Lite, byte offsets within the block.
  input  wire logic              s_axil_awvalid,
  output logic                   s_axil_awready,
  input  wire logic [11:0]       s_axil_awaddr,
  input  wire logic              s_axil_wvalid,
  output logic                   s_axil_wready,
  input  wire logic [31:0]       s_axil_wdata,
  output logic                   s_axil_bvalid,
  input  wire logic              s_axil_bready,
  output logic [1:0]             s_axil_bresp,
  input  wire logic              s_axil_arvalid,
  output logic                   s_axil_arready,
  input  wire logic [11:0]       s_axil_araddr,
  output logic                   s_axil_rvalid,
  input  wire logic              s_axil_rready,
  output logic [31:0]            s_axil_rdata,
  output logic [1:0]             s_axil_rresp,
  // What the registers say.
  input  wire logic [31:0]       time_ms_i,
  input  wire logic              clearing_i,       // the flow table
  input  wire logic [31:0]       occupancy_i,
  input  wire logic [31:0]       moves_i,
  input  wire logic [31:0]       refused_i,
  input  wire logic [31:0]       aged_i,
  output logic                   clearing_o,       // anything
  output logic                   clear_o,          // forget all flows
  output logic [31:0]            age_period_o,
  output logic                   age_start_o,      // the period was written
  output logic [7:0]             epoch_o,
  output logic [127:0]           seed_o,
  output logic [19:0]            tunnels_o,
  output logic [31:0]            miss_mark_o,
  output logic                   miss_valid_o,
  output logic [NPORTS-1:0]      port_up_o,
  output logic [63:0]            port_flags_o,
  output logic [8*48-1:0]        mac_o,
  output logic [63:0]            mac_ports_o,
  output logic [7:0]             mac_valid_o,
  // Tables.
  output logic                   rule_write_o,
  output logic [5:0]             rule_index_o,
  output logic [1023:0]          rule_o,
  output logic                   rule_pair_o,      // which of its two pairs of counters counts its frames
  input  wire logic [15:0]       begun_i,          // frames that have met the rules, and have been counted: sl_flight
  input  wire logic [15:0]       ended_i,
  output logic [1023:0]          entry_o,          // action, meter or bucket to write
  output logic                   action_read_o,
  output logic                   action_write_o,
  output logic [11:0]            action_index_o,
  input  wire logic [1023:0]     action_data_i,
  output logic                   meter_write_o,
  output logic [5:0]             meter_index_o,
  output logic                   prefix_read_o,
  output logic                   prefix_write_o,
  output logic                   prefix_clear_o,
  output logic [14:0]            prefix_index_o,
  input  wire logic [1023:0]     prefix_data_i,
  output logic                   count_req_o,
  output logic [7:0]             count_table_o,
  output logic [7:0]             count_index_o,
  output logic                   count_clear_o,
  input  wire logic              count_ack_i,
  input  wire logic [127:0]      count_data_i,
  output logic                   busy_o
);
  localparam logic [3:0] IDLE = 4'd0, FETCH = 4'd1, KEEP = 4'd2, COUNT = 4'd3, COMPARE = 4'd4, DRAIN = 4'd5,
    ZERO = 4'd6, WRITE = 4'd7, LOOK = 4'd8, SEEK = 4'd9;
  localparam int unsigned FIND_LOG2 = $clog2(sl_pkg::PREFIX_FIND_BUCKETS);

  logic [31:0]    ctrl_q;
  logic [31:0]    epoch_q, age_period_q, vxlan_q, miss_mark_q, miss_flags_q;
  logic [127:0]   seed_q;
  logic [255:0]   port_flags_q, mac_lo_q, mac_hi_q;
  logic [8*48-1:0] mac_q;
  logic [31:0]    sel_q;
  logic [1023:0]  data_q;
  logic           error_q;
  logic [3:0]     state_q;
  logic           command_q, write_q, find_q;   // a TBL_CMD waits; it writes; it finds
  logic [7:0]     sel_table;
  logic [23:0]    sel_index;

  // Clearing after reset: actions and rules by walk_q, counters by count_walk_q (256 reasons, then 64 rules).
  logic           init_q, init_walk_q, init_count_q;
  logic [11:0]    walk_q;
  logic [8:0]     count_walk_q;

  assign sel_table = sel_q[31:24];
  assign sel_index = sel_q[23:0];

  // Write.
  logic        write;
  logic [11:0] waddr;
  logic [31:0] wdata;
  assign write = rst_ni && s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid && state_q == IDLE && !command_q;
  assign waddr = {s_axil_awaddr[11:2], 2'b00};
  assign wdata = s_axil_wdata;
  assign s_axil_awready = write;
  assign s_axil_wready  = write;
  assign s_axil_bresp   = 2'b00;
  assign s_axil_rresp   = 2'b00;

  logic in_table, in_table_q, chosen_q;
  logic is_class_q, is_action_q, is_meter_q, is_prefix_q;
  always_comb begin
    case (sel_table)
      sl_pkg::CSR_TABLE_CLASS:  in_table = sel_index < 24'(sl_pkg::CLASS_RULES);
      sl_pkg::CSR_TABLE_ACTION: in_table = sel_index < 24'(sl_pkg::ACTIONS);
      sl_pkg::CSR_TABLE_METER:  in_table = sel_index < 24'(sl_pkg::METERS);
      sl_pkg::CSR_TABLE_REASON: in_table = sel_index < 24'(sl_pkg::REASONS) && !write_q;
      sl_pkg::CSR_TABLE_PORT:   in_table = sel_index < 24'(2 * NPORTS) && !write_q;
      sl_pkg::CSR_TABLE_PREFIX: in_table = sel_index < 24'(sl_pkg::PREFIX_BUCKETS);
      sl_pkg::CSR_TABLE_RULE:   in_table = sel_index < 24'(sl_pkg::CLASS_RULES) && !write_q;
      default:                  in_table = 1'b0;
    endcase
    if (find_q && sel_table != sl_pkg::CSR_TABLE_PREFIX) in_table = 1'b0;
  end
  // What a command is about stays as it is while there is one: it is decoded in the command's first clock.
  always_ff @(posedge clk_i) begin
    in_table_q  <= in_table;
    is_class_q  <= sel_table == sl_pkg::CSR_TABLE_CLASS;
    is_action_q <= sel_table == sl_pkg::CSR_TABLE_ACTION;
    is_meter_q  <= sel_table == sl_pkg::CSR_TABLE_METER;
    is_prefix_q <= sel_table == sl_pkg::CSR_TABLE_PREFIX;
    chosen_q    <= rst_ni && command_q;
  end

  // The rules as written, for reading back and for their cookies.
  logic [1023:0] rule_data, rule_unused;
  logic          rule_read;
  sl_slot_ram #(.W(1024), .LOG2(6)) u_rules (
    .clk_i, .a_read_i(rule_read), .a_addr_i(sel_index[5:0]), .a_data_o(rule_data),
    .b_read_i(1'b0), .b_write_i(rule_write_o || init_walk_q), .b_addr_i(init_walk_q ? walk_q[5:0] : sel_index[5:0]),
    .b_data_i(entry_o), .b_data_o(rule_unused)
  );

  // A rule has two pairs of counters, used in turn: a rule with a new cookie is a new rule, and counts in the other
  // pair from its first frame on. Before it is written that pair is zeroed, and before that the last frame of the rule
  // before the present one has been counted: no frame is counted to a rule that it has not met.
  logic [sl_pkg::CLASS_RULES-1:0] pair_q;
  logic        pair;
  logic [15:0] drain_q, drained;
  assign pair    = pair_q[sel_index[5:0]];
  assign drained = ended_i - drain_q;

  // The meters as written.
  logic [127:0] meter_mem [0:sl_pkg::METERS-1];
  always_ff @(posedge clk_i) begin
    if (meter_write_o || init_walk_q) meter_mem[init_walk_q ? walk_q[5:0] : sel_index[5:0]] <= entry_o[127:0];
  end

  // Prefixes in a bucket.
  function automatic logic [2:0] used(input logic [1023:0] bucket);
    used = '0;
    for (int i = 0; i < 4; i++) used += 3'(bucket[256*i + sl_pkg::CLASS_PREFIX_FAMILY_LSB +: 8] != 8'd0);
  endfunction

  // (A command is taken in IDLE and waits there until it starts, see a_waits: the state would be one LUT too many.)
  logic start;
  assign start = command_q && chosen_q && !init_q;
  assign rule_read      = start && is_class_q;
  assign action_read_o  = start && is_action_q && !write_q;
  assign action_write_o = init_walk_q || (start && in_table_q && write_q && is_action_q);
  assign action_index_o = init_walk_q ? walk_q : sel_index[11:0];
  assign meter_write_o  = start && in_table_q && write_q && is_meter_q;
  assign meter_index_o  = sel_index[5:0];
  // A find asks for a bucket a clock, ahead of the one that is looked at.
  logic [FIND_LOG2-1:0] ahead_q;
  logic                 ahead;
  assign ahead          = find_q && (state_q == FETCH || state_q == KEEP || state_q == LOOK);
  always_ff @(posedge clk_i) ahead_q <= (start ? sel_q[FIND_LOG2-1:0] : ahead_q) + 1'b1;
  assign prefix_read_o  = (start && in_table_q && is_prefix_q) || ahead || state_q == SEEK;
  assign prefix_write_o = state_q == COMPARE && is_prefix_q;
  assign prefix_clear_o = init_walk_q;
  assign prefix_index_o = init_walk_q ? {3'd0, walk_q}
                          : {sel_index[14:FIND_LOG2], ahead ? ahead_q : sel_index[FIND_LOG2-1:0]};
  assign rule_write_o   = state_q == WRITE;
  assign rule_index_o   = sel_index[5:0];
  assign rule_o         = data_q;
  assign rule_pair_o    = pair;
  assign entry_o        = init_walk_q ? '0 : data_q;
  assign count_req_o    = state_q == COUNT || state_q == ZERO || init_count_q;
  // (A command about a rule asks for counters only to zero them; what a request is about does not wait for the state.)
  assign count_clear_o  = is_class_q || init_count_q;
  assign count_table_o  = init_count_q ? (count_walk_q[8] ? sl_pkg::CSR_TABLE_RULE : 8'd0)
                          : is_class_q ? sl_pkg::CSR_TABLE_RULE : sel_table;
  assign count_index_o  = init_count_q ? count_walk_q[7:0]
                          : count_table_o == sl_pkg::CSR_TABLE_RULE ? {1'b0, pair ^ is_class_q, sel_index[5:0]}
                          : sel_index[7:0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ctrl_q        <= '0;
      epoch_q       <= '0;
      age_period_q  <= '0;
      age_start_o   <= 1'b0;
      vxlan_q       <= '0;
      miss_mark_q   <= '0;
      miss_flags_q  <= '0;
      seed_q        <= '0;
      port_flags_q  <= '0;
      mac_lo_q      <= '0;
      mac_hi_q      <= '0;
      mac_q         <= '0;
      sel_q         <= '0;
      error_q       <= 1'b0;
      state_q       <= IDLE;
      command_q     <= 1'b0;
      write_q       <= 1'b0;
      find_q        <= 1'b0;
      clear_o       <= 1'b0;
      init_q        <= 1'b1;
      init_walk_q   <= 1'b1;
      init_count_q  <= 1'b1;
      walk_q        <= '0;
      count_walk_q  <= '0;
      pair_q        <= '0;
    end else begin
      clear_o     <= 1'b0;
      age_start_o <= 1'b0;
      if (write) begin
        case (32'(waddr))
          sl_pkg::CSR_CTRL:       ctrl_q <= wdata;
          sl_pkg::CSR_EPOCH: begin
            epoch_q <= {24'd0, wdata[7:0]};
            clear_o <= 1'b1;
          end
          sl_pkg::CSR_VXLAN_PORT: vxlan_q <= {12'd0, wdata[19:0]};
          sl_pkg::CSR_MISS_MARK:  miss_mark_q <= wdata;
          sl_pkg::CSR_MISS_FLAGS: miss_flags_q <= wdata;
          sl_pkg::CSR_AGE_PERIOD: begin
            age_period_q <= wdata;
            age_start_o  <= 1'b1;
          end
          sl_pkg::CSR_TBL_SEL:    sel_q <= wdata;
          sl_pkg::CSR_TBL_CMD: begin
            command_q <= wdata >= 32'd1 && wdata <= 32'd3;
            write_q   <= wdata == 32'd2;
            find_q    <= wdata == 32'd3;
            error_q   <= wdata == 32'd0 || wdata > 32'd3;
          end
          default: ;
        endcase
        // (Word by word, each with an enable of its own: an assignment to an indexed part would be a shifter.)
        for (int i = 0; i < 4; i++)
          if (waddr[11:4] == 8'h02 && waddr[3:2] == 2'(i)) seed_q[32*i +: 32] <= wdata;
        for (int i = 0; i < 8; i++) begin
          if (waddr[11:5] == 7'h04 && waddr[4:2] == 3'(i)) port_flags_q[32*i +: 32] <= wdata;
          if (waddr[11:6] == 6'h03 && waddr[5:3] == 3'(i)) begin
            if (!waddr[2]) begin
              mac_lo_q[32*i +: 32] <= wdata;
            end else begin
              mac_hi_q[32*i +: 32] <= wdata;
              mac_q[48*i +: 48]    <= {wdata[15:0], mac_lo_q[32*i +: 32]};
            end
          end
        end
      end

      // TBL_CMD.
      case (state_q)
        IDLE: begin
          if (start) begin
            command_q <= 1'b0;
            error_q   <= !in_table_q;
            if (in_table_q) begin
              case (sel_table)
                sl_pkg::CSR_TABLE_CLASS:  state_q <= FETCH;
                sl_pkg::CSR_TABLE_PREFIX: state_q <= FETCH;
                sl_pkg::CSR_TABLE_ACTION: if (!write_q) state_q <= FETCH;
                sl_pkg::CSR_TABLE_METER:  ;
                default:                  state_q <= COUNT;
              endcase
            end
          end
        end
        FETCH: state_q <= write_q ? COMPARE : KEEP;
        KEEP: state_q <= find_q ? LOOK : IDLE;
        // A find goes on to the next bucket, which comes meanwhile. What it has found is read once more.
        LOOK: begin
          if (used(data_q) != '0) begin
            state_q <= SEEK;
            find_q  <= 1'b0;
          end else if (sel_q[FIND_LOG2-1:0] == '1) begin
            state_q <= IDLE;
            error_q <= 1'b1;
          end else begin
            sel_q[FIND_LOG2-1:0] <= sel_q[FIND_LOG2-1:0] + 1'b1;
          end
        end
        SEEK: state_q <= FETCH;
        COMPARE: state_q <= is_prefix_q ? IDLE : rule_data[sl_pkg::CLASS_RULE_COOKIE_LSB +: 64]
                            == data_q[sl_pkg::CLASS_RULE_COOKIE_LSB +: 64] ? WRITE : DRAIN;
        DRAIN: if (!drained[15]) state_q <= ZERO;
        ZERO: begin
          if (count_ack_i) begin
            state_q                <= WRITE;
            pair_q[sel_index[5:0]] <= !pair;
          end
        end
        WRITE: state_q <= IDLE;
        COUNT: if (count_ack_i) state_q <= IDLE;
        default: state_q <= IDLE;
      endcase

      // After reset.
      if (init_walk_q) begin
        walk_q <= walk_q + 12'd1;
        if (walk_q == '1) init_walk_q <= 1'b0;
      end
      if (init_count_q && count_ack_i) begin
        count_walk_q <= count_walk_q + 9'd1;
        if (count_walk_q == 9'd319) init_count_q <= 1'b0;
      end
      init_q <= init_walk_q || init_count_q;
    end
    if (state_q == COMPARE) drain_q <= begun_i;
  end
`ifndef SYNTHESIS
  a_asks: assert property (@(posedge clk_i) disable iff (!rst_ni)
    count_req_o && !init_count_q |-> is_class_q == (state_q == ZERO));
  a_waits: assert property (@(posedge clk_i) disable iff (!rst_ni) command_q |-> state_q == IDLE);
`endif

  // How many prefixes there are: a bucket is written in the clock in which it has been read.
  logic [17:0] prefixes_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni)             prefixes_q <= '0;
    else if (prefix_write_o) prefixes_q <= prefixes_q + 18'(used(data_q)) - 18'(used(prefix_data_i));
  end

  // TBL_DATA.
  always_ff @(posedge clk_i) begin
    if (write && waddr[11:7] == 5'h03) begin
      for (int i = 0; i < 32; i++) if (waddr[6:2] == 5'(i)) data_q[32*i +: 32] <= wdata;
    end else if (start && in_table_q && !write_q && is_meter_q) begin
      data_q <= 1024'(meter_mem[sel_index[5:0]]);
    end else if (state_q == KEEP || (state_q == LOOK && sel_q[FIND_LOG2-1:0] != '1)) begin
      data_q <= sel_table == sl_pkg::CSR_TABLE_CLASS ? rule_data
                : sel_table == sl_pkg::CSR_TABLE_PREFIX ? prefix_data_i : action_data_i;
    end else if (state_q == COUNT && count_ack_i) begin
      data_q <= 1024'(count_data_i);
    end
  end

  // Answers.
  logic        read;
  always_ff @(posedge clk_i) begin
    if (!por_ni) begin
      s_axil_bvalid <= 1'b0;
      s_axil_rvalid <= 1'b0;
    end else begin
      if (s_axil_bready) s_axil_bvalid <= 1'b0;
      if (s_axil_rready) s_axil_rvalid <= 1'b0;
      if (write) s_axil_bvalid <= 1'b1;
      if (read)  s_axil_rvalid <= 1'b1;
    end
  end

  // Read.
  logic [11:0] raddr;
  assign read  = rst_ni && s_axil_arvalid && !s_axil_rvalid;
  assign raddr = {s_axil_araddr[11:2], 2'b00};
  assign s_axil_arready = read;
  always_ff @(posedge clk_i) begin
    if (read) begin
      s_axil_rdata <= '0;
      case (32'(raddr))
        sl_pkg::CSR_ID:         s_axil_rdata <= sl_pkg::DATAPATH_ID;
        sl_pkg::CSR_ABI:        s_axil_rdata <= sl_pkg::ABI_VERSION;
        sl_pkg::CSR_CONFIG:     s_axil_rdata <= {16'd0, 8'(NPORTS), 8'(TABLE_LOG2)};
        sl_pkg::CSR_STATUS:     s_axil_rdata <= {31'd0, clearing_o};
        sl_pkg::CSR_CTRL:       s_axil_rdata <= ctrl_q;
        sl_pkg::CSR_EPOCH:      s_axil_rdata <= epoch_q;
        sl_pkg::CSR_VXLAN_PORT: s_axil_rdata <= vxlan_q;
        sl_pkg::CSR_MISS_MARK:  s_axil_rdata <= miss_mark_q;
        sl_pkg::CSR_MISS_FLAGS: s_axil_rdata <= miss_flags_q;
        sl_pkg::CSR_TIME_MS:    s_axil_rdata <= time_ms_i;
        sl_pkg::CSR_OCCUPANCY:  s_axil_rdata <= occupancy_i;
        sl_pkg::CSR_MOVES:      s_axil_rdata <= moves_i;
        sl_pkg::CSR_REFUSED:    s_axil_rdata <= refused_i;
        sl_pkg::CSR_PREFIXES:   s_axil_rdata <= 32'(prefixes_q);
        sl_pkg::CSR_AGE_PERIOD: s_axil_rdata <= age_period_q;
        sl_pkg::CSR_AGED:       s_axil_rdata <= aged_i;
        sl_pkg::CSR_TBL_SEL:    s_axil_rdata <= sel_q;
        sl_pkg::CSR_TBL_STATUS: s_axil_rdata <= {30'd0, error_q, command_q || state_q != IDLE};
        default: begin
          if (raddr[11:5] == 7'h04) s_axil_rdata <= port_flags_q[32*raddr[4:2] +: 32];
          if (raddr[11:6] == 6'h03) begin
            s_axil_rdata <= raddr[2] ? mac_hi_q[32*raddr[5:3] +: 32] : mac_lo_q[32*raddr[5:3] +: 32];
          end
          if (raddr[11:7] == 5'h03) s_axil_rdata <= data_q[32*raddr[6:2] +: 32];
        end
      endcase
    end
  end

  always_comb begin
    for (int p = 0; p < NPORTS; p++) port_up_o[p] = ctrl_q[0] && port_flags_q[32*p] && !clearing_o;
    for (int p = 0; p < 8; p++) port_flags_o[8*p +: 8] = port_flags_q[32*p +: 8];
    for (int i = 0; i < 8; i++) begin
      mac_ports_o[8*i +: 8] = mac_hi_q[32*i + 16 +: 8];
      mac_valid_o[i]        = mac_hi_q[32*i + 31];
    end
  end
  assign mac_o        = mac_q;
  assign clearing_o   = init_q || clearing_i || clear_o;
  assign epoch_o      = epoch_q[7:0];
  assign age_period_o = age_period_q;
  assign seed_o       = seed_q;
  assign tunnels_o = vxlan_q[19:0];
  assign miss_mark_o  = miss_mark_q;
  assign miss_valid_o = miss_flags_q[0];
  assign busy_o       = state_q != IDLE || command_q || s_axil_bvalid || s_axil_rvalid || clearing_o;

`ifndef SYNTHESIS
  a_b_stable: assert property (@(posedge clk_i) disable iff (!por_ni)
    s_axil_bvalid && !s_axil_bready |=> s_axil_bvalid);
  a_r_stable: assert property (@(posedge clk_i) disable iff (!por_ni)
    s_axil_rvalid && !s_axil_rready |=> s_axil_rvalid && $stable(s_axil_rdata));
`endif
endmodule
