# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels other than VXLAN on their way in: Geneve, GRE, GUE and IP in IP, which of them are opened and for whom."""
import itertools
import struct

from scapy.layers.inet import IP, IPOption_NOP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, GRE
from scapy.packet import Raw

from case import BACKEND_MAC, CARD0, CARD1, CLIENT_MAC, Case, ROUTER_MAC, eth, packet
from .ecn import CE, DECAPSULATED
from .modes import BACKEND, INNER, T, TENANT, VTEPS, outer_ip

TYPE = {4: 0x0800, 6: 0x86DD}
ALL = ("GENEVE", "GRE", "GUE", "IPIP")


def ends(over):
    return VTEPS[over][1], VTEPS[over][0]


def ip(over, tos=0, **more):
    src, dst = ends(over)
    return IP(src=src, dst=dst, tos=tos, **more) if over == 4 else IPv6(src=src, dst=dst, tc=tos, **more)


def udp(dport):
    return UDP(sport=50000, dport=dport)


def geneve(protocol, vni=9, first=0, second=0):
    return Raw(struct.pack(">BBHI", first, second, protocol, vni << 8))


def tunnel(kind, over, family, inner, tos=0):
    """The outer packet with the inner one; inner: scapy's packet of that family."""
    proto = {"proto" if over == 4 else "nh": {"GRE": 47, "IPIP": INNER[family]}.get(kind.split("-")[0], 17)}
    head = ip(over, tos, **proto)
    data = bytes(inner)
    if kind == "IPIP":
        return head / Raw(data)
    if kind == "GRE":
        return head / Raw(bytes(GRE(proto=TYPE[family])) + data)
    if kind == "GRE-key":
        return head / Raw(bytes(GRE(proto=TYPE[family], key_present=1, key=0xA0000009)) + data)
    if kind == "GUE":
        return head / udp(6080) / Raw(struct.pack(">BBH", 0, INNER[family], 0) + data)
    if kind == "GUE-1":
        return head / udp(6080) / Raw(data)
    if kind == "GENEVE-ip":
        return head / udp(6081) / geneve(TYPE[family]) / Raw(data)
    return head / udp(6081) / geneve(0x6558) / eth(CARD1, CLIENT_MAC, type=TYPE[family]) / inner


KINDS = ("IPIP", "GRE", "GRE-key", "GUE", "GUE-1", "GENEVE", "GENEVE-ip")
VNI = {"GRE-key": 0xA0000009, "GENEVE": 9, "GENEVE-ip": 9}


def mode_of(kind):
    return kind.split("-")[0]


def opened(name, about, kind, **match):
    """A rule as an operator would have it: this tunnel, to this VTEP, from a source that is trusted."""
    c = Case("tunnel-in-" + name, about).tunnels(*ALL)
    return c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",), tunnel=mode_of(kind), **match)


def arrived(kind, over, family, inner, vlan=None, tos=0):
    return eth(CARD0, CLIENT_MAC, vlan) / tunnel(kind, over, family, inner, tos)


def cases():
    return forwarded() + trusted() + ecn() + refused() + shapes() + switched()


def forwarded():
    out = []
    for kind, family, over, vlan in itertools.product(KINDS, (4, 6), (4, 6), (None, 5)):
        tup, backend = T[family], BACKEND[family]
        c = opened(f"{kind.lower()}-{family}in{over}-{vlan or 'plain'}", "the inner packet is looked up and forwarded", kind)
        c.action(0, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family], mtu=1500)
        c.action(1, l2=(ROUTER_MAC, CARD1), outer=VTEPS[over], inner_proto=INNER[family])
        f = c.flow(tup, tenant=TENANT, dec_ttl=True, nat_dst=backend)
        g = c.flow(tup, "udp", tenant=TENANT, action=1, dec_ttl=True)
        left = (*tup[:2], *backend)
        for size in (0, 1, 40, 700):
            data = b"d" * size
            c.frame(bytes(arrived(kind, over, family, packet(*tup, data=data), vlan)) + b"pad").forward(
                eth(BACKEND_MAC, CARD1) / packet(*left, data=data, ttl=63), f)
            c.frame(arrived(kind, over, family, packet(*tup, proto="udp", data=data), vlan)).forward(
                eth(ROUTER_MAC, CARD1) / outer_ip(over, VTEPS[over]) / packet(*tup, proto="udp", data=data, ttl=63), g)
        c.frame(arrived(kind, over, family, packet(*tup, ttl=1), vlan)).host("TTL", flow=f)
        miss = (*tup[:3], 81)
        out.append(c.frame(arrived(kind, over, family, packet(*miss), vlan)).host("MISS", key=(miss, "tcp", TENANT)))
    for kind in KINDS:
        c = opened(f"{kind.lower()}-as-it-is", "without STRIP_L2 an inner Ethernet header stays; a bare packet has none", kind)
        f = c.action(0).flow(T[4], tenant=TENANT)
        got = c.frame(arrived(kind, 4, 4, packet(*T[4])))
        out.append(got.forward(eth(CARD1, CLIENT_MAC) / packet(*T[4]), f) if kind == "GENEVE" else got.host("BAD_ACTION", flow=f))
        c = opened(f"{kind.lower()}-options", "options inside", kind)
        c.action(0, l2=(BACKEND_MAC, CARD1), inner_proto=4)
        f = c.flow(T[4], tenant=TENANT, nat_dst=BACKEND[4])

        def inside(tup):
            p = packet(*tup)
            p.options = [IPOption_NOP()] * 40
            return p
        out.append(c.frame(arrived(kind, 6, 4, inside(T[4]), 5)).forward(
            eth(BACKEND_MAC, CARD1) / inside((*T[4][:2], *BACKEND[4])), f))
    return out


