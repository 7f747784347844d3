# SPDX-License-Identifier: BSD-3-Clause
"""Two VLAN tags: a service tag (0x88a8) or a customer tag (0x8100) in front of a customer tag."""
import itertools

from scapy.layers.inet import UDP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN

from case import BACKEND_MAC, C4, CARD0, CARD1, CLIENT_MAC, Case, ROUTER_MAC, V4, entropy_port, key_hash, packet
from .ecn import outer
from .modes import BOTH, INNER, INNER_MACS, T, TENANT, VTEPS
from .tunnels import shim

OUTER, INSIDE = 100, 200
QINQ = 3
SINGLE = 4


def tags(service, outer_vid=OUTER, inner_vid=INSIDE, **more):
    return (Dot1AD if service else Dot1Q)(vlan=outer_vid, **more) / Dot1Q(vlan=inner_vid)


def frame(inner, service=True, l2=(CARD0, CLIENT_MAC), **more):
    return Ether(dst=l2[0], src=l2[1]) / tags(service, **more) / inner


def header(l2, service, ethertype):
    """A template with two tags in front of that ethertype."""
    head = bytes(Ether(dst=l2[0], src=l2[1]) / tags(service))
    return head[:-2] + ethertype.to_bytes(2, "big")


def forwarding():
    out = []
    for (family, proto), service in itertools.product(BOTH, (True, False)):
        tup = T[family]
        kind = "service" if service else "customer"
        inner = packet(*tup, proto=proto)
        lower = packet(*tup, proto=proto, ttl=63)
        c = Case(f"qinq-{family}-{proto}-{kind}-kept", "without STRIP_L2 both tags stay, priorities too", "dsr-l2")
        c.rule(0, "FLOWS", tenant=TENANT, vlan_mode=QINQ, vid=OUTER, vid2=INSIDE).action(0)
        f = c.flow(tup, proto, tenant=TENANT, dec_ttl=True)
        c.frame(frame(inner, service, prio=5)).forward(frame(lower, service, prio=5), f)
        out.append(c.frame(bytes(frame(inner, service)) + bytes(9)).forward(frame(lower, service), f))
        c = Case(f"qinq-{family}-{proto}-{kind}-stripped", "both tags go", "dsr-l2")
        c.rule(0, "FLOWS", tenant=TENANT, vlan_mode=QINQ, vid=OUTER, vid2=INSIDE)
        c.action(1, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family])
        f = c.flow(tup, proto, tenant=TENANT, action=1, dec_ttl=True)
        out.append(c.frame(frame(inner, service)).forward(Ether(dst=BACKEND_MAC, src=CARD1) / lower, f))
        c = Case(f"qinq-{family}-{proto}-{kind}-pushed", "two tags by the template", "dsr-l2")
        c.rule(0, "FLOWS", tenant=TENANT)
        c.action(2, ether=header((BACKEND_MAC, CARD1), service, 0x0800 if family == 4 else 0x86DD))
        f = c.flow(tup, proto, tenant=TENANT, action=2, dec_ttl=True)
        c.frame(Ether(dst=CARD0, src=CLIENT_MAC) / inner).forward(frame(lower, service, (BACKEND_MAC, CARD1)), f)
        out.append(c.frame(frame(inner, not service)).forward(frame(lower, service, (BACKEND_MAC, CARD1)), f))
    return out


def tunnelled():
    """The deepest headers there are: two tags outside a tunnel, in and out."""
    out = []
    for (family, proto), over in itertools.product(BOTH, (4, 6)):
        tup = T[family]
        inner, lower = packet(*tup, proto=proto), packet(*tup, proto=proto, ttl=63)
        h = key_hash(tup, proto, TENANT)
        c = Case(f"qinq-vxlan-in-{family}in{over}-{proto}", "a tunnel behind two tags", "vxlan-decap")
        c.rule(0, "FLOWS", tenant=TENANT, flags=("DECAP",), vlan_mode=QINQ, vid=OUTER, vid2=INSIDE)
        c.action(0, l2=(BACKEND_MAC, CARD1), inner_proto=INNER[family])
        c.action(1)
        f = c.flow(tup, proto, tenant=TENANT, dec_ttl=True)
        g = c.flow((*tup[:3], 81), proto, tenant=TENANT, action=1, dec_ttl=True)
        eth_inside = Ether(dst=CARD1, src=CLIENT_MAC)

        def tunnel(inside, over=over):
            return frame(outer(over, 0) / UDP(sport=5, dport=4789) / VXLAN(flags=8, vni=9) / inside)
        c.frame(tunnel(eth_inside / inner)).forward(Ether(dst=BACKEND_MAC, src=CARD1) / lower, f)
        other = (*tup[:3], 81)
        out.append(c.frame(tunnel(eth_inside / packet(*other, proto=proto)))
                   .forward(eth_inside / packet(*other, proto=proto, ttl=63), g))
        c = Case(f"qinq-geneve-out-{family}in{over}-{proto}", "two tags, an outer header and Geneve", "geneve")
        c.rule(0, "FLOWS", tenant=TENANT)
        c.action(0, ether=header((ROUTER_MAC, CARD1), True, 0x0800 if over == 4 else 0x86DD), outer=VTEPS[over],
                 inner_proto=INNER[family], outer_proto=17, shim=bytes(shim("geneve", family, len=0)))
        f = c.flow(tup, proto, tenant=TENANT, dec_ttl=True, copy=("ECN",))
        out.append(c.frame(Ether(dst=CARD0, src=CLIENT_MAC) / inner).forward(
            frame(outer(over, 0) / shim("geneve", family, entropy_port(h)) / lower, True, (ROUTER_MAC, CARD1)), f))
    return out


