# SPDX-License-Identifier: BSD-3-Clause
"""Sections 7 to 10: every way of forwarding, its limits, checksums in their corners, copies, meters."""
import itertools
import struct

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from case import B4, B6, BACKEND_MAC, C4, C6, CARD0, CARD1, CLIENT_MAC, Case, R4, R6, ROUTER_MAC, V4, V6, entropy_port, \
    eth, frame, ip, key_hash, l4, ones_sum, packet, version

T = {4: (C4, 40000, V4, 80), 6: (C6, 40000, V6, 80)}
BACKEND = {4: (B4, 8080), 6: (B6, 8080)}
INNER = {4: 4, 6: 41}
TENANT = 12
VTEPS = {4: (R4, B4), 6: (R6, B6)}
INNER_MACS = ("02:0a:00:00:00:01", "02:0a:00:00:00:02")
BOTH = tuple(itertools.product((4, 6), ("tcp", "udp")))


def mode(name, about, which, **rule):
    return Case(f"{which}-{name}", about, which).rule(0, "FLOWS", tenant=TENANT, **rule)


def outer_ip(family, ends, **more):
    """The outer header of an action: DF and identification 0 over IPv4."""
    if family == 4:
        return IP(src=ends[0], dst=ends[1], ttl=64, id=0, flags="DF", **more)
    return IPv6(src=ends[0], dst=ends[1], hlim=64, **more)


def vxlan_out(family, ends, inner, h, vni, vlan=None, inner_type=None):
    return eth(ROUTER_MAC, CARD1, vlan) / outer_ip(family, ends) / UDP(sport=entropy_port(h), dport=4789, chksum=0) / \
        VXLAN(flags=8, vni=vni) / eth(*INNER_MACS) / inner


def cases():
    return dsr() + nat() + ipip() + vxlan_mode() + limits() + checksums() + copies() + meters() + service()


def dsr():
    out = []
    for family, proto in BOTH:
        tup = T[family]
        for vin, vout in itertools.product((None, 5), (None, 6)):
            c = mode(f"{family}-{proto}-{vin or 'plain'}-{vout or 'plain'}", "the Ethernet header is replaced", "dsr-l2")
            f = c.action(7, l2=(BACKEND_MAC, CARD1), vlan=vout, inner_proto=INNER[family], mtu=1500) \
                .flow(tup, proto, tenant=TENANT, action=7)
            out.append(c.frame(frame(tup, proto, vlan=vin)).forward(eth(BACKEND_MAC, CARD1, vout) / packet(*tup, proto=proto), f))
        c = mode(f"{family}-{proto}-dec-ttl", "and the TTL is decremented", "dsr-l2")
        f = c.action(7, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family]).flow(tup, proto, tenant=TENANT, action=7, dec_ttl=True)
        for ttl in (2, 64, 255):
            c.frame(frame(tup, proto, ttl=ttl)).forward(eth(BACKEND_MAC, CARD1) / packet(*tup, proto=proto, ttl=ttl - 1), f)
        c.frame(frame(tup, proto, ttl=1)).host("TTL", flow=f)
        out.append(c.frame(frame(tup, proto, ttl=0)).host("TTL", flow=f))
        c = mode(f"{family}-{proto}-as-it-is", "without STRIP_L2 header and tag stay", "dsr-l2")
        f = c.action(0).flow(tup, proto, tenant=TENANT)
        out.append(c.frame(frame(tup, proto)).forward(frame(tup, proto), f)
                   .frame(frame(tup, proto, vlan=77)).forward(frame(tup, proto, vlan=77), f))
        c = mode(f"{family}-{proto}-back-out", "out by the port it came in by", "dsr-l2")
        f = c.action(0, l2=(BACKEND_MAC, CARD0), inner_proto=INNER[family], port=0).flow(tup, proto, tenant=TENANT)
        out.append(c.frame(frame(tup, proto)).forward(eth(BACKEND_MAC, CARD0) / packet(*tup, proto=proto), f, port=0))
    for size in (0, 1, 2, 3, 7, 22, 23, 24, 25, 86, 87, 88, 214, 215, 216, 217, 218, 1459, 1460, 8946, 9546):
        c = mode(f"size-{size}", f"{size} bytes of payload", "dsr-l2")
        data = bytes(i * 7 & 0xFF for i in range(size))
        f = c.action(0, l2=(BACKEND_MAC, CARD1), inner_proto=4).flow(T[4], tenant=TENANT)
        out.append(c.frame(frame(T[4], data=data)).forward(eth(BACKEND_MAC, CARD1) / packet(*T[4], data=data), f))
    tagged = bytes(frame(T[4], vlan=5))
    tagged = tagged[:14] + struct.pack(">H", 0xE005) + tagged[16:]
    c = mode("priority-kept", "without STRIP_L2 the tag's priority stays", "dsr-l2")
    f = c.action(0).flow(T[4], tenant=TENANT)
    out.append(c.frame(tagged).forward(tagged, f))
    c = mode("last-action", "action 4095 is the last", "dsr-l2")
    f = c.action(4095, l2=(BACKEND_MAC, CARD1), inner_proto=4).flow(T[4], tenant=TENANT, action=4095)
    out.append(c.frame(frame(T[4])).forward(eth(BACKEND_MAC, CARD1) / packet(*T[4]), f))
    return out