def trusted():
    """Opened only to the VTEP, from a trusted source, in the network of the rule; else it is a packet as any other."""
    out = []
    for kind, over in itertools.product(KINDS, (4, 6)):
        src, dst = ends(over)
        inner = packet(*T[4])
        frame = arrived(kind, over, 4, inner)
        plen = 32 if over == 4 else 128
        right = {"src": f"{src}/{plen}", "dst": f"{dst}/{plen}"}
        if kind in VNI:
            right["vni_is"] = VNI[kind]
        for name, change in (("all", {}), ("source", {"src": f"{dst}/{plen}"}), ("vtep", {"dst": f"{src}/{plen}"}),
                             ("vni", {"vni_is": VNI.get(kind, 0) ^ 0x10}), ("kind", {"kind": "IPIP" if kind != "IPIP" else "GRE"})):
            want = {**right, **change}
            vni, as_kind = want.pop("vni_is", 0), want.pop("kind", kind)
            c = opened(f"trusted-{kind.lower()}-over-{over}-{name}", "what the rule says must hold", as_kind,
                       **want, inner_l3=4, inner_proto=6)
            c.rules[0] = (c.rule_bytes("FLOWS", TENANT, ("DECAP",), tunnel=mode_of(as_kind), vni_number=vni, **want,
                                       inner_l3=4, inner_proto=6), c.rules[0][1])
            c.rule(1, "HOST", mark=5, flags=("MARK",))
            c.action(0, l2=(BACKEND_MAC, CARD1), inner_proto=4)
            f = c.flow(T[4], tenant=TENANT)
            got = c.frame(frame)
            out.append(got.forward(eth(BACKEND_MAC, CARD1) / inner, f) if name == "all" else got.host("RULE", rule=1, mark=5))
    return out


def ecn():
    out = []
    for kind, family, over in itertools.product(("IPIP", "GRE", "GUE", "GENEVE"), (4, 6), (4, 6)):
        c = opened(f"ecn-{kind.lower()}-{family}in{over}", "the table of RFC 6040, section 4.2", kind)
        c.action(0, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family])
        f = c.flow(T[family], tenant=TENANT)
        for inside, outside in itertools.product(range(4), range(4)):
            def inner(ecn_field):
                p = packet(*T[family])
                setattr(p, "tos" if family == 4 else "tc", 0xB8 | ecn_field)
                return p
            got = c.frame(arrived(kind, over, family, inner(inside), tos=0x48 | outside))
            to = DECAPSULATED[inside][outside]
            if to is None:
                got.drop("TUNNEL_ECN", rule=0)
            else:
                got.forward(eth(BACKEND_MAC, CARD1) / inner(to), f)
        out.append(c)
    c = Case("tunnel-in-ecn-closed", "a tunnel that is not opened keeps what it says").tunnels(*ALL).rule(0, "FLOWS")
    return out + [c.frame(arrived("IPIP", 4, 4, packet(*T[4]), tos=CE)).host("NO_L4")]


def refused():
    """A tunnel, but nothing in it that could be forwarded."""
    out = []
    for kind in KINDS:
        one = bytes(packet(*T[4]))
        rows = [("fragment", bytes(IP(src=T[4][0], dst=T[4][2], flags="MF") / (b"f" * 40)), "FRAGMENT"),
                ("cut", one[:19] if kind != "GUE-1" else one[:19], "BAD_IP"), ("longer", one[:-1], "BAD_IP"),
                ("checksum", one[:10] + b"\x12\x34" + one[12:], "BAD_IP_CSUM"),
                ("icmp", bytes(IP(src=T[4][0], dst=T[4][2], proto=1) / (b"\x08" + bytes(20))), "NO_L4"),
                ("tcp-cut", bytes(IP(src=T[4][0], dst=T[4][2], proto=6) / bytes(19)), "BAD_L4")]
        for name, inner, reason in rows:
            c = opened(f"{kind.lower()}-inner-{name}", f"inner packet: {name}", kind)
            got = c.frame(arrived(kind, 6, 4, Raw(inner)))
            out.append(got.drop(reason, rule=0) if reason.startswith("BAD") else got.host(reason))
    for name, data in (("gre-arp", ip(4, proto=47) / Raw(bytes(GRE(proto=0x0806)) + bytes(ARP()))),
                       ("gre-ethernet", ip(4, proto=47) / Raw(bytes(GRE(proto=0x6558)) + bytes(60))),
                       ("gue-udp", ip(4) / udp(6080) / Raw(b"\0\x11\0\0" + bytes(40))),
                       ("geneve-arp", ip(4) / udp(6081) / geneve(0x0806) / ARP()),
                       ("geneve-inner-arp", ip(4) / udp(6081) / geneve(0x6558) / eth(CARD1, CLIENT_MAC) / ARP())):
        c = opened("inner-" + name, "no IP packet inside", name.split("-")[0].upper())
        out.append(c.frame(eth(CARD0, CLIENT_MAC) / data).host("TUNNEL_INNER"))
    return out


