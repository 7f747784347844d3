#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""System tests: the demo's topology (drawn in lab.py) and what must survive in it.

system_test.py --engine software [--engine model] [--engine rtl] [--only NAME] [--list]

One lab an engine carries all its cases in order; a case that needs a card is not run for the software engine. Cases end
with a line each; the last line is "N passed, N failed".
"""
import argparse
import hashlib
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
import traceback
import zlib

import lab as lab_module
from demo import EchoClient, card_split, find_flow, pattern, read_all, read_line
from flood import flood, syn, udp
from lab import InNamespace, Lab, LabError, PEER_PORT, VIPS, VIPS6, connect, sh, to_yaml

CASES = []


def case(card_only=False, engines=None):
    def register(function):
        CASES.append((function.__name__, function, card_only, engines))
        return function
    return register


def expect(held, what):
    if not held:
        raise AssertionError(what)


def udp_socket(lab, timeout=2):
    with InNamespace(lab.ns("cl")):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(timeout)
    return s


def carried(lab, flow, ask, times=20):
    """Packets of a connection that the card and the agent forwarded while `ask` was called: their counters, not what the
    agent says of where it is."""
    def counters():
        return lab.cli("flow", "show", flow["id"])["flow"]["counters"]
    before = counters()
    for _ in range(times):
        ask()
    after = counters()
    return after["hw_packets"] - before["hw_packets"], after["sw_packets"] - before["sw_packets"]


# -- forwarding --------------------------------------------------------------------------------------------------------
@case()
def transfers_in_every_mode(lab):
    """1 MB each way, half-closed, through every mode and family; uploads meet the tunnel's smaller MTU with DF set."""
    payload = os.urandom(1 << 20)
    want = f"{len(payload)} {hashlib.sha256(payload).hexdigest()}".encode()
    for name, vip in list(VIPS.items()) + [(m + "-v6", v) for m, v in VIPS6.items()]:
        with connect(lab, vip, PEER_PORT, timeout=20) as s:
            s.sendall(b"hash\n" + payload)
            s.shutdown(socket.SHUT_WR)
            expect(read_all(s).split(b" ", 1)[1].strip() == want, f"{name}: upload differs")
        with connect(lab, vip, PEER_PORT, timeout=20) as s:
            s.sendall(b"send 1000000\n")
            expect(read_all(s) == pattern(1000000), f"{name}: download differs")


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


class UdpEcho:
    """A UDP server in a backend's namespace: answers "NAME data"."""

    def __init__(self, lab, name, port):
        with InNamespace(lab.ns(name)):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("", port))
        self.name = name.encode()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while True:
                data, peer = self.socket.recvfrom(2048)
                self.socket.sendto(self.name + b" " + data, peer)
        except OSError:
            pass  # closed

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR) if self.socket.fileno() < 0 else self.socket.close()


def apply(lab):
    lab.write_config()
    lab.cli("apply", lab.config)


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
        time.sleep(0.5)
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
        time.sleep(0.5)
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


# -- survival ----------------------------------------------------------------------------------------------------------
@case()
def removing_a_backend_leaves_the_others(lab):
    """`apply` of a configuration without one backend: connections to the others live, new ones avoid it."""
    clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(12)]
    removed = lab.backends[0]
    saved = json.loads(json.dumps(lab.services))
    try:
        for s in lab.services:
            s["backends"] = [b for b in s["backends"] if b["name"] != removed]
        apply(lab)
        for _ in range(5):
            for c in clients:
                if c.backend != removed:
                    c.ask()
        broken = [c.backend for c in clients if c.broken and c.backend != removed]
        expect(not broken, f"connections to {broken} broke")
        fresh = [EchoClient(lab, VIPS["dsr-l2"]) for _ in range(12)]
        expect(all(c.backend != removed for c in fresh), "a new connection went to the removed backend")
        for c in fresh:
            c.close()
    finally:
        lab.services[:] = saved
        apply(lab)
        lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 10, "all backends healthy again")
        for c in clients:
            c.close()


