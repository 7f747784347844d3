# SPDX-License-Identifier: BSD-3-Clause
"""System tests of mode fullnat: backends whose routes do not lead back to the balancer."""
import ipaddress
import signal

from cases import case, expect
from demo import find_flow, read_line
from lab import PEER_PORT, SOURCES, VIPS, VIPS6, connect, sh


class Seen:
    """A connection, and where its backend sees it come from."""

    def __init__(self, lab, vip):
        self.socket = connect(lab, vip, PEER_PORT, timeout=5)
        self.socket.sendall(b"who\n")
        self.backend, address, self.port = read_line(self.socket).decode().split()
        self.address = str(ipaddress.ip_address(address))

    def lives(self):
        self.socket.sendall(b"x\n")
        return read_line(self.socket).decode().split()[:1] == [self.backend]

    def close(self):
        self.socket.close()


@case()
def fullnat_needs_no_route_back(lab):
    """Backends without a default route: clients of fullnat connect, from an address of the balancer as the backend sees it and the
    agent says it, with a port of its own each; nothing of it breaks when the agent is killed, and the next one gives no port
    away that is in use. (nat, whose backends see the client's address, cannot connect then.)"""
    routes = {name: [sh("ip", family, "route", "show", "default", ns=lab.ns(name)).stdout.split() for family in ("-4", "-6")]
              for name in lab.backends}
    seen = []
    try:
        for name in lab.backends:
            for family in ("-4", "-6"):
                sh("ip", family, "route", "del", "default", ns=lab.ns(name))
        seen = [Seen(lab, vips["fullnat"]) for vips in (VIPS, VIPS6) for _ in range(9)]
        expect({s.address for s in seen} == set(SOURCES), f"backends saw {sorted({s.address for s in seen})}, not {SOURCES}")
        expect(len({s.backend for s in seen}) > 1, "one backend got all connections")
        port = seen[0].socket.getsockname()[1]
        if lab.hardware:
            lab.wait_for(lambda: find_flow(lab, port)["where"] == "hardware", 5, "the connection in hardware")
        flow = find_flow(lab, port)
        expect((flow["source_address"], str(flow["source_port"])) == (seen[0].address, seen[0].port),
               f"the agent says {flow['source_address']}:{flow['source_port']}, the backend {seen[0].address}:{seen[0].port}")
        in_use = lab.cli("stats", "show")["totals"]["source_ports"]
        expect(in_use >= len(seen), f"{in_use} source ports in use for {len(seen)} connections")
        try:
            connect(lab, VIPS["nat"], PEER_PORT, timeout=1).close()
            raise AssertionError("nat needs no route back either: the case shows nothing")
        except OSError:
            pass
        lab.stop("agent", signal.SIGKILL)
        if lab.hardware:
            expect(all(s.lives() for s in seen), "a connection broke without the agent")
        lab.start_agent(wait_healthy=False)
        expect(all(s.lives() for s in seen), "a connection broke after the agent's restart")
        lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")
        seen += [Seen(lab, vips["fullnat"]) for vips in (VIPS, VIPS6) for _ in range(9)]
        ends = [(s.backend, s.address, s.port) for s in seen]
        expect(len(set(ends)) == len(ends), f"two connections have one source port: {ends}")
        expect(all(s.lives() for s in seen), "a new connection took an old one's port")
    finally:
        for s in seen:
            s.close()
        for name, (four, six) in routes.items():
            sh("ip", "route", "replace", *four, ns=lab.ns(name))
            sh("ip", "-6", "route", "replace", *six[:six.index("metric")], ns=lab.ns(name))
        lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")