def nat():
    out = []
    for family, proto in BOTH:
        tup, backend = T[family], BACKEND[family]
        forward = (*tup[:2], *backend)
        back = (*backend, *tup[:2])
        returned = (*tup[2:], *tup[:2])
        for vin, vout in ((None, None), (5, None), (None, 6), (5, 6)):
            c = mode(f"{family}-{proto}-{vin or 'plain'}-{vout or 'plain'}", "VIP to backend, and backend to client", "nat")
            c.action(1, l2=(BACKEND_MAC, CARD1), vlan=vout, inner_proto=INNER[family], mtu=1500)
            c.action(2, l2=(CLIENT_MAC, CARD0), vlan=vin, inner_proto=INNER[family], port=0, mtu=1500)
            f = c.flow(tup, proto, tenant=TENANT, action=1, nat_dst=backend, dec_ttl=True)
            g = c.flow(back, proto, tenant=TENANT, action=2, nat_src=tup[2:], dec_ttl=True)
            c.frame(frame(tup, proto, vlan=vin)).forward(
                eth(BACKEND_MAC, CARD1, vout) / packet(*forward, proto=proto, ttl=63), f)
            out.append(c.frame(frame(back, proto, vlan=vout, dst=CARD1, src=BACKEND_MAC), port=1).forward(
                eth(CLIENT_MAC, CARD0, vin) / packet(*returned, proto=proto, ttl=63), g, port=0))
        full = (R4, 61000) if family == 4 else (R6, 61000)
        c = mode(f"{family}-{proto}-both-ends", "source and destination at once", "nat")
        f = c.action(0).flow(tup, proto, tenant=TENANT, nat_src=full, nat_dst=backend)
        for data in (b"", b"x", b"odd", b"even", bytes(1000)):
            c.frame(frame(tup, proto, data=data)).forward(frame((*full, *backend), proto, data=data), f)
        out.append(c)
        c = mode(f"{family}-{proto}", "VIP to backend from an address of ours, and backend to that to client", "fullnat")
        c.action(1, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family], mtu=1500)
        c.action(2, l2=(CLIENT_MAC, CARD0), inner_proto=INNER[family], port=0, mtu=1500)
        f = c.flow(tup, proto, tenant=TENANT, action=1, nat_src=full, nat_dst=backend, dec_ttl=True)
        g = c.flow((*backend, *full), proto, tenant=TENANT, action=2, nat_src=tup[2:], nat_dst=tup[:2], dec_ttl=True)
        c.frame(frame(tup, proto)).forward(eth(BACKEND_MAC, CARD1) / packet(*full, *backend, proto=proto, ttl=63), f)
        out.append(c.frame(frame((*backend, *full), proto, dst=CARD1, src=BACKEND_MAC), port=1).forward(
            eth(CLIENT_MAC, CARD0) / packet(*returned, proto=proto, ttl=63), g, port=0))
        c = mode(f"{family}-{proto}-port-only", "only the port changes", "nat")
        f = c.action(0).flow(tup, proto, tenant=TENANT, nat_dst=(tup[2], 8080))
        out.append(c.frame(frame(tup, proto)).forward(frame((*tup[:3], 8080), proto), f))
        c = mode(f"{family}-{proto}-address-only", "only the address changes", "nat")
        f = c.action(0).flow(tup, proto, tenant=TENANT, nat_dst=(backend[0], tup[3]))
        out.append(c.frame(frame(tup, proto)).forward(frame((*tup[:2], backend[0], tup[3]), proto), f))
        c = mode(f"{family}-{proto}-nothing-changes", "new equals old", "nat")
        f = c.action(0).flow(tup, proto, tenant=TENANT, nat_src=tup[:2], nat_dst=tup[2:])
        out.append(c.frame(frame(tup, proto)).forward(frame(tup, proto), f))
    for flags in ("S", "SA", "FA", "R", "PA", "FSRPAUEC"):
        c = mode(f"tcp-flags-{flags}", "TCP flags and options pass untouched", "nat")
        f = c.action(0).flow(T[4], tenant=TENANT, nat_dst=BACKEND[4])
        options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 2)), ("NOP", None), ("WScale", 7)]
        out.append(c.frame(frame(T[4], flags=flags, options=options))
                   .forward(frame((*T[4][:2], *BACKEND[4]), flags=flags, options=options), f))
    for flags, tos in itertools.product(("DF", 0), (0, 0xB8, 0x03)):
        c = mode(f"ip-fields-{flags or 'no-DF'}-{tos:02x}", "DF, identification and TOS stay", "nat")
        f = c.action(0).flow(T[4], tenant=TENANT, nat_dst=BACKEND[4])

        def ip4(dst, flags=flags, tos=tos):
            return IP(src=C4, dst=dst, flags=flags, tos=tos, id=0xBEEF, ttl=17)
        out.append(c.frame(eth(CARD0, CLIENT_MAC) / ip4(V4) / l4("tcp", 40000, 80))
                   .forward(eth(CARD0, CLIENT_MAC) / ip4(B4) / l4("tcp", 40000, 8080), f))
    c = mode("ip6-fields", "traffic class and flow label stay", "nat")
    f = c.action(0).flow(T[6], tenant=TENANT, nat_dst=BACKEND[6])
    out.append(c.frame(eth(CARD0, CLIENT_MAC) / IPv6(src=C6, dst=V6, tc=0xAB, fl=0xCDEF1) / l4("tcp", 40000, 80))
               .forward(eth(CARD0, CLIENT_MAC) / IPv6(src=C6, dst=B6, tc=0xAB, fl=0xCDEF1) / l4("tcp", 40000, 8080), f))
    c = mode("udp-with-tail", "bytes between UDP's end and the IP packet's stay", "nat")
    f = c.action(0).flow(T[4], "udp", tenant=TENANT, nat_dst=BACKEND[4])

    def tail(dst, port):
        udp = bytes(IP(src=C4, dst=dst) / UDP(sport=40000, dport=port) / b"abcd")[20:]
        return eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=dst, proto=17) / Raw(udp + b"tail")
    out.append(c.frame(tail(V4, 80)).forward(tail(*BACKEND[4]), f))
    return out


