# SPDX-License-Identifier: BSD-3-Clause
"""Sections 4 to 6: what has no key, what a key is made of, tunnels opened for tenants, flow commands, the epoch."""
from scapy.layers.inet import ICMP, IP, IPOption_LSRR, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Dot1Q
from scapy.packet import Raw

from case import B4, B6, BACKEND_MAC, C4, C6, CARD0, CARD1, CLIENT_MAC, Case, R4, R6, ROUTER_MAC, V4, V6, eth, frame, \
    ip, l4, packet, vxlan

T4, T6 = (C4, 40000, V4, 80), (C6, 40000, V6, 80)
ROUTE = [IPOption_LSRR(routers=["10.9.9.9"])]
EXTENSIONS = (0, 43, 60, 51, 50, 135, 139, 140)


def flows(name, about, **rule):
    return Case("key-" + name, about).rule(0, "FLOWS", **rule)


def inner_frame(inner):
    return eth(CARD1, CLIENT_MAC) / inner


def outer(inner, vni=100, **more):
    return vxlan(inner, R4, B4, vni, **more)


def cases():
    return without_key() + keys() + decap() + commands()


def without_key():
    out = []

    def one(name, about, data, reason, **rule):
        got = flows(name, about, tenant=6, **rule).frame(data)
        out.append(got.drop(reason, rule=0) if reason in ("BAD_L4",) else got.host(reason))

    head = eth(CARD0, CLIENT_MAC)
    one("icmp", "ICMP", head / IP(src=C4, dst=V4) / ICMP(), "NO_L4")
    one("icmp6", "ICMPv6", head / IPv6(src=C6, dst=V6) / ICMPv6EchoRequest(), "NO_L4")
    one("arp", "ARP", eth("ff:ff:ff:ff:ff:ff", CLIENT_MAC) / ARP(), "NO_L4")
    for proto in (2, 4, 41, 47, 89, 132, 136, 255):
        one(f"ip4-proto-{proto}", f"IPv4 protocol {proto}", head / IP(src=C4, dst=V4, proto=proto) / Raw(bytes(40)), "NO_L4")
    for proto in (2, 4, 41, 47, 59, 132, 136, 255):
        one(f"ip6-proto-{proto}", f"IPv6 next header {proto}", head / IPv6(src=C6, dst=V6, nh=proto) / Raw(bytes(40)), "NO_L4")
    for proto in EXTENSIONS:
        one(f"ip6-extension-{proto}", f"IPv6 extension header {proto}",
            head / IPv6(src=C6, dst=V6, nh=proto) / Raw(bytes([6, 9]) + bytes(38)), "EXT_HDR")
        one(f"ip6-extension-{proto}-empty", f"IPv6 extension header {proto} with no payload",
            head / IPv6(src=C6, dst=V6, nh=proto), "EXT_HDR")
    one("fragment-first", "a first fragment", head / IP(src=C4, dst=V4, flags="MF") / l4("tcp", 1, 2), "FRAGMENT")
    one("fragment-later", "a later fragment", head / IP(src=C4, dst=V4, frag=100, flags="MF", proto=6) / Raw(bytes(8)),
        "FRAGMENT")
    one("fragment-last", "the last fragment", head / IP(src=C4, dst=V4, frag=8191, proto=17) / Raw(b"x"), "FRAGMENT")
    one("fragment-tiny", "a fragment is no bad L4", head / IP(src=C4, dst=V4, flags="MF", proto=6) / Raw(b"x"), "FRAGMENT")
    one("fragment-icmp", "a fragment of ICMP", head / IP(src=C4, dst=V4, flags="MF") / ICMP(), "FRAGMENT")
    one("fragment-options", "a fragment with options: the fragment is found first",
        head / IP(src=C4, dst=V4, flags="MF", options=ROUTE) / l4("tcp", 1, 2), "FRAGMENT")
    one("reserved-flag", "the reserved flag makes no fragment, DF neither",
        head / IP(src=C4, dst=V4, flags="DF+evil") / ICMP(), "NO_L4")
    one("fragment6", "an IPv6 fragment", head / IPv6(src=C6, dst=V6) / IPv6ExtHdrFragment(m=1) / l4("udp", 1, 2), "FRAGMENT")
    one("fragment6-atomic", "an atomic fragment is one too", head / IPv6(src=C6, dst=V6) / IPv6ExtHdrFragment() /
        l4("tcp", 1, 2), "FRAGMENT")
    one("fragment6-cut", "next header 44 without its header", head / IPv6(src=C6, dst=V6, nh=44), "FRAGMENT")
    one("options", "an IPv4 source route", head / IP(src=C4, dst=V4, options=ROUTE) / l4("tcp", 1, 2), "IP_OPTIONS")
    one("options-icmp", "options come before the protocol", head / IP(src=C4, dst=V4, options=ROUTE) / ICMP(),
        "IP_OPTIONS")
    one("options-bad-l4", "and before bad L4",
        head / IP(src=C4, dst=V4, proto=6, options=ROUTE) / Raw(bytes(4)), "IP_OPTIONS")
    one("bad-l4", "bad L4", head / IP(src=C4, dst=V4, proto=17) / Raw(bytes(4)), "BAD_L4")
    c = flows("host-meter", "what has no key uses the rule's meter", meter=5).meter(5, 1, 1)
    ping = head / IP(src=C4, dst=V4) / ICMP()
    out.append(c.frame(ping).host("NO_L4").frame(ping).drop("METERED", rule=0))
    return out


