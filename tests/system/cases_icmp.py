# SPDX-License-Identifier: BSD-3-Clause
"""System tests: sizes of packets, and ICMP errors of the network, which reach those whose packets they are about."""
import socket
import struct

from cases import UdpEcho, apply, case, expect, udp_socket
from flood import checksum, ipv4
from lab import InNamespace, PEER_PORT, VIPS, VIPS6, connect, sh

PORT = 5460


def too_big(src, dst, sport, dport, mtu):
    """What a router in the client's network says of a UDP packet from src to dst, as a frame to the card."""
    quoted = ipv4(src, dst, 17, struct.pack("!HHHH", sport, dport, 1300, 0) + bytes(8))[14:42]
    icmp = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted
    return ipv4("10.78.0.1", src, 1, icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:])


@case()
def path_mtu_reaches_backends(lab):
    """A router's "fragmentation needed" to the VIP: the connection's backend learns the path's MTU, and no other backend does."""
    modes = ("dsr-l2", "ipip", "nat", "gue")
    servers = []
    for m in modes:
        lab.services.append(lab.service(m, VIPS[m], PORT, protocol="udp", health={"type": "none"}))
        servers += [UdpEcho(lab, name, PORT, f"10.77.0.{11 + i}" if m == "nat" else VIPS[m]) for i, name in enumerate(lab.backends)]
    try:
        apply(lab)
        with InNamespace(lab.ns("cl")):
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            wire.bind(("eth0", 0))
        for mtu, m in zip(range(1004, 1000, -1), modes):  # a route's MTU only falls
            with udp_socket(lab) as s:
                s.connect((VIPS[m], PORT))
                s.send(b"x")
                backend = s.recv(100).split()[0].decode()
                wire.send(too_big(VIPS[m], "10.78.0.10", PORT, s.getsockname()[1], mtu))

            def knowing(m=m, mtu=mtu):
                return [name for i, name in enumerate(lab.backends)
                        if f"mtu {mtu}" in sh("ip", "route", "get", "10.78.0.10", "from", f"10.77.0.{11 + i}" if m == "nat" else VIPS[m],
                                              ns=lab.ns(name)).stdout]
            lab.wait_for(knowing, 3, f"{m}: a backend that knows the path's MTU")
            expect(knowing() == [backend], f"{m}: {backend} answered the client, {knowing()} know the path's MTU")
    finally:
        for u in servers:
            u.close()
        for name in lab.backends:
            sh("ip", "route", "flush", "cache", ns=lab.ns(name))
        del lab.services[-len(modes):]
        apply(lab)


@case()
def nat_client_hears_of_closed_port(lab):
    """A nat backend on whose port nobody listens: the client's socket is refused, in the VIP's name."""
    lab.services.append(lab.service("nat", VIPS["nat"], PORT + 1, protocol="udp", health={"type": "none"}))
    try:
        apply(lab)
        with udp_socket(lab) as s:
            s.connect((VIPS["nat"], PORT + 1))
            s.send(b"x")
            try:
                s.recv(100)
                raise AssertionError("somebody answered")
            except ConnectionRefusedError:
                pass
    finally:
        lab.services.pop()
        apply(lab)


@case()
def nat_lowers_the_mss(lab):
    """The route to the backends has an MTU of 1400: both ends of a nat connection learn to send no more than that."""
    routes = [f"{net}{11 + i}" for i in range(len(lab.backends)) for net in ("10.77.0.", "fd77::")]
    for to in routes:
        sh("ip", "route", "add", to, "dev", lab.kernel_device, "mtu", "1400", ns=lab.ns("lb"))
    try:
        for vip, most in ((VIPS["nat"], 1360), (VIPS6["nat"], 1340)):
            def clamped(vip=vip):
                with connect(lab, vip, PEER_PORT) as s:
                    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
            # (12 bytes of timestamps are taken from it.)
            lab.wait_for(lambda: clamped() == most - 12, 5, f"the client's MSS of {most} to {vip}")
    finally:
        for to in routes:
            sh("ip", "route", "del", to, "dev", lab.kernel_device, ns=lab.ns("lb"))
