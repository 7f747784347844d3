# SPDX-License-Identifier: BSD-3-Clause
"""IPv4 options and IPv6 extension headers: what is forwarded with them, and what of them goes to the host."""
import itertools

from scapy.layers.inet import ICMP, IP, IPOption_LSRR, IPOption_NOP, IPOption_RR, IPOption_Router_Alert, \
    IPOption_SSRR, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, \
    IPv6ExtHdrRouting, Jumbo, PadN, RouterAlert
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw
from scapy.utils import checksum

from case import B4, B6, BACKEND_MAC, C4, C6, CARD0, CARD1, CLIENT_MAC, Case, R4, ROUTER_MAC, V4, V6, entropy_port, eth, \
    key_hash, l4, vxlan
from .modes import BACKEND, INNER, INNER_MACS, T, TENANT, VTEPS, outer_ip

HEAD = eth(CARD0, CLIENT_MAC)


def options(words):
    return [IPOption_NOP()] * (4 * words)


def with_options(tup, proto="tcp", ttl=64, what=(), **more):
    return IP(src=tup[0], dst=tup[2], ttl=ttl, options=list(what), **more) / l4(proto, tup[1], tup[3])


def with_bytes(tup, octets):
    """A packet with exactly these option bytes, whatever scapy thinks of them."""
    data = bytearray(bytes(with_options(tup, what=options(len(octets) // 4))))
    data[20:20 + len(octets)], data[10:12] = octets, b"\0\0"
    data[10:12] = checksum(bytes(data[:20 + len(octets)])).to_bytes(2, "big")
    return bytes(data)


def pad(size):
    """Options of an extension header of that many bytes."""
    return [PadN(optdata=bytes(size - 4))]


def hop(size=8):
    return IPv6ExtHdrHopByHop(options=pad(size))


def dest(size=8):
    return IPv6ExtHdrDestOpt(options=pad(size))


def routing(segments=1, left=0, kind=4):
    return IPv6ExtHdrRouting(type=kind, segleft=left, addresses=[f"fd00::{n + 1:x}" for n in range(segments)])


def chain(tup, headers, proto="tcp", ttl=64, payload=None):
    out = IPv6(src=tup[0], dst=tup[2], hlim=ttl)
    for header in headers:
        out = out / header.copy()
    return out / (payload or l4(proto, tup[1], tup[3]))


FOLLOWED = {"hop": [hop()], "hop-16": [hop(16)], "hop-32": [hop(32)], "dest": [dest()], "dest-24": [dest(24)],
            "routing-empty": [routing(0)], "routing-24": [routing(1)], "hop-dest": [hop(), dest()],
            "hop-routing": [hop(), routing(1)], "dest-dest": [dest(8), dest(24)], "dest-16-16": [dest(16), dest(16)],
            "routing-dest": [routing(1), dest()], "hop-24-dest": [hop(24), dest()]}


def packets():
    """(name, family, packet of tuple, protocol and TTL)"""
    for words in range(1, 11):
        yield f"ihl-{5 + words}", 4, lambda tup, proto, ttl, n=words: with_options(tup, proto, ttl, options(n))
    yield "record-route", 4, lambda tup, proto, ttl: with_options(
        tup, proto, ttl, [IPOption_RR(length=39, pointer=4, routers=["10.1.2.3"] * 9)])
    for name, headers in FOLLOWED.items():
        yield name, 6, lambda tup, proto, ttl, h=tuple(headers): chain(tup, h, proto, ttl)


def cases():
    return forwarded() + tunnels() + asking() + chains() + classified()


def forwarded():
    """Rewritten as any other packet: header checksum, TTL, addresses, ports, L4 checksum."""
    out = []
    for (name, family, packet), proto in itertools.product(packets(), ("tcp", "udp")):
        tup, backend = T[family], BACKEND[family]
        for change in ("l2", "nat-dst", "nat-src"):
            c = Case(f"headers-{name}-{proto}-{change}", "forwarded with what stands before its L4 header",
                     "dsr-l2" if change == "l2" else "nat")
            c.rule(0, "FLOWS", tenant=TENANT).action(2, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family], mtu=1500)
            how = {"l2": {}, "nat-dst": {"nat_dst": backend}, "nat-src": {"nat_src": backend}}[change]
            f = c.flow(tup, proto, tenant=TENANT, action=2, dec_ttl=True, **how)
            left = {"l2": tup, "nat-dst": (*tup[:2], *backend), "nat-src": (*backend, *tup[2:])}[change]
            for vlan in (None, 5):
                c.frame(eth(CARD0, CLIENT_MAC, vlan) / packet(tup, proto, 64)).forward(
                    eth(BACKEND_MAC, CARD1) / packet(left, proto, 63), f)
            out.append(c.frame(HEAD / packet(tup, proto, 1)).host("TTL", flow=f))
    return out


def tunnels():
    """Into every kind of tunnel and out of VXLAN; the header template shifts the packet by all its lengths."""
    out = []
    for name, family, packet in packets():
        tup = T[family]
        h = key_hash(tup, "tcp", TENANT)
        for over, vlan in itertools.product((4, 6), (None, 7)):
            c = Case(f"headers-ipip-{name}-over-{over}-{vlan or 'plain'}", "inside IP-in-IP", "ipip")
            c.rule(0, "FLOWS", tenant=TENANT)
            c.action(3, l2=(ROUTER_MAC, CARD1), vlan=vlan, outer=VTEPS[over], inner_proto=INNER[family])
            f = c.flow(tup, tenant=TENANT, action=3, dec_ttl=True)
            out.append(c.frame(HEAD / packet(tup, "tcp", 64)).forward(
                eth(ROUTER_MAC, CARD1, vlan) / outer_ip(over, VTEPS[over]) / packet(tup, "tcp", 63), f))
            c = Case(f"headers-vxlan-{name}-over-{over}-{vlan or 'plain'}", "inside VXLAN", "vxlan")
            c.rule(0, "FLOWS", tenant=TENANT)
            c.action(3, l2=(ROUTER_MAC, CARD1), vlan=vlan, outer=VTEPS[over], vni=7, inner_l2=INNER_MACS,
                     inner_proto=INNER[family])
            f = c.flow(tup, tenant=TENANT, action=3, dec_ttl=True, nat_dst=BACKEND[family])
            out.append(c.frame(HEAD / packet(tup, "tcp", 64)).forward(
                eth(ROUTER_MAC, CARD1, vlan) / outer_ip(over, VTEPS[over]) / UDP(sport=entropy_port(h), dport=4789, chksum=0) /
                VXLAN(flags=8, vni=7) / eth(*INNER_MACS) / packet((*tup[:2], *BACKEND[family]), "tcp", 63), f))
            c = Case(f"headers-decap-{name}-over-{over}-{vlan or 'plain'}", "out of VXLAN", "vxlan-decap")
            c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",)).action(0, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family])
            f = c.flow(tup, tenant=TENANT, dec_ttl=True, nat_dst=BACKEND[family])
            out.append(c.frame(vxlan(eth(CARD1, CLIENT_MAC) / packet(tup, "tcp", 64), *VTEPS[over], 9, vlan=vlan)).forward(
                eth(BACKEND_MAC, CARD1) / packet((*tup[:2], *BACKEND[family]), "tcp", 63), f))
    return out


def flows(name, about):
    return Case("headers-" + name, about).rule(0, "FLOWS", tenant=TENANT)


def asking():
    """Options that ask a router to do something; they are looked for at every byte."""
    out = []
    asks = {"lsrr": [IPOption_LSRR(routers=["10.9.9.9"])], "ssrr": [IPOption_SSRR(routers=["10.9.9.9", "10.8.8.8"])],
            "lsrr-late": options(8) + [IPOption_LSRR(routers=["10.9.9.9"])],
            "ssrr-odd": [IPOption_NOP()] + [IPOption_SSRR(routers=["10.9.9.9"])],
            "router-alert": [IPOption_Router_Alert()], "router-alert-late": options(9) + [IPOption_Router_Alert()]}
    odd = {"alert-in-timestamp": b"\x44\x0c\x05\0\x94\x04\0\0\0\0\0\0", "route-at-the-end": b"\1" * 38 + b"\x83\x03"}
    passes = {"timestamp": b"\x44\x0c\x05\0\x12\x34\x56\x78\0\0\0\0", "route-length-2": b"\x83\x02\0\0", "end": bytes(4),
              "alert-length-3": b"\x94\x03\0\0", "route-cut": b"\1" * 39 + b"\x83", "unknown": b"\x55\x04\0\0",
              "strict-cut": b"\1" * 3 + b"\x89"}
    for name, what in asks.items():
        c = flows(f"option-{name}", "such an option sends the packet to the host")
        c.action(0).flow(T[4], tenant=TENANT)
        out.append(c.frame(HEAD / with_options(T[4], what=what)).host("IP_OPTIONS"))
    for name, octets in odd.items():
        c = flows(f"option-{name}", "a guess that errs on the safe side")
        c.action(0).flow(T[4], tenant=TENANT)
        out.append(c.frame(bytes(eth(CARD0, CLIENT_MAC, type=0x0800)) + with_bytes(T[4], octets)).host("IP_OPTIONS"))
    for name, octets in passes.items():
        c = flows(f"option-{name}", "an option that is nobody's business")
        f = c.action(0).flow(T[4], tenant=TENANT)
        data = bytes(eth(CARD0, CLIENT_MAC, type=0x0800)) + with_bytes(T[4], octets)
        out.append(c.frame(data).forward(data, f))
    c = flows("option-port-like-route", "ports that look like an option stand behind the options")
    tup = (T[4][0], 0x8303, T[4][2], 0x9404)
    f = c.action(0).flow(tup, tenant=TENANT)
    data = HEAD / with_options(tup, what=options(1))
    out.append(c.frame(data).forward(data, f))
    for name, data, reason in (
            ("icmp", IP(src=C4, dst=V4, options=options(2)) / ICMP(), "NO_L4"),
            ("icmp-route", IP(src=C4, dst=V4, options=asks["lsrr"]) / ICMP(), "IP_OPTIONS"),
            ("bad-l4-route", IP(src=C4, dst=V4, proto=6, options=asks["lsrr"]) / Raw(bytes(4)), "IP_OPTIONS"),
            ("fragment-route", IP(src=C4, dst=V4, flags="MF", options=asks["lsrr"]) / l4("tcp", 1, 2), "FRAGMENT")):
        out.append(flows("options-" + name, "the order of reasons").frame(HEAD / data).host(reason))
    for proto, size in ((6, 19), (17, 7)):
        out.append(flows(f"options-bad-l4-{proto}", "a cut L4 header behind options")
                   .frame(HEAD / IP(src=C4, dst=V4, proto=proto, options=options(10)) / Raw(bytes(size))).drop("BAD_L4", rule=0))
    return out


def chains():
    """The end of what is followed."""
    out = []

    def one(name, about, data, reason):
        got = flows("chain-" + name, about).frame(HEAD / data)
        out.append(got.drop(reason, rule=0) if reason == "BAD_L4" else got.host(reason))

    tup = T[6]
    one("three", "a third header is not followed", chain(tup, [hop(), dest(), dest()]), "EXT_HDR")
    one("long", "nor one of 40 bytes", chain(tup, [dest(40)]), "EXT_HDR")
    one("long-together", "nor two of 40 bytes together", chain(tup, [hop(16), dest(24)]), "EXT_HDR")
    one("long-first", "32 bytes leave no room for a second", chain(tup, [dest(32), dest(8)]), "EXT_HDR")
    one("longest", "the longest header", chain(tup, [IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(255))] * 7 + pad(249))]), "EXT_HDR")
    one("hop-second", "hop-by-hop options stand right behind the IPv6 header", chain(tup, [dest(), hop()]), "EXT_HDR")
    one("routing-0", "routing header type 0", chain(tup, [routing(1, kind=0)]), "EXT_HDR")
    one("routing-0-second", "also behind another header", chain(tup, [hop(), routing(1, kind=0)]), "EXT_HDR")
    one("routing-left", "a routing header with segments left", chain(tup, [routing(1, left=1)]), "EXT_HDR")
    one("routing-left-second", "also behind another header", chain(tup, [hop(), routing(1, left=1)]), "EXT_HDR")
    one("router-alert", "a router alert", chain(tup, [IPv6ExtHdrHopByHop(options=[RouterAlert(value=0)])]), "EXT_HDR")
    late = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(22)), RouterAlert(value=0)])
    one("router-alert-late", "at the end of a longer header", chain(tup, [late]), "EXT_HDR")
    one("jumbo", "a jumbogram does not fit a frame",
        IPv6(src=C6, dst=V6, plen=0) / IPv6ExtHdrHopByHop(options=[Jumbo(jumboplen=70000)]) / l4("tcp", 1, 2), "EXT_HDR")
    for size in (0, 1, 7, 15):
        one(f"cut-{size}", "an extension header that is cut off", IPv6(src=C6, dst=V6, nh=60) / Raw((b"\x06\x01" + bytes(14))[:size]),
            "EXT_HDR")
    one("cut-second", "a second one that is cut off", IPv6(src=C6, dst=V6, nh=0) / Raw(b"\x3c\0\x01\x04" + bytes(4) + b"\x06\x01" + bytes(13)),
        "EXT_HDR")
    for proto, size in ((6, 19), (17, 7), (6, 0)):
        one(f"bad-l4-{proto}-{size}", "an L4 header that is cut off", IPv6(src=C6, dst=V6, nh=60) / Raw(bytes([proto, 0, 1, 4, 0, 0, 0, 0]) +
            bytes(size)), "BAD_L4")
    for proto in (51, 50, 135, 139, 140):
        one(f"to-{proto}", f"next header {proto} behind one that is followed",
            IPv6(src=C6, dst=V6, nh=60) / Raw(bytes([proto, 0, 1, 4, 0, 0, 0, 0]) + bytes(40)), "EXT_HDR")
    one("icmp6", "ICMPv6 behind one", chain(tup, [hop()], payload=ICMPv6EchoRequest()), "NO_L4")
    one("none", "no next header", IPv6(src=C6, dst=V6, nh=60) / Raw(bytes([59, 0, 1, 4, 0, 0, 0, 0])), "NO_L4")
    one("fragment", "a fragment behind hop-by-hop options", chain(tup, [hop(), IPv6ExtHdrFragment(m=1)]), "FRAGMENT")
    one("fragment-third", "a fragment behind two headers", chain(tup, [hop(), routing(1), IPv6ExtHdrFragment(m=1, offset=5)]), "FRAGMENT")
    one("fragment-before", "what stands behind a fragment header is not looked at", chain(tup, [IPv6ExtHdrFragment(), dest()]), "FRAGMENT")
    near = IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\x05\x03\x04\x02")])
    c = flows("chain-no-router-alert", "bytes that only resemble a router alert")
    f = c.action(0).flow(tup, tenant=TENANT)
    data = HEAD / chain(tup, [near])
    c.frame(data).forward(data, f)
    data = HEAD / chain(tup, [IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\x05\x02\0\0")])])
    out.append(c.frame(data).forward(data, f))
    return out


def classified():
    """Rules see the protocol, the ports and the TCP flags behind the headers; tunnels are not sought there."""
    out = []
    for family, data in ((4, with_options((R4, 50000, B4, 4789), "udp", what=options(2))),
                         (6, chain((C6, 50000, B6, 4789), [dest()], "udp"))):
        inner = bytes(VXLAN(flags=8, vni=3) / eth(CARD1, CLIENT_MAC) / IP(src=C4, dst=V4) / TCP())
        data = data.copy()
        data.lastlayer().underlayer.remove_payload()
        c = Case(f"headers-no-tunnel-{family}", "a tunnel's outer packet has neither options nor extension headers")
        c.rule(0, "FLOWS", tenant=1, flags=("DECAP",))
        out.append(c.frame(HEAD / data / Raw(inner)).host("TUNNEL_INNER"))
    for name, family, packet in packets():
        c = Case(f"headers-class-{name}", "protocol, ports and flags behind the headers")
        c.rule(0, "HOST", mark=1, flags=("MARK",), proto=6, dports=(80, 80), tcp_flags=0x10, tcp_flags_mask=0x10)
        c.rule(1, "HOST", mark=2, flags=("MARK",), proto=17, sports=(40000, 40000))
        c.frame(HEAD / packet(T[family], "tcp", 64)).host("RULE", rule=0, mark=1)
        out.append(c.frame(HEAD / packet(T[family], "udp", 64)).host("RULE", rule=1, mark=2))
    return out