def keys():
    """Each part of the key makes another flow."""
    out = []
    for family, tup in ((4, T4), (6, T6)):
        other = (R4, V4[:-1] + "1") if family == 4 else (R6, V6[:-1] + "1")
        for proto in ("tcp", "udp"):
            c = Case(f"key-parts-{family}-{proto}", "only the exact key hits").rule(0, "FLOWS", tenant=300, vlan=None)
            c.rule(1, "FLOWS", tenant=301, vlan=5)
            f = c.action(3).flow(tup, proto, tenant=300, action=3)
            c.frame(frame(tup, proto)).forward(frame(tup, proto), f)
            twin = "udp" if proto == "tcp" else "tcp"
            for near in ((other[0], *tup[1:]), (*tup[:2], other[1], tup[3]), (tup[0], 40001, *tup[2:]),
                         (*tup[:3], 81), (tup[2], tup[3], tup[0], tup[1])):
                c.frame(frame(near, proto)).host("MISS", key=(near, proto, 300))
            c.frame(frame(tup, twin)).host("MISS", key=(tup, twin, 300))
            c.frame(frame(tup, proto, vlan=5)).host("MISS", rule=1, key=(tup, proto, 301))
            out.append(c)
    c = flows("family", "an IPv6 address that looks like the IPv4 one is another key", tenant=1)
    c.action(0).flow(T4, tenant=1)
    like = ("c000:201::", 40000, "c633:640a::", 80)
    out.append(c.frame(frame(like)).host("MISS", key=(like, "tcp", 1)))
    c = flows("miss-mark", "a miss carries MISS_MARK")
    c.miss_mark = 0xFEEDF00D
    out.append(c.frame(frame(T4)).host("MISS", mark=0xFEEDF00D, key=(T4, "tcp", 0))
               .csr("MISS_FLAGS", 0).frame(frame(T4)).host("MISS", key=(T4, "tcp", 0)))
    c = flows("miss-mark-not-rule-mark", "a rule's mark is for verdict HOST only", mark=9, flags=("MARK",))
    out.append(c.frame(frame(T4)).host("MISS", key=(T4, "tcp", 0)))
    c = flows("hash-key", "another boot-time key, another hash", tenant=0xFFFF)
    c.hash_key = bytes(range(255, 239, -1))
    out.append(c.frame(frame(T4)).host("MISS", key=(T4, "tcp", 0xFFFF)).frame(frame(T6))
               .host("MISS", key=(T6, "tcp", 0xFFFF)))
    for n in range(12):
        tup = (f"10.{n}.{n * 7}.1", 1024 + n * 997, f"172.16.{n}.9", 443)
        tup6 = (f"2001:db8:{n:x}::1", 1024 + n * 997, f"2001:db8:ffff::{n:x}", 443)
        c = flows(f"hash-{n}", "hashes of several keys", tenant=n * 5000)
        out.append(c.frame(frame(tup)).host("MISS", key=(tup, "tcp", n * 5000)).frame(frame(tup6, "udp"))
                   .host("MISS", key=(tup6, "udp", n * 5000)))
    return out


