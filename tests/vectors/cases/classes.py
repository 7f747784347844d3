# SPDX-License-Identifier: BSD-3-Clause
"""Section 3: each condition of a rule, met and not met, and which rule decides."""
import struct

from scapy.layers.inet import ICMP, IP, IPOption_NOP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, RouterAlert
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from case import B4, C4, C6, CARD0, CARD1, CLIENT_MAC, Case, R4, R6, V4, V6, eth, frame, ip, l4, packet, vxlan

T4, T6 = (C4, 40000, V4, 80), (C6, 40000, V6, 80)
GROUP = "01:00:5e:00:00:05"


def fragment4(offset=0, more=True, proto="tcp"):
    return eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, frag=offset, flags="MF" if more else 0) / l4(proto, 40000, 80)


def fragment6(offset=0, more=1):
    return eth(CARD0, CLIENT_MAC) / IPv6(src=C6, dst=V6) / IPv6ExtHdrFragment(offset=offset, m=more, id=9, nh=6) / \
        l4("tcp", 40000, 80)


def tunnel(inner=None, vni=100, **more):
    return vxlan(eth(CARD1, CLIENT_MAC) / (inner if inner is not None else packet(*T4)), R4, B4, vni, **more)


def bad_tcp():
    return eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, proto=6) / Raw(struct.pack(">HH", 40000, 80))


