# SPDX-License-Identifier: BSD-3-Clause
"""Section 2: headers cut off at every boundary, lengths that lie, checksums, padding."""
import struct

from scapy.layers.inet import IP, IPOption_NOP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from case import B4, B6, C4, C6, CARD0, CLIENT_MAC, Case, V4, V6, eth, frame, ip, l4, packet

TUP = {4: (C4, 40000, V4, 80), 6: (C6, 40000, V6, 80)}
TYPE = {4: 0x0800, 6: 0x86DD}


def flows(name, about):
    return Case("parse-" + name, about).rule(0, "FLOWS", tenant=3)


def miss(c, data, family, proto="tcp", tup=None):
    return c.frame(data).host("MISS", key=(tup or TUP[family], proto, 3))


def cut_frame(family, vlan, keep):
    """An Ethernet frame with only `keep` bytes of its IP packet."""
    whole = bytes(frame(TUP[family], vlan=vlan))
    return whole[:(18 if vlan is not None else 14) + keep]


def ipv4(**fields):
    """A TCP/IPv4 frame whose header says what it is told; scapy sets the checksum."""
    return eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, **fields) / l4("tcp", 40000, 80)


def cases():
    out = []
    for vlan in (None, 7):
        tag = "" if vlan is None else "-tagged"
        for family, cuts in ((4, (0, 1, 8, 12, 19)), (6, (0, 1, 6, 24, 39))):
            for keep in cuts:
                out.append(flows(f"ip{family}-cut-{keep}{tag}", f"only {keep} bytes of the IP header are there")
                           .frame(cut_frame(family, vlan, keep)).drop("BAD_IP"))
        for family, head in ((4, 20), (6, 40)):
            for keep in (head, head + 1, head + 19, head + 20):
                out.append(flows(f"ip{family}-shorter-than-it-says-{keep}{tag}", "the frame ends before the IP packet")
                           .frame(cut_frame(family, vlan, keep)).drop("BAD_IP"))
    for n in (14, 15, 16, 17):
        c = Case(f"parse-tag-cut-{n}", "a tag cut off leaves no ethertype and no L3").rule(0, "DROP", ethertype=0x0800)
        c.rule(1, "HOST", mark=1, flags=("MARK",))
        out.append(c.frame(bytes(frame(TUP[4], vlan=5))[:n]).host("RULE", rule=1, mark=1))
    return out + ip_lies() + l4_lies() + padding() + ethertypes()


def ip_lies():
    out = []
    rows = [("version-5", ipv4(version=5)), ("version-6-in-ipv4", ipv4(version=6)), ("version-0", ipv4(version=0)),
            ("ihl-4", ipv4(ihl=4)), ("ihl-0", ipv4(ihl=0)), ("total-length-19", ipv4(len=19)),
            ("total-length-0", ipv4(len=0)), ("ihl-6-total-20", ipv4(ihl=6, len=20)),
            ("total-length-one-too-long", ipv4(len=62)), ("total-length-65535", ipv4(len=65535))]
    for name, data in rows:
        out.append(flows("ip4-" + name, "the IPv4 header contradicts itself or the frame").frame(data).drop("BAD_IP"))
    good = bytes(frame(TUP[6]))
    for name, at, value in (("version-4", 14, 0x40), ("version-7", 14, 0x70)):
        data = bytearray(good)
        data[at] = value
        out.append(flows("ip6-" + name, "wrong version in an IPv6 frame").frame(bytes(data)).drop("BAD_IP"))
    size = len(good) - 54
    for name, length in (("one-too-long", size + 1), ("65535", 65535)):
        data = good[:18] + struct.pack(">H", length) + good[20:]
        out.append(flows("ip6-payload-length-" + name, "IPv6 payload beyond the frame").frame(data).drop("BAD_IP"))
    good = bytes(frame(TUP[4]))
    for at in range(0, 20, 3):
        data = bytearray(good)
        data[14 + at] ^= 0x10 if at else 0x00
        if at == 0:
            data[14 + 10] ^= 0xFF
        if at in (3,):
            continue
        out.append(flows(f"ip4-checksum-byte-{at}", "one bit of the IPv4 header is wrong")
                   .frame(bytes(data)).drop("BAD_IP_CSUM"))
    miss_frame = bytes(ipv4(id=int.from_bytes(bytes(ipv4(id=0))[24:26], "big")))
    if miss_frame[24:26] != b"\0\0":
        raise ValueError("the checksum should be 0")
    out.append(miss(flows("ip4-checksum-zero", "a checksum of 0x0000 that is right"), miss_frame, 4))
    swapped = miss_frame[:24] + b"\xff\xff" + miss_frame[26:]
    out.append(flows("ip4-checksum-ffff", "0xFFFF where 0x0000 is right also sums to 0xFFFF").frame(swapped)
               .host("MISS", key=(TUP[4], "tcp", 3)))
    options = eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, options=[IPOption_NOP()] * 4) / l4("tcp", 40000, 80)
    broken = bytearray(bytes(options))
    broken[14 + 21] ^= 1
    out.append(flows("ip4-options-checksum", "the checksum covers the options").frame(bytes(broken)).drop("BAD_IP_CSUM"))
    longest = eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, options=[IPOption_NOP()] * 40) / l4("tcp", 40000, 80)
    out.append(miss(flows("ip4-options-40", "IHL 15: the longest header"), longest, 4))
    out.append(flows("ip4-options-cut", "total length 20 under IHL 15").frame(
        eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, len=59, options=[IPOption_NOP()] * 40) / l4("tcp", 40000, 80))
        .drop("BAD_IP"))
    out.append(flows("ip4-beyond-frame-before-checksum", "BAD_IP is found before the checksum").frame(
        eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, len=1500, chksum=0x1234) / l4("tcp", 40000, 80)).drop("BAD_IP"))
    return out


