# SPDX-License-Identifier: BSD-3-Clause
"""System tests: tenants whose addresses are equal, and what is refused."""
import json
import os
import signal
import socket

import lab as lab_module
from cases import carried, case, expect
from demo import EchoClient, read_line
from lab import InNamespace, PEER_PORT, VIPS, sh


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
            where = "software" if lab.engine == "software" else "hardware"

            def there(t=t, where=where):
                found = [f for f in lab.cli("flow", "list", "client_port=40000")["flows"] if f["tenant"] == t]
                return found if [f["where"] for f in found] == [where] else None
            flows = lab.wait_for(there, 5, f"tenant {t}'s connection in {where}")
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
    ports = [{k: v for k, v in p.items() if k not in ("engine", "interface", "pin", "xdp_mode")} for p in lab.ports()]
    ports[0]["kernel"].pop("pass", None)
    lab.write_config(other, [{**ports[0], "device": f"net_sluice0,bus={lab.path('nowhere.sock')},port=0"}])
    text = open(other, encoding="ascii").read().replace(lab.state, lab.state + "3").replace(
        lab.control, lab.control + "3").replace(f'"{lab.tag}"', f'"{lab.tag}y"').replace('"sl0"', '"sl2"')
    with open(other, "w", encoding="ascii") as f:
        f.write(text)
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
