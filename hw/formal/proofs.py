# SPDX-License-Identifier: BSD-3-Clause
"""What prove.py proves (PROOFS), and how the RTL is broken to see each proof fail (MUTANTS).

A reduction narrows what a property does not look at, by patterns on a copy of the file; everything else is the RTL as
it is. Harness parameters are set by name.
"""
from dataclasses import dataclass, field

RTL = "hw/rtl/"
CONTRACT = "build/rtl/sl_pkg.sv"


@dataclass
class Proof:
    name: str
    top: str
    rtl: list        # modules, lower ones first
    what: str        # the property, for the table
    asserts: list
    engine: str = "pdr"
    depth: int = 0   # of induction; of "whole": clocks
    parameters: dict = field(default_factory=dict)
    reduce: dict = field(default_factory=dict)
    seconds: int = 200
    contract: bool = False   # reads the contract's constants
    small: dict = field(default_factory=dict)   # parameters with which a counterexample from reset is looked for
    start: int = 0   # the first clock that is looked at then
    seen: str = ""   # an assertion that what the property speaks of never comes about; it has to be violated

    @property
    def module(self):
        return self.rtl[-1]

    def sources(self):
        harness = [f"hw/formal/{self.top}.sv"] if self.top.startswith("f_") else []
        return [CONTRACT] * self.contract + [f"{RTL}{name}.sv" for name in self.rtl] + harness


@dataclass
class Mutant:
    proof: str
    path: str
    old: str
    new: str


ARB_NARROW = {"sl_arb.sv": [(r"512", "4"), (r"511", "3")], "f_arb.sv": [(r"512", "4"), (r"511", "3")]}
TX_NARROW = {"sl_tx.sv": [(r"\[511:0\]", "[7:0]"), (r"\.W\(535\)", ".W(31)")],
             "f_tx.sv": [(r"\[511:0\]", "[7:0]"), (r"504'd0, ", "")]}

EVENTQ_NARROW = {"sl_eventq.sv": [(r"\[31:0\]( +)(lost_o|told_q)", r"[3:0]\1\2"), (r"32'\((lose|push_i)", r"4'(\1"),
                                  (r", lost_o - told_q", r", 28'd0, lost_o - told_q")]}

# What is in a queue, oldest first; whether its registers fit; for inductions.
FIFO_SEEN = [(r"(output logic      \[LOG2:0\] count_o)\n\);", r"""\1,
  output logic [(W<<LOG2)+LOG2+1:0] f_entries_o
);"""), (r"(assign count_o = count_q;)", r"""\1
  assign f_entries_o[W<<LOG2 +: LOG2+1] = count_q;
  assign f_entries_o[(W<<LOG2)+LOG2+1]  = count_q <= (LOG2+1)'(1 << LOG2) && valid_q == (count_q != '0)
                                          && wr_q == LOG2'(rd_q + count_q);
  for (genvar f = 0; f < (1 << LOG2); f++) begin : g_seen
    assign f_entries_o[W*f +: W] = mem[LOG2'(rd_q + LOG2'(f))];
  end""")]

RETIRE_SEEN = {
    "sl_fifo.sv": FIFO_SEEN,
    "sl_retire.sv": [
        (r"TABLE_LOG2 = 16", "TABLE_LOG2 = 2"), (r"OUT_LOG2 = 3", "OUT_LOG2 = 2"),
        (r"(output logic      \[191:0\]          dump_count_o)([^\n]*)\n\);", r"""\1,
  output logic [((EXACT != 0 ? COUNT_W : 7)+65<<QUEUE_LOG2)+QUEUE_LOG2+1:0] f_queue_o,
  output logic [224*4+3:0] f_outs_o,
  output logic [15:0] f_settle_o,
  output logic [213+5*TABLE_LOG2+(TABLE_LOG2<<TABLE_LOG2):0] f_state_o
);"""),
        (r"\.count_o\(queued\)", ".count_o(queued), .f_entries_o(f_queue_o)"),
        (r"\.count_o\(out_count\)", ".count_o(out_count), .f_entries_o(f_outs_o)"),
        (r"(assign age     = now_q[^\n]*\n)", r"\1    assign f_settle_o = 16'(settle_q);\n"),
        (r"(assign age     = ended_i[^\n]*\n)", r"\1    assign f_settle_o = 16'(clear_q);\n"),
        (r"(assign id_o +=[^\n]*\n)", r"""\1
  logic [(TABLE_LOG2<<TABLE_LOG2)-1:0] f_givens;
  for (genvar f = 0; f < (1 << TABLE_LOG2); f++) begin : g_seen
    assign f_givens[TABLE_LOG2*f +: TABLE_LOG2] = given_mem[TABLE_LOG2'(given_rd_q + TABLE_LOG2'(f))];
  end
  assign f_state_o = {settled, now_q, id_valid_q, id_made_q, id_ready_q, preparing_q, given_ok_q, v3_q, v2_q, v1_q,
                      e3_q, e2_q, e1_q, id_q, given_q, fresh_q, given_wr_q, given_rd_q, f_givens};
"""),
    ],
}

FLOWQ_SEEN = {
    "sl_fifo.sv": FIFO_SEEN,
    "sl_flowq.sv": [
        (r"1024", "16"), (r"1023", "15"), (r"\b512\b", "8"), (r"\b511\b", "7"), (r"cmd_next\[127:64\]", "64'(cmd_next[7:4])"),
        (r"LIST_LOG2 = 4;", "LIST_LOG2 = 2;"),
        (r"(output logic +busy_o)\n\);", r"""\1,
  output logic [67:0] f_cmds_o, output logic [416:0] f_state_o
);"""),
        (r"\.count_o\(cmds\)", ".count_o(cmds), .f_entries_o(f_cmds_o)"),
        (r"(assign o_queue = [^\n]*\n)", r"""\1
  logic [LIST-1:0]    f_dead, f_queues;
  logic [15*LIST-1:0] f_nexts;
  logic [64*LIST-1:0] f_iovas;
  for (genvar f = 0; f < LIST; f++) begin : g_seen
    assign f_dead[f]           = dead_q[LIST_LOG2'(oldest + LIST_LOG2'(f))];
    assign f_queues[f]         = l_queue[LIST_LOG2'(oldest + LIST_LOG2'(f))];
    assign f_nexts[15*f +: 15] = l_next[LIST_LOG2'(oldest + LIST_LOG2'(f))];
    assign f_iovas[64*f +: 64] = l_iova[LIST_LOG2'(oldest + LIST_LOG2'(f))];
  end
  assign f_state_o = {state_q, batch_q, line_q, push_q, done_q, bad_q, err_q, waiting_q[1], waiting_q[0],
                      head_q - tail_q, f_dead, f_queues, f_nexts, f_iovas, line_odd[3], line_even[3], line_odd[2],
                      line_even[2], line_odd[1], line_even[1], line_odd[0], line_even[0]};
"""),
    ],
}

