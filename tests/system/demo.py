#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The demo: real HTTP and TCP through a (simulated) card, told as it happens, ending in a verdict.

demo.py --engine rtl|rtl-hbm|model|xdp|software [--json FILE]; exits non-zero unless every requirement listed at the end held.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import lab as lab_module
from lab import ENGINES, Lab, LabError, PEER_PORT, VIPS, VIPS6, HEALTH, connect

MEGABYTE = 1 << 20


class Demo:
    def __init__(self, lab):
        self.lab = lab
        self.hardware = lab.engine != "software"
        self.result = {"engine": lab.engine, "passed": False, "requests": 0, "failed_requests": 0, "broken_connections": 0}
        self.unmet = []
        self.started = time.monotonic()

    # -- telling ---------------------------------------------------------------------------------------------------
    def say(self, text=""):
        print(f"[{time.monotonic() - self.started:6.1f}s] {text}" if text else "", flush=True)

    def require(self, held, what):
        self.say(("  ok      " if held else "  NOT MET ") + what)
        if not held:
            self.unmet.append(what)

    # -- measuring: the card's own counters ------------------------------------------------------------------------
    def shares(self):
        """(frames of VIP traffic the card forwarded, frames of it the host had to see), from the card's counters."""
        return card_split(self.lab)

    def hardware_share(self, before):
        after = self.shares()
        hw, sw = after[0] - before[0], after[1] - before[1]
        return hw / (hw + sw) if hw + sw else 0.0

    # -- chapters --------------------------------------------------------------------------------------------------
    def backends(self):
        self.say("backends, as the agent's health checks see them:")
        for b in self.lab.cli("backend", "list")["backends"]:
            if b["service"] == "dsr-l2-80":
                self.say(f"  {b['service']:>10} {b['name']} {b['address']:<12} {b['state']}")

    def keepalive_load(self):
        """wrk over keep-alive connections to the dsr-l2 VIP."""
        self.say(f"keep-alive load: wrk, 32 connections, 8 s, http://{VIPS['dsr-l2']}/")
        before = self.shares()
        out = self.lab.client("wrk", "-t1", "-c32", "-d8s", f"http://{VIPS['dsr-l2']}/", timeout=60).stdout
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
        bad = sum(map(int, errors.groups())) if errors else 0
        non2xx = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        bad += int(non2xx.group(1)) if non2xx else 0
        share = self.hardware_share(before)
        self.result.update(requests=requests, requests_per_s=round(rate, 1), hardware_packet_share=round(share, 4))
        self.result["failed_requests"] += bad
        self.say(f"  {requests} requests, {rate:.0f}/s, {bad} failed; {share:.2%} of VIP packets forwarded by hardware")
        if self.hardware:
            self.require(share >= 0.95, f"hardware carries >= 95 % of the keep-alive load's VIP packets ({share:.2%})")

    def new_connections(self, seconds=5):
        """curl-like: one connection a request, from a few threads."""
        self.say(f"new connections: one request each for {seconds} s")
        counts, failed = {}, 0
        end = time.monotonic() + seconds
        start = time.monotonic()

        def worker():
            mine, bad = {}, 0
            while time.monotonic() < end:
                try:
                    with connect(self.lab, VIPS["dsr-l2"], 80) as s:
                        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
                        data = read_all(s)
                    name = data.rsplit(b"\r\n\r\n", 1)[-1].strip().decode()
                    mine[name] = mine.get(name, 0) + 1
                except OSError:
                    bad += 1
            return mine, bad

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for mine, bad in pool.map(lambda _: worker(), range(8)):
                failed += bad
                for name, n in mine.items():
                    counts[name] = counts.get(name, 0) + n
        rate = sum(counts.values()) / (time.monotonic() - start)
        self.result.update(new_connections_per_s=round(rate, 1), backend_connections=counts)
        self.result["requests"] += sum(counts.values())
        self.result["failed_requests"] += failed
        self.say(f"  {sum(counts.values())} connections, {rate:.0f}/s, {failed} failed; per backend: "
                 + ", ".join(f"{k} {v}" for k, v in sorted(counts.items())))
        self.require(set(counts) == set(self.lab.backends), "every backend got connections")

    def curl(self):
        self.say("curl: two requests, as a person would")
        for mode in ("dsr-l2", "nat"):
            r = self.lab.client("curl", "-sS", "-m", "10", f"http://{VIPS[mode]}/", check=False)
            self.say(f"  curl http://{VIPS[mode]}/ ({mode}) -> {r.stdout.strip() or r.stderr.strip()}")
            self.count_request(r.returncode == 0 and r.stdout.strip() in self.lab.backends)

    def count_request(self, good):
        self.result["requests"] += 1
        if not good:
            self.result["failed_requests"] += 1

    def one_connection(self):
        """Follows one connection in words."""
        self.say("one connection, followed:")
        s = connect(self.lab, VIPS["nat"], PEER_PORT)
        port = s.getsockname()[1]
        s.sendall(b"echo\n")
        for i in range(20):
            s.sendall(b"hello\n")
            read_line(s)
            time.sleep(0.02)
            if i in (0, 19):
                self.tell_flow(port)
        if self.hardware:
            self.say("  its SYN and the packets up to the handshake's end went through software, because a rule sends every SYN to the "
                     "host, which chooses the backend once; since then the card has forwarded it, in both directions")
        s.close()
        self.result["requests"] += 1

    def tell_flow(self, port):
        """Where the connection is and why; of the first packets, why they were not in hardware."""
        flow = find_flow(self.lab, port)
        if not flow:
            self.say(f"  client port {port}: the agent does not know it")
            return
        c = flow.get("counters", {})
        self.say(f"  10.78.0.10:{port} -> {flow['backend']}: {flow['where']}, because {flow['reason_text'].rstrip('.')}; "
                 f"since {flow.get('since', '?')}; packets in hardware {c.get('hw_packets', 0)}, software {c.get('sw_packets', 0)}")

    def bulk(self):
        """Bulk download through the card in both directions (nat), and its hash."""
        self.say("bulk download: 64 MiB over nat, both directions through the card")
        before = self.shares()
        started = time.monotonic()
        r = self.lab.client("bash", "-c", f"curl -sS -m 120 http://{VIPS['nat']}/bulk | sha256sum", timeout=150, check=False)
        seconds = time.monotonic() - started
        share = self.hardware_share(before)
        self.result.update(bulk_hardware_share=round(share, 4), bulk_mbit_per_s=round(64 * 8.39 / seconds, 1))
        good = r.stdout.split()[:1] == [file_hash(self.lab.bulk_file())]
        self.count_request(good)
        self.say(f"  {seconds:.1f} s, {64 * 8.39 / seconds:.0f} Mbit/s; {share:.2%} of packets by hardware; hash {'right' if good else 'WRONG'}")
        self.require(good, "bulk download's hash matches")
        if self.hardware:
            self.require(share >= 0.99, f"hardware carries >= 99 % of the bulk download ({share:.2%})")

    def transfers(self):
        """10 MB each way in every mode, with DF at MTU 1500."""
        self.say("10 MB up and down with DF at 1500 bytes, every mode:")
        payload = os.urandom(10 * MEGABYTE)
        digest = hashlib.sha256(payload).hexdigest()
        down = hashlib.sha256(pattern(10 * MEGABYTE)).hexdigest()
        for mode, vip in list(VIPS.items()) + list(VIPS6.items()):
            up_ok, down_ok = self.transfer(vip, payload, digest, down)
            self.require(up_ok and down_ok, f"{mode:7} {vip:<12} upload (half-closed) and download hashes match")

    def transfer(self, vip, payload, digest, down):
        up_ok = down_ok = False
        try:
            with connect(self.lab, vip, PEER_PORT, timeout=30) as s:
                s.sendall(b"hash\n" + payload)
                s.shutdown(socket.SHUT_WR)
                answer = read_all(s).split()
                up_ok = len(answer) == 3 and answer[1:] == [str(len(payload)).encode(), digest.encode()]
            with connect(self.lab, vip, PEER_PORT, timeout=30) as s:
                s.sendall(b"send %d\n" % len(payload))
                down_ok = hashlib.sha256(read_all(s)).hexdigest() == down
        except OSError as e:
            self.say(f"  {vip}: {e}")
        self.count_request(up_ok)
        self.count_request(down_ok)
        return up_ok, down_ok

    def port_reuse(self):
        """The server closes first; the client opens the same four-tuple again within a second."""
        self.say("a client that reuses its source port at once:")
        for mode in ("dsr-l2", "nat"):
            good = 0
            for _ in range(3):
                try:
                    with connect(self.lab, VIPS[mode], PEER_PORT, source_port=45000) as s:
                        s.sendall(b"send 5000\n")
                        good += len(read_all(s)) == 5000
                except OSError as e:
                    self.say(f"  {mode}: {e}")
                time.sleep(0.3)
            self.count_request(good == 3)
            self.require(good == 3, f"{mode}: three connections in a row from port 45000")

    def agent_killed(self):
        """SIGKILL during a download: it completes; the restarted agent adopts what the card holds."""
        self.say("the agent is killed (SIGKILL) during a download:")
        done = {}

        def download():
            r = self.lab.client("bash", "-c", f"curl -sS -m 120 --limit-rate 8M http://{VIPS['nat']}/bulk | sha256sum",
                                timeout=150, check=False)
            done["hash"] = r.stdout.split()[0] if r.stdout else r.stderr

        t = threading.Thread(target=download)
        t.start()
        time.sleep(2)
        hw_before = self.shares()[0]
        self.lab.stop("agent", signal.SIGKILL)
        self.say("  agent killed; the download goes on" + (" in hardware" if self.hardware else " after the restart"))
        time.sleep(1.5 if self.hardware else 0.2)
        self.lab.start_agent(wait_healthy=False)
        self.say("  agent restarted")
        t.join(150)
        good = done.get("hash") == file_hash(self.lab.bulk_file())
        self.count_request(good)
        self.require(good, "the download completed with the right hash")
        adopted = self.lab.cli("card", "show").get("adopted", {})
        self.say(f"  connections adopted: {adopted.get('connections', 0)}, rules adopted from the card: {adopted.get('rules', 0)}")
        self.result["adopted"] = adopted
        self.require(adopted.get("connections", 0) >= 1, "the restarted agent adopted the connections in shared memory")
        if self.hardware:
            self.require(adopted.get("rules", 0) >= 1, "it adopted rules that the card held")
            self.require(self.shares()[0] > hw_before, "the card's counters went on counting")
        self.lab.wait_for(lambda: self.lab.healthy() == len(self.lab.all_backends()), 20, "backends healthy after restart")

    def backend_killed(self):
        """One backend dies under 48 open connections."""
        victim = self.lab.backends[-1]
        self.say(f"backend {victim} is killed under 48 open connections:")
        clients = [EchoClient(self.lab, VIPS["dsr-l2"]) for _ in range(24)] + [EchoClient(self.lab, VIPS["nat"]) for _ in range(24)]
        mine = [c for c in clients if c.backend == victim]
        killed = time.monotonic()
        for name in (f"nginx-{victim}", f"peer-{victim}"):
            self.lab.stop(name, signal.SIGKILL)
        detect_ms = self.detection(victim, killed)
        for _ in range(10):
            for c in clients:
                c.ask()
            time.sleep(0.05)
        broken = [c for c in clients if c.broken and c.backend != victim]
        self.result.update(detect_ms=round(detect_ms), broken_connections=len(broken), killed_backend=victim,
                           killed_backend_connections=len(mine))
        limit = HEALTH["interval_ms"] * HEALTH["fall"] + HEALTH["timeout_ms"]
        self.say(f"  detected after {detect_ms:.0f} ms; {len(mine)} connections were its own; of the other "
                 f"{len(clients) - len(mine)}, {len(broken)} broke")
        self.require(detect_ms <= limit, f"detection <= interval x fall + timeout ({limit} ms)")
        self.require(not broken, "no other connection broke")
        moved = {c.backend: 0 for c in clients}
        for _ in range(24):
            c = EchoClient(self.lab, VIPS["dsr-l2"])
            moved[c.backend] = moved.get(c.backend, 0) + 1
            c.close()
        self.require(moved.get(victim, 0) == 0, f"new connections go elsewhere: {moved}")
        for c in clients:
            c.close()

    def detection(self, victim, since):
        def down():
            rows = self.lab.cli("backend", "list")["backends"]
            return all(b["state"] == "down" for b in rows if b["name"] == victim)
        # The agent notes the moment itself; polling only bounds it.
        self.lab.wait_for(down, 10, f"{victim} to be seen down")
        polled = (time.monotonic() - since) * 1000
        rows = [b for b in self.lab.cli("backend", "list")["backends"] if b["name"] == victim]
        noted = [b.get("since_ms") for b in rows if b.get("since_ms") is not None]
        if noted:
            now = time.time() * 1000
            return min(polled, max((n - (now - (time.monotonic() - since) * 1000)) for n in noted))
        return polled

    def run(self):
        self.say(f"topology (engine: {self.lab.engine}):")
        print(lab_module.__doc__.split("\n\n")[1] + "\n", flush=True)
        self.say("starting three backends (nginx)")
        for name in self.lab.backends:
            self.lab.start_backend(name)
        self.say("starting the card" if self.hardware else "no card: the agent forwards in software over AF_PACKET")
        self.lab.start_card()
        self.say("starting sluiced")
        self.lab.start_agent()
        for chapter in (self.backends, self.curl, self.one_connection, self.keepalive_load, self.bulk, self.new_connections,
                        self.transfers, self.port_reuse, self.agent_killed, self.backend_killed):
            self.say()
            chapter()
        self.say()
        self.require(self.result["failed_requests"] == 0, f"no failed request ({self.result['failed_requests']})")
        self.require(self.result["broken_connections"] == 0, "no broken connection but the killed backend's")