@case()
def removed_backend_outlives_a_restart(lab):
    """Connections of a backend and of a service that left the configuration go on after the agent was restarted: whether they
    left before (a service, a backend) or while no agent ran (a service)."""
    clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat", "vxlan", "gue") for _ in range(6)]
    removed = clients[0].backend
    saved = json.loads(json.dumps(lab.services))
    try:
        lab.services[:] = [s for s in lab.services if s["name"] != f"vxlan-{PEER_PORT}"]
        for s in lab.services:
            s["backends"] = [b for b in s["backends"] if b["name"] != removed]
        apply(lab)
        lab.stop("agent", signal.SIGKILL)
        lab.services[:] = [s for s in lab.services if s["name"] != f"gue-{PEER_PORT}"]
        lab.write_config()
        said = len(lab.log("agent"))
        lab.start_agent(wait_healthy=False)
        for _ in range(5):
            for c in clients:
                c.ask()
        broken = [c.backend for c in clients if c.broken]
        expect(not broken, f"connections to {broken} broke at the restart; {removed} was removed")
        fresh = [EchoClient(lab, VIPS["nat"]) for _ in range(9)]
        expect(all(c.backend != removed for c in fresh), "a new connection went to the removed backend")
        rows = lab.cli("backend", "list")["backends"]
        retired = {b["name"] for b in rows if b["state"] == "retired" and b["service"] == f"nat-{PEER_PORT}"}
        expect(removed in retired or not any(c.backend == removed for c in clients[6:12]), f"retired: {retired}")
        if lab.engine != "software":
            expect("that were not created again" not in lab.log("agent")[said:], "a rule or flow was not adopted")
        for c in fresh:
            c.close()
    finally:
        lab.services[:] = saved
        apply(lab)
        lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy again")
        for c in clients:
            c.close()


@case()
def agent_killed_and_back(lab):
    """SIGKILL closes the bus: a host-interface reset. With a card, connections go on while there is no agent at all; the
    restarted agent adopts connections and rules, and the flows' hardware counters go on from where they were."""
    clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(8)] + [EchoClient(lab, VIPS6["nat"])]
    card = lab.engine != "software"
    ports = [c.socket.getsockname()[1] for c in clients]
    for _ in range(10):
        for c in clients:
            c.ask()
    if card:
        lab.wait_for(lambda: all((find_flow(lab, p) or {}).get("where") == "hardware" for p in ports), 10, "all in hardware")
    lab.stop("agent", signal.SIGKILL)
    if card:
        for _ in range(10):
            for c in clients:
                c.ask()
        expect(not any(c.broken for c in clients), "a connection broke while no agent ran")
    said = len(lab.log("agent"))
    lab.start_agent(wait_healthy=False)
    for _ in range(10):
        for c in clients:
            c.ask()
    expect(not any(c.broken for c in clients), "a connection broke at the restart")
    if card:
        said = lab.log("agent")[said:]
        expect("the card goes on with" in said, "the driver does not say what it found")
        expect("that were not created again" not in said, "a rule or flow was not adopted: " + said[:1500])
    backends = {p: c.backend for p, c in zip(ports, clients)}
    for p in ports:
        flow = find_flow(lab, p)
        expect(flow is not None and flow["backend"] == backends[p], f"port {p}: {flow}, was at {backends[p]}")
        if card:
            expect(flow["where"] == "hardware", f"port {p} is in {flow['where']} after the restart: {flow['reason']}")
            expect(flow["counters"]["hw_packets"] >= 20, f"port {p}: counters were not kept: {flow['counters']}")
    lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")
    for c in clients:
        c.close()


