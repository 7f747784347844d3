# SPDX-License-Identifier: BSD-3-Clause
"""System tests: what is forwarded, and what a flood takes from it."""
import hashlib
import json
import os
import signal
import socket
import sys
import threading
import time

import lab as lab_module
from cases import UdpEcho, apply, carried, case, expect, udp_socket
from demo import EchoClient, card_split, find_flow, pattern, read_all, read_line
from flood import flood, syn, udp
from lab import InNamespace, PEER_PORT, TUNNELS, VIPS, VIPS6, connect


# -- forwarding --------------------------------------------------------------------------------------------------------
@case()
def transfers_in_every_mode(lab):
    """1 MB each way, half-closed, through every mode and family; uploads meet the tunnel's smaller MTU with DF set."""
    forget_paths(lab)
    for name in lab.backends:
        lab.attach_decap(name, mss="off")
    try:
        before = too_big(lab)
        for name, vip in EVERY_VIP:
            transfer(lab, name, vip)
        told = too_big(lab) - before
        expect(told >= len(TUNNELLED), f"{told} packets were too big for {len(TUNNELLED)} tunnels")
    finally:
        for name in lab.backends:
            lab.attach_decap(name)
        forget_paths(lab)


EVERY_VIP = list(VIPS.items()) + [(m + "-v6", v) for m, v in VIPS6.items()]
TUNNELLED = [(name, vip) for name, vip in EVERY_VIP if name.split("-v6")[0] in TUNNELS]


def transfer(lab, name, vip, size=1 << 20):
    """An upload and a download; the client's MSS in the first."""
    payload = os.urandom(size)
    with connect(lab, vip, PEER_PORT, timeout=20) as s:
        mss = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        s.sendall(b"hash\n" + payload)
        s.shutdown(socket.SHUT_WR)
        answer = read_all(s).split(b" ", 1)[1].strip()
        expect(answer == f"{size} {hashlib.sha256(payload).hexdigest()}".encode(), f"{name}: upload differs")
    with connect(lab, vip, PEER_PORT, timeout=20) as s:
        s.sendall(b"send %d\n" % size)
        expect(read_all(s) == pattern(size), f"{name}: download differs")
    return mss


def forget_paths(lab):
    """What the client has learned of paths' MTUs."""
    for family in ("-4", "-6"):
        lab.client("ip", family, "route", "flush", "cache")


def too_big(lab):
    return next((r["packets"] for r in lab.cli("stats", "show")["reasons"] if r["name"] == "too-big"), 0)


@case(card_only=True)
def connection_moves_to_hardware(lab):
    """After the handshake the card forwards: its own counters and the flow's say so, and the agent says why and since when."""
    for vip in list(VIPS.values()) + list(VIPS6.values()):
        client = EchoClient(lab, vip)
        port = client.socket.getsockname()[1]
        lab.wait_for(lambda: (find_flow(lab, port) or {}).get("where") == "hardware", 5, f"the connection to {vip} in hardware")
        forwarded, before = card_split(lab)[0], find_flow(lab, port)["counters"]
        for _ in range(50):
            client.ask()
        flow = find_flow(lab, port)
        forwarded, after = card_split(lab)[0] - forwarded, flow["counters"]
        expect(not client.broken, f"{vip}: connection broke")
        expect(forwarded >= 50, f"{vip}: the card's own counter moved by {forwarded} for 50 requests")
        expect(after["hw_packets"] - before["hw_packets"] >= 50, f"{vip}: hardware counters {before} -> {after}")
        expect(after["sw_packets"] == before["sw_packets"], f"{vip}: software counters {before} -> {after}")
        expect(flow["reason"] == "offloaded", f"{vip}: reason {flow['reason']}")
        client.close()


@case(card_only=True)
def evict_returns_to_software(lab):
    """An operator un-offloads one connection: it goes on, in software, with that reason."""
    client = EchoClient(lab, VIPS["nat"])
    port = client.socket.getsockname()[1]
    lab.wait_for(lambda: (find_flow(lab, port) or {}).get("where") == "hardware", 5, "the connection in hardware")
    lab.cli("flow", "evict", find_flow(lab, port)["id"])
    lab.wait_for(lambda: find_flow(lab, port)["where"] == "software", 5, "the connection in software")
    hw, sw = carried(lab, find_flow(lab, port), client.ask)
    expect(not client.broken, "the evicted connection broke")
    expect(hw == 0 and sw >= 20, f"the card forwarded {hw} packets of the evicted connection, the agent {sw}")
    expect(find_flow(lab, port)["reason"] == "evicted", f"reason {find_flow(lab, port)['reason']}")
    client.close()