def conditions():
    plain = Ether(dst=CARD0, src=CLIENT_MAC) / packet(*T[4])
    one = Ether(dst=CARD0, src=CLIENT_MAC) / Dot1Q(vlan=OUTER) / packet(*T[4])
    two, customer = frame(packet(*T[4])), frame(packet(*T[4]), False)
    other, swapped = frame(packet(*T[4]), inner_vid=201), frame(packet(*T[4]), outer_vid=INSIDE, inner_vid=OUTER)
    rows = (
        ("both", {"vlan_mode": QINQ, "vid": OUTER, "vid2": INSIDE}, (two, customer), (plain, one, other, swapped)),
        ("both-ipv4", {"vlan_mode": QINQ, "vid": OUTER, "vid2": INSIDE, "l3": 4}, (two, customer), (other,)),
        ("no-such-inner", {"vlan_mode": QINQ, "vid": OUTER, "vid2": 4096 + INSIDE}, (), (two, customer)),
        ("single", {"vlan_mode": SINGLE, "vid": OUTER}, (one,), (plain, two, customer)),
        ("outer-of-any", {"vlan": OUTER}, (one, two, customer, other), (plain, swapped)),
        ("untagged", {"vlan": None}, (plain,), (one, two, customer)),
        ("ethertype", {"ethertype": 0x0800}, (plain, one, two, customer), ()),
        ("ethertype-tag", {"ethertype": 0x8100}, (), (two, customer)),
        ("ports", {"l3": 4, "dports": (80, 80)}, (plain, one, two, customer), ()),
    )
    out = []
    for name, match, hits, misses in rows:
        c = Case(f"qinq-class-{name}", "conditions on tags").mac(CARD0).rule(0, "HOST", flags=("MARK",), mark=7, **match)
        for data in hits:
            c.frame(data).host("RULE", rule=0, mark=7)
        for data in misses:
            c.frame(data).host("KERNEL", rule=255)
        out.append(c)
    return out


def odd():
    """What is no second tag, tags that are cut off, keys by tenant."""
    whole = bytes(frame(packet(*T[4])))
    c = Case("qinq-cut-off", "bytes of a tag that are missing read as zero, and there is no L3").rule(5, "HOST", l3=4)
    c.rule(0, "HOST", vlan_mode=QINQ, vid=OUTER, vid2=INSIDE).rule(1, "HOST", vlan_mode=QINQ, vid=OUTER, vid2=0)
    c.rule(2, "HOST", vlan=None).rule(3, "HOST", vlan_mode=SINGLE, vid=OUTER)
    for size in (14, 15, 16, 17):
        c.frame(whole[:size]).host("RULE", rule=2)
    for size, rule in ((18, 1), (19, 1), (20, 0), (21, 0)):
        c.frame(whole[:size]).host("RULE", rule=rule)
    out = [c.frame(whole[:22]).drop("BAD_IP")]
    c = Case("qinq-service-tag-alone", "a service tag in front of no tag is an ethertype like any other").mac(CARD0)
    c.rule(0, "HOST", vlan=None, ethertype=0x88A8)
    out.append(c.frame(Ether(dst=CARD0, src=CLIENT_MAC) / Dot1AD(vlan=5) / packet(*T[4])).host("RULE", rule=0))
    c = Case("qinq-wrong-order", "a service tag behind a customer tag is none").rule(0, "HOST", vlan_mode=SINGLE, vid=5, ethertype=0x88A8)
    out.append(c.frame(Ether(dst=CARD0, src=CLIENT_MAC) / Dot1Q(vlan=5) / Dot1AD(vlan=6) / packet(*T[4])).host("RULE", rule=0))
    c = Case("qinq-three-tags", "the third is an ethertype without L3").rule(0, "FLOWS", vlan_mode=QINQ, vid=OUTER, vid2=INSIDE)
    out.append(c.frame(Ether(dst=CARD0, src=CLIENT_MAC) / tags(True) / Dot1Q(vlan=1) / packet(*T[4])).host("NO_L4", rule=0))
    c = Case("qinq-tenants", "one customer's VLAN is not another's", "nat")
    tup = (C4, 40000, V4, 80)
    c.action(0, l2=(BACKEND_MAC, CARD1), inner_proto=4)
    for index, vid in enumerate((OUTER, OUTER + 1)):
        c.rule(index, "FLOWS", tenant=index + 1, vlan_mode=QINQ, vid=vid, vid2=INSIDE)
    f = c.flow(tup, tenant=1, nat_dst=("10.0.0.5", 8080))
    g = c.flow(tup, tenant=2, nat_dst=("10.0.0.6", 8080))
    for vid, flow, to, rule in ((OUTER, f, "10.0.0.5", 0), (OUTER + 1, g, "10.0.0.6", 1)):
        c.frame(frame(packet(*tup), outer_vid=vid)).forward(Ether(dst=BACKEND_MAC, src=CARD1) /
                                                            packet(*tup[:2], to, 8080), flow, rule=rule)
    out.append(c)
    return out


def cases():
    return forwarding() + tunnelled() + conditions() + odd()