class Storm:
    """Short connections by NAT from a few threads until it is left: rules are made and removed all the time."""

    def __init__(self, lab, threads=8):
        self.lab, self.over, self.done, self.failed = lab, False, 0, []
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self):
        while not self.over:
            try:
                with connect(self.lab, VIPS["nat"], PEER_PORT, timeout=30) as s:
                    s.sendall(b"send 20000\n")
                    if read_all(s) != pattern(20000):
                        self.failed.append("short answer")
                self.done += 1
            except OSError as e:
                self.failed.append(str(e))

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for t in self.threads:
            t.join()


@case(card_only=True)
def agent_killed_in_a_storm(lab):
    """Connections open and close while the agent is killed, so that rules are on their way in and out of the card: the next
    agent creates all of them again, none is swept, and every connection ends as it should."""
    clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat")]
    with Storm(lab) as storm:
        for _ in range(4):
            before = storm.done
            lab.wait_for(lambda: storm.done >= before + 100 or storm.failed, 20, "100 connections of the storm")
            lab.stop("agent", signal.SIGKILL)
            said = len(lab.log("agent"))
            lab.start_agent(wait_healthy=False)
            log = lab.log("agent")[said:]
            expect("the card goes on with" in log, "the driver does not say what it found")
            expect("that were not created again" not in log, "a rule or flow was not adopted: " + log[:1500])
    expect(not storm.failed, f"{len(storm.failed)} of {storm.done + len(storm.failed)} connections failed: {storm.failed[:3]}")
    for c in clients:
        c.ask()
        expect(not c.broken, "a connection that was open all the time broke")
        c.close()
    lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")


def firmware_image(lab, name, version, entry_code=None, damaged=False):
    """The built image with another version, perhaps with other code at its entry; its path."""
    with open(os.path.join(lab_module.BUILD, "firmware", "sluice-fw.bin"), "rb") as f:
        image = bytearray(f.read())
    entry = struct.unpack_from("<I", image, 16)[0]
    struct.pack_into("<I", image, 8, version)
    image[entry:entry + len(entry_code or b"")] = entry_code or b""
    struct.pack_into("<I", image, 20, 0)
    struct.pack_into("<I", image, 20, zlib.crc32(image))
    image[-1] ^= damaged
    path = os.path.join(lab.dir, name)
    with open(path, "wb") as f:
        f.write(image)
    return path


def slots_of(lab):
    cards = lab.cli("card", "images")["cards"]
    expect(len(cards) == 1 and not cards[0]["error"], f"one card with images: {cards}")
    return {s["slot"]: s for s in cards[0]["slots"]}


@case(card_only=True)
def firmware_is_updated_under_traffic(lab):
    """`sluice card update` writes and starts new firmware while connections are open and others come and go; a damaged image
    and one for the slot that runs change nothing."""
    clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(3)]
    for c in clients:
        c.ask()
    running = next(n for n, s in slots_of(lab).items() if s["running"])
    newer = firmware_image(lab, "newer.bin", 0x000900)

    def update(*args):
        return sh(os.path.join(lab_module.BIN, "sluice"), "-s", lab.control, "card", "update", *args, check=False, timeout=60)
    r = update(firmware_image(lab, "damaged.bin", 0x000b00, damaged=True))
    expect(r.returncode == 1 and "the checksum is wrong" in r.stderr, f"a damaged image: {r.stdout}{r.stderr}")
    r = update(newer, "--slot", str(running))
    expect(r.returncode == 1 and f"slot {running} is in use" in r.stderr, f"the slot that runs: {r.stdout}{r.stderr}")
    before = slots_of(lab)
    expect(before[running]["running"] and not before[1 - running]["valid"], f"something was written: {before}")
    with Storm(lab, threads=2) as storm:
        r = update(newer)
        for c in clients:
            c.ask()
    expect(r.returncode == 0 and "runs from slot" in r.stdout and "is confirmed" in r.stdout, f"{r.stdout}{r.stderr}")
    after = slots_of(lab)
    expect(after[1 - running]["state"] == "running" and after[1 - running]["version"] == "0.9.0", f"{after}")
    expect(after[running]["state"] == "fallback", f"{after}")
    expect(storm.done > 10 and not storm.failed, f"{len(storm.failed)} of {storm.done} connections failed: {storm.failed[:3]}")
    for c in clients:
        c.ask()
        expect(not c.broken, "a connection broke")
        flow = find_flow(lab, c.socket.getsockname()[1])
        expect(flow["where"] == "hardware", f"a connection left the card: {flow['where']}, {flow['reason']}")
        c.close()