def shapes():
    """What is no tunnel although it looks like one: rule 0 would open any, rule 1 takes what is none."""
    out = []
    one = bytes(packet(*T[4]))

    def none(name, data):
        c = Case("tunnel-in-no-" + name, "not recognised").tunnels(*ALL)
        c.rule(0, "HOST", tunnel="NONE", mark=1, flags=("MARK",)).rule(1, "FLOWS", tenant=TENANT, flags=("DECAP",))
        out.append(c.frame(eth(CARD0, CLIENT_MAC) / data).host("RULE", mark=1))

    for first, second in ((0x80, 0), (0x10, 0), (0x40, 0), (0x08, 0), (0x04, 0), (0x01, 0), (0, 1), (0, 2), (0, 0x80)):
        none(f"gre-{first:02x}{second:02x}", ip(4, proto=47) / Raw(bytes([first, second, 8, 0]) + bytes(4) + one))
    for n in (0, 3):
        none(f"gre-cut-{n}", ip(4, proto=47) / Raw(bytes(n)))
    none("gre-key-cut", ip(4, proto=47) / Raw(b"\x20\0\x08\0\0\0\0"))
    none("gre-fragment", ip(4, proto=47, flags="MF") / Raw(bytes(GRE(proto=0x0800)) + one))
    none("gre-options", ip(4, proto=47, options=[IPOption_NOP()] * 4) / Raw(bytes(GRE(proto=0x0800)) + one))
    none("ipip-options", ip(4, proto=4, options=[IPOption_NOP()] * 4) / Raw(one))
    none("ipip-fragment", ip(4, proto=4, frag=7) / Raw(one))
    none("ipip-extension", ip(6) / IPv6ExtHdrDestOpt(nh=4) / Raw(one))
    for first in (0x01, 0x05, 0x20, 0x30, 0x50, 0x70, 0x80, 0xC0):
        none(f"gue-{first:02x}", ip(4) / udp(6080) / Raw(bytes([first, 4, 0, 0]) + one))
    none("gue-flags", ip(4) / udp(6080) / Raw(b"\0\x04\0\x01" + one))
    for n in range(4):
        none(f"gue-cut-{n}", ip(4) / udp(6080) / Raw(bytes(n)))
    for first, second in ((0x40, 0), (0x01, 0), (0x3F, 0), (0, 0x80), (0, 0x40)):
        none(f"geneve-{first:02x}{second:02x}", ip(4) / udp(6081) / geneve(0x0800, first=first, second=second) / Raw(one))
    none("geneve-cut", ip(4) / udp(6081) / Raw(bytes(geneve(0x0800))[:7]))
    none("geneve-ethernet-cut", ip(4) / udp(6081) / geneve(0x6558) / Raw(bytes(13)))
    none("udp-length", ip(4) / UDP(sport=1, dport=6081, len=2000) / geneve(0x0800) / Raw(one))
    return out


def switched():
    """Each kind is recognised only if its bit is set; VXLAN has its port."""
    out = []
    for kind in KINDS:
        for on in (True, False):
            c = Case(f"tunnel-in-{'only' if on else 'without'}-{kind.lower()}", "the bits of VXLAN_PORT")
            c.tunnels(*(k for k in ALL if (k == mode_of(kind)) == on))
            c.rule(0, "HOST", tunnel="NONE", mark=1, flags=("MARK",)).rule(1, "HOST", tunnel=mode_of(kind), mark=2, flags=("MARK",))
            out.append(c.frame(arrived(kind, 4, 4, packet(*T[4]))).host("RULE", rule=1 if on else 0, mark=2 if on else 1))
    c = Case("tunnel-in-effective", "TTL, fragment and TCP flags are those inside").tunnels(*ALL)
    c.rule(0, "HOST", mark=1, flags=("MARK",), tcp_flags=2, tcp_flags_mask=2).rule(1, "HOST", mark=2, flags=("MARK",), ttl_max=1)
    c.rule(2, "HOST", mark=3, flags=("MARK",), frag="YES")
    for kind in KINDS:
        c.frame(arrived(kind, 4, 4, packet(*T[4], flags="S"))).host("RULE", rule=0, mark=1)
        c.frame(arrived(kind, 4, 4, packet(*T[4], ttl=1))).host("RULE", rule=1, mark=2)
        c.frame(arrived(kind, 4, 4, IP(src=T[4][0], dst=T[4][2], flags="MF") / (b"f" * 40))).host("RULE", rule=2, mark=3)
    return out + [c]