BEATS_OF_32 = [(r"\b2047\b", "127"), (r"\b511\b", "31")]
ADMINQ_NARROW = {"sl_adminq.sv": BEATS_OF_32 + [(r"\b512\b", "32"), (r"1968'd0", "48'd0")], "f_adminq.sv": BEATS_OF_32}

# Rings of two and four entries, so indexes of three bits; bases and descriptors of a few bits.
QUEUE_NARROW = {"sl_queue.sv": [
    (r"\[14:0\]", "[2:0]"), (r"\b15('d|'\()", r"3\1"), (r"\+: 15\]", "+: 3]"), (r"\b15\*", "3*"),
    (r"sl_pkg::QUEUE_LOG2_MIN", "1"), (r"sl_pkg::QUEUE_LOG2_MAX", "2"), (r"\[11:0\]", "[0:0]"), (r"12'd0", "1'd0"),
    (r"logic \[31:0\]  sq_lo_q \[0:N-1\], sq_hi_q \[0:N-1\], cq_lo_q \[0:N-1\], cq_hi_q \[0:N-1\], size_q \[0:N-1\];",
     "logic [1:0] sq_lo_q [0:N-1], cq_lo_q [0:N-1]; (* mem2reg *) logic sq_hi_q [0:N-1], cq_hi_q [0:N-1]; "
     "(* mem2reg *) logic [15:0] size_q [0:N-1];")]}

# Rings of 2 to 16 descriptors; a line has 2, a block 4, and 8 of a ring are kept.
DESC_NARROW = {"sl_fifo.sv": FIFO_SEEN, "sl_desc.sv": [
    (r"\[14:0\]", "[4:0]"), (r"\b15'\(", "5'("), (r"\+: 15\]", "+: 5]"), (r"\b15\*", "5*"),
    (r"BLOCK = 16", "BLOCK = 4"), (r"at\[3:0\]", "at[1:0]"), (r"\b15'd7\b", "5'd1"), (r"5'd8 - 5'\(at\[2:0\]\)", "5'd2 - 5'(at[0])"),
    (r"FLY_LOG2 = 3", "FLY_LOG2 = 1"), (r"ENTRY_W = 81", "ENTRY_W = 3"), (r"\[511:0\]", "[3:0]"),
    (r"NL\+KEEP_LOG2-3", "NL+KEEP_LOG2-2"), (r"logic \[1:0\]( +)(lane_q|j);", r"logic [0:0]\1\2;"),
    (r"\[4\*ENTRY_W", "[2*ENTRY_W"), (r"\[KEEP_LOG2-1:2\]", "[KEEP_LOG2-1:1]"), (r"k < 4;", "k < 2;"),
    (r"\(KEEP_LOG2-2\)", "(KEEP_LOG2-1)"), (r"2'\(k\) - at_now\[1:0\]", "1'(k) - at_now[0:0]"),
    (r"look_at\[1:0\]", "look_at[0:0]"), (r"logic \[127:0\]", "logic [1:0]"), (r"128\*j \+: 128", "2*j +: 2"),
    (r"rsp_err_i, d\[96\], d\[95:78\] != '0, d\[77:64\], d\[63:0\]", "rsp_err_i, d"),
    (r"\{desc_err_o, desc_flag_o, desc_big_o, desc_len_o, desc_iova_o\}", "{desc_err_o, desc_flag_o, desc_iova_o}"),
    (r"\[63:0\]( +)desc_iova_o", r"[0:0]\1desc_iova_o"),
    (r"(output logic +busy_o)\n\);", r"""\1,
  output logic [10:0] f_fly_o, output logic [43:0] f_queues_o, output logic [47:0] f_mem_o,
  output logic [13:0] f_state_o
);"""),
    (r"\.count_o\(flying\)", ".count_o(flying), .f_entries_o(f_fly_o)"),
    (r"    assign d = ", r"""
    for (genvar f = 0; f < 8; f++) begin : g_seen
      assign f_mem_o[3*(2*f+k) +: 3] = mem[f];
    end
    assign d = """),
    (r"(assign fetch_o = [^\n]*\n)", r"""\1
  assign f_state_o = {turn, pick, sel_q, state_q, n_q, off_q};
  for (genvar f = 0; f < 2; f++) begin : g_seen
    assign f_queues_o[22*f +: 22] = {fly_q[f], ahead_q[f], have_q[f], use_q[f], fetch_q[f]};
  end
""")]}


# The flow table: what f_table gives instead of other modules comes in by ports, and what it looks at goes out. A tag has
# one part instead of eleven; of it IPv6 leaves one bit open.
def instance(module, name):
    return rf"  {module} (#\([^;]*?\) )?{name} \([^;]*?\);\n"


TABLE_CUT = {
    "sl_command.sv": [
        (r"(output logic +busy_o)\n\);", r"""\1,
  input wire logic [10+2*BUCKET_LOG2+2*TAG_W:0] f_cmd_i,
  input wire logic [8+4*BUCKET_LOG2:0] f_search_i,
  output logic [73+BUCKET_LOG2+9*TABLE_LOG2+TAG_W:0] f_state_o
);"""),
        (instance("sl_fifo", "u_queue"), r"""
  logic [TAG_W-1:0] f_tag, f_mask;
  assign {cmd_valid, keyed, reads, op, bucket1, bucket0, f_mask, f_tag} = f_cmd_i;
  assign f_state_o = {insert_q, delete_q, v6_key_q, fresh_q, clear_q, insert && taken_q == 8'hff, cmd_pop, status, flow,
                      walk_q, taken_q, same_q, place_q, free_q, ids_q, moved_q, state_q};
"""),
        (instance("sl_hash_key", "u_hash"), ""),
        (instance("sl_fifo", "u_hashed"), "  assign hashed = cmd_valid;\n"),
        (r"  assign bucket[01] = hash[^;]*;\n", ""),
        (r"assign v6      = [^;]*;", "assign v6 = f_tag[1];"),
        (instance("sl_slot_tag", "u_tag"), "  assign tag_bits = f_tag;\n  assign mask_bits = f_mask;\n"),
        (r"WHERE = 57;", "WHERE = 0;"),
        (instance("sl_pool", "u_where"), ""),
        (instance("sl_search", "u_search"), r"""
  assign {s_read, s_bucket1, s_bucket0, found, failed, last_move, from_bank, from_bucket, from_way, to_bucket, to_way}
    = f_search_i;
"""),
        (instance("sl_retire", "u_retire"), ""),
        (r"    at_q <= at_read_q;\n", ""),
        (instance("sl_record", "u_dumped"), ""),
        (r"  assign dumped_key = [^;]*;\n", ""),
    ],
    "sl_table.sv": [
        (r"(output logic \[511:0\] +c_v6_o)\n\);", r"""\1,
  input wire logic [8*SLOT_S-1:0] f_slots_i, input wire logic [TAG_W-1:0] f_tag_i, input wire logic [TAG_W-1:0] f_mask_i,
  output logic [13+2*BUCKET_LOG2+2*TAG_W+9*TABLE_LOG2:0] f_state_o
);"""),
        (r"(?s)  for \(genvar s = 0; s < 8; s\+\+\) begin : g_slot\n.*?\n  end\n", r"""
  assign slots     = f_slots_i;
  assign f_state_o = {valid3_q, valid2_q, valid1_q, job2_q.has_key, job1_q.has_key, hash1_q[32 +: B], hash1_q[B-1:0],
                      mask1_q, tag1_q, match2, ids2_q, hit3_q, id3_q};
"""),
        (instance("sl_slot_tag", "u_tag"), "  assign tag = f_tag_i;\n  assign mask = f_mask_i;\n"),
        (r"WHERE = 57;", "WHERE = 0;"),
        (r"PARTS = 2 \+ 11;", "PARTS = 2 + 1;"),
        (instance("sl_slot_ram", "u_v6"), ""),
        (instance("sl_record", "u_kept"), ""),
    ],
}