@case(card_only=True)
def second_agent_is_refused(lab):
    """Another agent on the same card gets a clear error and disturbs nothing."""
    other = lab.path("other.yaml")
    text = open(lab.config, encoding="ascii").read()
    text = text.replace(lab.state, lab.state + "2").replace(lab.control, lab.control + "2").replace(
        f'"{lab.tag}"', f'"{lab.tag}x"').replace('"sl0"', '"sl1"')
    with open(other, "w", encoding="ascii") as f:
        f.write(text)
    r = sh(os.path.join(lab_module.BIN, "sluiced"), "-c", other, ns=lab.ns("lb"), check=False, timeout=30)
    os.unlink(lab.state + "2")
    expect(r.returncode != 0, "a second agent started on the same card")
    expect(str(lab.processes["agent"].pid) in r.stdout + r.stderr, "the refusal does not name the owner's pid: " + (r.stdout + r.stderr)[-800:])
    client = EchoClient(lab, VIPS["nat"])
    client.ask()
    expect(not client.broken, "the first agent's service was disturbed")
    client.close()


@case(card_only=True)
def hung_card(lab):
    """A card that does not answer for a while stops traffic, as it must; the agent answers, and all goes on afterwards."""
    clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(4)]
    saved = list(lab.services)
    for c in clients:
        c.ask()
    card = lab.processes["card"]
    card.send_signal(signal.SIGSTOP)
    try:
        # Asked all the time: health checks fail and new snapshots are published while the driver waits two seconds.
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            begun = time.monotonic()
            expect(lab.cli("flow", "list", "limit=1") is not None, "no answer while the card hangs")
            expect(time.monotonic() - begun < 1, f"the agent hung for {time.monotonic() - begun:.1f} s with its card")
            time.sleep(0.1)
        begun = time.monotonic()
        ports = lab.cli("card", "show")["ports"]
        expect(time.monotonic() - begun < 2, f"card show took {time.monotonic() - begun:.1f} s of a card that hangs")
        expect(not any(p["answered"] for p in ports), "a card that hangs is said to answer")
        begun = time.monotonic()
        lab.services.append(lab.service("nat", VIPS["nat"], 8099, health={"type": "none"}))
        apply(lab)
        lab.cli("flow", "list", "limit=1")
        expect(time.monotonic() - begun < 2, f"an apply took {time.monotonic() - begun:.1f} s while the card hangs")
    finally:
        card.send_signal(signal.SIGCONT)
        lab.services[:] = saved
    apply(lab)
    lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy again")
    for c in clients:
        c.ask()
        c.close()
    expect(not any(c.broken for c in clients), "a connection broke")


@case(engines=("model",))
def card_hangs_for_long(lab):
    """A card that answers nothing, not even a register, for longer than its driver waits is of use again when it does."""
    clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(4)]
    card = lab.processes["card"]
    card.send_signal(signal.SIGSTOP)
    try:
        lab.cli("card", "show")  # asks the card
        time.sleep(6)
    finally:
        card.send_signal(signal.SIGCONT)
    lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy again")
    for c in clients:
        c.ask()
        c.close()
    expect(not any(c.broken for c in clients), "a connection broke")
    client = EchoClient(lab, VIPS["nat"])
    port = client.socket.getsockname()[1]
    lab.wait_for(lambda: (find_flow(lab, port) or {}).get("where") == "hardware", 10, "a new connection in hardware")
    client.close()
    lab.wait_for(lambda: lab.cli("card", "show")["offload"]["unconfirmed"] == 0, 10, "every removal confirmed")