def decap():
    out = []
    one, two = inner_frame(packet(*T4)), inner_frame(packet(*T6))

    def opened(name, about, tenant=8, **more):
        return Case("decap-" + name, about, "vxlan-decap").rule(0, "FLOWS", tenant=tenant, flags=("DECAP",), **more)

    c = opened("miss", "the inner packet is looked up, the host gets the outer frame")
    out.append(c.frame(outer(one)).host("MISS", key=(T4, "tcp", 8)).frame(outer(two)).host("MISS", key=(T6, "tcp", 8)))
    for vlan in (None, 9):
        for family, out_ip in ((4, (R4, B4)), (6, (R6, B6))):
            for ifam, tup in ((4, T4), (6, T6)):
                c = opened(f"{ifam}in{family}-{'plain' if vlan is None else 'tagged'}", "the inner frame goes on as it is")
                f = c.action(0).flow(tup, tenant=8)
                inside = inner_frame(packet(*tup))
                out.append(c.frame(vxlan(inside, *out_ip, 77, vlan=vlan)).forward(inside, f))
                c = opened(f"{ifam}in{family}-{'plain' if vlan is None else 'tagged'}-new-l2", "with a new Ethernet header")
                c.action(0, l2=(BACKEND_MAC, CARD1), vlan=vlan, inner_proto=4 if ifam == 4 else 41)
                f = c.flow(tup, tenant=8, dec_ttl=True)
                out.append(c.frame(vxlan(inside, *out_ip, 77, vlan=vlan))
                           .forward(eth(BACKEND_MAC, CARD1, vlan) / packet(*tup, ttl=63), f))
    c = Case("decap-tenants", "two tenants with the same addresses are two flows", "vxlan-decap")
    c.rule(0, "FLOWS", tenant=100, flags=("DECAP",), vni=100).rule(1, "FLOWS", tenant=200, flags=("DECAP",), vni=200)
    c.action(1, l2=(BACKEND_MAC, CARD1), inner_proto=4).action(2, l2=(ROUTER_MAC, CARD1), vlan=22, inner_proto=4)
    a = c.flow(T4, tenant=100, action=1, nat_dst=(B4, 8080))
    b = c.flow(T4, tenant=200, action=2, nat_dst=(B4, 9090))
    out.append(c.frame(outer(one, 100)).forward(eth(BACKEND_MAC, CARD1) / packet(*T4[:2], B4, 8080), a)
               .frame(outer(one, 200)).forward(eth(ROUTER_MAC, CARD1, 22) / packet(*T4[:2], B4, 9090), b, rule=1)
               .frame(outer(one, 300)).drop("MAC_FILTER").frame(outer(one, 100))
               .forward(eth(BACKEND_MAC, CARD1) / packet(*T4[:2], B4, 8080), a))
    c = opened("not-vxlan", "DECAP of what is no tunnel")
    out.append(c.frame(frame(T4)).host("TUNNEL_INNER").frame(frame(T4, "udp")).host("TUNNEL_INNER")
               .frame(eth(CARD0, CLIENT_MAC) / ARP()).host("TUNNEL_INNER"))
    rows = [("arp", eth(CARD1, CLIENT_MAC) / ARP(), "TUNNEL_INNER"),
            ("tagged", eth(CARD1, CLIENT_MAC, 5) / packet(*T4), "TUNNEL_INNER"),
            ("header-only", eth(CARD1, CLIENT_MAC, type=0x9000), "TUNNEL_INNER"),
            ("ip-cut", bytes(one)[:14 + 19], "BAD_IP"), ("ip-none", bytes(one)[:14], "BAD_IP"),
            ("ip6-cut", bytes(two)[:14 + 39], "BAD_IP"), ("ip-longer", bytes(one)[:-1], "BAD_IP"),
            ("version", inner_frame(IP(src=C4, dst=V4, version=6) / l4("tcp", 1, 2)), "BAD_IP"),
            ("checksum", inner_frame(IP(src=C4, dst=V4, chksum=1) / l4("tcp", 1, 2)), "BAD_IP_CSUM"),
            ("icmp", inner_frame(IP(src=C4, dst=V4) / ICMP()), "NO_L4"),
            ("fragment", inner_frame(IP(src=C4, dst=V4, flags="MF") / l4("tcp", 1, 2)), "FRAGMENT"),
            ("options", inner_frame(IP(src=C4, dst=V4, options=ROUTE) / l4("tcp", 1, 2)), "IP_OPTIONS"),
            ("extension", inner_frame(IPv6(src=C6, dst=V6, nh=60) / Raw(bytes([6, 2]) + bytes(14))), "EXT_HDR"),
            ("fragment6", inner_frame(IPv6(src=C6, dst=V6) / IPv6ExtHdrFragment() / l4("tcp", 1, 2)), "FRAGMENT"),
            ("tcp-cut", inner_frame(IP(src=C4, dst=V4, proto=6) / Raw(bytes(19))), "BAD_L4"),
            ("udp-length", inner_frame(IP(src=C4, dst=V4) / UDP(sport=1, dport=2, len=30)), "BAD_L4")]
    for name, inside, reason in rows:
        got = opened("inner-" + name, f"inner frame: {name}").frame(outer(inside))
        out.append(got.drop(reason, rule=0) if reason.startswith("BAD") else got.host(reason))
    c = opened("nested", "only the outer tunnel is opened")
    nested = inner_frame(ip(C4, V4) / UDP(sport=1, dport=4789, chksum=0) / Raw(bytes(outer(one))[42:]))
    out.append(c.frame(outer(nested)).host("MISS", key=((C4, 1, V4, 4789), "udp", 8)))
    c = Case("decap-no-flag", "a tunnel without DECAP is looked up by its outer packet").rule(0, "FLOWS", tenant=8)
    f = c.action(0).flow((R4, 50000, B4, 4789), "udp", tenant=8)
    out.append(c.frame(outer(one)).forward(outer(one), f))
    c = opened("inner-padding", "padding of the inner frame is cut")
    f = c.action(0).flow(T4, tenant=8)
    out.append(c.frame(outer(bytes(one) + bytes(30))).forward(one, f))
    c = opened("outer-padding", "padding after the outer packet is no inner byte")
    f = c.action(0).flow(T4, tenant=8)
    out.append(c.frame(bytes(outer(one)) + bytes(9)).forward(one, f))
    c = opened("outer-checksum-ignored", "the outer UDP checksum is not judged")
    f = c.action(0).flow(T4, tenant=8)
    out.append(c.frame(outer(one, chksum=0xBAD)).forward(one, f))
    c = Case("decap-syn-to-host", "a SYN inside goes to the host").rule(
        0, "HOST", vni=100, tcp_flags=2, tcp_flags_mask=0x12).rule(1, "FLOWS", tenant=8, flags=("DECAP",), vni=100)
    f = c.action(0).flow(T4, tenant=8)
    out.append(c.frame(outer(inner_frame(packet(*T4, flags="S")))).host("RULE").frame(outer(one)).forward(one, f, rule=1))
    c = opened("inner-ttl", "the inner TTL counts, not the outer")
    f = c.action(0).flow(T4, tenant=8, dec_ttl=True)
    out.append(c.frame(outer(inner_frame(packet(*T4, ttl=1)))).host("TTL", flow=f).frame(outer(one, ttl=1))
               .forward(inner_frame(packet(*T4, ttl=63)), f))
    c = opened("mtu", "the MTU is that of the new outermost packet")
    size = len(one) - 14
    c.action(0, mtu=size).action(1, mtu=size - 1)
    f, g = c.flow(T4, tenant=8), c.flow(T6, tenant=8, action=1)
    out.append(c.frame(outer(one)).forward(one, f).frame(outer(two)).host("MTU", flow=g))
    big = inner_frame(packet(*T4, data=b"j" * (9600 - 50 - 14 - 40)))
    c = opened("jumbo", "9600 bytes with a tunnel inside")
    f = c.action(0).flow(T4, tenant=8)
    out.append(c.frame(outer(big)).forward(big, f))
    c = opened("copy", "the copy is the frame as it came", copy_mark=4)
    c.rule(0, "FLOWS", tenant=8, flags=("DECAP", "COPY"), copy_mark=4)
    f = c.action(0).flow(T4, tenant=8)
    out.append(c.frame(outer(one)).forward(one, f, copy=4))
    return out