def l4_lies():
    out = []
    for family in (4, 6):
        src, dst = TUP[family][0], TUP[family][2]
        tcp = bytes(packet(*TUP[family], data=b""))[-20:]
        udp = bytes(packet(*TUP[family], proto="udp", data=b""))[-8:]

        def carry(number, payload, src=src, dst=dst, family=family):
            more = {"proto": number} if family == 4 else {"nh": number}
            return eth(CARD0, CLIENT_MAC) / ip(src, dst, **more) / Raw(payload)

        for n in (0, 1, 2, 4, 12, 13, 14, 19):
            out.append(flows(f"tcp{family}-cut-{n}", f"{n} bytes of TCP header").frame(carry(6, tcp[:n])).drop("BAD_L4"))
        for n in (0, 1, 4, 6, 7):
            out.append(flows(f"udp{family}-cut-{n}", f"{n} bytes of UDP header").frame(carry(17, udp[:n])).drop("BAD_L4"))
        out.append(miss(flows(f"tcp{family}-bare", "exactly 20 bytes of TCP"), carry(6, tcp), family))
        out.append(miss(flows(f"udp{family}-bare", "exactly 8 bytes of UDP"), carry(17, udp), family, "udp"))
        for offset in (0, 4):
            bad = tcp[:12] + bytes([offset << 4]) + tcp[13:]
            out.append(flows(f"tcp{family}-offset-{offset}", "data offset below 5").frame(carry(6, bad)).drop("BAD_L4"))
        six = tcp[:12] + b"\x60" + tcp[13:]
        out.append(flows(f"tcp{family}-offset-beyond", "data offset 6 with 20 bytes").frame(carry(6, six)).drop("BAD_L4"))
        out.append(flows(f"tcp{family}-offset-beyond-3", "data offset 6 with 23 bytes").frame(carry(6, six + b"abc"))
                   .drop("BAD_L4"))
        out.append(miss(flows(f"tcp{family}-offset-exact", "data offset 6 with 24 bytes"), carry(6, six + bytes(4)),
                        family))
        out.append(miss(flows(f"tcp{family}-offset-15", "the longest TCP header"),
                        carry(6, tcp[:12] + b"\xf0" + tcp[13:] + bytes(40)), family))
        for length, name in ((0, "0"), (7, "7"), (9, "beyond"), (65535, "65535")):
            bad = udp[:4] + struct.pack(">H", length) + udp[6:]
            out.append(flows(f"udp{family}-length-{name}", f"UDP length {length} over 8 bytes").frame(carry(17, bad))
                       .drop("BAD_L4"))
        short = udp[:4] + struct.pack(">H", 8) + udp[6:] + b"tail after UDP"
        out.append(miss(flows(f"udp{family}-shorter-than-ip", "UDP may end before its IP packet"), carry(17, short),
                        family, "udp"))
        c = Case(f"parse-bad-l4-host-{family}", "bad L4 is dropped only by the flow stage").rule(0, "HOST")
        out.append(c.frame(carry(6, tcp[:19])).host("RULE"))
        c = Case(f"parse-bad-l4-no-rule-{family}", "without a rule bad L4 goes to the kernel").mac(CARD0)
        out.append(c.frame(carry(17, udp[:7])).host("KERNEL", rule=255))
    return out