def rows():
    """name, conditions, frames that meet them, frames that do not; a frame may be (frame, port)."""
    tcp, tcp6, udp, udp6 = frame(T4), frame(T6), frame(T4, "udp"), frame(T6, "udp")
    arp = eth("ff:ff:ff:ff:ff:ff", CLIENT_MAC) / ARP()
    ping = eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4) / ICMP()
    ping6 = eth(CARD0, CLIENT_MAC) / IPv6(src=C6, dst=V6) / ICMPv6EchoRequest()

    def flags(f, **more):
        return frame(T4, flags=f, **more)

    yield "port-mask-0", {"port_mask": 1}, [(tcp, 0)], [(tcp, 1)]
    yield "port-mask-1", {"port_mask": 2}, [(tcp, 1)], [(tcp, 0)]
    yield "port-mask-none", {"port_mask": 0}, [], [(tcp, 0), (tcp, 1)]
    yield "dmac", {"dmac": CARD0}, [tcp, arp.__class__(dst=CARD0, src=CLIENT_MAC, type=0x9000)], [frame(T4, dst=CARD1)]
    yield "dmac-group-bit", {"dmac": "01:00:00:00:00:00", "dmac_mask": "01:00:00:00:00:00"}, \
        [frame(T4, dst=GROUP), arp], [tcp]
    yield "dmac-last-byte", {"dmac": "00:00:00:00:00:01", "dmac_mask": "00:00:00:00:00:ff"}, [tcp], \
        [frame(T4, dst=CARD1)]
    yield "vlan-any", {}, [tcp, frame(T4, vlan=5), arp], []
    yield "vlan-untagged", {"vlan": None}, [tcp, arp], [frame(T4, vlan=5), frame(T4, vlan=0)]
    yield "vlan-vid", {"vlan": 5}, [frame(T4, vlan=5), frame(T6, vlan=5)], [tcp, frame(T4, vlan=6), frame(T4, vlan=4095)]
    yield "vlan-vid-0", {"vlan": 0}, [frame(T4, vlan=0)], [tcp, frame(T4, vlan=5)]
    yield "vlan-vid-4095", {"vlan": 4095}, [frame(T4, vlan=4095)], [frame(T4, vlan=4094)]
    yield "ethertype-ipv4", {"ethertype": 0x0800}, [tcp, frame(T4, vlan=5), ping], [tcp6, arp]
    yield "ethertype-arp", {"ethertype": 0x0806}, [arp], [tcp, tcp6]
    yield "l3-4", {"l3": 4}, [tcp, ping, frame(T4, vlan=9)], [tcp6, arp]
    yield "l3-6", {"l3": 6}, [tcp6, ping6, frame(T6, vlan=9)], [tcp, arp]
    yield "dst4", {"dst": V4 + "/32"}, [tcp, ping, fragment4()], [frame((C4, 1, "198.51.100.11", 80)), tcp6, arp]
    yield "src4", {"src": C4 + "/32"}, [tcp], [frame((R4, 40000, V4, 80))]
    yield "src-and-dst4", {"src": C4 + "/32", "dst": V4 + "/32"}, [tcp], \
        [frame((R4, 40000, V4, 80)), frame((C4, 40000, R4, 80))]
    for plen, inside, outside in ((0, "1.2.3.4", None), (1, "255.0.0.1", "127.0.0.1"), (8, "198.9.9.9", "199.51.100.10"),
                                  (23, "198.51.101.255", "198.51.102.0"), (24, "198.51.100.255", "198.51.101.0"),
                                  (31, "198.51.100.11", "198.51.100.12")):
        yield f"dst4-plen-{plen}", {"dst": f"{V4}/{plen}"}, [frame((C4, 1, inside, 80))], \
            [frame((C4, 1, outside, 80))] if outside else [tcp6]
    yield "dst6", {"dst": V6 + "/128"}, [tcp6, fragment6(), ping6], [frame((C6, 1, "2001:db8:ffff::11", 80)), tcp]
    yield "src6", {"src": C6 + "/128"}, [tcp6], [frame((R6, 40000, V6, 80))]
    for plen, inside, outside in ((0, "::1", None), (1, "7fff::1", "8000::1"), (33, "2001:db8:8000::", "2001:db8:7fff::"),
                                  (64, "2001:db8:ffff:0:1::", "2001:db8:ffff:1::"),
                                  (127, "2001:db8:ffff::11", "2001:db8:ffff::12")):
        yield f"dst6-plen-{plen}", {"dst": f"{V6}/{plen}"}, [frame((C6, 1, inside, 80))], \
            [frame((C6, 1, outside, 80))] if outside else [tcp]
    yield "proto-tcp", {"proto": 6}, [tcp, tcp6, bad_tcp(), fragment4()], [udp, ping, fragment6(), arp]
    yield "proto-udp", {"proto": 17}, [udp, udp6, tunnel()], [tcp]
    yield "proto-icmp", {"proto": 1}, [ping], [tcp, ping6]
    yield "proto-fragment6", {"proto": 44}, [fragment6()], [tcp6, fragment4()]
    yield "proto-icmp6", {"proto": 58, "l3": 6}, [ping6], [tcp6]
    ext = eth(CARD0, CLIENT_MAC) / IPv6(src=C6, dst=V6) / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / l4("tcp", 40000, 80)
    yield "proto-extension-0", {"proto": 0, "l3": 6}, [ext], [tcp6, ping6]
    yield "dport", {"dports": (80, 80)}, [tcp, tcp6, udp], \
        [frame((C4, 40000, V4, 81)), frame((C4, 80, V4, 79)), ping, arp, fragment4(), bad_tcp()]
    yield "dport-range", {"dports": (80, 90)}, [tcp, frame((C4, 1, V4, 90))], [frame((C4, 1, V4, 91)), frame((C4, 1, V4, 79))]
    yield "sport", {"sports": (40000, 40000)}, [tcp, udp6], [frame((C4, 40001, V4, 40000)), fragment6()]
    yield "port-zero", {"dports": (0, 0)}, [frame((C4, 1, V4, 0))], [frame((C4, 1, V4, 1)), ping]
    yield "port-almost-all", {"dports": (0, 65534)}, [tcp], [frame((C4, 1, V4, 65535)), ping, fragment4()]
    yield "port-65535", {"dports": (65535, 65535)}, [frame((C4, 1, V4, 65535))], [tcp]
    yield "port-all-takes-anything", {"dports": (0, 65535)}, [tcp, ping, arp, fragment4(), bad_tcp()], []
    yield "port-outer-of-tunnel", {"dports": (4789, 4789)}, [tunnel()], [tcp]
    syn = {"tcp_flags": 0x02, "tcp_flags_mask": 0x12}
    yield "tcp-syn", syn, [flags("S"), flags("SEC"), frame(T6, flags="S"), tunnel(packet(*T4, flags="S"))], \
        [flags("SA"), flags("A"), udp, ping, arp, fragment4(), bad_tcp(), tunnel(packet(*T4, flags="SA"))]
    yield "tcp-fin", {"tcp_flags": 1, "tcp_flags_mask": 1}, [flags("FA"), flags("FSRPAUEC")], [flags("RA"), udp]
    yield "tcp-rst", {"tcp_flags": 4, "tcp_flags_mask": 4}, [flags("R")], [flags("F")]
    yield "tcp-flag-clear", {"tcp_flags": 0, "tcp_flags_mask": 0x10}, [flags("S"), flags("")], [flags("A"), udp]
    yield "tcp-all-flags", {"tcp_flags": 0xFF, "tcp_flags_mask": 0xFF}, [flags("FSRPAUEC")], [flags("FSRPAUE")]
    yield "tcp-reserved-bits", {"tcp_flags": 2, "tcp_flags_mask": 0xFF}, [flags("S", reserved=7)], [flags("SA")]
    yield "tcp-flags-outer-tunnel-without-inner-tcp", syn, [], [tunnel(packet(*T4, proto="udp"))]
    yield "tcp-flags-inner-bad-ip", {"tcp_flags": 0, "tcp_flags_mask": 0x02}, [], \
        [tunnel(IP(src=C4, dst=V4, len=9999) / l4("tcp", 1, 2))]
    yield "frag-yes", {"frag": "YES"}, [fragment4(), fragment4(8, False), fragment6(), fragment6(10, 0),
                                        tunnel(IP(src=C4, dst=V4, flags="MF") / l4("tcp", 1, 2))], [tcp, tcp6, arp, ping]
    yield "frag-no", {"frag": "NO"}, [tcp, tcp6, arp, ping, tunnel()], [fragment4(), fragment6()]
    yield "frag-6-atomic", {"frag": "YES"}, [fragment6(0, 0)], [tcp6]
    yield "frag-df-is-none", {"frag": "YES"}, [], [eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, flags="DF") / l4("tcp", 1, 2)]
    yield "ttl-1", {"ttl_max": 1}, [frame(T4, ttl=1), frame(T4, ttl=0), frame(T6, ttl=1), tunnel(packet(*T4, ttl=1))], \
        [frame(T4, ttl=2), frame(T6, ttl=2), arp, tunnel(packet(*T4, ttl=64), ttl=1)]
    yield "ttl-0", {"ttl_max": 0}, [frame(T4, ttl=0)], [frame(T4, ttl=1)]
    yield "ttl-254", {"ttl_max": 254}, [frame(T4, ttl=254)], [frame(T4, ttl=255), arp]
    yield "ttl-255", {"ttl_max": 255}, [frame(T4, ttl=255), arp], []
    yield "ttl-of-tunnel-with-bad-inner", {"ttl_max": 9}, [tunnel(IP(src=C4, dst=V4, chksum=1) / l4("tcp", 1, 2), ttl=9)], \
        [tunnel(IP(src=C4, dst=V4, chksum=1, ttl=1) / l4("tcp", 1, 2), ttl=10)]
    yield "tunnel-none", {"tunnel_mode": 1}, [tcp, udp, arp, tunnel(dport=4788)], [tunnel()]
    yield "tunnel-vni", {"vni": 100}, [tunnel()], [tunnel(vni=101), tcp, tunnel(dport=4788)]
    yield "tunnel-vni-masked", {"vni": 0x100, "vni_mask": 0xFFFF00}, [tunnel(vni=0x1FF)], [tunnel(vni=0x200)]
    yield "tunnel-vni-any", {"vni": 0, "vni_mask": 0}, [tunnel(), tunnel(vni=0xFFFFFF)], [udp]
    yield "tunnel-vni-high", {"vni": 0xABCDEF}, [tunnel(vni=0xABCDEF)], [tunnel(vni=0xEFCDAB)]
    yield "inner-l3-4", {"inner_l3": 4}, [tunnel()], [tunnel(packet(*T6)), tcp, tunnel(ARP()),
                                                      tunnel(IP(src=C4, dst=V4, len=9) / l4("tcp", 1, 2))]
    yield "inner-l3-6", {"inner_l3": 6}, [tunnel(packet(*T6))], [tunnel(), tcp6]
    yield "inner-proto-tcp", {"inner_proto": 6}, [tunnel(), tunnel(packet(*T6))], \
        [tunnel(packet(*T4, proto="udp")), tcp, tunnel(IP(src=C4, dst=V4, chksum=1) / l4("tcp", 1, 2))]
    yield "inner-proto-icmp", {"inner_proto": 1}, [tunnel(IP(src=C4, dst=V4) / ICMP())], [tunnel(), ping]


