# SPDX-License-Identifier: BSD-3-Clause
"""ICMP and ICMPv6 errors: the host gets them with the flow that they are about."""
import itertools

from scapy.layers.inet import ICMP, IP, IPOption_NOP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6PacketTooBig, ICMPv6ParamProblem, \
    ICMPv6TimeExceeded, ICMPv6Unknown, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.packet import Raw

from case import C6, CARD0, CARD1, CLIENT_MAC, Case, R4, R6, V4, V6, eth, vxlan
from .modes import BACKEND, T, TENANT, VTEPS

HEAD = eth(CARD0, CLIENT_MAC)
ROUTER = {4: R4, 6: R6}
ERRORS = {4: {"unreachable": ICMP(type=3, code=1), "too-big": ICMP(type=3, code=4, nexthopmtu=1400),
              "time": ICMP(type=11), "parameter": ICMP(type=12)},
          6: {"unreachable": ICMPv6DestUnreach(), "too-big": ICMPv6PacketTooBig(mtu=1400),
              "time": ICMPv6TimeExceeded(), "parameter": ICMPv6ParamProblem()}}
NO_ERRORS = {4: {"echo": ICMP(type=8), "reply": ICMP(type=0), "quench": ICMP(type=4), "redirect": ICMP(type=5),
                 "timestamp": ICMP(type=13)},
             6: {"echo": ICMPv6EchoRequest(), "type-0": ICMPv6Unknown(type=0, msgbody=bytes(4)),
                 "type-5": ICMPv6Unknown(type=5, msgbody=bytes(4)), "type-129": ICMPv6Unknown(type=129, msgbody=bytes(4))}}


def back(tup):
    return (tup[2], tup[3], tup[0], tup[1])


def quoted(tup, l4_proto, keep=None, **more):
    """The bytes of a packet as a router quotes it, cut to keep bytes of L4."""
    src, sport, dst, dport = tup
    head = IP(src=src, dst=dst, ttl=9, **more) if ":" not in src else IPv6(src=src, dst=dst, hlim=9, **more)
    data = bytes(head / ((TCP if l4_proto == "tcp" else UDP)(sport=sport, dport=dport)) / Raw(b"quoted payload"))
    base = 20 if ":" not in src else 40
    return data if keep is None else data[:base + keep]


def error(family, kind, quote, dst=None, **more):
    """An error that a router between sends to the VIP, or to dst."""
    to = dst or T[family][2]
    head = IP(src=ROUTER[family], dst=to, **more) if family == 4 else IPv6(src=ROUTER[family], dst=to, **more)
    return head / kind.copy() / Raw(quote)


def flows(name, about):
    return Case("icmp-" + name, about).rule(0, "FLOWS", tenant=TENANT).action(0)


def cases():
    return found() + not_found() + tunnels()


def found():
    out = []
    for family, proto in itertools.product((4, 6), ("tcp", "udp")):
        for name, kind in ERRORS[family].items():
            c = flows(f"{family}-{proto}-{name}", "about a packet of the VIP: the connection's flow is found")
            c.miss_mark = 77
            f = c.flow(T[family], proto, tenant=TENANT)
            for keep in (None, 8):
                c.frame(HEAD / error(family, kind, quoted(back(T[family]), proto, keep))).host("ICMP_ERROR", flow=f)
            other = (*T[family][:3], 81)
            out.append(c.frame(HEAD / error(family, kind, quoted(back(other), proto))).host(
                "ICMP_ERROR", key=(other, proto, TENANT)))
        c = flows(f"{family}-{proto}-nat", "about a packet to a backend: the flow of the way back is found")
        way_back = (*BACKEND[family], *T[family][:2])
        f = c.flow(way_back, proto, tenant=TENANT, nat_src=T[family][2:])
        out.append(c.frame(HEAD / error(family, ERRORS[family]["time"], quoted(back(way_back), proto), dst=T[family][0]))
                   .host("ICMP_ERROR", flow=f))
        c = Case(f"icmp-{family}-{proto}-class", "a rule sees ICMP, from whom and to whom it is")
        c.rule(0, "HOST", proto=6 if proto == "tcp" else 17).rule(1, "HOST", dports=(1, 65535))
        c.rule(2, "FLOWS", tenant=TENANT, meter=3, proto=1 if family == 4 else 58).meter(3, 1, 1)
        f = c.action(0).flow(T[family], proto, tenant=TENANT)
        data = HEAD / error(family, ERRORS[family]["too-big"], quoted(back(T[family]), proto))
        out.append(c.frame(data).host("ICMP_ERROR", rule=2, flow=f).frame(data).drop("METERED", rule=2))
    return out


