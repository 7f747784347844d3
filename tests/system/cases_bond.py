# SPDX-License-Identifier: BSD-3-Clause
"""System tests of bonds: both ports of the card in the bridge, and links that go down and come back.

      cl, b1, b2, b3 --- bridge "br0" --+-- slwire  -- p0 \\
                                        +-- slspare -- p1 -- bond0 = sl0

Links are taken down at the bridge's end. Each case has a lab of its own.
"""
import signal
import socket
import threading
import time

from cases import UdpEcho, case, expect, udp_socket
from demo import EchoClient, find_flow, pattern, read_all, show_flow
from lab import InNamespace, Lab, PEER_PORT, VIPS, connect, sh

UDP_PORT = 5353
FAILOVER_S = 1.0   # from the link's end to the first answer that comes by the other member
DOWN_S = 1.5       # how long a link is down


def bonded_lab(lab, mode):
    health = {"interval_ms": 200, "timeout_ms": 150, "rise": 2, "fall": 6}
    services = [lab.service(m, VIPS[m], PEER_PORT, health={**health, "type": "tcp", "port": PEER_PORT})
                for m in ("nat", "dsr-l2", "ipip")]
    services.append(lab.service("nat", VIPS["nat"], UDP_PORT, protocol="udp", health={"type": "none"},
                                offload={"udp_packets": 2}))
    return Lab(lab.engine, services=services, bond=mode)


def start(bonded):
    for name in bonded.backends:
        bonded.start_backend(name)
    bonded.start_card()
    bonded.start_agent()
    expect(states(bonded)["p0"][0] == "up", f"members at the start: {states(bonded)}")


def states(lab):
    """Link and state of each member, as `card show` tells."""
    return {p["name"]: (p["link"], p["bond"]["state"]) for p in lab.cli("card", "show")["ports"]}


def failovers(lab):
    return lab.cli("card", "show")["ports"][0]["bond"]["failovers"]


def link(lab, port, up):
    sh("ip", "link", "set", lab.wires()[port], "up" if up else "down", ns=lab.ns("sw"))
    return time.monotonic()


def wait_state(lab, port, state):
    lab.wait_for(lambda: states(lab)[f"p{port}"][1] == state, 10, f"p{port} {state}")


class Pulse:
    """A datagram every two milliseconds through the balancer and back: when answers came."""

    def __init__(self, lab):
        self.servers = [UdpEcho(lab, name, UDP_PORT) for name in lab.backends]
        self.socket = udp_socket(lab, timeout=0.002)
        self.socket.connect((VIPS["nat"], UDP_PORT))
        self.times = []
        self.on = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.on:
            try:
                self.socket.send(b"pulse")
                self.socket.recv(100)
                self.times.append(time.monotonic())
            except (TimeoutError, socket.timeout, ConnectionError):
                pass
            time.sleep(0.001)

    def gap(self, since):
        """The longest time without an answer from a little before `since` on."""
        times = [t for t in list(self.times) if t > since - 0.2]
        return max((b - a for a, b in zip(times, times[1:])), default=99.0)

    def close(self):
        self.on = False
        self.thread.join()
        self.socket.close()
        for s in self.servers:
            s.close()


class Newcomers:
    """New connections without a pause, each asked once."""

    def __init__(self, lab):
        self.lab, self.on, self.done, self.failed, self.slowest = lab, True, 0, [], 0.0
        self.threads = [threading.Thread(target=self.run, args=(vip,), daemon=True) for vip in (VIPS["nat"], VIPS["ipip"])]
        for t in self.threads:
            t.start()

    def run(self, vip):
        while self.on:
            began = time.monotonic()
            try:
                client = EchoClient(self.lab, vip)
                if client.broken:
                    self.failed.append((vip, "closed"))
                client.close()
                self.done += 1
            except OSError as e:
                self.failed.append((vip, str(e)))
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.01)

    def close(self):
        self.on = False
        for t in self.threads:
            t.join()


class Download:
    """Much data through one connection, over and over; what arrives is compared."""
    LENGTH = 2 << 20

    def __init__(self, lab, vip):
        self.lab, self.vip, self.on, self.done, self.failed = lab, vip, True, 0, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.on:
            try:
                with connect(self.lab, self.vip, PEER_PORT, timeout=20) as s:
                    s.sendall(f"send {self.LENGTH}\n".encode())
                    if read_all(s) != pattern(self.LENGTH):
                        self.failed.append("other data")
                self.done += 1
            except OSError as e:
                self.failed.append(str(e))

    def close(self):
        self.on = False
        self.thread.join()