def cases():
    out = []
    for name, conditions, meets, misses in rows():
        for word, frames, met in (("met", meets, True), ("unmet", misses, False)):
            if not frames:
                continue
            c = Case(f"class-{name}-{word}", f"rule condition {conditions}")
            c.rule(0, "HOST", tenant=5, mark=0xC0FFEE, flags=("MARK",), **conditions).rule(63, "DROP")
            for f in frames:
                data, port = f if isinstance(f, tuple) else (f, 0)
                got = c.frame(data, port=port)
                if met:
                    got.host("RULE", rule=0, mark=0xC0FFEE)
                else:
                    got.drop("RULE_DROP", rule=63)
            out.append(c)
    return out + recognition() + order()


def recognition():
    """When a UDP packet is a VXLAN tunnel."""
    out = []

    def seen(name, about, data, tunnelled, port=4789):
        c = Case("vxlan-" + name, about)
        c.vxlan_port = port
        c.rule(0, "HOST", mark=1, flags=("MARK",), vni=0, vni_mask=0).rule(1, "HOST", mark=2, flags=("MARK",))
        got = c.frame(data)
        out.append(got.host("RULE", rule=0 if tunnelled else 1, mark=1 if tunnelled else 2))

    inner = eth(CARD1, CLIENT_MAC) / packet(*T4)
    seen("plain", "a tunnel over IPv4", tunnel(), True)
    seen("outer6", "a tunnel over IPv6", vxlan(inner, R6, C6, 5), True)
    seen("tagged", "a tunnel in a VLAN", vxlan(inner, R4, B4, 5, vlan=7), True)
    seen("udp-checksum-0", "an outer checksum of 0", vxlan(inner, R4, B4, 5, chksum=0), True)
    seen("other-port", "another destination port", tunnel(dport=4790), False)
    seen("source-port-only", "4789 as the source port", tunnel(dport=4790, sport=4789), False)
    seen("register", "the port is a register", tunnel(dport=8472), True, port=8472)
    seen("register-0", "0 recognises nothing", tunnel(), False, port=0)
    seen("register-0-port-0", "not even port 0", tunnel(dport=0), False, port=0)
    for value, yes in ((0x08, True), (0xFF, True), (0x0C, True), (0x00, False), (0xF7, False)):
        data = bytearray(bytes(tunnel(chksum=0)))
        data[14 + 20 + 8] = value
        seen(f"flags-{value:02x}", "bit 0x08 of the flags decides", bytes(data), yes)
    for size, yes in ((0, False), (7, False), (8, False), (21, False), (22, True), (23, True)):
        data = bytes(tunnel(chksum=0))[42:42 + size]
        seen(f"payload-{size}", "at least 8 + 14 bytes of payload",
             eth(CARD0, CLIENT_MAC) / ip(R4, B4) / l4("udp", 50000, 4789, data=data), yes)
    short = bytes(tunnel(chksum=0))[42:42 + 30]
    seen("payload-by-udp-length", "UDP length counts, not the IP packet's",
         eth(CARD0, CLIENT_MAC) / ip(R4, B4) / l4("udp", 50000, 4789, data=short, len=29, chksum=0), False)
    frag = bytes(tunnel(chksum=0))[34:]
    seen("fragment", "a first fragment is not a tunnel",
         eth(CARD0, CLIENT_MAC) / IP(src=R4, dst=B4, proto=17, flags="MF") / Raw(frag), False)
    seen("options", "IPv4 options", eth(CARD0, CLIENT_MAC) / IP(src=R4, dst=B4, proto=17, options=[IPOption_NOP()] * 4) /
         Raw(frag), False)
    seen("bad-l4", "a UDP length beyond the packet",
         eth(CARD0, CLIENT_MAC) / ip(R4, B4) / l4("udp", 50000, 4789, data=short, len=60, chksum=0), False)
    return out


