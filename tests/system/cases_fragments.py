# SPDX-License-Identifier: BSD-3-Clause
"""System tests: datagrams in fragments, by a kernel that makes them and one that puts them together."""
import os
import socket

from cases import UdpEcho, case, expect
from flood import ipv4
from lab import InNamespace, VIPS, VIPS6

PORT = 5454
SIZE = 6000  # five fragments


def reasons(lab):
    return {r["name"]: r["packets"] for r in lab.cli("stats", "show")["reasons"]}


@case()
def datagrams_in_fragments(lab):
    """Datagrams of five fragments reach one backend and come back, in dsr-l2 and nat, IPv4 and IPv6. Into a tunnel none
    of them fits: those of IPv4 are cut once more."""
    ways = [(m, v[m]) for v in (VIPS, VIPS6) for m in ("dsr-l2", "nat")] + [("ipip", VIPS["ipip"]), ("vxlan", VIPS["vxlan"])]
    servers = []
    for mode, vip in ways:
        lab.services.append(lab.service(mode, vip, PORT, protocol="udp", health={"type": "none"}))
        servers += [UdpEcho(lab, name, PORT, vip if mode != "nat" else address(lab, name, vip)) for name in lab.backends]
    try:
        lab.pcap = True
        lab.restart_agent()
        for mode, vip in ways:
            with InNamespace(lab.ns("cl")):
                s = socket.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET, socket.SOCK_DGRAM)
            with s:
                s.settimeout(3)
                s.connect((vip, PORT))
                answers = set()
                for _ in range(20):
                    data = os.urandom(SIZE)
                    s.send(data)
                    name, back = s.recv(65535).split(b" ", 1)
                    expect(back == data, f"{mode} {vip}: what came back differs")
                    answers.add(name)
                expect(len(answers) == 1, f"{mode} {vip}: one flow reached {answers}")
    finally:
        for u in servers:
            u.close()
        del lab.services[-len(ways):]
        lab.pcap = False
        lab.restart_agent()


def address(lab, name, vip):
    return ("fd77::" if ":" in vip else "10.77.0.") + str(11 + lab.backends.index(name))


def fragment(datagram, ident, begin, end):
    """Bytes begin to end of an IPv4 datagram's payload as a frame to the card."""
    frame = bytearray(ipv4("10.78.0.10", VIPS["dsr-l2"], 17, datagram[begin:end]))
    more = end < len(datagram)
    frame[18:20] = ident.to_bytes(2, "big")
    frame[20:22] = (begin // 8 | (0x2000 if more else 0)).to_bytes(2, "big")
    word = int.from_bytes(frame[24:26], "big") ^ 0xffff
    total = word + ident + int.from_bytes(frame[20:22], "big")
    total = (total & 0xffff) + (total >> 16)
    frame[24:26] = (0xffff ^ ((total & 0xffff) + (total >> 16))).to_bytes(2, "big")
    return bytes(frame)


@case()
def fragments_in_any_order(lab):
    """The first fragment last arrives whole; one that overlaps takes its datagram with it; one without a first is told lost."""
    lab.services.append(lab.service("dsr-l2", VIPS["dsr-l2"], PORT + 1, protocol="udp", health={"type": "none"}))
    servers = [UdpEcho(lab, name, PORT + 1, VIPS["dsr-l2"]) for name in lab.backends]
    try:
        lab.pcap = True
        lab.restart_agent()
        with InNamespace(lab.ns("cl")):
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            wire.bind(("eth0", 0))
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s, wire:
            s.bind(("10.78.0.10", 0))
            s.settimeout(1)
            port = s.getsockname()[1]

            def send(ident, text, ranges):
                datagram = port.to_bytes(2, "big") + (PORT + 1).to_bytes(2, "big") + (8 + len(text)).to_bytes(2, "big") + b"\0\0" + text
                for begin, end in ranges:
                    wire.send(fragment(datagram, ident, begin, min(end, len(datagram))))
            before = reasons(lab)
            text = os.urandom(3000)
            send(1, text, ((2960, 9999), (1480, 2960), (0, 1480)))
            expect(s.recv(65535).split(b" ", 1)[1] == text, "out of order: what came back differs")
            send(2, text, ((0, 1480), (1472, 2952), (2960, 9999), (1480, 2960)))
            try:
                s.recv(65535)
                raise AssertionError("a datagram of overlapping fragments was answered")
            except socket.timeout:
                pass
            send(3, text, ((1480, 2960), (2960, 9999)))
            lab.wait_for(lambda: reasons(lab).get("frag-lost", 0) == before.get("frag-lost", 0) + 2, 5, "two fragments told lost")
            expect(reasons(lab)["frag-overlap"] == before.get("frag-overlap", 0) + 3, "three fragments were to be refused")
    finally:
        for u in servers:
            u.close()
        lab.services.pop()
        lab.pcap = False
        lab.restart_agent()
