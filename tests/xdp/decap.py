#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Frames for a backend's programs: `decap.py OUT.json`. Each has the options of sluice-decap that it runs under, what must
come out, and what must be counted. Tunnels are those of the vector corpus; expected frames are scapy's, built anew."""
import itertools
import json
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors"))
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment                                  # noqa: E402
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt                                      # noqa: E402
from scapy.layers.l2 import ARP, Dot1Q, Ether                                               # noqa: E402
from scapy.layers.vxlan import VXLAN                                                        # noqa: E402
from scapy.packet import Raw                                                                # noqa: E402

from case import CARD0, CARD1, CLIENT_MAC, packet                                           # noqa: E402
from cases.decap import ends, tunnel                                                        # noqa: E402
from cases.ecn import CE, DECAPSULATED, ECT0, NOT_ECT                                       # noqa: E402
from cases.modes import T                                                                   # noqa: E402

TYPE = {4: 0x0800, 6: 0x86DD}
KINDS = ("IPIP", "GRE", "GRE-key", "GUE", "GUE-1", "GENEVE", "GENEVE-ip", "VXLAN")
NAME = {"VXLAN": "vxlan", "GRE-key": "gre", "GUE-1": "gue", "GENEVE-ip": "geneve"}
MAC, SENDER = CARD0, CLIENT_MAC  # the interface's, the last hop's
HOST = {4: ends(4)[1], 6: ends(6)[1]}
BALANCER = {4: ends(4)[0], 6: ends(6)[0]}
VIP = {4: T[4][2], 6: T[6][2]}
OWN = ["--vip", f"{VIP[4]},{VIP[6]}", "--to", f"{HOST[4]},{HOST[6]}", "--from", f"{BALANCER[4]},{BALANCER[6]}"]
OUT = []


def add(name, frame, out, kind, result, options=(), program="decap", mtu=1500):
    """out: the frame that goes on, None if it is dropped, "same" if it is untouched; kind None: nothing is counted."""
    frame = bytes(frame)
    out = frame if isinstance(out, str) else out
    OUT.append({"name": name, "program": program, "options": list(options), "mtu": mtu, "frame": frame.hex(),
                "out": None if out is None else bytes(out).hex(), "kind": kind, "result": result})


def name_of(kind):
    return NAME.get(kind, kind.lower())


def ether(family, tags=(), dst=MAC):
    head = Ether(dst=dst, src=SENDER, type=TYPE[family] if not tags else 0x8100)
    for i, vid in enumerate(tags):
        head = head / Dot1Q(vlan=vid, prio=3, type=TYPE[family] if i == len(tags) - 1 else 0x8100)
    return head


def tunnelled(kind, over, family, inner, tos=0):
    if kind != "VXLAN":
        return tunnel(kind, over, family, inner, tos)
    head = IP(src=BALANCER[4], dst=HOST[4], tos=tos) if over == 4 else IPv6(src=BALANCER[6], dst=HOST[6], tc=tos)
    return head / UDP(sport=50000, dport=4789, chksum=0) / VXLAN(flags=8, vni=9) / \
        Ether(dst=CARD1, src=CLIENT_MAC, type=TYPE[family]) / inner


def frame(kind, over, family, inner, tags=(), tos=0, dst=MAC):
    return ether(over, tags, dst) / tunnelled(kind, over, family, inner, tos)


def client(family, **more):
    return packet(*T[family], **more)