def order():
    out = []
    c = Case("class-lowest-index", "the lowest matching index decides").rule(5, "HOST", mark=5, flags=("MARK",), dst=V4 + "/24")
    c.rule(4, "HOST", mark=4, flags=("MARK",), dst=V4 + "/32").rule(6, "DROP")
    out.append(c.frame(frame(T4)).host("RULE", rule=4, mark=4).frame(frame((C4, 1, "198.51.100.99", 2)))
               .host("RULE", rule=5, mark=5).frame(frame((C4, 1, B4, 2))).drop("RULE_DROP", rule=6))
    c = Case("class-last-rule", "rule 63 is the last").rule(63, "HOST", mark=63, flags=("MARK",))
    out.append(c.frame(frame(T4)).host("RULE", rule=63, mark=63))
    c = Case("class-not-valid", "a rule that is not valid takes no part").rule(0, "DROP", valid=0).rule(1, "HOST")
    out.append(c.frame(frame(T4)).host("RULE", rule=1))
    c = Case("class-mark-flag", "without the flag the mark is not delivered").rule(0, "HOST", mark=77)
    out.append(c.frame(frame(T4)).host("RULE"))
    c = Case("class-rule-replaced", "a rule is replaced as a whole between two frames").rule(0, "HOST", dst=V4 + "/32")
    c.frame(frame(T4)).host("RULE").write("CLASS", 0, c.rule_bytes("DROP", src=C4 + "/32"))
    out.append(c.frame(frame(T4)).drop("RULE_DROP", rule=0).frame(frame((R4, 1, V4, 80))).drop("MAC_FILTER"))
    c = Case("class-rule-removed", "a removed rule leaves the frame to the next").rule(0, "DROP").rule(9, "HOST", tenant=4)
    c.frame(frame(T4)).drop("RULE_DROP", rule=0).write("CLASS", 0, bytes(128))
    out.append(c.frame(frame(T4)).host("RULE", rule=9))
    for index in range(0, 64, 7):
        c = Case(f"class-index-{index}", "every place in the table works")
        for i in range(64):
            c.rule(i, "HOST", tenant=i, mark=i, flags=("MARK",), dports=(1000 + i, 1000 + i))
        out.append(c.frame(frame((C4, 1, V4, 1000 + index))).host("RULE", rule=index, mark=index))
    c = Case("class-rule-before-kernel-vlan", "SSH in a VLAN reaches the kernel through the filter").mac(CARD0)
    c.rule(0, "FLOWS", dst=V4 + "/32", dports=(80, 80), vlan=None)
    ssh = frame((C4, 50000, "192.0.2.2", 22), vlan=3)
    out.append(c.frame(ssh).host("KERNEL", rule=255).frame(frame(T4, vlan=3)).host("KERNEL", rule=255)
               .frame(frame(T4)).host("MISS", key=(T4, "tcp", 0)))
    for n, fill in (("ff", 255), ("00", 0)):
        c = Case(f"class-all-{n}", f"a frame of {n} bytes").rule(9, "HOST", mark=3, flags=("MARK",))
        out.append(c.frame(bytes([fill]) * 64).host("RULE", rule=9, mark=3))
    c = Case("class-ipv6-in-arp-type", "a rule for all frames takes what has no L3").rule(0, "FLOWS", tenant=2)
    out.append(c.frame(Ether(dst=CARD0, src=CLIENT_MAC, type=0x1234) / Raw(bytes(packet(*T6)))).host("NO_L4"))
    return out