TABLE_HOLDS = ["is_k", "held", "inserts", "dumps", "compared", "c_ids", "judged", "one", "runs", "on_path", "offered",
               "waited", "copied", "cleared", "clears"]


def table(name, module, kept, what, *asserts):
    rtl = ["sl_dp_pkg", "sl_slot_ram", "sl_slot_same", "sl_slot_port", "sl_table", "sl_command"]
    return Proof(f"table-{name}", "f_table", [m for m in rtl if m != module] + [module], what, list(asserts),
                 "induction", 1, parameters={"B": 13, "KEPT": kept}, small={"B": 1, "KEPT": kept}, reduce=TABLE_CUT,
                 contract=True, start=18, seen="seen_two")


def arb(name, what, *asserts, **more):
    return Proof(f"arb-{name}", "f_arb", ["sl_arb"], what, list(asserts), reduce=ARB_NARROW, **more)


def tx(name, what, *asserts, **more):
    return Proof(f"tx-{name}", "f_tx", ["sl_ram_fifo", "sl_tx"], what, list(asserts), reduce=TX_NARROW, **more)


def prefix(name, what, **parameters):
    return Proof(name, "f_prefix_table", ["sl_slot_ram", "sl_prefix_table"], what, ["in_sets", "meter", "held"],
                 parameters=parameters, contract=True)


def eventq(name, what, *asserts):
    return Proof(name, "f_eventq", ["sl_fifo", "sl_eventq"], what, list(asserts), reduce=EVENTQ_NARROW, contract=True)


def adminq(name, what, *asserts):
    return Proof(f"admin-{name}", "f_adminq", ["sl_adminq"], what, list(asserts), reduce=ADMINQ_NARROW, contract=True,
                 seen="seen_cpl")


FLOWQ_HOLDS = ["held_ok", "shows", "waits", "batches", "in_pend", "reads"]


def queue(name, what, *asserts, **more):
    return Proof(f"queue-{name}", "f_queue", ["sl_fifo", "sl_queue"], what, list(asserts), reduce=QUEUE_NARROW,
                 contract=True, seconds=600, **more)


DESC_HOLDS = ["shapes", "flights", "counted", "asking", "turns"]


def desc(name, what, *asserts):
    return Proof(f"desc-{name}", "f_desc", ["sl_fifo", "sl_turn", "sl_desc"], what, list(asserts), "sat", 1,
                 reduce=DESC_NARROW, small={"KEEP_LOG2": 3}, seen="seen_used", seconds=600)


def flowq(name, what, *asserts, **more):
    return Proof(f"flowq-{name}", "f_flowq", ["sl_turn", "sl_fifo", "sl_flowq"], what, [*asserts, *FLOWQ_HOLDS], "sat", 1,
                 small={"ROOM": 3}, reduce=FLOWQ_SEEN, contract=True, start=6, seconds=120, **more)


RETIRE_HOLDS = ["fifos", "reads", "roomy", "idle", "offers"]
RETIRE_IDS = ["partition", "stamped", "looks", "owes", "gives", "waits", "unsettled", "flies",
              "narrow", "resettles", *RETIRE_HOLDS]


def retire(name, what, *asserts, **more):
    """The time is short where counterexamples from reset are looked for."""
    parameters = more.get("parameters", {})
    return Proof(f"retire-{name}", "f_retire", ["sl_fifo", "sl_retire"], what, list(asserts), "sat", 1,
                 small={"DRAIN": 4, "LOG2": 1, **parameters}, reduce=RETIRE_SEEN, contract=True, start=4, seconds=120, **more)


