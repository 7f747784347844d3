# SPDX-License-Identifier: BSD-3-Clause
"""System tests: clients whose packets arrive in tunnels of trusted sources. The kernel has no such tunnels, so this is their
far end: a TUN interface whose packets are put into one and sent on.

    client's TCP ── tun0 ── Sender: outer IP + tunnel + packet ── eth0 ── bridge ── card: opened, looked up ── backend
                                                      eth0 ◄───────── straight back (DSR), plain
"""
import fcntl
import os
import select
import socket
import struct
import threading
import time

from cases import carried, case, expect
from demo import read_line
from lab import CARD_MAC, InNamespace, LabError, PEER_PORT, VIPS, VIPS6, sh

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
VIP, CLIENT, VNI = VIPS["dsr-l2"], "10.78.0.30", 77
VIP6, CLIENT6 = VIPS6["dsr-l2"], "fd78::30"
VTEPS = ["10.77.0.2", "fd77::2"]
SOURCES = [{"address": "10.77.0.31", "tunnel": "geneve"}, {"address": "10.77.0.32", "tunnel": "gre", "key": 5},
           {"address": "10.77.0.33", "tunnel": "gre"}, {"address": "10.77.0.34", "tunnel": "gue"},
           {"address": "10.77.0.35", "tunnel": "ipip"}]
SOURCES6 = [{"address": "fd77::31", "tunnel": "geneve"}, {"address": "fd77::32", "tunnel": "gre", "key": 5},
            {"address": "fd77::34", "tunnel": "gue"}, {"address": "fd77::35", "tunnel": "ipip"}]


def udp(port, data):
    return struct.pack("!HHHH", 50000, port, 8 + len(data), 0) + data


def geneve(protocol, vni=VNI):
    return struct.pack("!BBHI", 0, 0, protocol, vni << 8)


# (name, outer source, IP protocol, what is put before the packet)
OPENED = [
    ("geneve", "10.77.0.31", 17, lambda packet: udp(6081, geneve(0x0800) + packet)),
    ("geneve with Ethernet", "10.77.0.31", 17,
     lambda packet: udp(6081, geneve(0x6558) + bytes.fromhex("020000000001" "020000000002" "0800") + packet)),
    ("gre with a key", "10.77.0.32", 47, lambda packet: struct.pack("!HHI", 0x2000, 0x0800, 5) + packet),
    ("gre", "10.77.0.33", 47, lambda packet: struct.pack("!HH", 0, 0x0800) + packet),
    ("gue", "10.77.0.34", 17, lambda packet: udp(6080, struct.pack("!BBH", 0, 4, 0) + packet)),
    ("gue of variant 1", "10.77.0.34", 17, lambda packet: udp(6080, packet)),
    ("ipip", "10.77.0.35", 4, lambda packet: packet),
]
OPENED6 = [
    ("geneve over IPv6", "fd77::31", 17, lambda packet: udp(6081, geneve(0x0800) + packet)),
    ("gre over IPv6", "fd77::32", 47, lambda packet: struct.pack("!HHI", 0x2000, 0x0800, 5) + packet),
    ("gue over IPv6", "fd77::34", 17, lambda packet: udp(6080, struct.pack("!BBH", 0, 4, 0) + packet)),
    ("IPv4 in IPv6", "fd77::35", 4, lambda packet: packet),
]
IPV6 = [
    ("IPv6 in geneve", "10.77.0.31", 17, lambda packet: udp(6081, geneve(0x86DD) + packet)),
    ("IPv6 in gre", "10.77.0.32", 47, lambda packet: struct.pack("!HHI", 0x2000, 0x86DD, 5) + packet),
    ("IPv6 in IPv4", "10.77.0.35", 41, lambda packet: packet),
]
IPV6_6 = [
    ("IPv6 in geneve with Ethernet over IPv6", "fd77::31", 17,
     lambda packet: udp(6081, geneve(0x6558) + bytes.fromhex("020000000001" "020000000002" "86dd") + packet)),
    ("IPv6 in gue of variant 1 over IPv6", "fd77::34", 17, lambda packet: udp(6080, packet)),
    ("IPv6 in IPv6", "fd77::35", 41, lambda packet: packet),
]
CLOSED = [
    ("geneve of another network", "10.77.0.31", 17, lambda packet: udp(6081, geneve(0x0800, VNI + 1) + packet)),
    ("gre with another key", "10.77.0.32", 47, lambda packet: struct.pack("!HHI", 0x2000, 0x0800, 6) + packet),
    ("ipip of a source trusted with geneve", "10.77.0.31", 4, OPENED[6][3]),
    ("gue of nobody that is trusted", "10.77.0.39", 17, OPENED[4][3]),
    ("ipip of nobody that is trusted", "10.77.0.39", 4, OPENED[6][3]),
]
CLOSED6 = [
    ("IPv4 in IPv6 of nobody that is trusted", "fd77::39", 4, OPENED[6][3]),
    ("geneve over IPv6 of another network", "fd77::31", 17, lambda packet: udp(6081, geneve(0x0800, VNI + 1) + packet)),
]


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def outer(source, protocol, data):
    """The frame's ethertype and the outer packet, to the card's tunnel address."""
    if ":" in source:
        head = struct.pack("!IHBB", 6 << 28, len(data), protocol, 64)
        return b"\x86\xdd" + head + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, VTEPS[1]) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 0, 0x4000, 64, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(VTEPS[0]))
    return b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data


