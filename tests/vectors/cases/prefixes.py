# SPDX-License-Identifier: BSD-3-Clause
"""Section 3: rules that ask for a prefix; which prefixes a frame matches, and which one's meter it passes."""
from scapy.layers.inet import ICMP, IP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Dot1Q, Ether

from case import B4, C4, C6, CARD0, CLIENT_MAC, Case, R4, R6, V4, V6, eth, frame, l4, packet, vxlan

T4, T6 = (C4, 40000, V4, 80), (C6, 40000, V6, 80)
DST, SRC = {"prefix_mode": 1, "prefix_set": 3}, {"prefix_mode": 2, "prefix_set": 31}
OTHER4, OTHER6 = "198.51.100.11", "2001:db8:ffff::11"


def fragment4(offset):
    return eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, frag=offset, flags="MF") / l4("tcp", 40000, 80)


def options(tup=T4, count=4):
    return eth(CARD0, CLIENT_MAC) / IP(src=tup[0], dst=tup[2], options=[IPOption_NOP()] * count) / \
        l4("tcp", tup[1], tup[3])


def qinq(tup, service=0x88A8):
    return Ether(dst=CARD0, src=CLIENT_MAC, type=service) / Dot1Q(vlan=5, type=0x8100) / Dot1Q(vlan=6) / packet(*tup)


def rows():
    """name, rule's conditions, prefix, frames that have it, frames that do not."""
    tcp, tcp6, udp = frame(T4), frame(T6), frame(T4, "udp")
    arp = eth("ff:ff:ff:ff:ff:ff", CLIENT_MAC) / ARP(pdst=V4)
    ping = eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4) / ICMP()
    fragment6 = eth(CARD0, CLIENT_MAC) / IPv6(src=C6, dst=V6) / IPv6ExtHdrFragment(nh=6, m=1) / l4("tcp", 40000, 80)
    other_port, other4, other6 = frame((C4, 40000, V4, 81)), frame((C4, 40000, OTHER4, 80)), \
        frame((C6, 40000, OTHER6, 80))

    yield "dst-exact", DST, ("dst", V4, 6, (80, 80)), [tcp, frame(T4, vlan=7), qinq(T4), qinq(T4, 0x8100)], \
        [udp, other_port, other4, tcp6, ping, arp, fragment4(0), frame((V4, 80, C4, 40000))]
    for count in (1, 4, 5, 20, 40):
        yield f"dst-exact-options-{count}", DST, ("dst", V4, 6, (80, 80)), [options(count=count)], \
            [options((C4, 40000, V4, 81), count)]
        yield f"src-exact-options-{count}", SRC, ("src", C4, 6, (40000, 40000)), [options(count=count)], \
            [options((C4, 40001, V4, 80), count)]
    yield "dst-exact-6", DST, ("dst", V6, 6, (80, 80)), [tcp6, frame(T6, vlan=7), qinq(T6)], \
        [frame(T6, "udp"), other6, frame((C6, 1, V6, 81)), fragment6, tcp]
    yield "dst-exact-udp", DST, ("dst", V4, 17, (80, 80)), [udp], [tcp, ping]
    yield "dst-exact-port-0", DST, ("dst", V4, 6, (0, 0)), [frame((C4, 1, V4, 0))], [tcp, fragment4(0)]
    yield "dst-any", DST, ("dst", V4, None, None), [tcp, udp, ping, fragment4(0), fragment4(8), frame(T4, vlan=7)], \
        [tcp6, other4, arp, frame((V4, 80, C4, 40000))]
    yield "dst-any-6", DST, ("dst", V6, None, None), [tcp6, fragment6, qinq(T6)], [tcp, other6]
    yield "dst-proto", DST, ("dst", V4, 6, None), [tcp, other_port, fragment4(8)], [udp, ping]
    yield "dst-icmp", DST, ("dst", V4, 1, None), [ping], [tcp]
    yield "dst-port-any-proto", DST, ("dst", V4, None, (80, 80)), [tcp, udp], [other_port, ping, fragment4(0)]
    for low, high, inside in ((80, 90, 1), (70, 80, 1), (81, 90, 0), (0, 79, 0), (0, 80, 1), (80, 65535, 1),
                              (1, 65535, 1)):
        yield f"dst-range-{low}-{high}", DST, ("dst", V4, 6, (low, high)), [tcp] if inside else [], \
            ([] if inside else [tcp]) + [udp, fragment4(0)]
    yield "src-exact", SRC, ("src", C4, 6, (40000, 40000)), [tcp, frame((C4, 40000, R4, 1))], \
        [frame((C4, 40001, V4, 80)), udp, frame((R4, 40000, V4, 80)), frame((V4, 80, C4, 40000))]
    yield "src-any", SRC, ("src", C6, None, None), [tcp6, fragment6], [tcp, frame((R6, 40000, V6, 80))]
    yield "src-range", SRC, ("src", C6, 6, (39999, 40001)), [tcp6], [frame((C6, 39998, V6, 80))]
    tunnel = vxlan(packet(*T4), R4, B4, 100)
    yield "outer-of-tunnel", DST, ("dst", B4, 17, (4789, 4789)), [tunnel], [tcp]
    yield "inner-of-tunnel", DST, ("dst", V4, None, None), [], [tunnel]
    yield "and-the-rest", {**DST, "vlan": 7, "dmac": CARD0}, ("dst", V4, 6, (80, 80)), [frame(T4, vlan=7)], \
        [tcp, frame(T4, vlan=8), frame(T4, vlan=7, dst="02:00:00:00:00:09"), frame((C4, 1, V4, 81), vlan=7)]