def kinds():
    for kind, over, family in itertools.product(KINDS, (4, 6), (4, 6)):
        who, inner = f"{kind} {family} over {over}", client(family)
        coming = frame(kind, over, family, inner)
        for what, options in (("anything", []), ("lists", OWN)):
            add(f"{who}, {what}", coming, ether(family) / inner, name_of(kind), "opened", options)
        others = [k for k in ("ipip", "gre", "gue", "vxlan", "geneve") if k != name_of(kind)]
        add(f"{who}, kind not enabled", coming, "same", None, None, ["--tunnel", ",".join(others)])
        for tags in ((5,), (5, 6)):
            add(f"{who}, {len(tags)} tags", frame(kind, over, family, inner, tags), ether(family, tags) / inner, name_of(kind),
                "opened", OWN)
        add(f"{who}, UDP and padding", bytes(frame(kind, over, family, client(family, proto="udp"))) + bytes(7),
            ether(family) / client(family, proto="udp"), name_of(kind), "opened", OWN)
        big = client(family, data=bytes(range(256)) * 35)
        add(f"{who}, 9000 bytes", frame(kind, over, family, big), ether(family) / big, name_of(kind), "opened", OWN)


def refused():
    """Each list by itself: what is not in it, and a neighbour of what is."""
    for kind, over, family in itertools.product(KINDS, (4, 6), (4, 6)):
        who, coming = f"{kind} {family} over {over}", frame(kind, over, family, client(family))

        def no(what, result, *options):
            add(f"{who}, {what}", coming, "same", name_of(kind), result, options)
        no("to another host", "other-destination", "--to", "203.0.113.8,2001:db8:3::8")
        no("of another family only", "other-destination", "--to", HOST[10 - over])
        no("of nobody trusted", "not-trusted", "--from", "10.0.0.6,10.0.0.0/30,fd00::8/125")
        no("no VIP", "not-a-vip", "--vip", "198.51.100.11,2001:db8:ffff::11")
        add(f"{who}, another Ethernet address", frame(kind, over, family, client(family), dst=CARD1), "same", name_of(kind),
            "other-mac", OWN)
        prefix = {4: "10.0.0.4/30,10.0.0.6", 6: "fd00::/125,fe00::/8"}[over]
        add(f"{who}, of a prefix", coming, ether(family) / client(family), name_of(kind), "opened", ["--from", prefix])
    for kind, number in (("VXLAN", "9"), ("GENEVE", "9"), ("GENEVE-ip", "9"), ("GRE-key", str(0xA0000009)), ("GRE", "0")):
        option = "--key" if "GRE" in kind else "--vni"
        coming = frame(kind, 4, 4, client(4))
        add(f"{kind}, network {number}", coming, ether(4) / client(4), name_of(kind), "opened", [option, f"1,{number}"])
        add(f"{kind}, not network 1", coming, "same", name_of(kind), "other-network", [option, "1,10"])
    add("ipip has no network", frame("IPIP", 4, 4, client(4)), ether(4) / client(4), "ipip", "opened",
        ["--vni", "1", "--key", "1"])


def ecn():
    for kind, over, family in itertools.product(("IPIP", "VXLAN", "GUE"), (4, 6), (4, 6)):
        for inner, outer in itertools.product(range(4), range(4)):
            became = DECAPSULATED[inner][outer]

            def with_tos(tos):
                p = client(family)
                setattr(p, "tos" if family == 4 else "tc", tos)
                return p
            add(f"{kind} {family} over {over}, ECN {outer} around {inner}",
                frame(kind, over, family, with_tos(0xB8 | inner), tos=outer),
                None if became is None else ether(family) / with_tos(0xB8 | became), name_of(kind),
                "bad-ecn" if became is None else "opened", OWN)
    add("bad ECN for no VIP is not ours", frame("IPIP", 4, 4, client(4), tos=CE), "same", "ipip", "not-a-vip",
        ["--vip", "10.1.1.1"])
    assert DECAPSULATED[NOT_ECT][CE] is None and DECAPSULATED[ECT0][CE] == CE


