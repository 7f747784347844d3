# SPDX-License-Identifier: BSD-3-Clause
"""Encapsulation in GRE, GUE (both variants) and Geneve: templates like any other, seen through scapy's own headers."""
import itertools

from scapy.contrib.geneve import GENEVE
from scapy.fields import BitField, ByteField, XShortField
from scapy.layers.inet import UDP
from scapy.layers.l2 import GRE
from scapy.packet import Packet

from case import CARD0, CARD1, CLIENT_MAC, Case, ROUTER_MAC, entropy_port, eth, frame, key_hash, packet
from .ecn import arrived, outer
from .modes import BOTH, INNER, INNER_MACS, T, TENANT, VTEPS

GUE_PORT, OWN_PORT, GENEVE_PORT = 6080, 9886, 6081
VNI = 0x12ABCD


class GUE(Packet):
    """draft-ietf-intarea-gue, variant 0 without extensions."""
    name = "GUE"
    fields_desc = [BitField("variant", 0, 2), BitField("control", 0, 1), BitField("hlen", 0, 5), ByteField("proto", 0),
                   XShortField("flags", 0)]


def ethertype(family):
    return 0x0800 if family == 4 else 0x86DD


def shim(mode, family, sport=0, **filled):
    """What stands between the outer IP header and the packet; with sport 0 as a template has it."""
    if mode == "gre":
        return GRE(proto=ethertype(family))
    port = {"gue": GUE_PORT, "gue1": OWN_PORT, "geneve": GENEVE_PORT}[mode]
    udp = UDP(sport=sport, dport=port, chksum=0, **filled)
    if mode == "gue1":
        return udp
    if mode == "gue":
        return udp / GUE(proto=INNER[family])
    inner = eth(*INNER_MACS)
    inner.type = ethertype(family)
    return udp / GENEVE(vni=VNI, proto=0x6558) / inner


def case(mode, name, about, over, family, vlan=None, mtu=0):
    template = bytes(shim(mode, family, **({} if mode == "gre" else {"len": 0})))
    c = Case(f"{mode}-{name}", about, mode.rstrip("1")).rule(0, "FLOWS", tenant=TENANT)
    return c.action(3, l2=(ROUTER_MAC, CARD1), vlan=vlan, outer=VTEPS[over], inner_proto=INNER[family],
                    outer_proto=47 if mode == "gre" else 17, shim=template, mtu=mtu)


def left(mode, over, family, inner, proto="tcp", vlan=None):
    tup = T[family]
    head = outer(over, 0)
    if mode == "gue1":
        head.proto = 17
    return eth(ROUTER_MAC, CARD1, vlan) / head / shim(mode, family, entropy_port(key_hash(tup, proto, TENANT))) / inner


def cases():
    out = []
    for mode in ("gre", "gue", "gue1", "geneve"):
        for (family, proto), over, vlan in itertools.product(BOTH, (4, 6), (None, 6)):
            c = case(mode, f"{family}over{over}-{proto}-{vlan or 'plain'}", "the template, lengths, entropy, ECN", over,
                     family, vlan)
            f = c.flow(T[family], proto, tenant=TENANT, action=3, dec_ttl=True, copy=("ECN",))
            for data in (b"", b"x", b"y" * 100):
                c.frame(frame(T[family], proto, data=data)).forward(
                    left(mode, over, family, packet(*T[family], proto=proto, ttl=63, data=data), proto, vlan), f)
            out.append(c)
        for over in (4, 6):
            size = len(packet(*T[4])) + len(left(mode, over, 4, b"")) - 14
            for mtu in (size, size - 1):
                name = f"mtu-over-{over}-{'fits' if mtu == size else 'does-not'}"
                c = case(mode, name, "the MTU counts the whole outer packet", over, 4, mtu=mtu)
                f = c.flow(T[4], tenant=TENANT, action=3, dec_ttl=True, copy=("ECN",))
                got = c.frame(frame(T[4]))
                out.append(got.forward(left(mode, over, 4, packet(*T[4], ttl=63)), f) if mtu == size else got.host("MTU", flow=f))
        c = case(mode, "out-of-vxlan", "out of one tunnel and into this one", 6, 4)
        c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",))
        f = c.flow(T[4], tenant=TENANT, action=3, dec_ttl=True, copy=("ECN",))
        out.append(c.frame(arrived(4, 0, packet(*T[4]))).forward(left(mode, 6, 4, packet(*T[4], ttl=63)), f))
    return out