class Announcements:
    """ARP announcements of a VIP that the client's network hears, with their times."""

    def __init__(self, lab, vip):
        with InNamespace(lab.ns("cl")):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        self.socket.settimeout(0.1)
        self.vip, self.times, self.on = socket.inet_aton(vip), [], True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.on:
            try:
                frame = self.socket.recv(100)
            except (TimeoutError, socket.timeout):
                continue
            if frame[28:32] == self.vip and frame[38:42] == self.vip:
                self.times.append(time.monotonic())

    def close(self):
        self.on = False
        self.thread.join()
        self.socket.close()


def all_in_hardware(lab, clients):
    if lab.engine == "software":
        return
    ports = [c.socket.getsockname()[1] for c in clients]
    lab.wait_for(lambda: all((find_flow(lab, p) or {}).get("where") == "hardware" for p in ports), 20, "all in hardware")


def flow_of(lab, client):
    """The client's connection; others may use its port to another VIP."""
    vip, port = client.socket.getpeername()[0], client.socket.getsockname()[1]
    return next(f for f in lab.cli("flow", "list", f"client_port={port}")["flows"] if f["vip"] == vip and f["state"] != "closing")


def by_card(lab, client, when):
    """The card carries the connection, by its counters."""
    if lab.engine == "software":
        return
    flow = flow_of(lab, client)
    before = show_flow(lab, flow["id"])["counters"]
    for _ in range(5):
        client.ask()
    expect(not client.broken, f"{when}: a connection to {client.backend} broke")

    def more(of):
        return show_flow(lab, flow["id"])["counters"][of] - before[of]
    lab.wait_for(lambda: more("hw_packets") >= 5, 5, f"{when}: five packets of {flow['id']} by the card ({flow['where']})")
    expect(more("sw_packets") == 0, f"{when}: {more('sw_packets')} packets of {flow['id']} by the host")


