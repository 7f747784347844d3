# SPDX-License-Identifier: BSD-3-Clause
"""ECN and DSCP through tunnels: RFC 6040 (normal mode) on the way in and out, RFC 2983's two models of DSCP."""
import itertools

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.vxlan import VXLAN

from case import CARD0, CARD1, CLIENT_MAC, Case, ROUTER_MAC, entropy_port, eth, key_hash, l4
from .modes import BACKEND, INNER, INNER_MACS, T, TENANT, VTEPS

NOT_ECT, ECT1, ECT0, CE = range(4)
# RFC 6040, figure 4: rows by the inner field, columns by the outer one; None is "drop".
DECAPSULATED = {
    NOT_ECT: {NOT_ECT: NOT_ECT, ECT0: NOT_ECT, ECT1: NOT_ECT, CE: None},
    ECT0: {NOT_ECT: ECT0, ECT0: ECT0, ECT1: ECT1, CE: CE},
    ECT1: {NOT_ECT: ECT1, ECT0: ECT1, ECT1: ECT1, CE: CE},
    CE: {NOT_ECT: CE, ECT0: CE, ECT1: CE, CE: CE},
}
NAMES = ("not-ect", "ect1", "ect0", "ce")


def ip(family, src, dst, tos, ttl=64, **more):
    if family == 4:
        return IP(src=src, dst=dst, ttl=ttl, tos=tos, **more)
    return IPv6(src=src, dst=dst, hlim=ttl, tc=tos, fl=0x12345)


def packet(tup, family, tos, ttl=64, proto="tcp"):
    return ip(family, tup[0], tup[2], tos, ttl) / l4(proto, tup[1], tup[3])


def outer(family, tos):
    """An action's outer header: identification 0, no flow label."""
    if family == 4:
        return IP(src=VTEPS[4][0], dst=VTEPS[4][1], ttl=64, id=0, flags="DF", tos=tos)
    return IPv6(src=VTEPS[6][0], dst=VTEPS[6][1], hlim=64, tc=tos)


def encapsulation():
    out = []
    copies = ((), ("ECN",), ("DSCP",), ("ECN", "DSCP"))
    masks = {(): 0, ("ECN",): 3, ("DSCP",): 0xFC, ("ECN", "DSCP"): 0xFF}
    for family, over, copy, template in itertools.product((4, 6), (4, 6), copies, (0, 0xA2)):
        mask = masks[copy]
        c = Case(f"ecn-encap-{family}in{over}-{'-'.join(copy).lower() or 'nothing'}-{template:02x}",
                 "what the outer header takes from the packet, and what from the template", "ipip")
        c.rule(0, "FLOWS", tenant=TENANT)
        c.action(3, l2=(ROUTER_MAC, CARD1), outer=VTEPS[over], inner_proto=INNER[family], outer_tos=template)
        f = c.flow(T[family], tenant=TENANT, action=3, copy=copy, dec_ttl=True)
        for tos in (0, 1, 2, 3, 0xB8, 0xBB, 0xFF):
            c.frame(eth(CARD0, CLIENT_MAC) / packet(T[family], family, tos)).forward(
                eth(ROUTER_MAC, CARD1) / outer(over, template & ~mask | tos & mask) / packet(T[family], family, tos, 63), f)
        out.append(c)
    for family, over in itertools.product((4, 6), (4, 6)):
        h = key_hash(T[family], "udp", TENANT)
        c = Case(f"ecn-encap-vxlan-{family}over{over}", "the same with VXLAN and UDP", "vxlan")
        c.rule(0, "FLOWS", tenant=TENANT)
        c.action(3, l2=(ROUTER_MAC, CARD1), outer=VTEPS[over], vni=7, inner_l2=INNER_MACS, inner_proto=INNER[family])
        f = c.flow(T[family], "udp", tenant=TENANT, action=3, copy=("ECN",), dec_ttl=True)
        for tos in (0, 1, 2, 0x2B):
            c.frame(eth(CARD0, CLIENT_MAC) / packet(T[family], family, tos, proto="udp")).forward(
                eth(ROUTER_MAC, CARD1) / outer(over, tos & 3) / UDP(sport=entropy_port(h), dport=4789, chksum=0) /
                VXLAN(flags=8, vni=7) / eth(*INNER_MACS) / packet(T[family], family, tos, 63, "udp"), f)
        out.append(c)
    c = Case("ecn-copy-without-outer", "without an outer header the copy means nothing", "dsr-l2")
    c.rule(0, "FLOWS", tenant=TENANT).action(0, l2=(ROUTER_MAC, CARD1), inner_proto=4)
    f = c.flow(T[4], tenant=TENANT, copy=("ECN", "DSCP"), dec_ttl=True)
    out.append(c.frame(eth(CARD0, CLIENT_MAC) / packet(T[4], 4, 0xFF)).forward(
        eth(ROUTER_MAC, CARD1) / packet(T[4], 4, 0xFF, 63), f))
    return out