def ipip():
    out = []
    for (family, proto), over, vlan in itertools.product(BOTH, (4, 6), (None, 6)):
        tup = T[family]
        name = f"{family}in{over}-{proto}-{'plain' if vlan is None else 'tagged'}"
        c = mode(name, "a second IP header in front", "ipip")
        c.action(9, l2=(ROUTER_MAC, CARD1), vlan=vlan, outer=VTEPS[over], inner_proto=INNER[family], mtu=1500)
        f = c.flow(tup, proto, tenant=TENANT, action=9)
        g = c.flow((*tup[:3], 81), proto, tenant=TENANT, action=9, dec_ttl=True)

        def out_frame(tup, ttl, over=over, vlan=vlan, proto=proto):
            return eth(ROUTER_MAC, CARD1, vlan) / outer_ip(over, VTEPS[over]) / packet(*tup, proto=proto, ttl=ttl)
        c.frame(frame(tup, proto)).forward(out_frame(tup, 64), f)
        c.frame(bytes(frame(tup, proto, vlan=5)) + bytes(7)).forward(out_frame(tup, 64), f)
        out.append(c.frame(frame((*tup[:3], 81), proto)).forward(out_frame((*tup[:3], 81), 63), g))
    for size in (0, 1, 63, 64, 1400, 9000):
        for over in (4, 6):
            c = mode(f"size-{size}-over-{over}", "lengths and checksum of the outer header", "ipip")
            c.action(0, l2=(ROUTER_MAC, CARD1), outer=VTEPS[over], inner_proto=4)
            f = c.flow(T[4], tenant=TENANT)
            data = b"z" * size
            out.append(c.frame(frame(T[4], data=data)).forward(
                eth(ROUTER_MAC, CARD1) / outer_ip(over, VTEPS[over]) / packet(*T[4], data=data), f))
    c = mode("nat-inside", "NAT and a tunnel together", "ipip")
    c.action(0, l2=(ROUTER_MAC, CARD1), outer=VTEPS[4], inner_proto=4)
    f = c.flow(T[4], tenant=TENANT, nat_dst=BACKEND[4], dec_ttl=True)
    out.append(c.frame(frame(T[4])).forward(eth(ROUTER_MAC, CARD1) / outer_ip(4, VTEPS[4]) /
                                            packet(*T[4][:2], *BACKEND[4], ttl=63), f))
    return out