def inside():
    """What may be in a tunnel, and what may not."""
    ping = {4: IP(src=T[4][0], dst=VIP[4]) / ICMP() / Raw(b"x"), 6: IPv6(src=T[6][0], dst=VIP[6]) / IPv6ExtHdrDestOpt() / UDP()}
    for kind, over, family in itertools.product(KINDS, (4, 6), (4, 6)):
        who = f"{kind} {family} over {over}"
        add(f"{who}, no TCP", frame(kind, over, family, ping[family]), ether(family) / ping[family], name_of(kind), "opened", OWN)
        good = bytes(frame(kind, over, family, client(family)))
        start = len(good) - len(bytes(client(family)))
        bad = bytearray(good)
        bad[start] = 0x51
        # In variant 1 of GUE the version is what says that there is an IP packet.
        if kind != "GUE-1":
            add(f"{who}, bad version", bad, None, name_of(kind), "bad-inner", OWN)
        bad = bytearray(good)
        bad[start + (2 if family == 4 else 4)] += 1
        add(f"{who}, too long inside", bad, None, name_of(kind), "bad-inner", OWN)
        if family == 4:
            bad = bytearray(good)
            bad[start + 10] ^= 1
            add(f"{who}, bad checksum", bad, None, name_of(kind), "bad-inner", OWN)
    first = fragment(IP(src=T[4][0], dst=VIP[4], id=7) / UDP() / Raw(bytes(200)), 64)[1]
    add("a fragment inside", frame("IPIP", 4, 4, first), ether(4) / first, "ipip", "opened", OWN)
    for kind, head in (("VXLAN", VXLAN(flags=8, vni=9)), ("GENEVE", Raw(struct.pack(">BBHI", 0, 0, 0x6558, 9 << 8)))):
        port = 4789 if kind == "VXLAN" else 6081
        arp = ether(4) / IP(src=BALANCER[4], dst=HOST[4]) / UDP(sport=50000, dport=port) / head / \
            Ether(dst="ff:ff:ff:ff:ff:ff", src=CARD1) / ARP()
        add(f"{kind} with ARP inside", arp, "same", name_of(kind), "no-ip", OWN)


def untouched():
    """No tunnel, and every length that a tunnel's packet can be cut off at: nothing is read behind the end."""
    for family in (4, 6):
        add(f"plain IPv{family}", ether(family) / client(family), "same", None, None, OWN)
    options = IP(src=BALANCER[4], dst=HOST[4], proto=4, options=[b"\x01\x01\x01\x01"])
    add("outer options", ether(4) / options / client(4), "same", None, None, OWN)
    for part in fragment(IP(src=BALANCER[4], dst=HOST[4], proto=4, id=9) / Raw(bytes(client(4, data=bytes(100)))), 64):
        add("an outer fragment", ether(4) / part, "same", None, None, OWN)
    for kind, over in itertools.product(KINDS, (4, 6)):
        whole = bytes(frame(kind, over, 4, client(4)))
        for n in range(14, len(whole), 3):
            add(f"{kind} over {over}, cut off at {n}", whole[:n], "same", None, None, OWN)


# -- the clamp ---------------------------------------------------------------------------------------------------------
MSS, NOP, END = ("MSS", 1460), ("NOP", None), ("EOL", None)
REST = [("SAckOK", b""), ("Timestamp", (1, 2)), NOP, ("WScale", 7)]


def synack(family, options, flags="SA", src=None, data=b"", tags=(), extra=None):
    head = IP(src=src or VIP[4], dst=T[4][0]) if family == 4 else IPv6(src=src or VIP[6], dst=T[6][0])
    if extra:
        head = head / extra
    return ether(family, tags) / head / \
        TCP(sport=80, dport=40000, flags=flags, seq=1000, ack=2000, window=65000, options=options) / Raw(data)


def lowered(options, mss):
    return [("MSS", mss) if name == "MSS" else (name, value) for name, value in options]


def clamp(name, family, options, mss, result, own=OWN, mtu=1500, **more):
    """mss: what must leave, None if the frame must be as it was."""
    out = "same" if mss is None else synack(family, lowered(options, mss), **more)
    add(f"clamp, {name}, IPv{family}", synack(family, options, **more), out, "syn" if result else None, result, own, "clamp", mtu)