def padding():
    """Bytes after the IP packet belong to nothing."""
    out = []
    for family in (4, 6):
        nat = (B4, 8080) if family == 4 else (B6, 8080)
        for pad in (1, 6, 46, 700):
            c = Case(f"parse-padding-{family}-{pad}", "padding is not forwarded").rule(0, tenant=1)
            f = c.action(0).flow(TUP[family], tenant=1, nat_dst=nat)
            out.append(c.frame(bytes(frame(TUP[family], data=b"")) + bytes([0xA5]) * pad)
                       .forward(frame((*TUP[family][:2], *nat), data=b""), f))
    c = flows("padding-does-not-complete-tcp", "padding does not make a cut TCP header whole")
    out.append(c.frame(bytes(eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4, proto=6) / Raw(bytes(12))) + bytes(20))
               .drop("BAD_L4"))
    c = flows("padding-does-not-complete-udp", "padding does not count as UDP payload")
    out.append(c.frame(bytes(eth(CARD0, CLIENT_MAC) / IP(src=C4, dst=V4) / UDP(sport=1, dport=2, len=20) / Raw(bytes(4)))
                       + bytes(20)).drop("BAD_L4"))
    return out


def ethertypes():
    out = []
    body = bytes(packet(*TUP[4]))
    for name, head in (("arp", "0806"), ("lldp", "88cc"), ("length-field", "0040"), ("service-tag-alone", "88a80005" + "0800"),
                       ("three-tags", "88a800058100000681000007" + "0800"), ("mpls", "8847")):
        data = bytes(eth(CARD0, CLIENT_MAC))[:12] + bytes.fromhex(head) + body
        out.append(flows("no-l3-" + name, "an ethertype without L3 has no key").frame(data).host("NO_L4"))
    data = bytes(frame(TUP[4], vlan=0))
    out.append(miss(flows("priority-tag", "VID 0 is a tag too"), data, 4))
    for tci in (0xE005, 0x1005, 0xF005):
        tagged = bytes(frame(TUP[4], vlan=5))
        c = Case(f"parse-priority-{tci:04x}", "priority and DEI bits do not matter").rule(0, tenant=3, vlan=5)
        out.append(c.frame(tagged[:14] + struct.pack(">H", tci) + tagged[16:]).host("MISS", key=(TUP[4], "tcp", 3)))
    swapped = bytes(eth(CARD0, CLIENT_MAC, type=0x86DD)) + body
    out.append(flows("ipv4-under-86dd", "IPv4 under IPv6's ethertype").frame(swapped).drop("BAD_IP"))
    swapped = bytes(eth(CARD0, CLIENT_MAC, type=0x0800)) + bytes(packet(*TUP[6]))
    out.append(flows("ipv6-under-0800", "IPv6 under IPv4's ethertype").frame(swapped).drop("BAD_IP"))
    out.append(flows("bad-ip-before-host-rule", "a bad header is dropped before any rule")
               .rule(0, "HOST").frame(ipv4(version=5)).drop("BAD_IP"))
    out.append(flows("bad-csum-before-filter", "and before the MAC filter").rule(0, "HOST", vlan=99)
               .frame(ipv4(chksum=1)).drop("BAD_IP_CSUM"))
    for family in (4, 6):
        tup = TUP[family]
        big = frame(tup, data=b"x" * (9600 - 14 - (20 if family == 4 else 40) - 20))
        c = flows(f"jumbo-miss-{family}", "a 9600-byte packet misses whole")
        out.append(miss(c, big, family))
        tcp = TCP(sport=1, dport=2, flags="S")
        zero = IP(src="0.0.0.0", dst="255.255.255.255") if family == 4 else IPv6(src="::", dst="::")
        ends = ("0.0.0.0", 1, "255.255.255.255", 2) if family == 4 else ("::", 1, "::", 2)
        out.append(miss(flows(f"odd-addresses-{family}", "addresses are not judged"),
                        eth(CARD0, CLIENT_MAC) / zero / tcp, family, tup=ends))
    return out