def vxlan_mode():
    out = []
    for (family, proto), over, vlan in itertools.product(BOTH, (4, 6), (None, 6)):
        tup = T[family]
        h = key_hash(tup, proto, TENANT)
        name = f"{family}over{over}-{proto}-{'plain' if vlan is None else 'tagged'}"
        c = mode(name, "VXLAN with the source port from the hash", "vxlan")
        c.action(9, l2=(ROUTER_MAC, CARD1), vlan=vlan, outer=VTEPS[over], vni=0xABCDE, inner_l2=INNER_MACS,
                 inner_proto=INNER[family], mtu=1550)
        f = c.flow(tup, proto, tenant=TENANT, action=9, dec_ttl=True)
        inside = packet(*tup, proto=proto, ttl=63)
        out.append(c.frame(frame(tup, proto)).forward(vxlan_out(over, VTEPS[over], inside, h, 0xABCDE, vlan), f)
                   .frame(frame(tup, proto, vlan=5)).forward(vxlan_out(over, VTEPS[over], inside, h, 0xABCDE, vlan), f))
    for n in range(8):
        tup = (f"192.0.2.{n + 10}", 50000 + n, V4, 443)
        h = key_hash(tup, "tcp", TENANT)
        c = mode(f"entropy-{n}", "another flow, another source port", "vxlan")
        c.action(0, l2=(ROUTER_MAC, CARD1), outer=VTEPS[4], vni=n, inner_l2=INNER_MACS, inner_proto=4)
        f = c.flow(tup, tenant=TENANT)
        out.append(c.frame(frame(tup)).forward(vxlan_out(4, VTEPS[4], packet(*tup), h, n), f))
    h = key_hash(T[6], "tcp", TENANT)
    c = mode("reencap", "out of one tunnel into another", "vxlan")
    c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",))
    c.action(0, l2=(ROUTER_MAC, CARD1), outer=VTEPS[6], vni=4, inner_l2=INNER_MACS, inner_proto=41, vlan=9)
    f = c.flow(T[6], tenant=TENANT, nat_dst=BACKEND[6], dec_ttl=True)
    arrived = eth(CARD0, CLIENT_MAC) / ip(C4, V4) / UDP(sport=1, dport=4789) / VXLAN(flags=8, vni=3) / \
        eth(CARD1, CLIENT_MAC) / packet(*T[6])
    out.append(c.frame(arrived).forward(vxlan_out(6, VTEPS[6], packet(*T[6][:2], *BACKEND[6], ttl=63), h, 4, 9), f))
    for over in (4, 6):
        room = 9600 - 14 - (20 if over == 4 else 40) - 8 - 8 - 14 - 40
        for size, fits in ((room, True), (room + 1, False)):
            c = mode(f"longest-over-{over}-{size}", "the new frame may have 9600 bytes and not one more", "vxlan")
            c.action(0, l2=(ROUTER_MAC, CARD1), outer=VTEPS[over], vni=1, inner_l2=INNER_MACS, inner_proto=4)
            f = c.flow(T[4], tenant=TENANT)
            h = key_hash(T[4], "tcp", TENANT)
            got = c.frame(frame(T[4], data=b"J" * size))
            out.append(got.forward(vxlan_out(over, VTEPS[over], packet(*T[4], data=b"J" * size), h, 1), f) if fits
                       else got.host("MTU", flow=f))
    return out


