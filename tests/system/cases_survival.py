# SPDX-License-Identifier: BSD-3-Clause
"""System tests: what must outlive a backend, the agent, the firmware and the card."""
import json
import os
import signal
import socket
import struct
import threading
import time
import zlib

import flood
import lab as lab_module
from cases import apply, carried, case, expect
from demo import EchoClient, find_flow, pattern, read_all
from lab import InNamespace, Lab, PEER_PORT, SIMULATED, VIPS, VIPS6, connect, sh


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
    for p, c in zip(ports, clients):
        flow = find_flow(lab, p, c.vip)
        expect(flow is not None and flow["backend"] == c.backend, f"port {p}: {flow}, was at {c.backend}")
        if card:
            expect(flow["where"] == "hardware", f"port {p} is in {flow['where']} after the restart: {flow['reason']}")
            expect(flow["counters"]["hw_packets"] >= 20, f"port {p}: counters were not kept: {flow['counters']}")
    lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")
    for c in clients:
        c.close()


class Storm:
    """Short connections by NAT from a few threads until it is left: rules are made and removed all the time."""

    def __init__(self, lab, threads=8):
        self.lab, self.over, self.done, self.failed, self.began = lab, False, 0, [], {}
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self):
        while not self.over:
            began, port = time.monotonic(), None
            self.began[threading.get_ident()] = began
            try:
                with connect(self.lab, VIPS["nat"], PEER_PORT, timeout=30) as s:
                    port = s.getsockname()[1]
                    s.sendall(b"send 20000\n")
                    data = read_all(s)
                    if data != pattern(20000):
                        self.failed.append(f"{len(data)} bytes from port {port}")
                self.done += 1
            except OSError as e:
                self.failed.append(f"{e} from port {port} after {time.monotonic() - began:.2f} s")

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for t in self.threads:
            t.join()


def kill_and_start(lab, away=0.0):
    """The agent is killed, and another is started `away` seconds later, that adopts all that the card holds. How long there was
    none."""
    killed = time.monotonic()
    lab.stop("agent", signal.SIGKILL)
    said = len(lab.log("agent"))
    time.sleep(away)
    lab.start_agent(wait_healthy=False)
    log = lab.log("agent")[said:]
    expect("the card goes on with" in log, "the driver does not say what it found")
    expect("that were not created again" not in log, "a rule or flow was not adopted: " + log[:1500])
    return time.monotonic() - killed


def ended_well(lab, storm, clients, outages):
    expect(not storm.failed, f"{len(storm.failed)} of {storm.done + len(storm.failed)} connections failed: {storm.failed[:3]}; the "
           "agent was away for " + ", ".join(f"{s:.1f}" for s in outages) + " s")
    for c in clients:
        c.ask()
        expect(not c.broken, "a connection that was open all the time broke")
        c.close()
    lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")


@case(card_only=True)
def agent_killed_in_a_storm(lab):
    """Connections open and close while the agent is killed, so that rules are on their way in and out of the card: the next
    agent creates all of them again, none is swept, and every connection ends as it should."""
    clients = [EchoClient(lab, VIPS[m]) for m in ("dsr-l2", "nat")]
    outages = []
    with Storm(lab) as storm:
        for _ in range(4):
            before = storm.done
            lab.wait_for(lambda: storm.done >= before + 100 or storm.failed, 20, "100 connections of the storm")
            killed = time.monotonic()
            outages.append(kill_and_start(lab))
            if not lab.asks_again:  # by TCP's backoff a connection may find no agent again and again, through no fault of theirs
                lab.wait_for(lambda: min(storm.began.values()) > killed or storm.failed, 31, "connections that the kill met")
    ended_well(lab, storm, clients, outages)


@case(engines=("software", "model"))
def software_waits_for_the_agent(lab):
    """A client whose connection is in software asks while there is no agent, and is answered within two seconds when there is
    one again: agent_killed_in_a_storm counts on that (lab.asks_again)."""
    if not lab.asks_again:
        return
    client = EchoClient(lab, VIPS["nat"])
    client.socket.settimeout(30)
    if lab.hardware:
        port = client.socket.getsockname()[1]
        lab.wait_for(lambda: (find_flow(lab, port) or {}).get("where") == "hardware", 10, "the connection in hardware")
        lab.cli("flow", "evict", find_flow(lab, port)["id"])
        lab.wait_for(lambda: find_flow(lab, port)["where"] == "software", 10, "the connection in software")
    lab.stop("agent", signal.SIGKILL)
    asking = threading.Thread(target=client.ask)
    asking.start()
    time.sleep(8)  # by TCP's usual backoff it asks in the seventh or eighth second and in the thirteenth to sixteenth
    lab.start_agent(wait_healthy=False)
    started = time.monotonic()
    asking.join()
    waited = time.monotonic() - started
    expect(not client.broken, "the connection broke")
    expect(waited < 2, f"the answer came {waited:.1f} s after the agent")
    client.close()
    lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")


def repeat_syn(lab, vip, port):
    """The client's SYN once more, as of a retransmission that crossed the SYN-ACK."""
    with InNamespace(lab.ns("cl")):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        wire.bind(("eth0", 0))
    frame = flood.syn("10.78.0.10", vip, port, PEER_PORT)
    wire.send(frame[:6] + wire.getsockname()[4] + frame[12:])
    wire.close()