def not_found():
    """Where no flow can be told, the error is as any packet without a key."""
    out = []

    def one(name, about, data, reason="NO_L4"):
        c = flows(name, about)
        for family, proto in itertools.product((4, 6), ("tcp", "udp")):
            c.flow(T[family], proto, tenant=TENANT)
        out.append(c.frame(HEAD / data).host(reason))

    for family in (4, 6):
        quote = quoted(back(T[family]), "tcp")
        kind = ERRORS[family]["too-big"]
        for name, no_error in NO_ERRORS[family].items():
            one(f"{family}-{name}", "no error", error(family, no_error, quote))
        for keep in (0, 4, 7):
            one(f"{family}-cut-{keep}", "too little of the L4 header", error(family, kind, quoted(back(T[family]), "tcp", keep)))
        one(f"{family}-empty", "nothing quoted", error(family, kind, b""))
        one(f"{family}-version", "a quoted packet of the other family",
            error(family, kind, quoted(back(T[10 - family]), "tcp") + bytes(40)))
        for proto in (1, 58, 50, 132):
            more = {"proto": proto} if family == 4 else {"nh": proto}
            one(f"{family}-of-{proto}", "about another protocol", error(family, kind, quoted(back(T[family]), "tcp", **more)))
    quote = quoted(back(T[4]), "tcp")
    one("4-quoted-options", "a quoted header with options", error(4, ERRORS[4]["time"], quoted(back(T[4]), "tcp",
        options=[IPOption_NOP()] * 4)))
    one("4-quoted-later-fragment", "a quoted later fragment", error(4, ERRORS[4]["time"], quoted(back(T[4]), "tcp", frag=1)))
    one("4-options", "an error behind options", error(4, ERRORS[4]["time"], quote, options=[IPOption_NOP()] * 4))
    one("4-fragment", "a fragment of an error", error(4, ERRORS[4]["time"], quote, flags="MF"), "FRAGMENT")
    one("6-extension", "an error behind an extension header", IPv6(src=R6, dst=V6) / IPv6ExtHdrDestOpt() /
        ERRORS[6]["time"].copy() / Raw(quoted(back(T[6]), "tcp")))
    one("6-quoted-fragment", "a quoted fragment", error(6, ERRORS[6]["time"], bytes(
        IPv6(src=V6, dst=C6) / IPv6ExtHdrFragment() / TCP(sport=80, dport=40000))))
    one("58-over-4", "ICMPv6's number in IPv4", IP(src=R4, dst=V4, proto=58) / Raw(b"\x01\0\0\0\0\0\0\0" + quote))
    one("1-over-6", "ICMP's number in IPv6", IPv6(src=R6, dst=V6, nh=1) / Raw(b"\x03\0\0\0\0\0\0\0" + quoted(back(T[6]), "tcp")))
    for proto in ("tcp", "udp"):
        c = flows(f"first-fragment-{proto}", "a quoted first fragment has its ports")
        f = c.flow(T[4], proto, tenant=TENANT)
        out.append(c.frame(HEAD / error(4, ERRORS[4]["time"], quoted(back(T[4]), proto, flags="MF"))).host("ICMP_ERROR", flow=f))
    return out


def tunnels():
    """An error inside a tunnel is about a flow of the tunnel's tenant; the host gets it with its tunnel."""
    out = []
    for family, over, vlan in itertools.product((4, 6), (4, 6), (None, 9)):
        c = Case(f"icmp-decap-{family}in{over}-{vlan or 'plain'}", "out of a tunnel", "vxlan-decap")
        c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",)).action(0)
        f = c.flow(T[family], tenant=TENANT)
        inner = eth(CARD1, CLIENT_MAC) / error(family, ERRORS[family]["unreachable"], quoted(back(T[family]), "tcp"))
        out.append(c.frame(vxlan(inner, *VTEPS[over], 5, vlan=vlan)).host("ICMP_ERROR", flow=f))
    return out
