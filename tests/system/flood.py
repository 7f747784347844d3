# SPDX-License-Identifier: BSD-3-Clause
"""Floods of one class of frames, bounded in number and time, from a client's namespace onto the bridge."""
import socket
import struct
import time

from lab import CARD_MAC, InNamespace

SOURCES = [f"10.78.0.{n}" for n in range(200, 250)]  # nobody has them: answers end at ARP


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ipv4(source, to, proto, payload):
    ends = socket.inet_aton(source) + socket.inet_aton(to)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0) + ends
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return bytes.fromhex((CARD_MAC + ":02:00:00:00:0f:0f").replace(":", "")) + b"\x08\x00" + head + payload


def syn(source, to, sport, dport):
    body = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, 2, 65535, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack("!HH", 6, len(body))
    return ipv4(source, to, 6, body[:16] + struct.pack("!H", checksum(pseudo + body)) + body[18:])


def udp(source, to, sport, dport):
    return ipv4(source, to, 17, struct.pack("!HHHH", sport, dport, 8, 0))


def flood(lab, make, to, dport, count, seconds):
    """Sends `count` frames, evenly over the time, from spoofed sources. Returns how long it took."""
    frames = [make(SOURCES[i % len(SOURCES)], to, 1024 + i, dport) for i in range(count)]
    with InNamespace(lab.ns("cl")):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        wire.bind(("eth0", 0))
    begun = time.monotonic()
    for i, frame in enumerate(frames):
        wire.send(frame)
        ahead = begun + i * seconds / count - time.monotonic()
        if ahead > 0.002:
            time.sleep(ahead)
    wire.close()
    return time.monotonic() - begun