def is_ours(packet):
    """To a VIP; what else the kernel sends by the interface is neighbour discovery."""
    if packet[0] >> 4 == 4:
        return packet[16:20] == socket.inet_aton(VIP)
    return packet[24:40] == socket.inet_pton(socket.AF_INET6, VIP6)


class Sender:
    """The far end of a tunnel, in a namespace of its own; `wrap` says which tunnel it is at the moment."""

    def __init__(self, lab, name):
        lab.plug_host(name, (f"{CLIENT}/24", f"{CLIENT6}/64"))
        ns = lab.ns(name)
        with InNamespace(ns):
            self.tun = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
            self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.wire.bind(("eth0", 0))
        sh("ip", "link", "set", "tun0", "mtu", "1400", "up", ns=ns)
        sh("ip", "route", "add", f"{VIP}/32", "dev", "tun0", "src", CLIENT, ns=ns)
        sh("ip", "-6", "route", "add", f"{VIP6}/128", "dev", "tun0", "src", CLIENT6, ns=ns)
        self.mac = bytes.fromhex(CARD_MAC.replace(":", "")) + self.wire.getsockname()[4]
        self.wrap, self.sent, self.ended = OPENED[0], 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended:
            if not select.select([self.tun], [], [], 0.1)[0]:
                continue
            packet = os.read(self.tun, 2048)
            if not is_ours(packet):
                continue
            _, source, protocol, put = self.wrap
            self.wire.send(self.mac + outer(source, protocol, put(packet)))
            self.sent += 1

    def connect(self, lab, name, port, timeout, six=False):
        with InNamespace(lab.ns(name)):
            s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(timeout)
        s.bind((CLIENT6 if six else CLIENT, port))
        try:
            s.connect((VIP6 if six else VIP, PEER_PORT))
        except OSError:
            s.close()
            raise
        return s

    def close(self):
        self.ended = True
        self.thread.join()
        os.close(self.tun)
        self.wire.close()


@case()
def tunnels_of_trusted_sources(lab):
    """TCP in Geneve, GRE, GUE and IP in IP reaches a backend, opened by the card, also after a restart; of others nothing is
    opened. First sources of IPv4, then of IPv6; the rules for all of them do not fit into a card, and connections say so."""
    saved = list(lab.services)
    sender = Sender(lab, "tc")
    lab.vteps = VTEPS
    try:
        trust(lab, saved, SOURCES, (4,))
        if lab.engine != "software":
            can = lab.cli("card", "show")["ports"][0]["capabilities"]
            expect(all(can[f"{t}-decap"] for t in ("vxlan", "geneve", "gre", "gue", "ip-in-ip")), f"the card can {can}")
        carrying(lab, sender, 41000, OPENED)
        last = opened(lab, sender, OPENED[-1][0], 41100)
        lab.restart_agent()
        go_on(lab, last, f"{OPENED[-1][0]}, after a restart of the agent", 41100)
        last.close()
        refused(lab, sender, 41200, CLOSED)
        trust(lab, saved, [s for s in SOURCES if s["tunnel"] in ("geneve", "ipip") or "key" in s], (6,))
        carrying(lab, sender, 42000, IPV6, six=True)
        trust(lab, saved, SOURCES6, (4, 6))
        carrying(lab, sender, 43000, OPENED6)
        carrying(lab, sender, 43100, IPV6_6, six=True)
        refused(lab, sender, 43200, CLOSED6)
        if not lab.passes:  # there what no rule names is the kernel's
            trust(lab, saved, SOURCES + SOURCES6, (4, 6))
            not_covered(lab, sender, 45000, OPENED + OPENED6)
    finally:
        lab.services[:] = saved
        lab.tenants, lab.vteps = [], VTEPS[0]
        lab.restart_agent()
        sender.close()