def clamps():
    # --to and --from have both families: outer IPv6, UDP, VXLAN or Geneve and Ethernet are 70 bytes.
    for family, headers in ((4, 40), (6, 60)):
        fits = 1500 - 70 - headers
        for flags in ("S", "SA", "SEC"):
            clamp(f"flags {flags}", family, [MSS] + REST, fits, "lowered", flags=flags)
        for tags in ((5,), (5, 6)):
            clamp(f"{len(tags)} tags", family, [MSS] + REST, fits, "lowered", tags=tags)
        for n in range(5):
            clamp(f"behind {n} NOPs", family, [NOP] * n + [MSS] + REST, fits, "lowered")
        clamp("odd and last", family, [("SAckOK", b""), ("WScale", 7), MSS], fits, "lowered")
        clamp("odd, behind 35 bytes", family, [NOP] * 35 + [MSS], fits, "lowered")
        clamp("with data", family, [MSS], fits, "lowered", data=b"fast open")
        clamp("largest MSS", family, [("MSS", 65535)], fits, "lowered")
        clamp("equal", family, [("MSS", fits)], None, "fits")
        clamp("one more", family, [("MSS", fits + 1)], fits, "lowered")
        clamp("less", family, [("MSS", 536)] + REST, None, "fits")
        clamp("no options", family, [], None, "no-option")
        clamp("no MSS", family, REST, None, "no-option")
        clamp("behind the end", family, [END, MSS], None, "no-option")
        clamp("no SYN", family, [MSS], None, None, flags="A")
        clamp("of no VIP", family, [MSS], None, None, src="10.0.0.5" if family == 4 else "fd00::5")
        clamp("of anybody", family, [MSS], fits, "lowered", own=[], src="10.0.0.5" if family == 4 else "fd00::5")
        clamp("off", family, [MSS], None, None, own=OWN + ["--mss", "off"])
        clamp("a number", family, [MSS], 1000, "lowered", own=OWN + ["--mss", "1000"])
        clamp("another MTU", family, [MSS], 1400 - 70 - headers, "lowered", own=OWN + ["--mtu", "1400"])
        clamp("jumbo frames", family, [("MSS", 9000 - headers)], 9000 - 70 - headers, "lowered", mtu=9000)
        for enabled, over, overhead in (("ipip", 4, 20), ("ipip", 6, 40), ("gre", 4, 24), ("gue", 4, 32), ("gue", 6, 52),
                                        ("vxlan", 4, 50), ("ipip,gre", 4, 24), ("geneve,ipip", 6, 70)):
            own = ["--tunnel", enabled, "--to", HOST[over]]
            clamp(f"{enabled} over {over}", family, [MSS], 1500 - overhead - headers, "lowered", own=own)
        clamp("gre with a key", family, [MSS], 1500 - 28 - headers, "lowered",
              own=["--tunnel", "gre", "--to", HOST[4], "--key", "0,7"])
        for bad in ("02030501", "020505b401010101", "01010204", "0300020405b40101", "0528020405b40101", "0301020405b40101",
                    "08050101", "0101010001010102"):
            whole = bytearray(bytes(synack(family, [NOP] * (len(bad) // 2))))
            whole[-len(bad) // 2:] = bytes.fromhex(bad)
            result = "no-option" if bad.startswith("01010100") else "bad-options"
            add(f"clamp, options {bad}, IPv{family}", whole, "same", "syn", result, OWN, "clamp")
    clamp("IP extension header", 6, [MSS], 1370, "lowered", extra=IPv6ExtHdrDestOpt())
    udp = ether(4) / IP(src=VIP[4], dst=T[4][0]) / UDP(sport=80, dport=40000) / Raw(bytes(20))
    add("clamp, UDP", udp, "same", None, None, OWN, "clamp")
    whole = bytes(synack(4, [MSS] + REST))
    for n in range(34, len(whole)):  # a test run of tc programs takes no less than an IPv4 header
        add(f"clamp, cut off at {n}", whole[:n], "same", None, None, OWN, "clamp")


def main():
    for part in (kinds, refused, ecn, inside, untouched, clamps):
        part()
    with open(sys.argv[1], "w", encoding="ascii") as f:
        json.dump({"mac": MAC, "cases": OUT}, f)


main()