class EchoClient:
    """A long-lived connection that asks its backend's name."""

    def __init__(self, lab, vip):
        self.broken = False
        self.vip = vip
        self.socket = connect(lab, vip, PEER_PORT, timeout=5)
        self.socket.sendall(b"echo\n")
        self.backend = None
        self.ask()

    def ask(self):
        if self.broken:
            return
        try:
            self.socket.sendall(b"x\n")
            line = read_line(self.socket)
            name = line.split()[0].decode() if line else None
            if not name or (self.backend and name != self.backend):
                self.broken = True
            self.backend = self.backend or name
        except OSError:
            self.broken = True

    def close(self):
        self.socket.close()


def card_split(lab):
    """(forwarded by hardware, seen by the host) frames of service traffic, for differences: the card's counters, less what
    went on to the host's own stack (health checks' answers match the same rules), which the kernel counts on sl0."""
    if lab.engine == "software":
        return 0, lab.cli("stats", "show")["totals"]["sw_packets"]
    reasons = {r["name"]: r["packets"] for r in lab.cli("card", "show")["reasons"]}
    seen = sum(reasons.get(r, 0) for r in ("rule", "miss", "fragment", "ttl", "mtu", "no-l4", "ip-options", "ext-hdr", "bad-action"))
    link = json.loads(lab_module.sh("ip", "-j", "-s", "link", "show", "sl0", ns=lab.ns("lb")).stdout)[0]
    others = 0 if lab.passes else reasons.get("kernel", 0)
    return reasons.get("forwarded", 0), seen - (link["stats64"]["rx"]["packets"] - others)