@case(engines=("model",))
def full_flow_table(lab):
    """A full flow table refuses, the connections stay in software with that reason and work."""
    with Lab(lab.engine, services=[lab.service("nat", VIPS["nat"], PEER_PORT)]) as small:
        for name in small.backends:
            small.start_backend(name)
        small.card_options = ["--table-log2", "6"]
        small.start_card()
        small.start_agent()
        clients = [EchoClient(small, VIPS["nat"]) for _ in range(60)]
        for _ in range(3):
            for c in clients:
                c.ask()
        expect(not any(c.broken for c in clients), "a connection broke with a full table")
        flows = small.cli("flow", "list", "limit=500")["flows"]
        reasons = {f["reason"] for f in flows}
        expect("table-full" in reasons and "offloaded" in reasons, f"reasons {reasons}")
        # A restart finds out what the card can do while the card has no room to try it, and adopts all that it holds.
        held = small.cli("card", "show")["offload"]["hardware_connections"]
        small.stop("agent", signal.SIGKILL)
        small.start_agent()
        adopted = small.cli("card", "show")["adopted"]["rules"]
        expect(adopted == held, f"{adopted} of {held} connections were adopted from a full card")
        for c in clients:
            c.close()


@case(engines=("rtl",))
def waveform(lab):
    """--trace writes a waveform of a card that carries a connection."""
    with Lab(lab.engine, services=[lab.service("nat", VIPS["nat"], PEER_PORT)]) as traced:
        for name in traced.backends:
            traced.start_backend(name)
        path = traced.path("card.fst")
        traced.start_card(trace=path)
        traced.start_agent()
        client = EchoClient(traced, VIPS["nat"])
        for _ in range(5):
            client.ask()
        expect(not client.broken, "the connection broke")
        client.close()
        traced.stop("agent")
        expect(traced.stop("card") == 0, "the card did not end cleanly")
        expect(os.path.getsize(path) > 10000, f"the waveform has {os.path.getsize(path)} bytes")


@case(card_only=True)
def neighbour_moves(lab):
    """A backend's MAC address changes under offloaded connections: one write moves them, none breaks."""
    clients = [EchoClient(lab, VIPS["nat"]) for _ in range(9)]
    moved = next(c.backend for c in clients)
    sh("ip", "link", "set", "eth0", "address", "02:00:00:00:09:09", ns=lab.ns(moved))
    address = f"10.77.0.{11 + lab.backends.index(moved)}"
    sh("arping", "-U", "-c", "2", "-w", "3", "-I", "eth0", address, ns=lab.ns(moved), check=False)
    for _ in range(20):
        for c in clients:
            c.ask()
    expect(not any(c.broken for c in clients), "a connection broke when its backend's MAC changed")
    flow = find_flow(lab, next(c for c in clients if c.backend == moved).socket.getsockname()[1])
    expect(flow["where"] == "hardware", f"the connection is in {flow['where']}: {flow['reason']}")
    for c in clients:
        c.close()