def limits():
    out = []
    for name, index in (("beyond-table", 4096), ("far-beyond", 0xFFFFFFFF), ("never-written", 17)):
        c = Case("action-" + name, "an action that is not there").rule(0, "FLOWS", tenant=TENANT).action(0)
        f = c.flow(T[4], tenant=TENANT, action=index)
        out.append(c.frame(frame(T[4])).host("BAD_ACTION", flow=f))
    c = Case("action-not-valid", "VALID is clear").rule(0, "FLOWS", tenant=TENANT).action(0, flags=())
    f = c.flow(T[4], tenant=TENANT)
    out.append(c.frame(frame(T[4])).host("BAD_ACTION", flow=f))
    c = Case("action-order-bad-action-ttl", "BAD_ACTION comes before TTL").rule(0, "FLOWS", tenant=TENANT)
    f = c.flow(T[4], tenant=TENANT, dec_ttl=True)
    out.append(c.frame(frame(T[4], ttl=1)).host("BAD_ACTION", flow=f))
    c = Case("action-order-ttl-mtu", "TTL comes before MTU").rule(0, "FLOWS", tenant=TENANT).action(0, mtu=40)
    f = c.flow(T[4], tenant=TENANT, dec_ttl=True)
    out.append(c.frame(frame(T[4], ttl=1)).host("TTL", flow=f).frame(frame(T[4], ttl=2)).host("MTU", flow=f))
    c = Case("action-order-mtu-port", "MTU comes before PORT_DOWN").rule(0, "FLOWS", tenant=TENANT).action(0, mtu=40, port=7)
    f = c.flow(T[4], tenant=TENANT)
    out.append(c.frame(frame(T[4])).host("MTU", flow=f).frame(frame(T[4], data=b"")).drop("PORT_DOWN", rule=0))
    c = Case("ttl-0-without-dec", "TTL is not looked at without DEC_TTL").rule(0, "FLOWS", tenant=TENANT).action(0)
    f, g = c.flow(T[4], tenant=TENANT), c.flow(T[6], tenant=TENANT)
    out.append(c.frame(frame(T[4], ttl=0)).forward(frame(T[4], ttl=0), f)
               .frame(frame(T[6], ttl=1)).forward(frame(T[6], ttl=1), g))
    for port in (2, 5, 7, 8, 255):
        c = Case(f"action-port-{port}", "a port that does not exist").rule(0, "FLOWS", tenant=TENANT).action(0, port=port)
        c.flow(T[4], tenant=TENANT)
        out.append(c.frame(frame(T[4])).drop("PORT_DOWN", rule=0))
    c = Case("action-port-disabled", "a port that is disabled").rule(0, "FLOWS", tenant=TENANT).action(0)
    c.ports = [1, 6]
    f = c.flow(T[4], tenant=TENANT)
    out.append(c.frame(frame(T[4])).drop("PORT_DOWN", rule=0).csr("PORT_FLAGS", 1, 4).frame(frame(T[4]))
               .forward(frame(T[4]), f))
    for family in (4, 6):
        size = len(packet(*T[family]))
        rows = [("plain", {}, 0), ("l2", {"l2": (BACKEND_MAC, CARD1), "inner_proto": INNER[family]}, 0),
                ("tagged", {"l2": (BACKEND_MAC, CARD1), "vlan": 6, "inner_proto": INNER[family]}, 0),
                ("ipip4", {"l2": (ROUTER_MAC, CARD1), "outer": VTEPS[4], "inner_proto": INNER[family]}, 20),
                ("ipip6", {"l2": (ROUTER_MAC, CARD1), "outer": VTEPS[6], "inner_proto": INNER[family], "vlan": 6}, 40),
                ("vxlan4", {"l2": (ROUTER_MAC, CARD1), "outer": VTEPS[4], "inner_proto": INNER[family], "vni": 1,
                            "inner_l2": INNER_MACS}, 50),
                ("vxlan6", {"l2": (ROUTER_MAC, CARD1), "outer": VTEPS[6], "inner_proto": INNER[family], "vni": 1,
                            "inner_l2": INNER_MACS}, 70)]
        for name, how, more in rows:
            c = Case(f"mtu-{family}-{name}", "one byte too long for the MTU, then the MTU is raised by one")
            c.rule(0, "FLOWS", tenant=TENANT).action(0, mtu=size + more - 1, **how)
            f = c.flow(T[family], tenant=TENANT)
            c.frame(bytes(frame(T[family])) + bytes(5)).host("MTU", flow=f)
            c.write("ACTION", 0, c.action_bytes(mtu=size + more, **how))
            inside = packet(*T[family])
            if "vni" in how:
                want = vxlan_out(version(how["outer"][0]), how["outer"], inside, key_hash(T[family], "tcp", TENANT), 1)
            elif "outer" in how:
                want = eth(ROUTER_MAC, CARD1, how.get("vlan")) / outer_ip(version(how["outer"][0]), how["outer"]) / inside
            elif how:
                want = eth(BACKEND_MAC, CARD1, how.get("vlan")) / inside
            else:
                want = frame(T[family])
            out.append(c.frame(bytes(frame(T[family])) + bytes(5)).forward(want, f))
    return out


def solve(make, want, at):
    """(n, bytes) so that the checksum at `at` of make(n), whose sum grows by n, is `want`."""
    first = 0xFFFF ^ int.from_bytes(bytes(make(0))[at:at + 2], "big")
    n = ((0xFFFF ^ int.from_bytes(want, "big")) - first) % 0xFFFF
    data = bytes(make(n))
    if data[at:at + 2] != want:
        raise ValueError(f"no such packet: {data[at:at + 2].hex()} instead of {want.hex()}")
    return n, data