@case()
def udp_flow(lab):
    """UDP through nat; with a card the flow moves to hardware after the policy's packets."""
    lab.services.append(lab.service("nat", VIPS["nat"], 5353, protocol="udp", health={"type": "none"}))
    servers = [UdpEcho(lab, name, 5353) for name in lab.backends]
    try:
        apply(lab)
        with udp_socket(lab) as s:
            s.connect((VIPS["nat"], 5353))
            answers = set()

            def ask():
                s.send(b"x")
                answers.add(s.recv(100).split()[0])
            for _ in range(40):
                ask()
            port = s.getsockname()[1]
            if lab.engine != "software":
                lab.wait_for(lambda: (find_flow(lab, port) or {}).get("where") == "hardware", 5, "the UDP flow in hardware")
                hw, sw = carried(lab, find_flow(lab, port), ask)
                expect(hw >= 40 and sw == 0, f"in hardware the card forwarded {hw} of 40 packets, the agent {sw}")
            expect(len(answers) == 1, f"one flow reached {answers}")
    finally:
        for u in servers:
            u.close()
        lab.services.pop()
        apply(lab)


@case(card_only=True)
def counters_are_exact(lab):
    """A known number of datagrams each way of an offloaded connection: the card's counters of it move by just as many."""
    lab.services.append(lab.service("nat", VIPS["nat"], 5354, protocol="udp", health={"type": "none"}))
    servers = [UdpEcho(lab, name, 5354) for name in lab.backends]
    try:
        apply(lab)
        with udp_socket(lab) as s:
            s.connect((VIPS["nat"], 5354))

            def ask():
                s.send(b"x")
                s.recv(100)
            for _ in range(40):
                ask()
            port = s.getsockname()[1]
            lab.wait_for(lambda: (find_flow(lab, port) or {}).get("where") == "hardware", 5, "the UDP flow in hardware")
            for times in (1, 1000):
                hw, sw = carried(lab, find_flow(lab, port), ask, times)
                expect((hw, sw) == (2 * times, 0), f"of {2 * times} packets the card counted {hw}, the agent {sw}")
    finally:
        for u in servers:
            u.close()
        lab.services.pop()
        apply(lab)


# -- meters ------------------------------------------------------------------------------------------------------------
class KernelServer:
    """A server of the balancer's own host, as sshd would be: echoes on 10.78.0.2."""
    ADDRESS = ("10.78.0.2", 2222)

    def __init__(self, lab):
        with InNamespace(lab.ns("lb")):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.ADDRESS)
        self.socket.listen(16)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while True:
                s = self.socket.accept()[0]
                s.sendall(s.recv(100))
                s.close()
        except OSError:
            pass  # closed

    def ask(self, lab):
        with connect(lab, *self.ADDRESS, timeout=2) as s:
            s.sendall(b"hello")
            return read_all(s) == b"hello"


def card_reason(lab, name):
    return next((r["packets"] for r in lab.cli("card", "show")["reasons"] if r["name"] == name), 0)


def meter_of(lab, name):
    return next(m for m in lab.cli("card", "show")["ports"][0]["meters"] if m["class"] == name)


def under_flood(lab, make, to, dport, goes_on):
    """5,000 frames of one class in two seconds, while `goes_on` is called again and again; how many of them were over the
    meter, and the most that it should have let pass."""
    before, took = card_reason(lab, "metered"), []
    sender = threading.Thread(target=lambda: took.append(flood(lab, make, to, dport, 5000, 2)))
    sender.start()
    while sender.is_alive():
        goes_on()
    sender.join()
    time.sleep(0.3)
    return card_reason(lab, "metered") - before, 32 + 100 * took[0] + 100


@case(card_only=True)
def floods_are_cut_by_their_meters(lab):
    """The rates of two classes are changed by reload. A flood of SYNs to a VIP is cut to their rate, counted as metered, and
    takes nothing from established connections, from new connections to the host's own server, or from ping; a flood for the
    kernel takes nothing from new connections to a VIP."""
    expect(meter_of(lab, "syn")["in_card"] and meter_of(lab, "syn")["rate_pps"] == 50000, f"default: {meter_of(lab, 'syn')}")
    lab.node = {"meters": {"syn": {"rate_pps": 100, "burst": 32}}}
    server = KernelServer(lab)
    try:
        apply(lab)
        lab.wait_for(lambda: meter_of(lab, "syn")["rate_pps"] == 100, 5, "the new rate in the card")
        clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(4)]

        def goes_on():
            for c in clients:
                c.ask()
            expect(server.ask(lab), "the host's own server did not answer")
            r = lab.client("ping", "-c", "2", "-i", "0.05", "-W", "2", "10.78.0.2", check=False)
            expect(r.returncode == 0, f"ping during the flood: {r.stdout}")

        metered, allowed = under_flood(lab, syn, VIPS["nat"], PEER_PORT, goes_on)
        expect(metered >= 5000 - allowed, f"{metered} of 5000 SYNs were over the meter; at most {allowed:.0f} may pass")
        expect(not any(c.broken for c in clients), "an established connection broke during the flood")
        expect(lab.healthy() == len(lab.all_backends()), "health checks failed during the flood")
        for c in clients:
            c.close()

        if lab.passes:
            return  # nothing comes here for the kernel
        lab.node = {"meters": {"kernel": {"rate_pps": 100, "burst": 32}}}
        apply(lab)
        lab.wait_for(lambda: meter_of(lab, "kernel")["rate_pps"] == 100, 5, "the new rate in the card")
        expect(meter_of(lab, "syn")["rate_pps"] == 50000, "the rate of SYNs did not return to its default")

        def new_connection():
            client = EchoClient(lab, VIPS["dsr-l2"])
            expect(not client.broken, "a connection broke while the kernel was flooded")
            client.close()

        new_connection()  # neighbours are known: ARP is of the flooded class
        metered, allowed = under_flood(lab, udp, "10.78.0.2", 9, new_connection)
        expect(metered >= 5000 - allowed, f"{metered} of 5000 frames for the kernel were over the meter")
    finally:
        server.socket.shutdown(socket.SHUT_RDWR)
        server.socket.close()
        lab.node = {}
        apply(lab)
        lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")