@case()
def neighbours_hear_of_a_new_node(lab):
    """A client that has the VIPs at another node's MAC address, and sends nothing, has them at this node's when the agent
    has started, and that of a new service when the configuration with it is applied."""
    def at_other_node(*vips):
        for vip in vips:
            sh("ip", "neigh", "replace", vip, "lladdr", "02:00:00:00:0e:0e", "dev", "eth0", "nud", "reachable", ns=lab.ns("cl"))

    def heard(*vips):
        rows = json.loads(sh("ip", "-j", "neigh", "show", "dev", "eth0", ns=lab.ns("cl")).stdout)
        return {r["dst"] for r in rows if r.get("lladdr") == lab_module.CARD_MAC}.issuperset(vips)

    vips = [VIPS["dsr-l2"], VIPS["nat"], VIPS6["dsr-l2"], VIPS6["nat"]]
    at_other_node(*vips)
    lab.restart_agent()
    lab.wait_for(lambda: heard(*vips), 5, "the client to hear of the VIPs' new place")
    time.sleep(2.5)  # the start's second announcement is over
    new = lab.service("nat", "10.78.0.150", 80, name="new")
    lab.services.append(new)
    at_other_node("10.78.0.150")
    apply(lab)
    lab.wait_for(lambda: heard("10.78.0.150"), 2, "the client to hear of the new VIP's place")
    lab.services.remove(new)
    apply(lab)


@case(card_only=True)
def client_moves(lab):
    """The client's MAC address changes under offloaded connections: the ways back follow."""
    clients = [EchoClient(lab, VIPS["nat"]) for _ in range(6)]
    ports = [c.socket.getsockname()[1] for c in clients]
    lab.wait_for(lambda: all((find_flow(lab, p) or {}).get("where") == "hardware" for p in ports), 10, "all in hardware")
    time.sleep(0.5)  # the way back is confirmed by the route
    sh("ip", "link", "set", "eth0", "address", "02:00:00:00:0c:0c", ns=lab.ns("cl"))
    sh("arping", "-U", "-c", "2", "-w", "3", "-I", "eth0", "10.78.0.10", ns=lab.ns("cl"), check=False)
    for _ in range(20):
        for c in clients:
            c.ask()
    expect(not any(c.broken for c in clients), "a connection broke when its client's MAC changed")
    for p in ports:
        flow = find_flow(lab, p)
        expect(flow["where"] == "hardware", f"the connection is in {flow['where']}: {flow['reason']}")
    for c in clients:
        c.close()


# -- tenants -----------------------------------------------------------------------------------------------------------
@case()
def tenants_with_equal_addresses(lab):
    """Two VXLAN tenants whose clients, ports and VIPs have the same addresses each reach their own backend."""
    tenants = {"ta": (201, "b1"), "tb": (202, "b2")}
    saved = json.loads(json.dumps(lab.services))
    try:
        for i, (t, (vni, backend)) in enumerate(tenants.items(), 1):
            build_tenant(lab, t, i, vni, backend)
            lab.services.append({
                "name": f"web-{t}", "tenant": t, "vip": "192.168.5.5", "protocol": "tcp", "port": PEER_PORT, "mode": "vxlan",
                "announce": False, "health": {"type": "none"},
                "backends": [{"name": backend, "address": f"10.77.0.{10 + lab.backends.index(backend) + 1}", "weight": 1,
                              "vni": vni, "inner_mac": tenant_mac(i)}]})
        lab.tenants = [{"name": t, "id": vni, "vni": vni, "trusted_vteps": [f"10.77.0.{20 + i}"]}
                       for i, (t, (vni, _)) in enumerate(tenants.items(), 1)]
        lab.restart_agent()
        for t, (_, backend) in tenants.items():
            with InNamespace(lab.ns(t)):
                s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.settimeout(10)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("192.168.5.10", 40000))
            s.connect(("192.168.5.5", PEER_PORT))
            s.sendall(b"echo\n")

            def ask(s=s, t=t, backend=backend):
                s.sendall(b"x\n")
                line = read_line(s)
                expect(line.split()[0].decode() == backend, f"tenant {t} was answered by {line}")
            for _ in range(20):
                ask()
            flows = [f for f in lab.cli("flow", "list", "client_port=40000")["flows"] if f["tenant"] == t]
            where = "software" if lab.engine == "software" else "hardware"
            expect([f["where"] for f in flows] == [where], f"tenant {t}: {flows}")
            hw, sw = carried(lab, flows[0], ask)
            expect((hw if where == "hardware" else sw) >= 20 and not (hw and sw),
                   f"tenant {t}, in {where}: the card forwarded {hw} packets, the agent {sw}")
            s.close()
    finally:
        lab.services[:] = saved
        lab.tenants = []
        lab.restart_agent()