def asks(clients, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for c in clients:
            c.ask()


def ping(lab, name):
    sh("ping", "-c", "3", "-i", "0.1", "-W", "1", "10.77.0.2", ns=lab.ns(name))


@case()
def a_members_link_goes_down(lab):
    """active-backup: port 0's link goes down and comes back, then port 1's, then port 0's again, under connections that last,
    new ones and downloads. None is lost, flows stay in hardware, the neighbours are told, and the time is bounded."""
    with bonded_lab(lab, "active-backup") as bonded:
        start(bonded)
        said = len(bonded.log("agent"))  # a first check may have been too early: that is no failover's doing
        clients = [EchoClient(bonded, VIPS[m]) for m in ("nat", "dsr-l2", "ipip") for _ in range(6)]
        asks(clients, 0.5)
        all_in_hardware(bonded, clients)
        pulse, newcomers = Pulse(bonded), Newcomers(bonded)
        load = [Download(bonded, VIPS["nat"]), Download(bonded, VIPS["nat"])]
        heard = Announcements(bonded, VIPS["nat"])
        gaps = {}
        try:
            time.sleep(1)
            for port, backup in ((0, "active"), (1, "active"), (0, "active")):
                before = failovers(bonded)
                at = link(bonded, port, False)
                asks(clients, DOWN_S)
                wait_state(bonded, port, "down")
                wait_state(bonded, 1 - port, backup)
                gaps[f"p{port} down"] = max(gaps.get(f"p{port} down", 0), pulse.gap(at))
                for c in clients[::5]:
                    by_card(bonded, c, f"p{port} is down")
                ping(bonded, "b1")
                expect(failovers(bonded) == before + (port == 0), f"p{port} down: {failovers(bonded)} failovers, {before} before")
                if port == 0:
                    expect(any(at <= t < at + FAILOVER_S for t in heard.times), "the neighbours were not told of the failover")
                at = link(bonded, port, True)
                wait_state(bonded, 0, "active")
                asks(clients, 0.5)
                gaps[f"p{port} back"] = max(gaps.get(f"p{port} back", 0), pulse.gap(at))
                for c in clients[::5]:
                    by_card(bonded, c, f"p{port} is back")
                ping(bonded, "b1")
        finally:
            for thing in [pulse, newcomers, heard] + load:
                thing.close()
        broken = [c.backend for c in clients if c.broken]
        expect(not broken, f"connections to {broken} broke")
        expect(not newcomers.failed and newcomers.done > 20, f"new connections: {newcomers.done}, {newcomers.failed[:3]}")
        expect(not any(d.failed for d in load) and all(d.done for d in load), f"downloads: {[(d.done, d.failed) for d in load]}")
        down = [line for line in bonded.log("agent")[said:].splitlines() if "backend-down" in line]
        expect(not down, "a failover took a backend down: " + "; ".join(down))
        print(f"        {lab.engine}: longest time without an answer: " + ", ".join(f"{k} {v * 1000:.0f} ms" for k, v in gaps.items())
              + f"; slowest of {newcomers.done} new connections {newcomers.slowest * 1000:.0f} ms", flush=True)
        expect(all(g < FAILOVER_S for g in gaps.values()), f"gaps: {gaps}")
        for c in clients:
            c.close()


@case()
def a_bond_spreads(lab):
    """balance-xor: connections leave by both members, by the one that is left, and by both again."""
    with bonded_lab(lab, "balance-xor") as bonded:
        start(bonded)
        for end in bonded.wires():  # as the two ends of one link aggregation group: what comes by one is not sent to the other
            sh("bridge", "link", "set", "dev", end, "isolated", "on", ns=bonded.ns("sw"))
        wait_state(bonded, 1, "active")
        clients = [EchoClient(bonded, VIPS[m]) for m in ("nat", "dsr-l2") for _ in range(12)]
        asks(clients, 0.5)
        all_in_hardware(bonded, clients)

        def sent(seconds=1.0):
            before = [p["tx_packets"] for p in bonded.cli("card", "show")["ports"]]
            asks(clients, seconds)
            after = [p["tx_packets"] for p in bonded.cli("card", "show")["ports"]]
            return [b - a for a, b in zip(before, after)]
        both = sent()
        expect(min(both) > sum(both) / 10, f"sent by p0 and p1: {both}")
        for port in (0, 1):
            link(bonded, port, False)
            wait_state(bonded, port, "down")
            asks(clients, 1.0)
            one = sent()
            expect(one[port] == 0 and one[1 - port] > sum(both) / 10, f"p{port} is down, sent by p0 and p1: {one}")
            for c in clients[::6]:
                by_card(bonded, c, f"p{port} is down")
            link(bonded, port, True)
            wait_state(bonded, port, "active")
            asks(clients, 0.5)
            again = sent()
            expect(min(again) > sum(again) / 10, f"p{port} is back, sent by p0 and p1: {again}")
        broken = [c.backend for c in clients if c.broken]
        expect(not broken, f"connections to {broken} broke")
        for c in clients:
            c.close()


@case()
def a_bond_outlives_the_agent(lab):
    """The agent is killed while port 0's link is down, and once more after the link came back without an agent: connections go
    on, and the card's rules are adopted as they are, by the member that they leave by."""
    with bonded_lab(lab, "active-backup") as bonded:
        start(bonded)
        clients = [EchoClient(bonded, VIPS[m]) for m in ("nat", "dsr-l2") for _ in range(6)]
        asks(clients, 0.5)
        all_in_hardware(bonded, clients)
        link(bonded, 0, False)
        wait_state(bonded, 0, "down")
        for back in (False, True):
            bonded.stop("agent", signal.SIGKILL)
            if back:
                link(bonded, 0, True)
            said = len(bonded.log("agent"))
            bonded.start_agent(wait_healthy=False)
            asks(clients, 1.0)
            expect(not any(c.broken for c in clients), f"a connection broke at the restart; link back: {back}")
            wait_state(bonded, 0, "active" if back else "down")
            asks(clients, 0.5)
            for c in clients[::5]:
                by_card(bonded, c, f"after a restart, link back: {back}")
            expect(back or "that were not created again" not in bonded.log("agent")[said:], "a rule or flow was not adopted")
        expect(not any(c.broken for c in clients), "a connection broke")
        for c in clients:
            c.close()
