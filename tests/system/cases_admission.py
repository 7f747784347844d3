# SPDX-License-Identifier: BSD-3-Clause
"""System tests: floods of one service against its budget, and clients of the kernel that come in all the same."""
import time

from cases import apply, case, expect
from demo import EchoClient, find_flow
from flood import flood, syn
from lab import PEER_PORT, VIPS


def reason(lab, name):
    return next((r["packets"] for r in lab.cli("stats", "show")["reasons"] if r["name"] == name), 0)


@case()
def clients_of_a_flooded_service(lab):
    """SYNs from nowhere use up a nat service's half-open budget: its clients answer the challenge and connect, with a card in
    hardware; the other services' budgets are their own."""
    nat = [s for s in lab.services if s["vip"] == VIPS["nat"] and s["port"] == PEER_PORT][0]
    nat["admission"] = {"half_open": 64}
    try:
        apply(lab)
        before = {n: reason(lab, n) for n in ("challenged", "challenge-passed", "service-full")}
        connections = lab.cli("stats", "show")["totals"]["connections"]
        flood(lab, syn, VIPS["nat"], PEER_PORT, 4000, 2)
        sent = reason(lab, "challenged") - before["challenged"]
        expect(sent >= 3000, f"{sent} of 4000 SYNs were challenged")
        grown = lab.cli("stats", "show")["totals"]["connections"] - connections
        expect(grown <= 80, f"4000 SYNs made {grown} connections of at most 64")  # with a few of health checks and clients
        took = []
        for _ in range(10):
            started = time.monotonic()
            client = EchoClient(lab, VIPS["nat"])
            took.append(time.monotonic() - started)
            client.ask()
            port = client.socket.getsockname()[1]
            where = "software" if lab.engine == "software" else "hardware"
            lab.wait_for(lambda p=port, w=where: (find_flow(lab, p) or {}).get("where") == w, 5, f"the connection in {where}")
            expect(not client.broken, "the connection broke")
            client.close()
        passed = reason(lab, "challenge-passed") - before["challenge-passed"]
        expect(passed == 10, f"{passed} of 10 clients answered a challenge")
        expect(sorted(took)[5] < 1, f"connecting took {took} s: a client of the kernel sends its SYN again at once")
        untouched = EchoClient(lab, VIPS["dsr-l2"])
        untouched.ask()
        expect(not untouched.broken, "a client of another service")
        untouched.close()
        print(f"        connecting through a challenge: median {sorted(took)[5] * 1000:.1f} ms")
    finally:
        del nat["admission"]
        apply(lab)