def conditions():
    for name, match, (side, addr, proto, ports), met, unmet in rows():
        for bank, way in ((0, 0), (1, 3)):
            case = Case(f"prefix-{name}-bank{bank}", f"Rule 5 asks for {side} {addr} {proto} {ports}.")
            case.ports = [7, 7]
            case.rule(5, "HOST", mark=1, flags=("MARK",), **match)
            case.prefix(side, addr, (1, match["prefix_set"]), proto, ports, bank=bank, way=way)
            for data in met:
                case.frame(data).host("RULE", rule=5, mark=1)
            for data in unmet:
                case.frame(data).host("KERNEL", rule=255)
            yield case


def sets():
    case = Case("prefix-sets", "The rule's set counts, and rules keep their order.")
    case.ports = [7, 7]
    case.rule(2, "HOST", mark=2, flags=("MARK",), prefix_mode=1, prefix_set=4)
    case.rule(3, "HOST", mark=3, flags=("MARK",), prefix_mode=1, prefix_set=5)
    case.rule(4, "HOST", mark=4, flags=("MARK",), dst=V4 + "/32")
    case.prefix("dst", V4, (5,), 6, (80, 80)).prefix("dst", V4, (4,), 6, (81, 90)).prefix("dst", OTHER4, (6,))
    case.frame(frame(T4)).host("RULE", rule=3, mark=3)
    case.frame(frame((C4, 1, V4, 85))).host("RULE", rule=2, mark=2)
    case.frame(frame((C4, 1, V4, 91))).host("RULE", rule=4, mark=4)
    case.frame(frame((C4, 1, OTHER4, 80))).host("KERNEL", rule=255)
    yield case


def meters():
    """Three frames each of three services: one with a meter of its own, one with the rule's, one by a wide prefix."""
    case = Case("prefix-meters", "Each prefix's meter; 255 is the rule's; an exact prefix goes before a wide one.")
    case.rule(0, "FLOWS", tenant=7, meter=9, prefix_mode=1, prefix_set=0)
    case.meter(9, 1, 1).meter(10, 1, 2).meter(63, 1, 1)
    case.prefix("dst", V4, (0,), 6, (80, 80), meter=10).prefix("dst", V4, (0,), 6, (81, 81))
    case.prefix("dst", V4, (0,), 6, None, meter=63).prefix("dst", V4, (9,), None, None, meter=11, bank=1)
    for port, passes in ((80, 2), (81, 1), (82, 1), (83, 0)):
        for i in range(3):
            expect = case.frame(frame((C4, 1000 + i, V4, port)))
            if i < passes:
                expect.host("MISS", rule=0, key=((C4, 1000 + i, V4, port), "tcp", 7))
            else:
                expect.drop("METERED", rule=0)
    yield case


def changes():
    case = Case("prefix-changes", "A prefix appears, moves to another set and goes between frames.")
    case.ports = [7, 7]
    case.rule(5, "HOST", mark=1, flags=("MARK",), **DST)
    full = Case("", "").prefix("dst", V4, (3,), 6, (80, 80)).prefixes
    other = Case("", "").prefix("dst", V4, (2,), 6, (80, 80)).prefixes
    (index, (data, _)), = full.items()
    case.frame(frame(T4)).host("KERNEL", rule=255)
    case.write("PREFIX", index, data)
    case.frame(frame(T4)).host("RULE", rule=5, mark=1)
    case.write("PREFIX", index, other[index][0])
    case.frame(frame(T4)).host("KERNEL", rule=255)
    case.write("PREFIX", index, data)
    case.frame(frame(T4)).host("RULE", rule=5, mark=1)
    case.write("PREFIX", index, bytes(128))
    case.frame(frame(T4)).host("KERNEL", rule=255)
    yield case


def extension():
    case = Case("prefix-extension", "Ports behind an IPv6 extension header are no prefix's; the address is.")
    case.ports = [7, 7]
    case.rule(5, "HOST", mark=1, flags=("MARK",), **DST)
    case.rule(6, "HOST", mark=2, flags=("MARK",), **{**DST, "prefix_set": 9})
    case.prefix("dst", V6, (3,), 6, (80, 80)).prefix("dst", V6, (9,), None, None)
    data = eth(CARD0, CLIENT_MAC) / IPv6(src=C6, dst=V6) / IPv6ExtHdrDestOpt() / l4("tcp", 40000, 80)
    case.frame(data).host("RULE", rule=6, mark=2)
    case.frame(frame(T6)).host("RULE", rule=5, mark=1)
    yield case


def cases():
    yield from conditions()
    yield from extension()
    yield from sets()
    yield from meters()
    yield from changes()