def show_flow(lab, flow_id):
    """A connection with its counters of now: `flow show` asks the card, and says so if the card was too busy. None: it is gone."""
    for _ in range(20):
        shown = lab.cli("flow", "show", flow_id, check=False)
        if not shown or not shown["flow"]["counters_stale"]:
            return shown["flow"] if shown else None
    raise AssertionError(f"the agent could not read the counters of flow {flow_id} in 5 s")


def find_flow(lab, port, vip=None):
    """The connection from that client port (to that VIP: two may have one port) with its counters of now, or None.
    The port may have been another connection's before, to another VIP, that is closing still."""
    flows = [f for f in lab.cli("flow", "list", f"client_port={port}")["flows"] if vip in (None, f["vip"])]
    flows.sort(key=lambda f: f["state"] == "closing")
    return show_flow(lab, flows[0]["id"]) if flows else None


def pattern(length):
    block = bytes(range(256))
    return (block * (length // 256 + 1))[:length]


def file_hash(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(MEGABYTE):
            digest.update(chunk)
    return digest.hexdigest()


def read_all(s):
    chunks = []
    while chunk := s.recv(1 << 18):
        chunks.append(chunk)
    return b"".join(chunks)


def read_line(s):
    line = b""
    while not line.endswith(b"\n"):
        c = s.recv(4096)
        if not c:
            return b""
        line += c
    return line


def run(lab):
    """The demo in a network that stands; its result."""
    demo = Demo(lab)
    try:
        demo.run()
    except (LabError, OSError, KeyError, AttributeError, subprocess.TimeoutExpired) as e:
        demo.unmet.append(f"{type(e).__name__}: {e}")
        demo.say(f"stopped: {e}")
        for name in ("card", "agent"):
            if lab.log(name):
                print(f"--- last lines of {name}:\n{lab.log(name)[-1500:]}", flush=True)
    r = demo.result
    r["passed"] = not demo.unmet
    r["unmet"] = demo.unmet
    r["seconds"] = round(time.monotonic() - demo.started, 1)
    return r


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--engine", choices=ENGINES, default="rtl")
    p.add_argument("--json", help="write the result here")
    args = p.parse_args()
    if os.geteuid():
        sys.exit("demo: it makes network namespaces and needs root; run it with sudo")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Lab(args.engine) as lab:
            r = run(lab)
    except KeyboardInterrupt:
        sys.exit("demo: interrupted; what it made is removed")
    except (LabError, OSError) as e:
        sys.exit(f"demo: its network of namespaces cannot be made here: {e}")
    if args.json:
        os.makedirs(os.path.dirname(args.json) or ".", exist_ok=True)
        with open(args.json, "w", encoding="ascii") as f:
            json.dump(r, f, indent=2)
            f.write("\n")
    print(f"\ndemo ({r['engine']}): {'PASSED' if r['passed'] else 'FAILED'} in {r['seconds']} s: {r['requests']} requests, "
          f"{r['failed_requests']} failed, {r.get('requests_per_s', 0)} requests/s, {r.get('new_connections_per_s', 0)} new "
          f"connections/s, hardware {r.get('hardware_packet_share', 0):.2%} (bulk {r.get('bulk_hardware_share', 0):.2%}), "
          f"detection {r.get('detect_ms', '-')} ms, {r['broken_connections']} broken", flush=True)
    sys.exit(0 if r["passed"] else 1)


if __name__ == "__main__":
    main()