def checksums():
    """Incremental checksums where one's complement has two zeros, and where the old sum was wrong."""
    out = []
    new = {4: (B4, 8080), 6: (B6, 8080)}
    for family in (4, 6):
        l4_at = 14 + (20 if family == 4 else 40)
        tup = T[family]

        def build(n, dst, proto, tup=tup):
            return frame((*tup[:2], *dst), proto, data=struct.pack(">I", n))

        for proto, at, corners in (("tcp", l4_at + 16, (b"\0\0", b"\xff\xfe", b"\0\1")), ("udp", l4_at + 6, (b"\xff\xff", b"\0\1"))):
            for corner in corners:
                for side, solved in (("before", tup[2:]), ("after", new[family])):
                    n, _ = solve(lambda n: build(n, solved, proto), corner, at)
                    c = Case(f"checksum-{family}-{proto}-{corner.hex()}-{side}", f"the checksum is {corner.hex()} {side} NAT", "nat")
                    c.rule(0, "FLOWS", tenant=TENANT)
                    f = c.action(0).flow(tup, proto, tenant=TENANT, nat_dst=new[family])
                    out.append(c.frame(build(n, tup[2:], proto)).forward(build(n, new[family], proto), f))
        c = Case(f"checksum-{family}-udp-none", "a UDP checksum of 0 stays 0", "nat").rule(0, "FLOWS", tenant=TENANT)
        f = c.action(0).flow(tup, "udp", tenant=TENANT, nat_dst=new[family])
        out.append(c.frame(frame(tup, "udp", chksum=0)).forward(frame((*tup[:2], *new[family]), "udp", chksum=0), f))
        c = Case(f"checksum-{family}-wrong-stays-wrong", "a wrong checksum is as wrong afterwards", "nat")
        c.rule(0, "FLOWS", tenant=TENANT)
        f = c.action(0).flow(tup, tenant=TENANT, nat_dst=new[family])
        good, moved = bytes(frame(tup)), bytes(frame((*tup[:2], *new[family])))
        for error in (1, 0x8000, 0x1234):
            def spoil(data, error=error, at=l4_at + 16):
                total = int.from_bytes(data[at:at + 2], "big") + error
                return data[:at] + struct.pack(">H", (total & 0xFFFF) + (total >> 16)) + data[at + 2:]
            c.frame(spoil(good)).forward(spoil(moved), f)
        out.append(c)
        c = Case(f"checksum-{family}-no-nat-no-delta", "deltas count only with NAT", "dsr-l2").rule(0, "FLOWS", tenant=TENANT)
        f = c.action(0).flow(tup, tenant=TENANT, deltas=(0x1111, 0x2222))
        out.append(c.frame(frame(tup)).forward(frame(tup), f))
        c = Case(f"checksum-{family}-no-nat-dec-ttl", "with DEC_TTL alone neither", "dsr-l2").rule(0, "FLOWS", tenant=TENANT)
        f = c.action(0).flow(tup, tenant=TENANT, deltas=(0x1111, 0x2222), dec_ttl=True)
        out.append(c.frame(frame(tup)).forward(frame(tup, ttl=63), f))

    def with_id(n, dst=V4, ttl=64, port=80):
        return eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=dst, id=n, ttl=ttl) / l4("tcp", 40000, port)
    for corner in (b"\0\0", b"\0\1", b"\xff\xfe", b"\xfe\xff", b"\x01\x00"):
        for side in ("before", "after"):
            ttl = 64 if side == "before" else 63
            n, _ = solve(lambda n: with_id(n, ttl=ttl), corner, 24)
            c = Case(f"checksum-ip-ttl-{corner.hex()}-{side}", "the header checksum over a TTL change", "dsr-l2")
            c.rule(0, "FLOWS", tenant=TENANT)
            f = c.action(0).flow(T[4], tenant=TENANT, dec_ttl=True)
            out.append(c.frame(with_id(n)).forward(with_id(n, ttl=63), f))
            dst = V4 if side == "before" else B4
            n, _ = solve(lambda n: with_id(n, dst=dst, ttl=ttl), corner, 24)
            c = Case(f"checksum-ip-nat-ttl-{corner.hex()}-{side}", "the header checksum over NAT and TTL", "nat")
            c.rule(0, "FLOWS", tenant=TENANT)
            f = c.action(0).flow(T[4], tenant=TENANT, nat_dst=BACKEND[4], dec_ttl=True)
            out.append(c.frame(with_id(n)).forward(with_id(n, dst=B4, ttl=63, port=8080), f))
    # 0xFFFF as an IPv4 header checksum: the complement is 0, the sum is that of the deltas alone.
    n, data = solve(lambda n: with_id(n), b"\0\0", 24)
    odd = data[:24] + b"\xff\xff" + data[26:]
    c = Case("checksum-ip-ffff", "a header checksum of 0xFFFF", "nat").rule(0, "FLOWS", tenant=TENANT)
    f = c.action(0).flow(T[4], tenant=TENANT, nat_dst=BACKEND[4], dec_ttl=True)
    out.append(c.frame(odd).forward(with_id(n, dst=B4, ttl=63, port=8080), f))
    c = Case("checksum-ip-ffff-kept", "0xFFFF stays where nothing changes", "dsr-l2").rule(0, "FLOWS", tenant=TENANT)
    f = c.action(0).flow(T[4], tenant=TENANT)
    out.append(c.frame(odd).forward(odd, f))
    for n in range(10):
        tup = (f"10.{255 - n}.{n}.255", 65535 - n, f"255.255.{n}.{n}", n)
        to = (f"0.0.{n}.{255 - n}", n * 6553)
        src = (f"127.{n}.255.0", 65535)
        c = Case(f"checksum-extremes-{n}", "extreme addresses and ports", "nat").rule(0, "FLOWS", tenant=TENANT)
        f = c.action(0).flow(tup, tenant=TENANT, nat_dst=to, nat_src=src, dec_ttl=True)
        g = c.flow(tup, "udp", tenant=TENANT, nat_dst=to, nat_src=src)
        out.append(c.frame(frame(tup)).forward(frame((*src, *to), ttl=63), f)
                   .frame(frame(tup, "udp")).forward(frame((*src, *to), "udp"), g))
    assert ones_sum([(b"\x12\x34", b"\x12\x34")]) == 0xFFFF
    return out