PROOFS = [
    Proof("fifo", "f_fifo", ["sl_fifo"], "every entry leaves once, in order, unchanged", ["order", "count_ok"]),
    Proof("fifo-full", "f_fifo", ["sl_fifo"], "never overflows under credits", ["overflow", "count_ok"]),
    Proof("skid", "f_skid", ["sl_skid"], "every entry leaves once, in order, unchanged", ["order", "count_ok", "room"]),
    Proof("skid-room", "f_skid", ["sl_skid"], "takes whenever it has room, never more", ["overflow", "room", "count_ok"]),
    Proof("ram-fifo", "f_ram_fifo", ["sl_ram_fifo"], "every entry leaves once, in order, unchanged",
          ["order", "free_ok"]),
    Proof("ram-fifo-commit", "f_ram_fifo", ["sl_ram_fifo"], "only committed entries leave, one per clock",
          ["committed", "prompt", "free_ok"]),
    Proof("ram-fifo-full", "f_ram_fifo", ["sl_ram_fifo"], "never overflows under credits", ["overflow", "free_ok"],
          parameters={"CREDITS": 1}),
    Proof("slot-ram", "f_slot_ram", ["sl_slot_ram"], "both ports read what was last written", ["packets", "commands"]),
    Proof("pool", "sl_pool", ["sl_pool"], "offers a free entry, in time while there is one",
          ["f_partition", "f_free", "f_counts", "f_soon"], "induction", 2, parameters={"LOG2": 2}),
    Proof("delay-1", "f_delay", ["sl_delay"], "what went in 1 clock ago comes out", ["latency"], parameters={"N": 1}),
    Proof("delay-3", "f_delay", ["sl_delay"], "what went in 3 clocks ago comes out", ["latency"], parameters={"N": 3}),
    Proof("delay-5", "f_delay", ["sl_delay"], "what went in 5 clocks ago comes out", ["latency"], parameters={"N": 5}),
    arb("beats", "beats out are the beats read, of that port", "beats_match", "frames_match"),
    arb("frames", "frames never interleave, have all their beats", "no_interleave", "frame_length"),
    arb("credits", "never more frames or beats in flight than credits", "frames", "rings", "counts"),
    arb("fair", "a waiting port waits for one frame of the other", "fair"),
    arb("fair-3", "with 3 ports: for at most one frame of each", "fair", parameters={"NPORTS": 3}),
    arb("starts", "with all credits home a waiting frame starts", "starts", "counts",
        parameters={"FRAMES": 3}),
    arb("bubble", "no frame starts in a clock asked for", "bubble"),
    tx("frames", "frames of emit and host never interleave", "no_interleave"),
    tx("no-pause", "no pause inside a frame on the wire", "no_pause", "stable", "e_book", "h_book", "e_room", "h_room",
       "e_full", "e_gap", "e_tail", seconds=600),
    tx("emit-wait", "emit waits for at most one frame of the host", "emit_wait"),
    tx("host-wait", "the host waits for at most one frame of emit", "host_wait"),
    tx("work", "never idle while a frame waits", "work"),
    tx("order", "beats of either queue go on the wire once, in order", "emit_next", "host_next", "only_those",
       "no_empty_pop", "host_in", "stable"),
    tx("fits", "the queues never overflow", "emit_fits", "host_fits", "e_book", "h_book", "e_room", "h_room"),
    Proof("turn", "f_turn", ["sl_turn"], "one has the turn, and its number is told", ["one", "asked"]),
    Proof("turn-fair", "f_turn", ["sl_turn"], "who asks waits for at most one of each other and one more", ["fair", "one"]),
    Proof("turn-prompt", "f_turn", ["sl_turn"], "if anybody asks, somebody has the turn a clock later", ["prompt", "one"]),
    Proof("admit-fits", "f_admit", ["sl_admit"], "never more beats promised than a port has room for", ["fits", "counts"],
          contract=True),
    Proof("admit-free", "f_admit", ["sl_admit"], "a port with room admits in time, whatever others do",
          ["admits", "counts"], contract=True),
    Proof("count", "sl_count_ram", ["sl_count_ram"], "every read is the exact sum of the updates before it",
          ["f_read", "f_memory", "f_written", "f_forward", "f_add", "f_found", "f_fetched", "f_stale"], "induction", 2,
          parameters={"LOG2": 1, "STAMP_W": 2}),
    Proof("flow-count", "sl_flow_count", ["sl_flow_count"], "a flow's counters are the exact sum of its frames",
          ["f_read", "f_looked", "f_same", "f_copies", "f_fresher", "f_memory", "f_written", "f_forward", "f_add",
           "f_found", "f_fetched", "f_carried", "f_stale"], "induction", 1, parameters={"LOG2": 1}, seconds=600),
    Proof("meter-burst", "f_meter", ["sl_meter"], "never more tokens than the burst", ["capped", "spends"], "induction", 1),
    Proof("meter-rate", "f_meter", ["sl_meter"], "passes at most burst + rate x time",
          ["limit", "fewer", "spends", "capped"], "induction", 1),
    Proof("meter-passes", "f_meter", ["sl_meter"], "the burst passes after a write",
          ["burst_passes", "enough", "capped", "spends"], "induction", 1),
    prefix("prefix-exact", "an exact prefix matches just what it says, whole", WIDE=0, BANK=0, WAY=2),
    prefix("prefix-wide", "a wide prefix matches just what it says, whole", WIDE=1, BANK=1, WAY=1),
    Proof("search", "f_search", ["sl_search"], "offers a path that can be moved from its free end",
          ["resident", "goes", "free", "leads", "stands", "quiet", "once", "ends"], "whole", 116),
    Proof("clock", "f_clock", ["sl_clock"], "never ahead, never idle; the ticks add up",
          ["not_ahead", "not_idle", "ticks_add_up"], "induction", 2),
    eventq("events-counted", "every event is in the ring, held, or counted as lost", "counted", "bounded"),
    eventq("events-completion", "no completion without an event and room for it; none waits without a reason",
           "no_ghost", "no_wait", "counted", "bounded"),
    eventq("events-told", "an OVERFLOW tells exactly the losses not told yet", "told", "counted", "bounded"),
    eventq("events-aged", "a flow that has aged is let in only where it cannot be lost", "aged_safe", "bounded"),
    adminq("owed", "one command at a time; a completion only for one, with its id and room for it", "owed", "one", "has_room",
           "of_it"),
    adminq("answers", "a command that the core has answered completes, once, with its id", "answers", "owed", "one"),
    adminq("prompt", "while the core has no command, one that is announced is fetched at once", "prompt"),
    adminq("reads", "never reads or consumes past the doorbell; a read stands until it is taken, and is told of; the ring is "
           "stopped when one that failed ends, and only then", "announced", "consumes", "keeps", "under_way", "stops", "one"),
    queue("places", "each completion is written once, in order, into the next entry of its ring, with the phase of its lap",
          "places", "phases", "asks", seen="seen_lap"),
    queue("room", "room and submissions told are what the host left; completions never overrun it", "rooms", "ahead",
          "submits", "readys", "refused"),
    queue("stop", "a stop is told, and a new life starts, only when nothing of the queue is under way", "stopped", "starts"),
    desc("ring", "a read lies in the ring, whatever the host announces, and stands until it is taken; a queue with one is "
         "active", "in_ring", *DESC_HOLDS),
    desc("fetch", "fetched is only what is announced, once, in order, and what can be kept; told is what is here", "fetches",
         *DESC_HOLDS),
    desc("read", "each descriptor is offered at its place, as it was read", "as_read", "placed", *DESC_HOLDS),
    retire("ids", "a deleted flow's last counters are read once, and its id is offered again, new, only then, and only when all "
           "frames that found it are counted", "ids", *RETIRE_IDS, seen="seen_x"),
    retire("ids-exact", "the same by numbers of frames instead of clocks", "ids", *RETIRE_IDS, parameters={"EXACT": 1},
           seen="seen_x"),
    retire("answers", "a completion for each command, in order, with what was counted of its flow", "reports",
           "answered", "completes", "of_it", "held", "follows", "looked", "unread", *RETIRE_HOLDS),
    flowq("room", "a completion only for a command, and only with room for it in its ring", "has_room",
          seen="seen_cpl"),
    flowq("reads", "never reads or consumes past the doorbell, nor over a multiple of four commands; none of what could not be "
          "read", "within"),
    flowq("order", "each command that was read goes to the table once, in order, unchanged; each completion is of just one, with "
          "its ring and head; none of a ring that has stopped", "in_order", "follows", "has_line"),
    flowq("dump", "a DUMP completes when its state is acknowledged, with what came of it, at its address", "dumps",
          "finishes", "follows", "has_line"),
    table("kept", "sl_command", 0, "from insert to delete a key has a slot where lookups look, and one id", "kept",
          *TABLE_HOLDS),
    table("told", "sl_command", 1, "completions of a key's commands say whether it is there, and its id", "told",
          *TABLE_HOLDS),
    table("lookup", "sl_table", 1, "a lookup finds a key that is there, by its id, during any command or move",
          "lookup", "t1", "t1_k", "t2", "t2_k", "t3"),
]