def arrived(over, outer_tos, inner, vlan=None):
    ends = (VTEPS[over][1], VTEPS[over][0])
    return eth(CARD0, CLIENT_MAC, vlan) / ip(over, *ends, outer_tos) / UDP(sport=50000, dport=4789) / \
        VXLAN(flags=8, vni=9) / eth(CARD1, CLIENT_MAC) / inner


def decapsulation():
    out = []
    for family, over, change in itertools.product((4, 6), (4, 6), ("nothing", "ttl", "nat")):
        c = Case(f"ecn-decap-{family}in{over}-{change}", "the table of RFC 6040, section 4.2; DSCP by the pipe model",
                 "vxlan-decap")
        c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",), vni=9)
        c.action(0, l2=(ROUTER_MAC, CARD1), inner_proto=INNER[family])
        how = {"nothing": {}, "ttl": {"dec_ttl": True}, "nat": {"dec_ttl": True, "nat_dst": BACKEND[family]}}[change]
        f = c.flow(T[family], tenant=TENANT, **how)
        left = (*T[family][:2], *BACKEND[family]) if change == "nat" else T[family]
        ttl = 64 if change == "nothing" else 63
        for inside, outside in itertools.product(range(4), range(4)):
            got = c.frame(arrived(over, 0x48 | outside, packet(T[family], family, 0xB8 | inside)))
            ecn = DECAPSULATED[inside][outside]
            if ecn is None:
                got.drop("TUNNEL_ECN", rule=0)
            else:
                got.forward(eth(ROUTER_MAC, CARD1) / packet(left, family, 0xB8 | ecn, ttl), f)
        out.append(c)
    for inside, outside in ((ECT0, CE), (ECT0, ECT1), (CE, NOT_ECT)):
        ecn = DECAPSULATED[inside][outside]
        c = Case(f"ecn-reencap-{NAMES[inside]}-in-{NAMES[outside]}", "out of one tunnel and into the next", "vxlan")
        c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",))
        c.action(0, l2=(ROUTER_MAC, CARD1), outer=VTEPS[6], inner_proto=4)
        f = c.flow(T[4], tenant=TENANT, copy=("ECN",), dec_ttl=True)
        out.append(c.frame(arrived(4, outside, packet(T[4], 4, inside), vlan=5)).forward(
            eth(ROUTER_MAC, CARD1) / outer(6, ecn) / packet(T[4], 4, ecn, 63), f))
    return out


def refusals():
    """The illegal combination, and what it does not concern."""
    inner = packet(T[4], 4, NOT_ECT)
    c = Case("ecn-illegal-no-decap", "a tunnel that is not opened keeps what it says")
    c.rule(0, "FLOWS", tenant=TENANT).action(0)
    tup = (VTEPS[4][1], 50000, VTEPS[4][0], 4789)
    f = c.flow(tup, "udp", tenant=TENANT)
    frame = arrived(4, CE, inner)
    out = [c.frame(frame).forward(frame, f)]
    c = Case("ecn-illegal-rule-host", "a rule that sends the frame to the host comes first").rule(0, "HOST")
    out.append(c.frame(frame).host("RULE"))
    c = Case("ecn-illegal-before-miss", "the drop comes before the lookup and before a fragment's punt",
             "vxlan-decap")
    c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",))
    c.frame(frame).drop("TUNNEL_ECN", rule=0)
    piece = IP(src=T[4][0], dst=T[4][2], flags="MF", proto=17) / (b"f" * 64)
    out.append(c.frame(arrived(6, CE, piece)).drop("TUNNEL_ECN", rule=0))
    c = Case("ecn-illegal-after-bad-ip", "an inner header that is wrong is wrong first", "vxlan-decap")
    c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",))
    broken = IP(src=T[4][0], dst=T[4][2], chksum=0x1111) / l4("tcp", 1, 2)
    out.append(c.frame(arrived(4, CE, broken)).drop("BAD_IP_CSUM", rule=0))
    return out


def cases():
    return encapsulation() + decapsulation() + refusals()