@case(card_only=True)
def flood_of_one_service_leaves_the_others(lab):
    """SYNs for all VIPs share a meter that a flood of one of them uses up: then others' new connections wait for a SYN's
    repetition. With a meter of its own (`misses`) the flooded service takes nothing from the others."""
    saved = json.loads(json.dumps(lab.services))

    def opened():
        """New connections to another VIP during a flood: how many, and how many took long enough to have lost a SYN."""
        count = slow = 0

        def one():
            nonlocal count, slow
            begun = time.monotonic()
            client = EchoClient(lab, VIPS["dsr-l2"])
            expect(not client.broken, "a new connection broke during the flood of another service")
            client.close()
            count += 1
            slow += time.monotonic() - begun > 0.9
            time.sleep(0.1)
        metered, _ = under_flood(lab, syn, VIPS["nat"], PEER_PORT, one)
        expect(metered > 3000, f"only {metered} of 5000 SYNs were over a meter")
        return count, slow

    try:
        lab.node = {"meters": {"syn": {"rate_pps": 200, "burst": 32}}}
        apply(lab)
        lab.wait_for(lambda: meter_of(lab, "syn")["rate_pps"] == 200, 5, "the new rate in the card")
        count, slow = opened()
        expect(slow > 0, f"none of {count} connections lost its SYN: the flood does not use up the common meter")
        next(s for s in lab.services if s["name"] == f"nat-{PEER_PORT}")["misses"] = {"rate_pps": 200, "burst": 32}
        apply(lab)
        own = {"class": "misses", "service": f"nat-{PEER_PORT}", "in_card": True, "rate_pps": 200, "burst": 32, "why": ""}
        lab.wait_for(lambda: own in lab.cli("card", "show")["ports"][0]["meters"], 5, "the service's meter in the card")
        count, slow = opened()
        expect(count >= 10 and slow == 0, f"{slow} of {count} connections to another service lost a SYN")
    finally:
        lab.node = {}
        lab.services[:] = saved
        apply(lab)
        lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")


# -- the wire is shared with the kernel --------------------------------------------------------------------------------
@case()
def kernel_traffic_through_the_port(lab):
    """ARP, ICMP and a long TCP session to the host's own address pass the card's port; the VIP answers ping."""
    for address in ("10.78.0.2", VIPS["dsr-l2"], VIPS["nat"]):
        r = lab.client("ping", "-c", "3", "-i", "0.2", "-W", "2", address, check=False)
        expect(r.returncode == 0, f"ping {address}: {r.stdout}")
    expect(lab.client("ping", "-6", "-c", "2", "-i", "0.2", "-W", "2", "fd78::2", check=False).returncode == 0, "ping fd78::2")
    server = lab.spawn("host-server", [sys.executable, os.path.join(lab_module.HERE, "peer.py"), "2222", "host"], ns=lab.ns("lb"))
    try:
        there = ("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/2222")
        lab.wait_for(lambda: lab_module.sh(*there, ns=lab.ns("lb"), check=False).returncode == 0, 10, "the host's server")
        with connect(lab, "10.78.0.2", 2222) as s:
            s.sendall(b"echo\n")
            for i in range(30):
                s.sendall(b"line %d\n" % i)
                expect(read_line(s) == b"host line %d\n" % i, "the host's own TCP session broke")
        with connect(lab, "10.78.0.2", 2222) as s:
            s.sendall(b"send 2000000\n")
            expect(read_all(s) == pattern(2000000), "a transfer from the host itself differs")
    finally:
        lab.stop("host-server", signal.SIGKILL)
    expect(server.returncode is not None, "the host's server was ended")
