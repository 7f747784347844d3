# SPDX-License-Identifier: BSD-3-Clause
"""System tests of `kernel: {pass: true}`: the wire's interface is the kernel's too, with the VIPs, and the agent's port only takes what
is a service's. The case has a lab of its own. LAB_PASS=1 in the environment has all cases of engine xdp run so."""
import os
import signal
import sys
import time

import cases_tunnels
import lab as lab_module
from cases import case, expect
from cases_forwarding import connection_moves_to_hardware
from cases_icmp import nat_client_hears_of_closed_port
from demo import EchoClient, find_flow, read_line
from lab import Lab, PEER_PORT, VIPS, VIPS6, connect, sh

OWN_PORT = 2222
OWN = ("10.78.0.2", "fd78::2")
SPARE = "10.78.0.151"  # of a service that ends while no agent runs


class HostClient:
    """A long-lived connection to a server of the balancer's own host."""

    def __init__(self, lab, address):
        self.socket = connect(lab, address, OWN_PORT, timeout=5)
        self.socket.sendall(b"echo\n")
        self.ask()

    def ask(self):
        self.socket.sendall(b"x\n")
        expect(read_line(self.socket) == b"own x\n", "a server of the balancer's host answers something else")


def addresses(lab):
    return sh("ip", "addr", "show", "dev", "slwire", ns=lab.ns("lb")).stdout


def forget_neighbours(lab):
    for family in ("-4", "-6"):
        lab.client("ip", family, "neigh", "flush", "dev", "eth0")


def unanswered(lab, vip):
    """A connection that nobody begins is neither accepted nor refused: a reset would have ended one that only waits."""
    try:
        connect(lab, vip, PEER_PORT, timeout=1).close()
    except (TimeoutError, OSError) as e:
        expect(isinstance(e, TimeoutError), f"{vip} while no agent runs: {e}")
        return
    raise AssertionError(f"{vip} was answered while no agent runs")


def host_is_left_alone(lab, hosts):
    """What is the host's own passes by the agent: those go to the kernel that no rule names."""
    def passed():
        return next(r["packets"] for r in lab.cli("card", "show")["reasons"] if r["name"] == "kernel")

    before = passed()
    for _ in range(100):
        for h in hosts:
            h.ask()
    more = passed() - before
    expect(more >= 200, f"{more} frames passed by while the host's own connections had 200 requests")


def without_agent(lab, hosts, offloaded):
    """The host goes on, VIPs have an answer to who asks for their MAC, so what is offloaded goes on; nothing is refused."""
    forget_neighbours(lab)
    for _ in range(20):
        for c in hosts:
            c.ask()
        for c in offloaded:
            c.ask()
        time.sleep(0.05)
    expect(not any(c.broken for c in offloaded), "an offloaded connection broke without the agent")
    for address in OWN:
        HostClient(lab, address).socket.close()
        lab.client("ping", "-c", "1", "-W", "2", address)
    for vip in (VIPS["nat"], VIPS6["nat"], VIPS["dsr-l2"]):
        unanswered(lab, vip)


def without_rules(lab):
    """Tunnels for which there are more rules than room: a VIP without rules is not the kernel's, until there is room."""
    services = list(lab.services)
    lab.vteps = cases_tunnels.VTEPS
    cases_tunnels.trust(lab, services + [lab.service("nat", SPARE, 80, name="spare")],
                        cases_tunnels.SOURCES + cases_tunnels.SOURCES6, (4, 6))
    lab.wait_for(lambda: "announce-withheld" in lab.log("agent"), 10, "the agent to say that it withholds VIPs")
    expect(SPARE not in addresses(lab), "a VIP is the kernel's though rules are missing")
    lab.tenants = []
    lab.services = services + [lab.service("nat", SPARE, 80, name="spare")]
    lab.restart_agent()
    lab.wait_for(lambda: SPARE in addresses(lab), 10, "the VIP when its rules stand")


@case(engines=("xdp",))
def kernel_keeps_its_interface(lab):
    """With one interface for the host and the services: each has its own, before, while and after the agent is killed; the
    next agent removes the VIPs that are no service's any more, and no other address."""
    own = Lab(lab.engine)
    own.passes = True
    own.services.append(own.service("nat", SPARE, 80, name="spare"))
    with own:
        for name in own.backends:
            own.start_backend(name)
        own.start_card()
        own.start_agent()
        expect(own.cli("card", "show")["ports"][0]["kernel_pass"] is True, "the port does not say that it passes")
        own.wait_for(lambda: SPARE in addresses(own), 5, "the VIPs on the wire's interface")
        sh("ip", "addr", "add", "10.99.0.1/32", "dev", "slwire", ns=own.ns("lb"))
        own.spawn("own", [sys.executable, os.path.join(lab_module.HERE, "peer.py"), str(OWN_PORT), "own"], ns=own.ns("lb"))
        own.wait_for(lambda: sh("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{OWN_PORT}", ns=own.ns("lb"), check=False).returncode == 0,
                     10, "the host's server")
        connection_moves_to_hardware(own)
        nat_client_hears_of_closed_port(own)
        hosts = [HostClient(own, a) for a in OWN]
        host_is_left_alone(own, hosts)
        offloaded = [EchoClient(own, v) for v in (VIPS["nat"], VIPS6["nat"], VIPS["ipip"])]
        for c in offloaded:
            own.wait_for(lambda c=c: (find_flow(own, c.socket.getsockname()[1]) or {}).get("where") == "hardware", 5,
                         "the connections in hardware")
        own.stop("agent", signal.SIGKILL)
        without_agent(own, hosts, offloaded)
        own.services.pop()
        own.start_agent()
        own.wait_for(lambda: SPARE not in addresses(own), 5, "the old service's VIP gone")
        for kept in (VIPS["nat"], VIPS6["nat"], OWN[0], "10.99.0.1"):
            expect(kept in addresses(own), f"{kept} is gone: {addresses(own)}")
        for c in offloaded + hosts:
            c.ask()
        expect(not any(c.broken for c in offloaded), "a connection broke over the restart")
        EchoClient(own, VIPS["nat"]).close()
        without_rules(own)