@case()
def first_check_after_a_restart_is_lost(lab):
    """One lost frame is the first health check of a restarted agent, and then a client's SYN comes twice: the backend is not
    held for dead, as it was not before the restart, and the connection stays with it."""
    health = {"type": "tcp", "port": PEER_PORT, "interval_ms": 2000, "timeout_ms": 300, "rise": 5, "fall": 3}
    with Lab(lab.engine, services=[lab.service("nat", VIPS["nat"], PEER_PORT, health=health)]) as small:
        for name in small.backends:
            small.start_backend(name)
        small.start_card()
        small.start_agent()
        client = EchoClient(small, VIPS["nat"])
        port = client.socket.getsockname()[1]
        small.stop("agent", signal.SIGKILL)
        sh("nft", f"table inet lost {{ chain c {{ type filter hook input priority 0; ip saddr 10.77.0.2 tcp dport {PEER_PORT} "
           "tcp flags syn / syn,ack quota until 60 bytes drop; }; }", ns=small.ns(client.backend))
        small.start_agent(wait_healthy=False)

        def row():
            return next(b for b in small.cli("backend", "list")["backends"] if b["name"] == client.backend)

        def seen():
            return (find_flow(small, port) or {"counters": {}})["counters"].get("sw_packets")
        small.wait_for(lambda: row()["health"]["checks"], 5, "the first check")
        expect(row()["health"]["failures"] == 1, f"the first check was not lost: {row()['health']}")
        before = seen()
        repeat_syn(small, VIPS["nat"], port)
        small.wait_for(lambda: seen() != before, 5, "the SYN at the agent")
        for _ in range(3):
            client.ask()
        expect(not client.broken, f"the connection to {client.backend} broke by one lost check; it is {row()['state']} now")
        expect(find_flow(small, port)["backend"] == client.backend, "the connection has another backend")
        expect(row()["state"] == "up", f"{client.backend} is {row()['state']}, by one of three checks")
        client.close()


@case(engines=("xdp",))
def interface_loses_program_and_goes(lab):
    """Somebody takes the program off: it is put back, connections go on. The interface goes: that is said, not called hardware for ever."""
    with Lab(lab.engine, services=[lab.service("dsr-l2", VIPS["dsr-l2"], PEER_PORT)]) as small:
        for name in small.backends:
            small.start_backend(name)
        small.start_card()
        small.start_agent()
        client = EchoClient(small, VIPS["dsr-l2"])
        sh("ip", "link", "set", "dev", "slwire", "xdpgeneric", "off", ns=small.ns("lb"))
        small.wait_for(lambda: "xdpgeneric" in sh("ip", "link", "show", "slwire", ns=small.ns("lb")).stdout, 5, "the program in its place")
        for _ in range(3):
            client.ask()
        expect(not client.broken, "the connection did not outlive the program")
        expect("was taken off" in small.log("agent"), "the log does not say that the program was taken off")
        client.close()
        sh("ip", "link", "del", "slwire", ns=small.ns("lb"))
        small.wait_for(lambda: "port-gone" in small.log("agent"), 5, "the log says that the port has gone")
        shown = json.dumps(small.cli("card", "show"))
        expect("the device has gone" in shown, f"`card show` does not say it: {shown}")


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


@case(engines=SIMULATED)
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


@case(engines=SIMULATED)
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


@case(engines=SIMULATED)
def an_empty_card_is_filled_again(lab):
    """The card ends and starts again with nothing in it, as after a card reset or a power cut. The agent says that it has gone,
    and, started again, has every connection at its backend and puts them all into the card."""
    with Lab(lab.engine, services=[lab.service(m, VIPS[m], PEER_PORT) for m in ("dsr-l2", "nat")]) as small:
        for name in small.backends:
            small.start_backend(name)
        small.start_card()
        small.start_agent()
        clients = [EchoClient(small, VIPS[m]) for m in ("dsr-l2", "nat") for _ in range(4)]
        ports = [c.socket.getsockname()[1] for c in clients]

        def all_in_hardware():
            return all((find_flow(small, p) or {}).get("where") == "hardware" for p in ports)
        small.wait_for(all_in_hardware, 10, "all in hardware")
        expect(small.stop("card") == 0, "the card did not end cleanly")
        small.wait_for(lambda: "port-gone" in small.log("agent"), 5, "the agent's word that the card has gone")
        small.start_card()
        small.restart_agent()
        expect(small.cli("card", "show")["adopted"]["rules"] == 0, "flows were adopted from an empty card")
        for c in clients:
            c.ask()
        small.wait_for(all_in_hardware, 10, "all in hardware again")
        for p, c in zip(ports, clients):
            c.ask()
            expect(not c.broken, f"the connection to {c.backend} broke")
            flow = find_flow(small, p)
            expect(flow["backend"] == c.backend, f"port {p} is at {flow['backend']}, was at {c.backend}")
            hw, sw = carried(small, flow, c.ask)
            expect(hw >= 20 and sw == 0, f"of 20 requests the card forwarded {hw} packets, the agent {sw}")
            c.close()


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
    lab.attach_decap(moved)  # it opens what is for the interface's address (docs/decap.md)
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
    for name in lab.backends:  # nobody announces the client's IPv6 address
        sh("ip", "-6", "neigh", "flush", "dev", "eth0", ns=lab.ns(name))
    for _ in range(20):
        for c in clients:
            c.ask()
    expect(not any(c.broken for c in clients), "a connection broke when its client's MAC changed")
    for p in ports:
        flow = find_flow(lab, p)
        expect(flow["where"] == "hardware", f"the connection is in {flow['where']}: {flow['reason']}")
    for c in clients:
        c.close()