def tenant_mac(i):
    return f"02:00:00:00:02:{i:02x}"


def build_tenant(lab, name, index, vni, backend):
    """A client namespace on the bridge whose tenant network is VXLAN to the card's VTEP, and the backend's end of it."""
    lab.plug_host(name, (f"10.77.0.{20 + index}/24",))
    ns, bn = lab.ns(name), lab.ns(backend)
    sh("ip", "link", "add", "vx0", "type", "vxlan", "id", str(vni), "dstport", "4789", "local", f"10.77.0.{20 + index}",
       "remote", "10.77.0.2", "dev", "eth0", "nolearning", ns=ns)
    sh("ip", "link", "set", "vx0", "address", f"02:00:00:00:03:{index:02x}", "mtu", "1400", "up", ns=ns)
    sh("ip", "addr", "add", "192.168.5.10/24", "dev", "vx0", ns=ns)
    sh("ip", "neigh", "add", "192.168.5.5", "lladdr", tenant_mac(index), "dev", "vx0", "nud", "permanent", ns=ns)
    sh("ip", "link", "add", "vxt", "address", tenant_mac(index), "type", "vxlan", "id", str(vni), "dstport", "4789", "local",
       f"10.77.0.{10 + lab.backends.index(backend) + 1}", "remote", f"10.77.0.{20 + index}", "dev", "eth0", "nolearning", ns=bn)
    sh("ip", "link", "set", "vxt", "mtu", "1400", "up", ns=bn)
    sh("ip", "addr", "add", "192.168.5.5/32", "dev", "lo", ns=bn)
    sh("ip", "route", "add", "192.168.5.10/32", "dev", "vxt", "src", "192.168.5.5", ns=bn)
    sh("ip", "neigh", "add", "192.168.5.10", "lladdr", f"02:00:00:00:03:{index:02x}", "dev", "vxt", "nud", "permanent", ns=bn)


# -- bad input ---------------------------------------------------------------------------------------------------------
@case()
def refused_configurations_change_nothing(lab):
    """Malformed YAML, unknown keys, duplicates: a message with line and column, exit status not 0, service unchanged."""
    good = open(lab.config, encoding="ascii").read()
    bad = {
        "syntax": (good + "\n  - : [", ":"),
        "unknown key": (good.replace("max_connections", "max_conections"), "max_connections"),
        "port out of range": (good.replace("port: 80\n", "port: 70000\n", 1), "70000"),
        "duplicate service": (good.replace('name: "nat-80"', 'name: "dsr-l2-80"'), "dsr-l2-80"),
    }
    before = lab.cli("service", "list")
    for what, (text, word) in bad.items():
        path = lab.path("bad.yaml")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        for verb in ("check", "apply"):
            r = sh(os.path.join(lab_module.BIN, "sluice"), "-s", lab.control, verb, path, ns=lab.ns("lb"), check=False)
            said = r.stdout + r.stderr
            expect(r.returncode != 0, f"{verb} accepted {what}")
            expect("bad.yaml:" in said and word in said, f"{verb}, {what}: {said}")
    expect([s["name"] for s in lab.cli("service", "list")["services"]] == [s["name"] for s in before["services"]],
           "a refused configuration changed the services")


