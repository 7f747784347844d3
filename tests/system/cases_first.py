# SPDX-License-Identifier: BSD-3-Clause
"""System tests: services whose new connections the XDP program decides (first_packet: xdp)."""
import json
import signal

from cases import apply, case, expect
from demo import EchoClient, find_flow, read_line
from lab import Lab, LabError, PEER_PORT, VIPS, VIPS6, connect, sh

SOURCE_PORT = 20000  # of clients whose packets are lost
OPENED = (VIPS["dsr-l2"], VIPS["ipip"], VIPS6["dsr-l2"])


def first_of(lab):
    return {s["name"]: s["first_packet"] for s in lab.cli("service", "list")["services"]}


def total(lab, what):
    return sum(f.get(what, 0) for f in first_of(lab).values())


def settled(lab):
    rows = first_of(lab).values()
    return all(f["by"] == "xdp" and f.get("stands") and f.get("places") and f["held"] == 0 for f in rows)


def learned(lab, client):
    client.ask()
    flow = find_flow(lab, client.socket.getsockname()[1], client.vip)
    return flow and flow["backend"] == client.backend and flow["state"] == "established" and flow["where"] == "hardware"


def all_learned(lab, clients, what):
    for c in clients:
        expect(not c.broken, f"{what}: a connection to {c.backend} by {c.vip} broke")
        try:
            lab.wait_for(lambda c=c: learned(lab, c), 10, "")
        except LabError:
            expect(False, f"{what}: the connection to {c.backend} by {c.vip} is not in hardware: "
                   f"{find_flow(lab, c.socket.getsockname()[1], c.vip)}")


class HalfOpen:
    """Clients that are connected, but whose packets since the SYN are lost until lose() has ended: no backend and no balancer has
    seen more of them than a SYN."""

    def __init__(self, lab, vip, count):
        self.lab, self.ns = lab, lab.ns("cl")
        sh("nft", f"table inet lost {{ chain c {{ type filter hook output priority 0; ip daddr {vip} tcp dport {PEER_PORT} "
           f"tcp sport {SOURCE_PORT}-{SOURCE_PORT + count - 1} tcp flags & (syn | ack) == ack drop; }}; }}", ns=self.ns)
        self.sockets = [connect(lab, vip, PEER_PORT, timeout=10, source_port=SOURCE_PORT + i) for i in range(count)]
        for s in self.sockets:
            s.sendall(b"echo\nx\n")

    def found(self):
        sh("nft", "delete", "table", "inet", "lost", ns=self.ns)
        return [self.name(s) for s in self.sockets]

    @staticmethod
    def name(s):
        try:
            with s:
                return (read_line(s).split() or [b"nobody"])[0].decode()
        except OSError as e:
            return str(e)


def keep_neighbours(lab):
    """The client's router keeps the VIPs' MAC: whoever asks for it anew is answered by the kernel interface, through the agent."""
    for vip in OPENED:
        EchoClient(lab, vip).close()
        for n in json.loads(sh("ip", "-j", "neigh", "show", vip, ns=lab.ns("cl")).stdout):
            sh("ip", "neigh", "replace", vip, "lladdr", n["lladdr"], "dev", n["dev"], "nud", "permanent", ns=lab.ns("cl"))


def services(lab):
    made = [lab.service(m, v, PEER_PORT, first_packet="xdp") for m, v in (("dsr-l2", OPENED[0]), ("ipip", OPENED[1]))]
    return made + [dict(lab.service("dsr-l2", OPENED[2], PEER_PORT, first_packet="xdp"))]


@case(engines=("xdp",))
def xdp_decides_new_connections(lab):
    """New connections reach a backend while the agent is stopped, which learns of them afterwards, and with no agent at all, and the
    next one learns of them; a backend that is removed loses nobody, not even who has only sent a SYN. Nor does an end of it all."""
    with Lab(lab.engine, services=services(lab)) as small:
        for name in small.backends:
            small.start_backend(name)
        small.start_card()
        small.start_agent()
        small.wait_for(lambda: settled(small), 10, "XDP decides all places")
        agent = small.processes["agent"]
        keep_neighbours(small)

        agent.send_signal(signal.SIGSTOP)
        try:
            clients = [EchoClient(small, vip) for vip in OPENED for _ in range(7)]
        finally:
            agent.send_signal(signal.SIGCONT)
        expect(len({c.backend for c in clients}) > 1, "one backend has all connections")
        all_learned(small, clients, "after the agent was stopped")
        small.wait_for(lambda: total(small, "syns") >= len(clients), 3, "the program's counters of all SYNs")  # read twice a second
        seen = small.cli("stats", "show")["totals"]
        expect(seen["first_syns"] >= len(clients) and seen["first_unhinted"] == 0, f"totals: {seen}")

        small.stop("agent", signal.SIGKILL)
        more = [EchoClient(small, vip) for vip in OPENED for _ in range(3)]
        expect(all(c.backend for c in more), "no backend while there was no agent")
        small.start_agent()
        expect(total(small, "held") == 0, f"the next agent does not take over who decides: {first_of(small)}")
        clients += more
        all_learned(small, clients, "the agent was killed")

        removed = small.backends[0]
        half = HalfOpen(small, VIPS["dsr-l2"], 12)
        for s in small.services:
            s["backends"] = [b for b in s["backends"] if b["name"] != removed]
        apply(small)
        small.wait_for(lambda: all(f["held"] > 0 for f in first_of(small).values()), 5, "places of each service that the agent decides")
        fresh = [EchoClient(small, vip) for vip in OPENED for _ in range(3)]
        expect(all(c.backend not in (removed, None) for c in fresh), f"a new connection went to the removed backend, {removed}, or to none: {[c.backend for c in fresh]}")
        names = half.found()
        expect(set(names) <= set(small.backends), f"connections of which only the SYN was seen: {names}")
        expect(removed in names, "none of them was of the removed backend")
        clients += fresh
        all_learned(small, clients, f"{removed} was removed")

        decided = total(small, "syns")
        for s in small.services:
            s["first_packet"] = "host"
        apply(small)
        small.wait_for(lambda: small.cli("stats", "show")["totals"]["first_packets"] == 0, 5, "no service of XDP's")
        clients += [EchoClient(small, vip) for vip in OPENED]
        expect(decided > 0 and all(f == {"by": "host"} for f in first_of(small).values()), f"the agent decides: {first_of(small)}")
        all_learned(small, clients, "the agent decides")
        for c in clients:
            c.close()
