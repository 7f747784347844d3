# SPDX-License-Identifier: BSD-3-Clause
"""System tests: sizes of packets, and ICMP errors of the network, which reach those whose packets they are about."""
import socket
import struct

from cases import UdpEcho, apply, case, expect, udp_socket
from cases_forwarding import forget_paths, transfer
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
def a_tunnels_path_is_narrower(lab):
    """A router's "fragmentation needed" about a tunnel's own packet, to the balancer: what goes to that backend is bounded by it, clients are
    told, and transfers get through."""
    vtep, backend = lab.vteps, "10.77.0.11"

    def mtus():
        return {b["address"]: b["nexthop"]["mtu"] for b in lab.cli("backend", "list")["backends"] if b["service"].startswith("ipip-") and
                ":" not in b["address"]}
    expect(set(mtus().values()) == {1500}, f"next hops' MTUs are {mtus()}")
    quoted = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1500, 1, 0x4000, 60, 4, 0, socket.inet_aton(vtep), socket.inet_aton(backend)) + bytes(8)
    quoted = quoted[:10] + struct.pack("!H", checksum(quoted[:20])) + quoted[12:]
    error = struct.pack("!BBHHH", 3, 4, 0, 0, 1400) + quoted
    with InNamespace(lab.ns("b1")):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
            s.sendto(error[:2] + struct.pack("!H", checksum(error)) + error[4:], (vtep, 0))
    try:
        lab.wait_for(lambda: mtus()[backend] == 1400, 5, f"a next hop of {backend} whose MTU is 1400")
        expect(all(m == 1500 for a, m in mtus().items() if a != backend), f"next hops' MTUs are {mtus()}")
        for _ in range(6):  # some of them to that backend
            transfer(lab, "ipip", VIPS["ipip"], 300000)
    finally:
        sh("ip", "route", "flush", "cache", ns=lab.ns("lb"))
        sh("ip", "link", "set", lab.kernel_device, "mtu", "1499", ns=lab.ns("lb"))  # (a change has next hops asked for anew)
        sh("ip", "link", "set", lab.kernel_device, "mtu", "1500", ns=lab.ns("lb"))
        lab.wait_for(lambda: set(mtus().values()) == {1500}, 5, "MTUs as before")
        forget_paths(lab)


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