def commands():
    out = []

    def base(name, about):
        c = Case("flow-" + name, about).rule(0, "FLOWS", tenant=2)
        c.action(0).action(1, l2=(BACKEND_MAC, CARD1), inner_proto=4)
        return c, c.flow(T4, tenant=2)

    hit = frame(T4)
    moved = eth(BACKEND_MAC, CARD1) / packet(*T4)
    c, f = base("insert-again", "an insert of a present key replaces its record and keeps its counters")
    c.at(5).frame(hit).forward(hit, f).at(9)
    c.command("INSERT", T4, tenant=2, status="EXISTS", flow_id=0, flow=f, action=1)
    out.append(c.frame(hit).forward(moved, f))
    c, f = base("update", "an update replaces the record and keeps the counters")
    c.at(5).frame(hit).forward(hit, f).at(7).command("UPDATE", T4, tenant=2, flow_id=0, flow=f, action=1)
    out.append(c.frame(hit).forward(moved, f))
    c, f = base("update-absent", "an update of an absent key")
    c.command("UPDATE", T6, tenant=2, status="NOT_FOUND", action=1)
    out.append(c.frame(hit).forward(hit, f))
    c, f = base("delete", "a delete answers with the final counters; then the flow misses")
    c.at(3).frame(hit).forward(hit, f).at(10).frame(hit).forward(hit, f).at(40)
    c.command("DELETE", T4, tenant=2, flow_id=0, flow=f)
    out.append(c.frame(hit).host("MISS", key=(T4, "tcp", 2)).command("DELETE", T4, tenant=2, status="NOT_FOUND"))
    c, f = base("query", "a query answers with counters and idle time")
    c.at(3).command("QUERY", T4, tenant=2, flow_id=0, flow=f).frame(hit).forward(hit, f).at(30)
    c.command("QUERY", T4, tenant=2, flow_id=0, flow=f)
    out.append(c.command("QUERY", T4, tenant=3, status="NOT_FOUND"))
    c, f = base("dump", "a dump gives key, record and counters of a flow id")
    c.at(3).frame(hit).forward(hit, f).at(8).command("DUMP", dump=0, flow_id=0, flow=f)
    out.append(c.command("DUMP", dump=1, status="NOT_FOUND"))
    c, f = base("ids", "flow ids are taken in order and a freed one goes to the end of the queue")
    g = c.flow(T6, tenant=2)
    c.frame(frame(T6)).forward(frame(T6), g)
    c.command("DELETE", T4, tenant=2, flow_id=0, flow=f).command("INSERT", T4, tenant=2, flow_id=2)
    out.append(c.command("DUMP", dump=0, status="NOT_FOUND").frame(frame(T6)).forward(frame(T6), g))
    c, f = base("nop", "NOP only completes")
    out.append(c.command("NOP").frame(hit).forward(hit, f))
    c, f = base("epoch", "after a change of epoch nothing from before matches")
    c.frame(hit).forward(hit, f).csr("EPOCH", 1).frame(hit).host("MISS", key=(T4, "tcp", 2))
    out.append(c.command("QUERY", T4, tenant=2, status="NOT_FOUND"))
    c, f = base("action-rewritten", "one action write moves all its flows")
    g = c.flow((C4, 40001, V4, 80), tenant=2)
    near = frame((C4, 40001, V4, 80))
    c.frame(hit).forward(hit, f).frame(near).forward(near, g)
    c.write("ACTION", 0, c.action_bytes(l2=(ROUTER_MAC, CARD0), inner_proto=4, port=0, vlan=4))
    out.append(c.frame(hit).forward(eth(ROUTER_MAC, CARD0, 4) / packet(*T4), f, port=0)
               .frame(near).forward(eth(ROUTER_MAC, CARD0, 4) / packet(C4, 40001, V4, 80), g, port=0))
    c, f = base("action-removed", "a flow whose action was removed goes to the host")
    c.frame(hit).forward(hit, f).write("ACTION", 0, bytes(128))
    out.append(c.frame(hit).host("BAD_ACTION", flow=f))
    c, f = base("many", "two hundred flows are all found")
    for n in range(200):
        tup = (f"10.1.{n}.1", 2000 + n, V4, 80)
        g = c.flow(tup, tenant=2)
        c.frame(frame(tup, data=b"")).forward(frame(tup, data=b""), g)
    out.append(c.frame(hit).forward(hit, f))
    return out