def copies():
    out = []

    def copied(name, about, meter=0, **more):
        c = Case("copy-" + name, about).rule(0, "FLOWS", tenant=TENANT, flags=("COPY",), copy_mark=0xF1F0, meter=meter, **more)
        return c.action(0, l2=(BACKEND_MAC, CARD1), inner_proto=4), c.flow(T[4], tenant=TENANT)

    want = eth(BACKEND_MAC, CARD1) / packet(*T[4], flags="FA")
    fin = frame(T[4], flags="FA")
    c, f = copied("forwarded", "a forwarded frame is copied as it came")
    out.append(c.frame(bytes(fin) + b"pad").forward(want, f, copy=0xF1F0))
    c, f = copied("fin-only", "FIN and RST are copied, data is not", tcp_flags=1, tcp_flags_mask=1)
    c.rule(1, "FLOWS", tenant=TENANT)
    out.append(c.frame(fin).forward(want, f, copy=0xF1F0)
               .frame(frame(T[4])).forward(eth(BACKEND_MAC, CARD1) / packet(*T[4]), f, rule=1))
    c, f = copied("miss", "a miss is not copied")
    out.append(c.frame(frame(T[6])).host("MISS", key=(T[6], "tcp", TENANT)))
    c = Case("copy-mtu", "what goes to the host is not copied").rule(0, "FLOWS", tenant=TENANT, flags=("COPY",), copy_mark=1)
    f = c.action(0, mtu=30).flow(T[4], tenant=TENANT)
    out.append(c.frame(fin).host("MTU", flow=f))
    c = Case("copy-dropped", "what is dropped is not copied").rule(0, "FLOWS", tenant=TENANT, flags=("COPY",), copy_mark=1)
    c.action(0, port=6).flow(T[4], tenant=TENANT)
    out.append(c.frame(fin).drop("PORT_DOWN", rule=0))
    c, f = copied("metered", "without a token the copy is lost and the frame goes on", meter=3)
    c.meter(3, 256, 2)
    for said in (0xF1F0, 0xF1F0, "METERED", "METERED"):
        c.frame(fin).forward(want, f, copy=said)
    out.append(c.at(1).frame(fin).forward(want, f, copy=0xF1F0).frame(fin).forward(want, f, copy="METERED"))
    c, f = copied("mark-is-copy-mark", "the rule's mark is not the copy's", mark=5)
    out.append(c.frame(fin).forward(want, f, copy=0xF1F0))
    return out


def meters():
    out = []

    def metered(name, about, rate, burst, index=4):
        return Case("meter-" + name, about).rule(0, "HOST", meter=index).meter(index, rate, burst)

    data = frame(T[4])
    for burst in (1, 2, 5):
        c = metered(f"burst-{burst}", "a bucket holds its burst", 1, burst)
        for _ in range(burst):
            c.frame(data).host("RULE")
        out.append(c.frame(data).drop("METERED", rule=0))
    c = metered("refill", "256 tokens a millisecond are a frame a millisecond", 256, 1)
    for ms in range(4):
        c.at(ms).frame(data).host("RULE").frame(data).drop("METERED", rule=0)
    out.append(c)
    c = metered("fraction", "128 tokens a millisecond are a frame every other", 128, 1)
    c.frame(data).host("RULE").at(1).frame(data).drop("METERED", rule=0).at(2).frame(data).host("RULE")
    out.append(c.at(3).frame(data).drop("METERED", rule=0).at(4).frame(data).host("RULE"))
    c = metered("almost", "255 tokens are not enough", 255, 1)
    c.frame(data).host("RULE").at(1).frame(data).drop("METERED", rule=0).at(2).frame(data).host("RULE")
    out.append(c)
    c = metered("jump", "twenty milliseconds at once fill up to the burst and no further", 256, 3)
    for _ in range(3):
        c.frame(data).host("RULE")
    c.frame(data).drop("METERED", rule=0).at(20)
    for _ in range(3):
        c.frame(data).host("RULE")
    out.append(c.frame(data).drop("METERED", rule=0))
    c = metered("fast", "2560 tokens a millisecond are ten frames", 2560, 20)
    for _ in range(20):
        c.frame(data).host("RULE")
    c.frame(data).drop("METERED", rule=0).at(1)
    for _ in range(10):
        c.frame(data).host("RULE")
    out.append(c.frame(data).drop("METERED", rule=0))
    c = metered("unlimited", "rate 0 passes everything", 0, 1)
    for _ in range(6):
        c.frame(data).host("RULE")
    out.append(c)
    c = metered("rewritten", "a write fills the bucket", 1, 1)
    c.frame(data).host("RULE").frame(data).drop("METERED", rule=0).write("METER", 4, bytes.fromhex("01000000010000000000000000000000"))
    out.append(c.frame(data).host("RULE").frame(data).drop("METERED", rule=0))
    c = Case("meter-separate", "one class does not starve another").rule(0, "HOST", meter=1, dports=(80, 80)) \
        .rule(1, "HOST", meter=15).meter(1, 1, 1).meter(15, 1, 1)
    other = frame((C4, 1, V4, 443))
    out.append(c.frame(data).host("RULE").frame(data).drop("METERED", rule=0).frame(other).host("RULE", rule=1)
               .frame(other).drop("METERED", rule=1))
    c = Case("meter-miss", "misses pass the meter of their rule; hits do not").rule(0, "FLOWS", tenant=TENANT, meter=2).meter(2, 1, 1)
    f = c.action(0).flow(T[4], tenant=TENANT)
    c.frame(frame(T[6])).host("MISS", key=(T[6], "tcp", TENANT)).frame(frame(T[6])).drop("METERED", rule=0)
    out.append(c.frame(data).forward(data, f).frame(data).forward(data, f))
    c = Case("meter-drop-takes-none", "a dropped frame takes no token").rule(0, "DROP", meter=2, dports=(80, 80)) \
        .rule(1, "HOST", meter=2).meter(2, 1, 1)
    out.append(c.frame(data).drop("RULE_DROP", rule=0).frame(data).drop("RULE_DROP", rule=0).frame(other).host("RULE", rule=1))
    return out


