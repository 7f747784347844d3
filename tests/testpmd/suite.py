#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# The driver under an unmodified dpdk-testpmd: rules created by hand on its command line, frames sent and received at the
# card's ports, counters, refusals, adoption after SIGKILL, and a card that goes away.
#
#	 wire 0 (TAP) ── port 0 ┌────────────┐ bus  ┌──────────────┐
#	                        │ sluice-sim ├──────┤ dpdk-testpmd │  -d librte_net_sluice.so
#	 wire 1 (TAP) ── port 1 └────────────┘      └──────────────┘
#
# Runs in a network namespace of its own (run.sh). Expected bytes are built by scapy.
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

from scapy.all import GRE, ICMP, IP, IPv6, TCP, UDP, Dot1AD, Dot1Q, Ether, Raw
from scapy.contrib.geneve import GENEVE
from scapy.layers.vxlan import VXLAN

from pmd import BUILD, PMD, Card, Failure, Hugepages, Testpmd, Wire, wait_for

TAG = f"slt{os.getpid() % 100000}"
TAPS = [f"{TAG}a", f"{TAG}b"]
CLIENT, VIP, SERVER = "198.51.100.7", "203.0.113.1", "192.0.2.9"
CLIENT6, VIP6, SERVER6 = "2001:db8:1::7", "2001:db8:2::1", "2001:db8:3::9"
CARD0, CARD1, HOP, GATEWAY = "02:5c:00:00:00:00", "02:5c:00:00:00:01", "02:00:00:00:00:09", "02:00:00:00:00:01"
P0 = "represented_port ethdev_port_id is 0 / eth"
OUT1 = "represented_port ethdev_port_id 1 / end"
PAYLOAD = bytes(range(64))


def expect(condition, what):
    if not condition:
        raise Failure(what)


def equal(got, wanted, what):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")


def equal_frame(got, wanted, what):
    wanted = bytes(wanted)
    if got is None:
        raise Failure(f"{what}: no frame arrived")
    if got != wanted:
        raise Failure(f"{what}:\n  got    {got.hex()}\n  wanted {wanted.hex()}")


def request(sport, dst=VIP, dport=80, flags="A", ttl=64, src=CLIENT, mac=CARD0):
    return Ether(dst=mac, src=GATEWAY) / IP(src=src, dst=dst, ttl=ttl, id=7) / TCP(sport=sport, dport=dport,
                                                                                   flags=flags) / PAYLOAD


def request6(sport, dst=VIP6, dport=80):
    return (Ether(dst=CARD0, src=GATEWAY) / IPv6(src=CLIENT6, dst=dst, hlim=64) / TCP(sport=sport, dport=dport,
                                                                                      flags="A") / PAYLOAD)


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tuple4(tenant, sport, proto="tcp", dport=80):
    return f"meta data is {tenant} / eth / ipv4 src is {CLIENT} dst is {VIP} / {proto} src is {sport} dst is {dport} / end"


def tuple6(tenant, sport):
    return f"meta data is {tenant} / eth / ipv6 src is {CLIENT6} dst is {VIP6} / tcp src is {sport} dst is 80 / end"


TEMPLATES = [
    "set raw_decap 0 eth / end_set",
    f"set raw_encap 0 eth src is {CARD1} dst is {HOP} / end_set",
    f"set raw_encap 1 eth src is {CARD1} dst is {HOP} / ipv4 src is 192.0.2.1 dst is {SERVER} ttl is 64 / end_set",
    f"set raw_encap 2 eth src is {CARD1} dst is {HOP} / ipv4 src is 192.0.2.1 dst is {SERVER} ttl is 64 / udp dst is 4789 / "
    f"vxlan vni is 77 / eth src is {GATEWAY} dst is 02:aa:00:00:00:01 / end_set",
    f"set raw_encap 3 eth src is {CARD1} dst is 02:00:00:00:00:99 / end_set",
    f"set raw_encap 4 eth src is {CARD1} dst is {HOP} / vlan vid is 42 / end_set",
    f"set raw_encap 5 eth src is {CARD1} dst is {HOP} / ipv6 src is 2001:db8::1 dst is 2001:db8::2 hop is 64 / end_set",
    f"set raw_encap 6 eth src is {CARD1} dst is {HOP} / ipv4 src is 192.0.2.1 dst is {SERVER} / end_set",
    f"set raw_encap 7 eth src is {CARD1} dst is {HOP} / ipv4 src is 192.0.2.1 dst is {SERVER} ttl is 64 / gre protocol is 0x0800 / end_set",
    "set sample_actions 0 mark id 1234 / port_representor port_id 0 / end",
]