@case()
def unreachable_card_and_foreign_state(lab):
    """A card that is not there and a state file of another version: errors that name the file and what to do."""
    other = lab.path("nocard.yaml")
    text = open(lab.config, encoding="ascii").read().replace(lab.state, lab.state + "3").replace(
        lab.control, lab.control + "3").replace(f'"{lab.tag}"', f'"{lab.tag}y"').replace('"sl0"', '"sl2"')
    device = lab.device()
    gone = text.replace(device, f"net_sluice0,bus={lab.path('nowhere.sock')},port=0")
    with open(other, "w", encoding="ascii") as f:
        f.write(gone)
    r = sh(os.path.join(lab_module.BIN, "sluiced"), "-c", other, ns=lab.ns("lb"), check=False, timeout=30)
    expect(r.returncode != 0 and "nowhere.sock" in r.stdout + r.stderr, f"unreachable card: {(r.stdout + r.stderr)[-600:]}")
    with open(lab.state + "3", "wb") as f:
        f.write(b"SLUICE?\0" + bytes(8192))
    try:
        r = sh(os.path.join(lab_module.BIN, "sluiced"), "-c", other, ns=lab.ns("lb"), check=False, timeout=30)
        said = r.stdout + r.stderr
        expect(r.returncode != 0 and lab.state + "3" in said, f"foreign state file: {said[-600:]}")
    finally:
        os.unlink(lab.state + "3")


@case()
def backend_down_at_start(lab):
    """The agent starts while a backend does not answer: it is told down and gets nothing; it has its share when it comes up."""
    down = lab.backends[1]
    lab.stop("agent")
    for program in ("nginx", "peer"):
        lab.stop(f"{program}-{down}", signal.SIGKILL)
    others = sum(1 for b in lab.all_backends() if b["name"] != down)
    try:
        lab.start_agent(wait_healthy=False)
        lab.wait_for(lambda: lab.healthy() == others, 20, "the other backends healthy")
        rows = lab.cli("backend", "list")["backends"]
        states = {b["state"] for b in rows if b["name"] == down} - {"retired"}  # of services removed before
        expect(states == {"down"}, f"{down} is {states}")
        clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(12)]
        expect(all(c.backend != down for c in clients), f"a connection went to {down}, which is down")
    finally:
        lab.start_backend(down)
    lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, f"{down} healthy")
    fresh = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(24)]
    expect(any(c.backend == down for c in fresh), f"no connection goes to {down}, which is up")
    for c in clients:
        c.ask()
    expect(not any(c.broken for c in clients + fresh), "a connection broke when the backend came up")
    for c in clients + fresh:
        c.close()


# -- runner ------------------------------------------------------------------------------------------------------------
def run_engine(engine, only, tally):
    chosen = [c for c in CASES if (not only or c[0] in only) and not (c[2] and engine == "software")
              and (c[3] is None or engine in c[3])]
    with Lab(engine) as lab:
        for name in lab.backends:
            lab.start_backend(name)
        lab.start_card()
        lab.start_agent()
        for name, function, _, _ in chosen:
            started = time.monotonic()
            try:
                function(lab)
                tally["passed"] += 1
                print(f"ok      {engine:8} {name} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception as e:  # pylint: disable=broad-except; a case may fail in any way and the next one still runs
                tally["failed"] += 1
                print(f"FAILED  {engine:8} {name}: {type(e).__name__}: {e}", flush=True)
                traceback.print_exc(limit=3)
                tails(lab)


def tails(lab):
    for name in ("card", "agent"):
        if lab.log(name):
            print(f"--- last lines of {name}:\n{lab.log(name)[-1500:]}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--engine", action="append", choices=("rtl", "model", "software"), required=True)
    p.add_argument("--only", action="append", choices=[c[0] for c in CASES])
    args = p.parse_args()
    if os.geteuid():
        sys.exit("system tests make network namespaces and need root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tally = {"passed": 0, "failed": 0}
    for engine in args.engine:
        try:
            run_engine(engine, args.only, tally)
        except LabError as e:
            tally["failed"] += 1
            print(f"FAILED  {engine:8} the lab: {e}", flush=True)
    print(f"{tally['passed']} passed, {tally['failed']} failed")
    sys.exit(1 if tally["failed"] else 0)


if __name__ == "__main__":
    main()