def trust(lab, services, sources, families):
    """The agent starts again with these sources of tunnels, and with a service of these families for what is inside."""
    lab.services[:] = services + [{
        "name": f"tunnelled-{family}", "tenant": "tun", "vip": VIP if family == 4 else VIP6, "protocol": "tcp",
        "port": PEER_PORT, "mode": "dsr-l2", "announce": False, "health": {"type": "none"},
        "backends": [{"name": "b1", "address": "10.77.0.11" if family == 4 else "fd77::11", "weight": 1}]} for family in families]
    lab.tenants = [{"name": "tun", "id": 300, "vni": VNI, "trusted_vteps": sources}]
    lab.restart_agent()


def carrying(lab, sender, port, tunnels, six=False):
    for i, wrap in enumerate(tunnels):
        sender.wrap = wrap
        opened(lab, sender, wrap[0], port + i, six).close()


def refused(lab, sender, port, tunnels):
    for i, wrap in enumerate(tunnels):
        sender.wrap = wrap
        closed(lab, sender, wrap[0], port + i)


def not_covered(lab, sender, port, tunnels):
    """Rules are missing: a connection stands, and tells that it is in software and why."""
    for i, wrap in enumerate(tunnels):
        sender.wrap = wrap
        s = sender.connect(lab, "tc", port + i, 10)
        s.sendall(b"echo\n")
        for _ in range(3):
            s.sendall(b"x\n")
            expect(read_line(s) == b"b1 x\n", f"{wrap[0]}: another answer")
        flow = lab.wait_for(lambda: [f for f in flows_of(lab, port + i) if f["where"] == "software" and f.get("detail")], 5,
                            f"{wrap[0]} in software")[0] if lab.engine != "software" else {"detail": "classification rule"}
        expect("classification rule" in flow["detail"], f"{wrap[0]} in software: {flow}")
        s.close()


def opened(lab, sender, what, port, six=False):
    s = sender.connect(lab, "tc", port, 10, six)
    s.sendall(b"echo\n")
    go_on(lab, s, what, port)
    return s


def flows_of(lab, port):
    """Those through the tunnel; connections of cases before may have had the port."""
    return [f for f in lab.cli("flow", "list", f"client_port={port}")["flows"] if f["client"] in (CLIENT, CLIENT6)]


def go_on(lab, s, what, port):
    """The connection stands in the card, where its packets are counted."""
    def ask():
        s.sendall(b"x\n")
        expect(read_line(s) == b"b1 x\n", f"{what}: another answer")
    ask()
    where = "software" if lab.engine == "software" else "hardware"
    flow = lab.wait_for(lambda: [f for f in flows_of(lab, port) if f["where"] == where], 5,
                        f"{what} in {where}")[0]
    expect(flow["tenant"] == "tun", f"{what}: a connection of tenant {flow['tenant']}")
    hw, sw = carried(lab, flow, ask)
    expect((hw if where == "hardware" else sw) >= 20 and not (hw and sw),
           f"{what}, in {where}: the card forwarded {hw} packets, the agent {sw}")


def closed(lab, sender, what, port):
    before = sender.sent
    try:
        sender.connect(lab, "tc", port, 1.5).close()
    except OSError:
        pass
    else:
        raise LabError(f"{what} was opened: the connection stands")
    time.sleep(0.1)
    expect(sender.sent > before, f"{what}: nothing was sent")
    flows = flows_of(lab, port)
    expect(not flows, f"{what} was opened: {flows}")