class Suite:
    def __init__(self, directory):
        self.directory = directory
        self.card = Card(directory, TAPS, mtu=9000)
        self.wires = [Wire(t) for t in TAPS]
        self.vdevs = [f"bus={self.card.bus},port={i}" for i in range(2)]
        self.pmds = 0

    def testpmd(self, *options, eal=(), vdevs=None):
        self.pmds += 1
        return Testpmd(f"{TAG}_{self.pmds}", vdevs or self.vdevs, eal=eal, options=options)

    def forward(self, frame, wanted, what):
        """Sends at port 0 and compares what leaves port 1."""
        self.wires[1].drain()
        self.wires[0].send(frame)
        got = self.wires[1].receive()
        if wanted is None:
            expect(got is None, f"{what}: a frame left the card: {got.hex() if got else ''}")
        elif callable(wanted):
            expect(got is not None, f"{what}: no frame arrived")
            wanted(got)
        else:
            equal_frame(got, wanted, what)

    # -- tests -----------------------------------------------------------------------------------------------------
    def test_refusals(self):
        """Rules that the card cannot honour literally are refused with the reason."""
        t = self.t
        t.commands(TEMPLATES)
        rows = [
            ("0 ingress pattern eth / end actions drop / end", "they need the attribute transfer"),
            ("0 group 2 transfer pattern eth / end actions drop / end", "there are two groups"),
            ("0 transfer pattern eth / icmp / end actions drop / end", "group 0 matches represented_port, eth, vlan"),
            (f"0 transfer pattern {P0} src is {HOP} / end actions drop / end",
             "a field of this item cannot be matched"),
            (f"0 transfer pattern {P0} / vlan / end actions drop / end", "needs an exact VLAN id"),
            (f"0 transfer pattern {P0} / ipv4 dst spec 10.0.0.1 dst mask 255.0.255.0 / end actions drop / end",
             "matched by prefix"),
            (f"0 transfer pattern {P0} / ipv4 ttl is 9 / end actions drop / end", "from 0 up to a bound"),
            (f"0 transfer pattern {P0} / ipv4 / tcp / vxlan / end actions drop / end", "vxlan follows udp"),
            (f"0 transfer pattern {P0} / ipv4 / udp dst is 9999 / vxlan / end actions drop / end",
             "UDP port 4789 only"),
            (f"0 transfer pattern {P0} / ipv4 / udp dst is 6081 / geneve protocol is 0x6558 / end actions drop / end",
             "does not tell Geneve's protocol types apart"),
            (f"0 transfer pattern {P0} / ipv4 / udp dst is 6081 / geneve / eth / end actions drop / end", "leave the inner eth item out"),
            (f"0 transfer pattern {P0} / ipv4 / gre / gre_key value is 0 / end actions drop / end", "a GRE key of 0 from none"),
            (f"0 transfer pattern {P0} / ipv4 / gre k_bit is 0 / end actions drop / end", "leave the flags out"),
            (f"0 transfer pattern {P0} / ipv4 / udp dst is 6080 / ipv4 / end actions drop / end", "does not tell its variants"),
            (f"0 transfer pattern {P0} / end actions count / end", "the rule has no fate"),
            (f"0 transfer pattern {P0} / end actions jump group 2 / end", "the only one to jump to"),
            (f"0 transfer pattern {P0} / end actions vxlan_decap / jump group 1 / end",
             "needs an item of its tunnel"),
            (f"0 transfer pattern {P0} / end actions port_representor port_id 1 / end",
             "through the port that received them"),
            (f"0 transfer pattern {P0} / end actions meter mtr_id 3 / port_representor port_id 0 / end",
             "no such meter"),
            (f"0 transfer pattern {P0} / end actions set_meta data 70000 mask 0xffffffff / jump group 1 / end",
             "0 to 65535"),
            (f"0 group 1 transfer pattern eth / ipv4 src is {CLIENT} dst is {VIP} / tcp src is 1 dst is 2 / end actions {OUT1}",
             "without meta the rule would mean any"),
            (f"0 group 1 transfer pattern meta data is 5 / eth / ipv4 src is {CLIENT} / tcp src is 1 dst is 2 / end actions {OUT1}",
             "both addresses, whole"),
            (f"0 group 1 transfer pattern {tuple4(5, 1)} actions count / end", "leave by a represented_port"),
            (f"0 group 1 transfer pattern {tuple4(5, 1)} actions set_mac_src mac_addr {HOP} / {OUT1}",
             "both MAC addresses"),
            (f"0 group 1 transfer pattern {tuple4(5, 1)} actions raw_encap index 0 / {OUT1}", "raw_decap comes first"),
            (f"0 group 1 transfer pattern {tuple4(5, 1)} actions raw_decap index 0 / raw_encap index 6 / {OUT1}",
             "needs a TTL"),
            (f"0 group 1 transfer pattern {tuple4(5, 1)} actions set_ipv6_dst ipv6_addr ::1 / {OUT1}",
             "NAT between IPv4 and IPv6 is not done"),
            ("0 group 1 transfer pattern eth / end actions drop / end", "sends to a port_representor"),
            ("0 group 1 transfer pattern eth / end actions port_representor port_id 0 / end", "larger priority number"),
        ]
        for rule, sentence in rows:
            for verb in ("validate", "create"):
                text = t.command(f"flow {verb} {rule}")
                expect(sentence in text, f"flow {verb} {rule}: wanted {sentence!r}, got {text.strip()!r}")
        expect("isolated mode is not supported" in t.command("flow isolate 0 1"), "flow isolate was not refused")
        equal(t.command("flow list 0").count("=>"), 0, "refused rules that are listed")

    def test_forwarding(self):
        """Group 0 sends to group 1; L2, NAT, IP in IP and VXLAN leave with scapy's bytes; counters tell."""
        t = self.t
        t.commands(TEMPLATES)
        before = t.xstats(0)
        vip = t.flow(f"0 priority 10 transfer pattern {P0} dst is {CARD0} / ipv4 dst is {VIP} / tcp dst is 80 / end actions "
                     "set_meta data 5 mask 0xffffffff / count / jump group 1 / end")
        t.flow(f"0 priority 10 transfer pattern {P0} / ipv6 dst is {VIP6} / tcp dst is 80 / end actions "
               "set_meta data 5 mask 0xffffffff / jump group 1 / end")
        l2 = t.flow(f"0 group 1 transfer pattern {tuple4(5, 1000)} actions dec_ttl / raw_decap index 0 / raw_encap index 0 / count / "
                    f"age timeout 1 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1001)} actions set_ipv4_dst ipv4_addr {SERVER} / set_tp_dst port 8080 / "
               f"set_mac_src mac_addr {CARD1} / set_mac_dst mac_addr {HOP} / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1002)} actions raw_decap index 0 / raw_encap index 1 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1003)} actions raw_decap index 0 / raw_encap index 2 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1004)} actions {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1005)} actions raw_decap index 0 / raw_encap index 4 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1006)} actions raw_decap index 0 / raw_encap index 5 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple6(5, 1000)} actions set_ipv6_dst ipv6_addr {SERVER6} / set_tp_dst port 8080 / "
               f"set_mac_src mac_addr {CARD1} / set_mac_dst mac_addr {HOP} / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple6(5, 1001)} actions raw_decap index 0 / raw_encap index 1 / {OUT1}")
        out = Ether(dst=HOP, src=CARD1)

        def vxlan(inner):
            def check(got):
                sport = int.from_bytes(got[34:36], "big")
                expect(0xC000 <= sport, f"VXLAN source port {sport} is no entropy")
                wanted = (out / IP(src="192.0.2.1", dst=SERVER, ttl=64, id=0) / UDP(sport=sport, dport=4789, chksum=0) /
                          VXLAN(vni=77, flags=8) / Ether(src=GATEWAY, dst="02:aa:00:00:00:01") / inner)
                equal_frame(got, wanted, "VXLAN")
            return check

        tunnel = IP(src="192.0.2.1", dst=SERVER, ttl=64, id=0)
        plain, plain6 = request(1002)[IP], request6(1001)[IPv6]
        nat6 = out / request6(1000, dst=SERVER6, dport=8080)[IPv6]
        rows = [
            ("L2 rewrite", request(1000), out / request(1000, ttl=63)[IP]),
            ("NAT", request(1001), out / request(1001, dst=SERVER, dport=8080)[IP]),
            ("IPv4 in IPv4", request(1002), out / tunnel / plain),
            ("VXLAN", request(1003), vxlan(request(1003)[IP])),
            ("unchanged", request(1004), request(1004)),
            ("VLAN tag added", request(1005), out / Dot1Q(vlan=42) / request(1005)[IP]),
            ("IPv4 in IPv6", request(1006), out / IPv6(src="2001:db8::1", dst="2001:db8::2",
                                                       hlim=64) / request(1006)[IP]),
            ("NAT IPv6", request6(1000), nat6),
            ("IPv6 in IPv4", request6(1001), out / tunnel / plain6),
        ]
        for what, frame, wanted in rows:
            self.forward(frame, wanted, what)
        self.forward(request(1999), None, "a connection without a rule")
        self.forward(request(1000, ttl=1), None, "a packet whose TTL runs out")
        self.forward(request(1000), rows[0][2], "L2 rewrite again")
        equal(t.count(0, l2), (2, 2 * len(request(1000))), "counters of the L2 rule")
        equal(t.count(0, vip)[0], 10, "frames that the IPv4 rule of group 0 saw")
        after = t.xstats(0)
        equal(after["reason_forwarded_packets"] - before["reason_forwarded_packets"], 10, "forwarded frames")
        equal(after["reason_miss_packets"] - before["reason_miss_packets"], 1, "misses")
        equal(after["reason_ttl_packets"] - before["reason_ttl_packets"], 1, "TTL")
        expect(t.xstats(1)["wire_tx_packets"] >= 10, "port 1 did not count what it sent")
        time.sleep(1.1)
        expect("aged: 1" in t.command(f"flow query 0 {l2} age"), "an idle connection is not reported as aged")
        text = t.command("flow aged 0")
        expect(re.search(rf"^Flow\s+{l2}\b", text, re.M), f"flow aged does not list rule {l2}: {text}")
        self.forward(request(1000), rows[0][2], "an aged connection")
        text = t.command("flow aged 0")
        expect(not re.search(rf"^Flow\s+{l2}\b", text, re.M), f"flow aged lists rule {l2}, which was seen since: {text}")
        text = t.command("flow dump 0 all")
        expect(f"flow 0: tenant 5 tcp {CLIENT} 1000 -> {VIP} 80 dec_ttl" in text,
               f"the dump lacks the first flow: {text}")
        expect("-> flows tenant 5" in text and "outer ipv4 at 14 udp at 34" in text,
               f"the dump lacks a rule or an action: {text}")
        t.commands([f"flow destroy 0 rule {l2}"])
        self.forward(request(1000), None, "a destroyed rule")
        expect("there is a rule for this connection already" in
               t.command(f"flow create 0 group 1 transfer pattern {tuple4(5, 1004)} actions {OUT1}"),
                   "a duplicate was not refused")
        t.commands(["flow flush 0"])
        self.forward(request(1001), None, "a flushed rule")

    def test_indirect(self):
        """One update of an indirect action moves the flows that use it, and it cannot be destroyed under them."""
        t = self.t
        t.commands(TEMPLATES)
        t.flow(f"0 transfer pattern {P0} / ipv4 dst is {VIP} / end actions set_meta data 5 mask 0xffffffff / jump group 1 / end")
        t.commands(["flow indirect_action 0 create action_id 9 transfer action raw_encap index 0 / end"])
        rules = [t.flow(f"0 group 1 transfer pattern {tuple4(5, port)} actions raw_decap index 0 / indirect 9 / {OUT1}")
                 for port in (1000, 1001)]
        self.forward(request(1000), Ether(dst=HOP, src=CARD1) / request(1000)[IP], "the first next hop")
        t.commands(["flow indirect_action 0 update 9 action raw_encap index 3 / end"])
        for port in (1000, 1001):
            self.forward(request(port), Ether(dst="02:00:00:00:00:99", src=CARD1) / request(port)[IP],
                         "the second next hop")
        expect("rules use this indirect action" in t.command("flow indirect_action 0 destroy action_id 9"),
               "destroyed under its rules")
        t.commands([f"flow destroy 0 rule {rules[0]} rule {rules[1]}", "flow indirect_action 0 destroy action_id 9",
                    "flow flush 0"])

    def test_way(self):
        """One update of an indirect represented_port moves the flows that leave by it, of every next hop, to another port."""
        t = self.t
        t.commands(TEMPLATES)
        t.flow(f"0 transfer pattern {P0} / ipv4 dst is {VIP} / end actions set_meta data 5 mask 0xffffffff / jump group 1 / end")
        t.commands(["flow indirect_action 0 create action_id 9 transfer action raw_encap index 0 / end",
                    "flow indirect_action 0 create action_id 10 transfer action raw_encap index 3 / end",
                    "flow indirect_action 0 create action_id 11 transfer action represented_port ethdev_port_id 1 / end"])
        rules = [t.flow(f"0 group 1 transfer pattern {tuple4(5, port)} actions raw_decap index 0 / indirect {hop} / indirect 11 / end")
                 for port, hop in ((1000, 9), (1001, 10))]
        frames = ((request(1000), Ether(dst=HOP, src=CARD1) / request(1000)[IP]),
                  (request(1001), Ether(dst="02:00:00:00:00:99", src=CARD1) / request(1001)[IP]))
        for port in (1, 0, 1):
            t.commands([f"flow indirect_action 0 update 11 action represented_port ethdev_port_id {port} / end"])
            before = t.xstats(port)["wire_tx_packets"], t.xstats(1 - port)["wire_tx_packets"]
            for sent, wanted in frames:
                self.forward(sent, wanted if port else None, f"by port {port}")
            after = t.xstats(port)["wire_tx_packets"], t.xstats(1 - port)["wire_tx_packets"]
            equal((after[0] - before[0], after[1] - before[1]), (2, 0), f"frames sent by port {port} and by the other")
        expect("not an indirect represented_port" in
               t.command(f"flow create 0 group 1 transfer pattern {tuple4(5, 1002)} actions raw_decap index 0 / indirect 9 / indirect 10 / end"),
               "a next hop was taken for a port")
        expect("needs an indirect raw_encap" in
               t.command(f"flow create 0 group 1 transfer pattern {tuple4(5, 1002)} actions raw_decap index 0 / raw_encap index 0 / indirect 11 / end"),
               "an indirect port without an indirect next hop")
        expect("rules use this indirect action" in t.command("flow indirect_action 0 destroy action_id 11"),
               "destroyed under its rules")
        t.commands([f"flow destroy 0 rule {rules[0]} rule {rules[1]}", "flow indirect_action 0 destroy action_id 11",
                    "flow indirect_action 0 destroy action_id 9", "flow indirect_action 0 destroy action_id 10", "flow flush 0"])

    def test_decap(self):
        """A VXLAN tunnel is removed, and two tenants use the same addresses."""
        t = self.t
        t.commands(TEMPLATES)
        for vni, tenant in ((7, 70), (8, 80)):
            t.flow(f"0 transfer pattern {P0} / ipv4 src is 192.0.2.50 / udp dst is 4789 / vxlan vni is {vni} / end actions vxlan_decap / "
                   f"set_meta data {tenant} mask 0xffffffff / jump group 1 / end")
        t.flow(f"0 group 1 transfer pattern {tuple4(70, 1000)} actions raw_decap index 0 / raw_encap index 0 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(80, 1000)} actions raw_decap index 0 / raw_encap index 3 / {OUT1}")
        for vni, hop in ((7, HOP), (8, "02:00:00:00:00:99")):
            frame = (Ether(dst=CARD0, src=GATEWAY) / IP(src="192.0.2.50", dst="192.0.2.1") / UDP(sport=5,
                                                                                                 dport=4789) / VXLAN(vni=vni, flags=8) /
                     Ether(dst=HOP, src=GATEWAY) / request(1000)[IP])
            self.forward(frame, Ether(dst=hop, src=CARD1) / request(1000)[IP], f"VNI {vni}")
        t.commands(["flow flush 0"])

    def test_tunnels(self):
        """Geneve and GRE are opened, whatever carries the packet; other tunnels are not looked into while no rule is about them."""
        t = self.t
        t.commands(TEMPLATES)
        outer = Ether(dst=CARD0, src=GATEWAY) / IP(src="192.0.2.50", dst="192.0.2.1", ttl=1)
        inner = request(1000)[IP]
        plain = t.flow(f"0 priority 0 transfer pattern {P0} / ipv4 ttl spec 0 ttl last 1 ttl mask 255 / end actions count / drop / end")

        def counted(frame, wanted, packets, what):
            before = t.count(0, plain)[0]
            self.forward(frame, wanted, what)
            equal(t.count(0, plain)[0] - before, packets, f"{what}: counted by the rule about plain packets")

        t.flow(f"0 group 1 transfer pattern {tuple4(70, 1000)} actions raw_decap index 0 / raw_encap index 0 / {OUT1}")
        wanted = Ether(dst=HOP, src=CARD1) / inner
        kinds = (("geneve", "udp dst is 6081 / geneve vni is 5", (UDP(sport=9, dport=6081) / GENEVE(vni=5, proto=0x0800) / inner,
                                                                  UDP(sport=9, dport=6081) / GENEVE(vni=5, proto=0x6558) /
                                                                  Ether(dst=HOP, src=GATEWAY) / inner),
                  UDP(sport=9, dport=6081) / GENEVE(vni=6, proto=0x0800) / inner),
                 ("gre", "gre / gre_key value is 5", (GRE(proto=0x0800, key_present=1, key=5) / inner,),
                  GRE(proto=0x0800, key_present=1, key=6) / inner))
        for number, (kind, items, good, other) in enumerate(kinds):
            expect(f"flow tunnel #{number + 1} " in t.command(f"flow tunnel create 0 type {kind}"), f"no tunnel of type {kind}")
            counted(outer / good[0], None, 1, f"{kind}, before there is a rule")
            rule = t.flow(f"0 transfer tunnel_set {number + 1} pattern {P0} / ipv4 src is 192.0.2.50 / {items} / end actions "
                          "set_meta data 70 mask 0xffffffff / jump group 1 / end")
            for payload in good:
                counted(outer / payload, wanted, 0, kind)
            counted(outer / other, None, 0, f"{kind} of another network")
            t.command(f"flow destroy 0 rule {rule}")
            counted(outer / good[0], None, 1, f"{kind}, after its rule")
        dumped = t.flow(f"0 transfer pattern {P0} / ipv4 src is 192.0.2.50 / ipv6 / end actions count / drop / end")
        expect("tunnel ipip" in t.command("flow dump 0 all").lower(), "the dump lacks IP in IP")
        counted(outer / IPv6(src="::1", dst="::2") / UDP(), None, 0, "IP in IP")
        equal(t.count(0, dumped)[0], 1, "frames with IPv6 in IPv4")
        t.commands(["flow flush 0"])

    def test_tags_and_marks(self):
        """Two VLAN tags tell tenants apart; the outer header of a GRE tunnel takes the packet's ECN field."""
        t = self.t
        t.commands(TEMPLATES)
        copy = "modify_field op set dst_type ipv4_ecn dst_level 1 src_type ipv4_ecn src_level 2 width 2"
        for vid, tenant in ((200, 70), (201, 80)):
            t.flow(f"0 transfer pattern {P0} / vlan vid is 100 / vlan vid is {vid} / ipv4 dst is {VIP} / end actions "
                   f"set_meta data {tenant} mask 0xffffffff / jump group 1 / end")
        t.flow(f"0 group 1 transfer pattern {tuple4(70, 1000)} actions raw_decap index 0 / raw_encap index 7 / {copy} / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(80, 1000)} actions raw_decap index 0 / raw_encap index 7 / {OUT1}")
        inner = request(1000)[IP]
        inner.tos = 0xBB
        for vid, tos in ((200, 3), (201, 0)):
            tunnel = IP(src="192.0.2.1", dst=SERVER, ttl=64, id=0, tos=tos) / GRE(proto=0x0800)
            frame = Ether(dst=CARD0, src=GATEWAY) / Dot1AD(vlan=100) / Dot1Q(vlan=vid) / inner
            self.forward(frame, Ether(dst=HOP, src=CARD1) / tunnel / inner, f"inner VLAN {vid}")
        self.forward(Ether(dst=CARD0, src=GATEWAY) / Dot1Q(vlan=100) / inner, None, "one tag where two are meant")
        expect("vlan qinq 100.200" in t.command("flow dump 0 all") and "copy_ecn" in t.command("flow dump 0 all"),
               "the dump lacks the tags or the copy")
        expect("modify_field names another IP version than the outer header" in
               t.command(f"flow create 0 group 1 transfer pattern {tuple4(70, 1001)} actions raw_decap index 0 / raw_encap index 5 / "
                         f"{copy} / {OUT1}"), "a copy into an outer header of another version was not refused")
        t.commands(["flow flush 0"])

    def test_priority(self):
        """The lower priority number wins whatever the order of creation; counters survive moves inside the table."""
        t = self.t
        drop = t.flow(f"0 priority 5 transfer pattern {P0} / ipv4 dst is {VIP} / end actions count / drop / end")
        self.forward(request(1000), None, "the drop rule")
        rules = [t.flow(f"0 priority {p} transfer pattern {P0} / ipv4 dst is 203.0.113.{100 + p} / end actions count / drop / end")
                 for p in (4, 3, 6, 5, 2, 4, 3, 1)]
        t.flow(f"0 priority 0 transfer pattern {P0} / ipv4 dst is {VIP} / tcp src is 1000 / end actions count / drop / end")
        self.forward(request(1000), None, "a rule of a lower number")
        self.forward(request(1001), None, "the drop rule")
        equal(t.count(0, drop), (2, 2 * len(request(1000))), "the drop rule's counter after moves")
        for n in range(70):
            text = t.command(f"flow create 0 priority 9 transfer pattern {P0} / ipv4 dst is 203.0.114.{n} / end actions count / drop / end")
            if "created" not in text:
                break
        expect("the card's classification table is full" in text, f"a full table says: {text.strip()}")
        equal(n + len(rules) + 2, 64, "rules that fit")
        equal(t.count(0, drop), (2, 2 * len(request(1000))), "the drop rule's counter in a full table")
        t.commands(["flow flush 0"])

    def test_prefixes(self):
        """Rules that differ in address, ports and meter alone are prefixes of one: hundreds fit, each decides, goes and comes."""
        t = self.t
        vips = [f"203.0.{n // 250}.{n % 250}" for n in range(300)]

        def rule(vip):
            return t.flow(f"0 priority 2 transfer pattern {P0} / ipv4 dst is {vip} / tcp dst is 80 / end actions "
                          "set_meta data 5 mask 0xffffffff / jump group 1 / end")
        rules = {vip: rule(vip) for vip in vips}
        rules["range"] = t.flow(f"0 priority 3 transfer pattern {P0} / ipv4 dst is {VIP} / tcp dst spec 8000 dst last 8010 "
                                "dst mask 65535 / end actions set_meta data 5 mask 0xffffffff / jump group 1 / end")
        first = t.flow(f"0 priority 1 transfer pattern {P0} / ipv4 dst is {vips[7]} / tcp dst is 80 / end actions count / drop / end")
        t.flow("0 group 1 priority 1 transfer pattern eth / end actions mark id 555 / port_representor port_id 0 / end")

        def missed(frames):
            before = t.xstats(0)["reason_miss_packets"]
            for frame in frames:
                self.wires[0].send(frame)
            time.sleep(0.5)
            return t.xstats(0)["reason_miss_packets"] - before

        def to(vip, port=80):
            return Ether(dst=CARD0, src=GATEWAY) / IP(src=CLIENT, dst=vip) / TCP(sport=1000, dport=port) / PAYLOAD
        equal(missed([to(vip) for vip in vips]), len(vips) - 1, "frames of all services but that of the rule before")
        equal(t.count(0, first)[0], 1, "the rule before")
        equal(missed([to(vip, 81) for vip in vips[:20]]), 0, "frames to another port")
        equal(missed([to(VIP, port) for port in (7999, 8000, 8010, 8011)]), 2, "frames around a range")
        text = t.command("flow dump 0 all")
        equal(len(re.findall(r"^rule \d+:", text, re.M)), 3, "class rules of all these")
        equal(text.count("prefix: dst "), len(vips) + 1, "prefixes that the card lists")
        for vip in vips[::2]:
            t.command(f"flow destroy 0 rule {rules[vip]}")
        equal(missed([to(vip) for vip in vips]), len(vips) // 2 - 1, "frames after every other has gone")
        for vip in vips[::2]:
            rule(vip)
        equal(missed([to(vip) for vip in vips]), len(vips) - 1, "frames after they have come back")
        t.commands(["flow flush 0"])
        equal(missed([to(vip) for vip in vips[:20]]), 0, "frames after a flush")
        equal(t.command("flow dump 0 all").count("prefix"), 0, "prefixes after a flush")

    def test_flood(self):
        """A flood of new connections on one VIP does not take the miss capacity of another: each has a meter of its own."""
        t = self.t
        flooded, other = "203.0.113.81", "203.0.113.82"
        t.commands(["add port meter profile srtcm_rfc2697 0 1 1 5 0 1", "add port meter profile srtcm_rfc2697 0 2 200 20 0 1",
                    "add port meter policy 0 1 g_actions end y_actions end r_actions drop / end",
                    "create port meter 0 11 1 1 yes 0xffff 0 g 0", "create port meter 0 12 2 1 yes 0xffff 0 g 0"])
        for tag, vip in ((1, flooded), (2, other)):
            t.flow(f"0 group 1 priority 1 transfer pattern tag data is {tag} index is 0 / end actions meter mtr_id {10 + tag} / "
                   "mark id 555 / port_representor port_id 0 / end")
            t.flow(f"0 priority 2 transfer pattern {P0} / ipv4 dst is {vip} / tcp dst is 80 / end actions "
                   f"set_meta data 5 mask 0xffffffff / set_tag data {tag} mask 0xffffffff index 0 / jump group 1 / end")

        def syn(vip, port):
            return Ether(dst=CARD0, src=GATEWAY) / IP(src=CLIENT, dst=vip) / TCP(sport=port, dport=80, flags="S")

        def passed(flood):
            """Of 100 SYNs to the other VIP, with `flood` to the flooded one behind each: misses, metered frames, seconds."""
            before, began = t.xstats(0), time.monotonic()
            for n in range(100):
                self.wires[0].send(syn(other, 2000 + n))
                for k in range(flood):
                    self.wires[0].send(syn(flooded, 10000 + n * flood + k))
                time.sleep(0.01)
            took = time.monotonic() - began
            time.sleep(0.5)
            after = t.xstats(0)
            return [after[name] - before[name] for name in ("reason_miss_packets", "reason_metered_packets")] + [took]
        t.commands(["set fwd rxonly", "start"])
        calm, dropped, _ = passed(0)
        equal((calm, dropped), (100, 0), "SYNs to one VIP alone")
        both, dropped, took = passed(30)
        equal(both + dropped, 3100, "frames of both")
        # At most this much of the flood went through: a burst of 5 and a token each millisecond, 256 of which are a frame.
        beside = both - 5 - int(took * 1000 / 256 + 1)
        expect(beside >= 95, f"{beside} of {calm} SYNs to the other VIP passed beside a flood, {both} of both in {took:.1f} s")
        print(f"        at least {beside} of {calm} passed beside a flood of 3000 that lost {3100 - both}")
        t.commands(["stop"])
        t.commands(["set fwd io"])
        equal(len(re.findall(r"^rule \d+:", t.command("flow dump 0 all"), re.M)), 1, "class rules of both")
        t.commands(["flow flush 0", "del port meter 0 11", "del port meter 0 12", "del port meter profile 0 1",
                    "del port meter profile 0 2", "del port meter policy 0 1"])

    def test_host(self):
        """Marks, hashes, copies and the catch-all's mark reach the host's queues; testpmd's frames reach the wire."""
        t = self.t
        t.commands(TEMPLATES + ["set verbose 1", "set fwd rxonly"])
        t.flow(f"0 priority 1 transfer pattern {P0} / ipv4 dst is {VIP} / tcp flags spec 2 flags mask 18 / end actions mark id 77 / "
               "port_representor port_id 0 / end")
        t.flow(f"0 priority 2 transfer pattern {P0} / ipv4 dst is {VIP} / tcp flags spec 1 flags mask 1 / end actions "
               "set_meta data 5 mask 0xffffffff / sample ratio 1 index 0 / jump group 1 / end")
        t.flow(f"0 priority 3 transfer pattern {P0} / ipv4 dst is {VIP} / end actions set_meta data 5 mask 0xffffffff / jump group 1 / end")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1000)} actions raw_decap index 0 / raw_encap index 0 / {OUT1}")
        t.flow("0 group 1 priority 1 transfer pattern eth / end actions mark id 555 / port_representor port_id 0 / end")
        expect("another catch-all" in t.command("flow create 0 group 1 priority 1 transfer pattern eth / end actions mark id 556 / "
                                                "port_representor port_id 0 / end"), "a second, different catch-all")
        said = len(t.everything)
        t.commands(["start"])
        self.wires[0].send(request(2000, flags="S"))
        self.wires[0].send(request(2001))
        self.forward(request(1000, flags="FA"), Ether(dst=HOP, src=CARD1) / request(1000, flags="FA")[IP],
                     "a copied frame")
        self.wires[0].send(Ether(dst=CARD0, src=GATEWAY) / IP(src=CLIENT, dst="192.0.2.77") / ICMP() / PAYLOAD)
        self.wires[0].send(Ether(dst=CARD0, src=GATEWAY) / IP(src=CLIENT, dst="192.0.2.77") / UDP() / Raw(b"x" * 5000))
        time.sleep(0.5)
        t.commands(["stop", "show port stats 0"])
        text = t.everything[said:]
        frames = [f for f in re.split(r"port \d+/queue \d+: received", text)[1:]]
        for mark, wanted in ((77, 1), (555, 1), (1234, 1)):
            equal(len(re.findall(rf"FDIR matched ID=0x{mark:x}\b", text)), wanted, f"frames with mark {mark}")
        expect(any("FDIR matched ID=0x22b" in f and "RSS hash=" in f for f in frames), "the miss carries no hash")
        expect("length=5042" in text and "nb_segs=3" in text,
               f"the long frame did not arrive in three buffers: {text[-1500:]}")
        equal(re.findall(r"RX-packets: (\d+)", text)[-1], "5", "frames received by the host")
        t.commands(["set verbose 0", "flow flush 0", "set txpkts 64", "set fwd io"])
        self.wires[0].drain()
        t.commands(["start tx_first"])
        expect(self.wires[0].receive() is not None, "no frame of testpmd reached the wire")
        t.commands(["stop"])
        for wire in self.wires:
            wire.drain()
        # A long frame received in pieces leaves in pieces, the same.
        frame = bytes(Ether(dst=CARD0, src=GATEWAY) / IP(src=CLIENT, dst="192.0.2.77") / UDP() / Raw(os.urandom(7000)))
        t.commands(["start"])
        self.forward(frame, frame, "a long frame through testpmd")
        t.commands(["stop"])

    def test_meter(self):
        """A meter on a rule to the host drops what exceeds its burst, and says so."""
        t = self.t
        t.commands(["add port meter profile srtcm_rfc2697 0 1 10 5 0 1",
                    "add port meter policy 0 1 g_actions end y_actions end r_actions drop / end",
                    "create port meter 0 7 1 1 yes 0xffff 0 g 0"])
        rule = f"flow create 0 transfer pattern {P0} / ipv4 dst is {VIP} / end actions meter mtr_id 7 / port_representor port_id 0 / end"
        expect("created" in t.command(rule), "a rule with a meter")
        expect("a flow rule uses the meter" in t.command("del port meter 0 7"), "a meter in use was destroyed")
        before = t.xstats(0)
        for n in range(20):
            self.wires[0].send(request(3000 + n))
        time.sleep(0.3)
        after = t.xstats(0)
        metered = after["reason_metered_packets"] - before["reason_metered_packets"]
        expect(8 <= metered <= 15,
               f"{metered} of 20 frames were metered; a burst of 5 and 10 frames a second were allowed")
        # The rule stays, its meter has another rate.
        t.commands(["add port meter profile srtcm_rfc2697 0 2 10 15 0 1", "set port meter profile 0 7 2"])
        metered = self.metered(lambda n: request(3100 + n))
        expect(1 <= metered <= 5, f"{metered} of 20 frames were metered with a burst of 15")
        expect("a meter uses the profile" in t.command("del port meter profile 0 2"), "a profile in use was deleted")
        t.commands(["flow flush 0", "del port meter 0 7", "del port meter profile 0 1", "del port meter profile 0 2",
                    "del port meter policy 0 1"])

    def metered(self, frame):
        """How many of 20 frames were over their meter."""
        before = self.t.xstats(0)
        for n in range(20):
            self.wires[0].send(frame(n))
        time.sleep(0.3)
        return self.t.xstats(0)["reason_metered_packets"] - before["reason_metered_packets"]

    def test_meters_of_misses(self):
        """Rules that jump set a tag; the catch-all of that tag has the meter of their misses."""
        t = self.t
        t.commands(["add port meter profile srtcm_rfc2697 0 1 1 5 0 1", "add port meter profile srtcm_rfc2697 0 2 1 15 0 1",
                    "add port meter policy 0 1 g_actions end y_actions end r_actions drop / end",
                    "create port meter 0 7 1 1 yes 0xffff 0 g 0", "create port meter 0 8 2 1 yes 0xffff 0 g 0"])
        to_flows = f"0 transfer pattern {P0} / ipv4 dst is %s / end actions set_tag data %d index 0 mask 0xffffffff / jump group 1 / end"
        miss = ("group 1 priority 1 transfer pattern tag data is %d index is 0 / end actions mark id 9 / meter mtr_id %d / "
                "port_representor port_id 0 / end")
        t.flow(to_flows % (VIP, 1))
        t.flow("0 " + miss % (1, 7))
        t.flow("0 " + miss % (2, 8))
        t.flow(to_flows % (SERVER, 2))
        for tag, meter, why in ((1, 8, "another catch-all"), (0, 7, "there is one tag")):
            expect(why in t.command("flow create 0 " + miss % (tag, meter)), f"a catch-all of tag {tag}, meter {meter}")
        expect("without a tag needs a larger priority" in t.command(
            "flow create 0 group 1 priority 1 transfer pattern eth / end actions mark id 9 / port_representor port_id 0 / end"),
            "a catch-all of all tags with the priority of one")
        metered = [self.metered(lambda n, dst=dst: request(3000 + n, dst=dst)) for dst in (VIP, SERVER)]
        equal(metered, [15, 5], "misses that were metered with bursts of 5 and 15")
        t.commands(["flow flush 0", "del port meter 0 7", "del port meter 0 8", "del port meter profile 0 1",
                    "del port meter profile 0 2", "del port meter policy 0 1"])

    def test_timeout(self):
        """What a card does with a flow command after its driver gave it up is undone: none of its flows is left over."""
        t = self.t
        t.commands(TEMPLATES)
        actions = f"actions raw_decap index 0 / raw_encap index 0 / {OUT1}"
        first = t.flow(f"0 group 1 transfer pattern {tuple4(5, 1000)} {actions}")
        self.card.process.send_signal(signal.SIGSTOP)
        try:
            said = t.command(f"flow create 0 group 1 transfer pattern {tuple4(5, 1001)} {actions}")
            expect("did not answer in time" in said, f"a flow created in a card that hangs: {said}")
            said = t.command(f"flow destroy 0 rule {first}")
            expect("did not answer in time" in said, f"a flow destroyed in a card that hangs: {said}")
        finally:
            self.card.process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + 3
        while "7 1001 ->" in t.command("flow dump 0 all") and time.monotonic() < deadline:
            time.sleep(0.1)
        text = t.command("flow dump 0 all")
        expect("7 1001 ->" not in text, f"the flow that was given up is in the card: {text}")
        # The flow that was to be destroyed is still the application's, and its key is free for the next one.
        t.command(f"flow destroy 0 rule {first}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1000)} {actions}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1001)} {actions}")
        t.commands(["flow flush 0"])

    def test_owner(self):
        """A card has one driver; the second is told who has it."""
        t = self.t
        second = self.testpmd()
        expect(f"in use by process {t.process.pid};" in second.banner, f"the second driver says: {second.banner}")
        second.kill()

    def adoption_rules(self, t, ports):
        t.commands(TEMPLATES)
        rules = {"vip": t.flow(f"0 priority 3 transfer pattern {P0} / ipv4 dst is {VIP} / end actions set_meta data 5 mask 0xffffffff / "
                               "count / jump group 1 / end")}
        t.flow("0 group 1 priority 1 transfer pattern eth / end actions mark id 555 / port_representor port_id 0 / end")
        for port in ports:
            rules[port] = t.flow(f"0 group 1 transfer pattern {tuple4(5, port)} actions raw_decap index 0 / raw_encap index 0 / count / {OUT1}")
        return rules

    def test_adoption(self):
        """The card forwards while its driver is dead; the next one adopts what it creates again and sweeps the rest."""
        t = self.t
        rules = self.adoption_rules(t, (1000, 1001, 1002))
        t.flow(f"0 priority 1 transfer pattern {P0} / ipv4 dst is 203.0.113.99 / end actions drop / end")
        wanted = {p: Ether(dst=HOP, src=CARD1) / request(p)[IP] for p in (1000, 1001, 1002)}
        for port in (1000, 1001):
            self.forward(request(port), wanted[port], "before the driver dies")
        equal(t.count(0, rules[1000])[0], 1, "the first rule's counter")
        t.kill()
        for port in (1000, 1001):
            self.forward(request(port), wanted[port], "without a driver")
        t = self.t = self.testpmd("--disable-device-start")
        self.forward(request(1000), wanted[1000], "after the next driver came")
        expect("the card goes on with 2 rules and 3 flows" in t.banner, f"the next driver says: {t.banner}")
        rules = self.adoption_rules(t, (1000, 1002))
        self.forward(request(1001), wanted[1001], "a connection not created again, before the start")
        t.commands(["port start all"])
        expect("removed 1 rules and 1 flows" in t.everything, "the sweep was not reported")
        self.forward(request(1001), None, "a connection not created again, after the start")
        self.forward(request(1000), wanted[1000], "an adopted connection")
        equal(t.count(0, rules[1000]), (4, 4 * len(request(1000))), "an adopted connection's counter")
        equal(t.count(0, rules[1002])[0], 0, "the counter of an adopted connection without packets")
        equal(t.count(0, rules["vip"])[0], 8, "an adopted rule's counter")
        # testpmd flushes a port's rules when it stops it; the card goes on with those that are created after that.
        t.commands(["port stop all"])
        self.forward(request(1000), None, "a rule that testpmd flushed")
        self.adoption_rules(t, (1003,))
        self.forward(request(1003), Ether(dst=HOP, src=CARD1) / request(1003)[IP],
                     "a rule created while the ports are stopped")
        t.commands(["port start all"])
        self.forward(request(1003), Ether(dst=HOP, src=CARD1) / request(1003)[IP], "that rule after the start")
        t.commands(["flow flush 0"])

    def test_tunnels_adopted(self):
        """The card opens tunnels while its driver is dead, and for the next one until it has swept the rule."""
        t = self.t
        t.commands(TEMPLATES)
        inner = request(1000)[IP]
        frame = (Ether(dst=CARD0, src=GATEWAY) / IP(src="192.0.2.50", dst="192.0.2.1", ttl=1) / UDP(sport=9, dport=6081) /
                 GENEVE(vni=5, proto=0x0800) / inner)
        wanted = Ether(dst=HOP, src=CARD1) / inner
        t.command("flow tunnel create 0 type geneve")
        t.flow(f"0 transfer tunnel_set 1 pattern {P0} / ipv4 src is 192.0.2.50 / udp dst is 6081 / geneve vni is 5 / end actions "
               "set_meta data 70 mask 0xffffffff / jump group 1 / end")
        t.flow(f"0 group 1 transfer pattern {tuple4(70, 1000)} actions raw_decap index 0 / raw_encap index 0 / {OUT1}")
        t.kill()
        self.forward(frame, wanted, "without a driver")
        t = self.t = self.testpmd("--disable-device-start")
        plain = t.flow(f"0 transfer pattern {P0} / ipv4 ttl spec 0 ttl last 1 ttl mask 255 / end actions count / drop / end")
        self.forward(frame, wanted, "after the next driver came")
        t.commands(["port start all"])
        self.forward(frame, None, "after the sweep")
        equal(t.count(0, plain)[0], 1, "frames that are plain ones again")
        t.commands(["flow flush 0"])

    def test_interrupt(self):
        """A receiver that sleeps is woken by each frame, and uses no processor while there is none."""
        self.t.kill()
        argv = [os.path.join(BUILD, "tests", "testpmd", "rx_interrupt"), "-l", "0", "--no-huge", "--no-shconf", "-m",
                "64",
                "--no-telemetry", "--no-pci", "--file-prefix", f"{TAG}_i", "-d", PMD, "--vdev",
                    f"net_sluice0,{self.vdevs[0]}", "--", "3"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as sleeper:
            try:
                said = ""
                while "sleeping" not in said:
                    line = sleeper.stdout.readline()
                    expect(line, f"the receiver ended: {said}")
                    said += line
                before = processor_seconds(sleeper.pid)
                time.sleep(0.6)
                used = processor_seconds(sleeper.pid) - before
                expect(used < 0.1, f"the sleeping receiver used {used} s of processor time in 0.6 s")
                for n in range(3):
                    self.wires[0].send(request(4000 + n))
                    equal(sleeper.stdout.readline(), f"frame of {len(request(1))} bytes\n", "what the receiver says")
                equal(sleeper.wait(10), 0, "the receiver's exit status")
            finally:
                sleeper.kill()
        self.t = self.testpmd("--max-pkt-len=9018", "--enable-scatter", "--mbuf-size=2048")

    def test_hugepages(self):
        """Memory in hugepages, at virtual and at physical IOVAs: the card reads and writes the right mbufs."""
        self.t.kill()
        # Allocated at the start and, without -m, while the driver runs: the latter reach the card by memory events.
        with Hugepages(160) as huge:
            if huge.refusal:
                print(f"SKIPPED hugepages: {huge.refusal}", flush=True)
                rows = ()
            else:
                rows = [(mode, amount) for mode in ("va", "pa") for amount in (("-m", "256"), ())]
            for mode, amount in rows:
                self.hugepages(mode, amount)
        self.t = self.testpmd("--max-pkt-len=9018", "--enable-scatter", "--mbuf-size=2048")

    def hugepages(self, mode, amount):
        what = f"hugepages, IOVA {mode}, {' '.join(amount) or 'on demand'}"
        self.pmds += 1
        self.t = t = Testpmd(f"{TAG}_{self.pmds}", self.vdevs, memory=("--in-memory", *amount),
                             eal=(f"--iova-mode={mode}", "--log-level=lib.eal:info"))
        if "physical addresses are not available" in t.everything:
            print(f"SKIPPED {what}: EAL cannot know physical addresses here", flush=True)
            t.kill()
            return
        try:
            expect(f"Selected IOVA mode '{mode.upper()}'" in t.everything, f"{what}: {t.everything[-600:]}")
            t.commands([*TEMPLATES, "set fwd io", "start"])
            rule = t.flow(f"0 group 0 transfer pattern {P0} / end actions port_representor port_id 0 / end")
            self.wires[1].drain()
            # More frames than a ring has descriptors, so that every buffer is used, by the card's writes and its reads.
            for n in range(2500):
                frame = request(1000 + n)
                self.wires[0].send(frame)
                equal_frame(self.wires[1].receive(), frame, f"{what}: frame {n}")
            t.commands([f"flow destroy 0 rule {rule}", "stop"])
            equal(t.quit(), 0, f"{what}: testpmd's exit status")
        finally:
            t.kill()

    def update(self, *images):
        """What the update program says of each image."""
        argv = [os.path.join(BUILD, "tests", "testpmd", "update"), "-l", "0", "--no-huge", "--no-shconf", "-m", "64",
                "--no-telemetry", "--no-pci", "--file-prefix", f"{TAG}_u", "-d", PMD, "--vdev",
                f"net_sluice0,{self.vdevs[0]}", "--", *images]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        equal(done.returncode, 0, "the update program's exit status, after: " + done.stdout[-600:])
        return [line for line in done.stdout.splitlines() if line.startswith("update: ")], done.stdout

    def test_update(self):
        """Firmware through the ethdev's EEPROM: installed, read back, refused when damaged, gone back from when it hangs."""
        self.t.kill()
        with open(os.path.join(BUILD, "firmware", "sluice-fw.bin"), "rb") as f:
            good = bytearray(f.read())
        entry = struct.unpack_from("<I", good, 16)[0]
        paths = {}
        for name, version, code in (("newer", 0x000900, None), ("hangs", 0x000a00, b"\x6f\0\0\0"), ("damaged", 0x000b00, None)):
            image = bytearray(good)
            struct.pack_into("<I", image, 8, version)
            image[entry:entry + 4] = code or image[entry:entry + 4]
            struct.pack_into("<I", image, 20, 0)
            struct.pack_into("<I", image, 20, zlib.crc32(image))
            if name == "damaged":
                image[-1] ^= 1
            paths[name] = os.path.join(self.directory, name)
            with open(paths[name], "wb") as f:
                f.write(image)
        said, log = self.update(paths["damaged"], paths["newer"])
        equal(said, ["update: Invalid argument, 0.1.0", "update: done, 0.9.0"], "what the driver says")
        expect("firmware image refused: the checksum is wrong" in log, "the reason of the refusal: " + log)
        said, log = self.update(paths["hangs"])
        equal(said, ["update: Device or resource busy, 0.9.0"], "what the driver says while an image is on trial")
        expect("the firmware that runs is on trial" in log, "the reason of the refusal: " + log)
        wait_for(lambda: "has run well and is confirmed; slot" in self.card.log(), 15, "the new image to confirm itself")
        said, log = self.update(paths["hangs"])
        equal(said, ["update: State not recoverable, unknown"], "what the driver says of an image that hangs")
        # Three starts of five seconds each, and the card is back.
        wait_for(lambda: self.card.log().count("boot: serving") >= 3, 25, "the old firmware's return")
        expect("a later selected one was passed over" in self.card.log(), "the log does not tell: " + self.card.log())
        self.t = self.testpmd("--max-pkt-len=9018", "--enable-scatter", "--mbuf-size=2048")

    def test_gone(self):
        """A card that dies: operations fail with a sentence, nothing hangs, testpmd ends."""
        t = self.t
        t.commands(["set fwd io", "start"])
        self.card.end(9)
        t.wait_text("the card has gone; its ports neither send nor receive", 5)
        text = t.command("flow create 0 transfer pattern eth / end actions drop / end")
        # The driver's EIO, or ethdev's own words in its place: "No such device" once it knows that the device is removed,
        # "Invalid port" once testpmd has closed it. Which one is a matter of moments.
        expect(any(words in text for words in ("Input/output error", "No such device", "Invalid port")),
               f"a rule for a dead card: {text}")
        equal(t.quit(), 0, "testpmd's exit status")

    def run(self):
        """(passed, failed)"""
        results = []
        for options, names in ((("--rxq=2", "--txq=2"), ("refusals", "forwarding", "indirect", "way", "decap", "tunnels", "tags_and_marks",
                                                         "priority", "prefixes", "owner", "meter", "meters_of_misses", "flood",
                                                         "timeout",
                                                         "adoption", "tunnels_adopted")),
                               (("--max-pkt-len=9018", "--enable-scatter", "--mbuf-size=2048"), ("host", "interrupt", "hugepages",
                                                                                                 "update", "gone"))):
            self.t = self.testpmd(*options)
            results += [self.passes(name) for name in names]
            self.t.kill()
        return sum(results), len(results) - sum(results)

    def passes(self, name):
        begin = time.monotonic()
        test = getattr(self, f"test_{name}")
        said = len(self.t.everything)
        try:
            test()
        except (Failure, OSError) as e:
            print(f"FAILED  {name}: {test.__doc__}\n        {e}", flush=True)
            if os.environ.get("V") == "1":
                print(self.t.everything[said:][-6000:])
            if self.t.process.poll() is None:
                self.t.command("flow flush 0")
            return False
        print(f"ok      {name}: {test.__doc__} ({time.monotonic() - begin:.1f} s)", flush=True)
        return True


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was changed on the machine is put back
    with tempfile.TemporaryDirectory(prefix="sluice-testpmd.") as directory:
        suite = Suite(directory)
        try:
            passed, failed = suite.run()
        finally:
            suite.card.end()
    print(f"testpmd: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