def service():
    """The rules an agent writes for one service, in order, with one connection from SYN to FIN."""
    out = []
    for family in (4, 6):
        tup, backend = T[family], BACKEND[family]
        bits = 32 if family == 4 else 128
        vip, server = f"{tup[2]}/{bits}", f"{backend[0]}/{bits}"
        c = Case(f"service-{family}", "one NAT service: SYN, data both ways, FIN, and traffic of the host itself", "nat")
        c.mac(CARD0, 1).mac(CARD1, 2)
        ends = {"dst": vip, "vlan": None, "proto": 6, "dports": (80, 80)}
        back = {"src": server, "vlan": None, "proto": 6, "sports": (8080, 8080)}
        c.rule(0, "HOST", mark=1, flags=("MARK",), meter=1, tcp_flags=2, tcp_flags_mask=0x12, **ends)
        c.rule(1, "HOST", mark=2, flags=("MARK",), meter=1, frag="YES", dst=vip)
        c.rule(2, "HOST", mark=3, flags=("MARK",), meter=1, ttl_max=1, **ends)
        c.rule(3, "FLOWS", tenant=TENANT, flags=("COPY",), copy_mark=4, meter=1, tcp_flags=1, tcp_flags_mask=1, **ends)
        c.rule(4, "FLOWS", tenant=TENANT, flags=("COPY",), copy_mark=4, meter=1, tcp_flags=1, tcp_flags_mask=1, **back)
        c.rule(5, "FLOWS", tenant=TENANT, meter=2, **ends).rule(6, "FLOWS", tenant=TENANT, meter=2, **back)
        c.miss_mark = 5
        c.action(1, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family], mtu=1500)
        c.action(2, l2=(CLIENT_MAC, CARD0), inner_proto=INNER[family], port=0, mtu=1500)
        f = c.flow(tup, tenant=TENANT, action=1, nat_dst=backend, dec_ttl=True)
        g = c.flow((*backend, *tup[:2]), tenant=TENANT, action=2, nat_src=tup[2:], dec_ttl=True)

        def there(flags, data, tup=tup, backend=backend):
            return eth(BACKEND_MAC, CARD1) / packet(*tup[:2], *backend, flags=flags, data=data, ttl=63)

        def here(flags, data, tup=tup):
            return eth(CLIENT_MAC, CARD0) / packet(*tup[2:], *tup[:2], flags=flags, data=data, ttl=63)

        def answer(flags, data, backend=backend, tup=tup):
            return frame((*backend, *tup[:2]), flags=flags, data=data, dst=CARD1, src=BACKEND_MAC)
        c.frame(frame(tup, flags="S", data=b"")).host("RULE", rule=0, mark=1)
        c.frame(frame(tup, flags="PA", data=b"GET /")).forward(there("PA", b"GET /"), f, rule=5)
        c.frame(answer("A", b"y" * 1000), port=1).forward(here("A", b"y" * 1000), g, port=0, rule=6)
        c.frame(answer("FA", b""), port=1).forward(here("FA", b""), g, port=0, rule=4, copy=4)
        c.frame(frame(tup, flags="FA", data=b"")).forward(there("FA", b""), f, rule=3, copy=4)
        c.frame(frame(tup, ttl=1)).host("RULE", rule=2, mark=3)
        stranger = (tup[0], 40001, *tup[2:])
        c.frame(frame(stranger)).host("MISS", rule=5, mark=5, key=(stranger, "tcp", TENANT))
        ssh = (*tup[:3], 22)
        c.frame(frame(ssh)).host("KERNEL", rule=255).frame(frame(tup, "udp")).host("KERNEL", rule=255)
        out.append(c)
    return out