FIFO, RAM_FIFO, SLOT_RAM, DELAY, POOL, SKID = (
    RTL + f"sl_{m}.sv" for m in ("fifo", "ram_fifo", "slot_ram", "delay", "pool", "skid"))
ARB, TX, COUNT, METER, CLOCK = (RTL + f"sl_{m}.sv" for m in ("arb", "tx", "count_ram", "meter", "clock"))

ADMIT, TURN = RTL + "sl_admit.sv", RTL + "sl_turn.sv"
SEARCH = RTL + "sl_search.sv"
COMMAND, PORT, TABLE, SAME = (RTL + f"sl_{m}.sv" for m in ("command", "slot_port", "table", "slot_same"))
EVENTQ, ADMINQ = RTL + "sl_eventq.sv", RTL + "sl_adminq.sv"
QUEUE, DESC = RTL + "sl_queue.sv", RTL + "sl_desc.sv"
RETIRE, FLOWQ = RTL + "sl_retire.sv", RTL + "sl_flowq.sv"
PREFIX, FLOW_COUNT = RTL + "sl_prefix_table.sv", RTL + "sl_flow_count.sv"
MUTANTS = [
    Mutant("prefix-exact", PREFIX, "(any_port && (WIDE != 0 || l4_i))", "any_port"),
    Mutant("prefix-exact", PREFIX, "|| csr_clear_i), .b_addr_i(csr_bucket_i), .b_data_i(entry), .b_data_o(back0)",
           "), .b_addr_i(csr_bucket_i), .b_data_i(entry), .b_data_o(back0)"),
    Mutant("prefix-exact", PREFIX, "csr_read_i && csr_bank_i", "csr_read_i || csr_bank_i"),
    Mutant("prefix-exact", PREFIX, "port_i <= p[191:176]", "port_i < p[191:176]"),
    Mutant("prefix-wide", PREFIX, "p[191:160] == 32'hffff_0000", "p[191:176] == 16'hffff"),
    Mutant("prefix-wide", PREFIX, "hash_i[16 +: LOG2]", "hash_i[0 +: LOG2]"),
    Mutant("fifo", FIFO, "rd_q <= rd_q + 1'b1;", "rd_q <= rd_q + 2'd2;"),
    Mutant("fifo", FIFO, "mem[wr_q] <= data_i;", "mem[rd_q] <= data_i;"),
    Mutant("fifo", FIFO, "pop_i ? count_q[LOG2:1] != '0 :", "pop_i ? 1'b0 :"),
    Mutant("fifo", FIFO, "if (pop_i && valid_o) rd_q", "if (pop_i && !push_i && valid_o) rd_q"),
    Mutant("fifo-full", FIFO, "if (pop_i && valid_o) rd_q", "if (pop_i && !push_i && valid_o) rd_q"),
    Mutant("skid", SKID, "full_q ? second_q : data_i", "data_i"),
    Mutant("skid", SKID, "if (ready_o)             second_q", "if (!full_d)            second_q"),
    Mutant("skid-room", SKID, "ready_o <= !full_d;", "ready_o <= !valid_o;"),
    Mutant("ram-fifo", RAM_FIFO, "(!valid_o || pop_i);", "!valid_o || pop_i;"),
    Mutant("ram-fifo", RAM_FIFO, "if (read)   data_o <=", "if (pop_i)  data_o <="),
    Mutant("ram-fifo-commit", RAM_FIFO, "if (push_i && commit_i)", "if (push_i)"),
    Mutant("ram-fifo-commit", RAM_FIFO, "valid_o <= read || (valid_o && !pop_i);", "valid_o <= read;"),
    Mutant("ram-fifo-commit", RAM_FIFO, "read ? rd_next_q != commit_q :", "read ? 1'b0 :"),
    Mutant("ram-fifo-full", RAM_FIFO, "free_o = free_q;", "free_o = free_q - (LOG2+1)'(valid_o);"),
    Mutant("ram-fifo-full", RAM_FIFO, "if (push_i != read_q)", "if (push_i && !read_q)"),
    Mutant("slot-ram", SLOT_RAM, "else if (b_read_i) b_data_o", "if (b_read_i) b_data_o"),
    Mutant("slot-ram", SLOT_RAM, "mem[b_addr_i] <= b_data_i;", "mem[a_addr_i] <= b_data_i;"),
    Mutant("pool", POOL, "mem[wr_q[LOG2-1:0]] <= give_index_i;", "mem[wr_q[LOG2-1:0]] <= index_q;"),
    Mutant("pool", POOL, "else if (take_i)          valid_q", "else if (take_i && wait_q) valid_q"),
    Mutant("pool", POOL, "if (give_i)     wr_q    <= wr_q + 1'b1;", "if (give_i && !take_i) wr_q <= wr_q + 1'b1;"),
    Mutant("pool", POOL, "+ (LOG2+1)'(take_i) - (LOG2+1)'(give_i)", "+ (LOG2+1)'(take_i && !give_i)"),
    Mutant("delay-1", DELAY, "if (valid_i)  ", "if (!valid_i)  "),
    Mutant("delay-3", DELAY, "if (N >= 3 && valid_q[1])", "if (N >= 3 && valid_q[0])"),
    Mutant("delay-5", DELAY, ": data5_q;", ": data4_q;"),
    Mutant("arb-beats", ARB, "(mid_q && room && port_q == 3'(p));", "(mid_q && port_q == 3'(p));"),
    Mutant("arb-beats", ARB, "if (start) len_o <= pick_len;", "if (take) len_o <= pick_len;"),
    Mutant("arb-frames", ARB, "if (take) rd_port_q <= start ? pick : port_q;", "if (take) rd_port_q <= pick;"),
    Mutant("arb-frames", ARB, "mid_q  <= left_q != 8'd1;", "mid_q  <= left_q != 8'd2;"),
    Mutant("arb-credits", ARB, "emit_frames_q < COUNT_W'(FRAMES - 1)", "emit_frames_q <= COUNT_W'(FRAMES - 1)"),
    Mutant("arb-credits", ARB, "&& punt_used_q < (RING_LOG2+1)'((1 << RING_LOG2) - 2);", ";"),
    Mutant("arb-credits", ARB, "emit_used_q < (RING_LOG2+1)'((1 << RING_LOG2) - 2)", "1'b1"),
    Mutant("arb-fair", ARB, "pick = 3'((32'(port_q) + i) % NPORTS);", "pick = 3'((32'(port_q) + i + 1) % NPORTS);"),
    Mutant("arb-fair-3", ARB, "for (int i = NPORTS; i >= 1; i--) begin", "for (int i = 1; i <= NPORTS; i++) begin"),
    Mutant("arb-starts", ARB, "punt_frames_q - COUNT_W'(punt_done_i);", "punt_frames_q - COUNT_W'(punt_done_i && !start);"),
    Mutant("arb-bubble", ARB, "&& entry_q && !bubble_i", "&& entry_q"),
    Mutant("tx-frames", TX, "mid_q ? host_q : h_valid", "h_valid"),
    Mutant("tx-no-pause", TX, "emit_free >= (EMIT_LOG2+1)'(8);", "emit_free >= (EMIT_LOG2+1)'(14);"),
    Mutant("tx-no-pause", TX, ".commit_i(in_last_q)", ".commit_i(1'b1)"),
    Mutant("tx-emit-wait", TX, "h_valid && (!e_valid || !host_q)", "h_valid"),
    Mutant("tx-host-wait", TX, "h_valid && (!e_valid || !host_q)", "h_valid && !e_valid"),
    Mutant("tx-work", TX, "h_valid && (!e_valid || !host_q)", "!host_q"),
    Mutant("tx-order", TX, "in_valid_q <= host_valid_i;", "in_valid_q <= host_valid_i && !e_pop;"),
    Mutant("tx-order", TX, "assign e_pop    = take && !use_host;", "assign e_pop    = take;"),
    Mutant("tx-order", TX, "if (can) m_axis_tvalid <= take || cut;", "m_axis_tvalid <= take || cut;"),
    Mutant("tx-fits", TX, "host_free >= (HOST_LOG2+1)'(3);", "1'b1;"),
    Mutant("tx-fits", TX, "host_free >= (HOST_LOG2+1)'(3);", "host_free >= (HOST_LOG2+1)'(2);"),
    Mutant("tx-fits", TX, "emit_free >= (EMIT_LOG2+1)'(8);", "emit_free >= (EMIT_LOG2+1)'(4);"),
    Mutant("turn", TURN, "if (first[i] && i[b])", "if (first[i] || i[b])"),
    Mutant("turn", TURN, "behind & ~behind_lower", "behind"),
    Mutant("turn-fair", TURN, "after_q <= any ? behind_lower : lower;", "after_q <= lower;"),
    Mutant("turn-fair", TURN, "assign any     = behind != '0;", "assign any     = 1'b0;"),
    Mutant("turn-prompt", TURN, "next_i && req_i != '0", "next_i && any"),
    Mutant("admit-fits", ADMIT, "THREE = 3 *", "THREE = 2 *"),
    Mutant("admit-fits", ADMIT, "give_port_q == 3'(p)", "take_port_q == 3'(p)"),
    Mutant("admit-fits", ADMIT, "15'(take_len_i) + 15'd63", "15'(take_len_i)"),
    Mutant("admit-free", ADMIT, "+ W'(pop_q[p]);", "+ W'(pop_q[p] && !take_q);"),
    Mutant("admit-free", ADMIT, "port_all_i[3*i +: 3] == 3'(p)", "port_all_i[2:0] == 3'(p)"),
    Mutant("count", COUNT, "c_last_q ? d_data_q : c_on_way_q", "c_on_way_q"),
    Mutant("count", COUNT, "d_same || e_same", "d_same"),
    Mutant("count", COUNT, "d_same ? d_data_q : e_data_q", "e_same ? e_data_q : d_data_q"),
    Mutant("count", COUNT, "c_now[127:64] + 64'(c_len_q)", "c_now[127:64] + 64'(c_len_q[14:0])"),
    Mutant("count", COUNT, "assign a_index = valid_i ?", "assign a_index = valid_i && aux_req_i ?"),
    Mutant("flow-count", FLOW_COUNT, "c_last_q ? d_data_q : c_on_way_q", "c_on_way_q"),
    Mutant("flow-count", FLOW_COUNT, "d_same || e_same", "e_same"),
    Mutant("flow-count", FLOW_COUNT, "if (c_now[W-1] != c_life_q) c_now[127:0] = '0;", ""),
    Mutant("flow-count", FLOW_COUNT, "life_copy_mem[s_index_q] <= !s_entry_q[W-1];",
           "life_copy_mem[s_index_q] <= !s_life_q;"),
    Mutant("flow-count", FLOW_COUNT, "if (d_valid_q) copy_mem[d_index_q] <= d_data_q;",
           "if (d_valid_q && !read_i) copy_mem[d_index_q] <= d_data_q;"),
    Mutant("meter-burst", METER, "full ? {burst_q, 8'd0} : grown;", "grown;"),
    Mutant("meter-burst", METER, "missing_q <= full ? '0 : left[39:0];", "missing_q <= left[39:0];"),
    Mutant("meter-burst", METER, "(tokens_q[8] && !spend_q)", "tokens_q[8]"),
    Mutant("meter-burst", METER, "take_i && !write_i && !off_q", "take_i && !off_q"),
    Mutant("meter-rate", METER, "add = {rate_q, 8'd0};", "add = {rate_q, 8'd1};"),
    Mutant("meter-rate", METER, "tick_i && !write_i", "tick_i"),
    Mutant("meter-rate", METER, "spend_q ? less_q :", "spend_q && add_q != '0 ? less_q :"),
    Mutant("meter-rate", METER, "(tokens_q[8] && !spend_q)", "tokens_q[8]"),
    Mutant("meter-rate", METER, "tokens_q  <= {data_i[63:32], 8'd0};", "tokens_q  <= {data_i[63:32], 8'd1};"),
    Mutant("meter-passes", METER, "tokens_q[39:9] != '0", "tokens_q[39:10] != '0"),
    Mutant("meter-passes", METER, "(tokens_q[8] && !spend_q)", "1'b0"),
    Mutant("meter-passes", METER, "{1'b0, add[39:8]} - 33'd1;", "{1'b0, add[39:8]} - 33'd2;"),
    Mutant("search", SEARCH, "assign parent = (c_q >> 2) - 1'b1;", "assign parent = c_q >> 2;"),
    Mutant("search", SEARCH, "lowest_free(hit0 ? used0 : used1);", "lowest_free(used0);"),
    Mutant("search", SEARCH, "from_bank_o   <= tree_q ^ !opposite(c_q);", "from_bank_o   <= !opposite(c_q);"),
    Mutant("search", SEARCH, "v3_q <= v2_q && !hit0 && !hit1;", "v3_q <= v2_q;"),
    Mutant("search", SEARCH, "32'(c3_q) == CANDIDATES - 1;", "32'(c3_q) == CANDIDATES;"),
    Mutant("search", SEARCH, "to_bucket_q <= hit0 ? node0_3_q : node1_3_q;", "to_bucket_q <= hit0 ? node0_2_q : node1_3_q;"),
    Mutant("search", SEARCH, "offered_q <= found_q && !step_i;", "offered_q <= found_q;"),
    Mutant("search", SEARCH, "if (step_i) begin", "if (step_i || offered_q) begin"),
    Mutant("search", SEARCH, "read_o    <= look_up;", "read_o    <= look_up || found_q;"),
    Mutant("flowq-room", FLOWQ, "- 15'(waiting_q[sel_q]) < 15'(batch)) batch = 3'(room_i - 15'(waiting_q[sel_q]));",
           "< 15'(batch)) batch = 3'(room_i);"),
    Mutant("flowq-room", FLOWQ, "assign cpl_valid_o = done_q == DONE && ", "assign cpl_valid_o = "),
    Mutant("flowq-room", FLOWQ, "finish && !o_dead && o_queue == NL'(i));", "finish && !o_dead);"),
    Mutant("flowq-reads", FLOWQ, "if (pending_i < 15'(batch)) batch = pending_i[2:0];", ""),
    Mutant("flowq-reads", FLOWQ, "3'd4 - 3'(sq_head_i[1:0]);", "3'd4;"),
    Mutant("flowq-reads", FLOWQ, "assign push        = state_q == PUSH && !bad_q &&", "assign push        = state_q == PUSH &&"),
    Mutant("flowq-reads", FLOWQ, "(state_q != IDLE && sel_q == NL'(i)) || ", ""),
    Mutant("flowq-order", FLOWQ, "if (!en_all_i[l_queue[i]]) dead_q[i]", "if (!en_all_i[sel_q]) dead_q[i]"),
    Mutant("flowq-order", FLOWQ, "if (push) dead_q[head_q[LIST_LOG2-1:0]] <= 1'b0;", ""),
    Mutant("flowq-order", FLOWQ, "if (line_q[0]) line_odd", "if (!line_q[0]) line_odd"),
    Mutant("flowq-dump", FLOWQ, "ACK:  if (!pend_i) done_q", "ACK:  done_q"),
    Mutant("flowq-dump", FLOWQ, "if (b_valid_i && b_err_i) err_q <= 1'b1;", ""),
    Mutant("flowq-dump", FLOWQ, "l_iova[head_q[LIST_LOG2-1:0]]  <=", "l_iova[tail_q[LIST_LOG2-1:0]]  <="),
    Mutant("queue-places", QUEUE, "(64'(cq_tail_q[cpl_queue_i]) << CQ_LOG2);", "(64'(c_next) << CQ_LOG2);"),
    Mutant("queue-places", QUEUE, "if (c_next == '0) phase_q", "if (c_next == c_mask) phase_q"),
    Mutant("queue-places", QUEUE, "phase_q[i]   <= 1'b1;", ""),
    Mutant("queue-places", QUEUE, "assign cpl_ready_o = !datas[CPL_LOG2] && ", "assign cpl_ready_o = "),
    Mutant("queue-room", QUEUE, "(cq_head_q[sel_i] - cq_tail_q[sel_i] - 15'd1) & s_cq_mask",
           "(cq_head_q[sel_i] - cq_tail_q[sel_i]) & s_cq_mask"),
    Mutant("queue-room", QUEUE, "(cq_head_q[i] - cq_tail_q[i] - 15'd1)", "(cq_head_q[i] - cq_tail_q[i])"),
    Mutant("queue-room", QUEUE, " || consumed > written;", ";"),
    Mutant("queue-room", QUEUE, "(sq_head_q[consume_queue_i] + 15'(consume_n_i))", "(sq_head_q[consume_queue_i] + 15'd1)"),
    Mutant("queue-stop", QUEUE, "owed_q[i] == '0;", "cq_tail_q[i] == cq_done_q[i];"),
    Mutant("queue-stop", QUEUE, "(drained[bn] && !start_q[bn]);", "!start_q[bn];"),
    Mutant("queue-stop", QUEUE, "drained[i] = !active_i[i] && ", "drained[i] = "),
    Mutant("queue-stop", QUEUE, "= start_q & drained;", "= start_q;"),
    Mutant("desc-fetch", DESC, "if (rest < 15'(n)) n = rest[4:0];", ""),
    Mutant("desc-fetch", DESC, "<= (KEEP_LOG2+1)'(KEEP - BLOCK);", "<= (KEEP_LOG2+1)'(KEEP - 1);"),
    Mutant("desc-ring", DESC, "if (state_q == CTX) n_q <= n;", "n_q <= n;"),
    Mutant("desc-ring", DESC, "fly_q[i] != '0 || (state_q", "(state_q"),
    Mutant("desc-read", DESC, "assign at_now = f_at + off_q;", "assign at_now = f_at;"),
    Mutant("desc-read", DESC, "off_q <= rsp_last_i ? '0 :", "off_q <="),
    Mutant("desc-read", DESC, "if (rsp_valid_i && {1'b0, j} < came_n)", "if (rsp_valid_i)"),
    Mutant("desc-read", DESC, "wr_line = {f_queue,", "wr_line = {look_i,"),
    Mutant("retire-ids", RETIRE, "prepare && !fresh_left) given_rd_q", "prepare) given_rd_q"),
    Mutant("retire-ids", RETIRE, "if (v3_q && delete3)        given_wr_q", "if (v3_q && counted3)        given_wr_q"),
    Mutant("retire-ids", RETIRE, "id_made_q && !id_take_i;", "id_valid_q && !id_take_i;"),
    Mutant("retire-ids", RETIRE, "assign settled = settle_q == '0;", "assign settled = 1'b1;"),
    Mutant("retire-ids", RETIRE, "!head_delete || age >= 7'(DRAIN);", "!head_delete || age >= 7'(DRAIN - 2);"),
    Mutant("retire-ids", RETIRE, "pop && head_delete};", "pop && head_counted};"),
    Mutant("retire-ids-exact", RETIRE, "!head_delete || !age[COUNT_W-1] ||", "!head_delete || age[COUNT_W-1] ||"),
    Mutant("retire-ids-exact", RETIRE, "assign now     = begun_i;", "assign now     = ended_i;"),
    Mutant("retire-ids-exact", RETIRE, "clear_q   <= rst_ni ? begun_i : '0;", "clear_q   <= rst_ni ? ended_i : '0;"),
    Mutant("retire-answers", RETIRE, "(OUT_LOG2+1)'(v2_q) + (OUT_LOG2+1)'(v3_q)", "(OUT_LOG2+1)'(v2_q)"),
    Mutant("retire-answers", RETIRE, "counted3 && !dump3 ?", "counted3 ?"),
    Mutant("retire-answers", RETIRE, "((1 << QUEUE_LOG2) - 2);", "(1 << QUEUE_LOG2);"),
    Mutant("table-kept", PORT, "{1'b1, epoch_i, from_bucket_i, moved_i}", "{1'b1, epoch_i, to_bucket_i, moved_i}"),
    Mutant("table-kept", PORT, "|| (state_i == MOVE && to_i == 3'(s))",
           "|| (state_i == MOVE && to_i == 3'(s) && !place_i[0])"),
    Mutant("table-kept", PORT, "|| (gone && same_i[s])", "|| (gone && same_i[s] && !free_i[0])"),
    Mutant("table-kept", PORT, "(state_i == VERIFY && !other_i)", "state_i == VERIFY"),
    Mutant("table-kept", COMMAND, "place_q <= {from_bank, from_way};", "place_q <= {!from_bank, to_way};"),
    Mutant("table-kept", COMMAND, "{1'b1, lowest_free(taken[7:4])};", "{1'b1, lowest_free(taken[3:0])};"),
    Mutant("table-kept", COMMAND, "MOVE_READ: if (found) state_q <= MOVE_WAIT;", "MOVE_READ: state_q <= MOVE_WAIT;"),
    Mutant("table-kept", COMMAND, "(s < 4 ? bucket1 : bucket0);", "bucket1;"),
    Mutant("table-told", COMMAND, "same_id    |= same_q[s] ?", "same_id    |= taken_q[s] ?"),
    Mutant("table-told", COMMAND, "assign present   = same_q != 8'd0 && !other;",
           "assign present   = same_q[6:0] != 7'd0 && !other;"),
    Mutant("table-told", COMMAND, "op == sl_pkg::FLOW_OP_INSERT) status = sl_pkg::STATUS_EXISTS;",
           "op == sl_pkg::FLOW_OP_UPDATE) status = sl_pkg::STATUS_EXISTS;"),
    Mutant("table-lookup", TABLE, "id    |= match2[s] ?", "id    |= same2_q[PARTS*s] ?"),
    Mutant("table-lookup", TABLE, "s < 4 ? hash1_q[32 +: B] : hash1_q[B-1:0])", "hash1_q[B-1:0])"),
    Mutant("table-lookup", TABLE, "hash1_q <= hash_i;", "hash1_q <= hash2_q;"),
    Mutant("table-lookup", SAME, "slot_i[EPOCH-1:ALT] == alt_i;", "1'b1;"),
    Mutant("table-lookup", SAME, "slot_i[EPOCH+8] && ", ""),
    Mutant("clock", CLOCK, "behind[31:24] != 8'd0", "behind[31:23] != 9'd0"),
    Mutant("clock", CLOCK, "time_ms_o + 32'h0001_0000", "time_ms_o + 32'h0000_0100"),
    Mutant("clock", CLOCK, "tick_o <= behind != 32'd0;", "tick_o <= behind[31:1] != 31'd0;"),
    Mutant("events-counted", EVENTQ, "(push_i && !full) || aged", "push_i || aged"),
    Mutant("events-counted", EVENTQ, " + 32'(push_i && full);", ";"),
    Mutant("events-counted", EVENTQ, "assign lose        = valid && en_i && room_i == '0;",
           "assign lose        = 1'b0;"),
    Mutant("events-completion", EVENTQ, "&& (tell || valid);", "&& (tell || count != '0 || push_i);"),
    Mutant("events-completion", EVENTQ, "en_i && room_i != '0 &&", "en_i &&"),
    Mutant("events-completion", EVENTQ, "(!tell && cpl_ready_i)", "cpl_ready_i"),
    Mutant("events-completion", EVENTQ, "(tell || valid)", "valid"),
    Mutant("events-told", EVENTQ, "if (!en_i || reset_i || (cpl_valid_o", "if (!en_i || (cpl_valid_o"),
    Mutant("events-told", EVENTQ, "told_q <= lost_o;", "told_q <= told_q + 32'd1;"),
    Mutant("events-aged", EVENTQ, "count == '0 && room_i >= ROOM", "room_i >= ROOM"),
    Mutant("events-aged", EVENTQ, "&& room_i >= ROOM;", ";"),
    Mutant("admin-owed", ADMINQ, "&& !full_q && !done_q && !told_q) state_q", "&& !full_q && !done_q) state_q"),
    Mutant("admin-owed", ADMINQ, "done_q && !dead_q && en_i;", "done_q && en_i;"),
    Mutant("admin-owed", ADMINQ, "(dead_q || (en_i && cpl_ready_i))",
           "(dead_q || (en_i && cpl_ready_i && state_q != IDLE))"),
    Mutant("admin-owed", ADMINQ, "req_q[512*beat_q +: 512] <=", "req_q[512*(beat_q & 2'd2) +: 512] <="),
    Mutant("admin-answers", ADMINQ, "!full_q && !done_q && !told_q) state_q", "!full_q && !told_q) state_q"),
    Mutant("admin-answers", ADMINQ, "dead_q   <= 1'b0;", ""),
    Mutant("admin-answers", ADMINQ, "done_q    <= !discard_q;", "done_q    <= answer_i && !discard_q;"),
    Mutant("admin-prompt", ADMINQ, "looked_q <= 1'b0;", "looked_q <= 1'b1;"),
    Mutant("admin-prompt", ADMINQ, "discard_q <= full_q && looked_q &&", "discard_q <= full_q &&"),
    Mutant("admin-reads", ADMINQ, "assign submit     = state_q == TAKE && !err_q && en_i;",
           "assign submit     = state_q == TAKE && !err_q;"),
    Mutant("admin-reads", ADMINQ, "(64'(sq_head_i) << 8)", "(64'(sq_head_i + 15'd1) << 8)"),
    Mutant("admin-reads", ADMINQ, "&& !done_q && !told_q) state_q <= REQ;",
           "&& !done_q && !told_q || pending_o) state_q <= REQ;"),
    Mutant("admin-reads", ADMINQ, "fail_o     = state_q == TAKE && err_q;", "fail_o     = state_q != TAKE && err_q;"),
    Mutant("admin-reads", ADMINQ, "active_o   = state_q != IDLE;", "active_o   = state_q == REQ;"),
]
