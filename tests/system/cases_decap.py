# SPDX-License-Identifier: BSD-3-Clause
"""System tests: sluice-decap, a backend's end of tunnels."""
import json
import os
import re

from cases import case, expect
from demo import EchoClient
from cases_forwarding import TUNNELLED, forget_paths, too_big, transfer
from lab import BIN, BUILD, LabError, PEER_PORT, TUNNELS, VIPS, connect, sh

DECAP = os.path.join(BIN, "sluice-decap")


def decap_counts(lab, kind=None):
    """Packets by result over all backends, of a kind of tunnel or of SYNs."""
    counts = {}
    for name in lab.backends:
        shown = json.loads(lab.decap(name, "show", "-j").stdout)
        results = shown["syns"] if kind is None else next(t["results"] for t in shown["tunnels"] if t["tunnel"] == kind)
        for r in results:
            counts[r["name"]] = counts.get(r["name"], 0) + r["packets"]
    return counts


class SynAcks:
    """SYN-ACKs from VIPs of tunnels, as the backends' own firewalls count them on their way out: also those that are repeated
    for a client of an earlier case that never answered."""

    def __init__(self, lab):
        self.lab = lab

    def __enter__(self):
        for name in self.lab.backends:
            sh("nft", "table inet synacks { counter sent { }; chain out { type filter hook postrouting priority 0; "
               "tcp flags & (syn | ack) == (syn | ack) goto vips; }; chain vips { "
               f"ip saddr {{ {self.vips(False)} }} counter name sent; ip6 saddr {{ {self.vips(True)} }} counter name sent; }}; }}",
               ns=self.lab.ns(name))
        return self

    def __exit__(self, *exc):
        for name in self.lab.backends:
            sh("nft", "delete", "table", "inet", "synacks", ns=self.lab.ns(name))

    @staticmethod
    def vips(six):
        return ", ".join(vip for _, vip in TUNNELLED if (":" in vip) == six)

    def sent(self):
        shown = [sh("nft", "-j", "list", "counter", "inet", "synacks", "sent", ns=self.lab.ns(name)).stdout
                 for name in self.lab.backends]
        return sum(entry["counter"]["packets"] for text in shown for entry in json.loads(text)["nftables"] if "counter" in entry)

    def and_decap(self):
        """This and decap_counts(), of one moment."""
        for _ in range(100):
            sent, counts = self.sent(), decap_counts(self.lab)
            if self.sent() == sent:
                return sent, counts
        raise LabError("SYN-ACKs without a pause")


@case()
def clamped_transfers_need_no_icmp(lab):
    """With sluice-decap at the backends nobody sends what does not fit: 4 MB each way through every tunnel mode at MTU 1500
    everywhere, no packet too big. The client verifies the checksums of clamped SYN-ACKs: the backends' interfaces complete
    them, the client's sees them as on a wire."""
    for name in lab.backends:
        sh("ethtool", "-K", "eth0", "tx", "off", ns=lab.ns(name))
        lab.attach_decap(name, tunnels=TUNNELS)
    forget_paths(lab)
    try:
        before = too_big(lab)
        opened = {kind: decap_counts(lab, kind)["opened"] for kind in TUNNELS}
        with SynAcks(lab) as syn_acks:
            sent, syns = syn_acks.and_decap()
            for name, vip in TUNNELLED:
                # VXLAN or Geneve over IPv6: 40 + 8 + 8 + 14 bytes in front. TCP timestamps take 12 of the MSS.
                most = 1500 - 70 - (60 if ":" in vip else 40) - 12
                mss = transfer(lab, name, vip, 4 << 20)
                expect(mss == most, f"{name}: the client's segments have up to {mss} bytes, not {most}")
            sent_then, syns_then = syn_acks.and_decap()
            syns["lowered"] += sent_then - sent
            expect(sent_then - sent >= 2 * len(TUNNELLED) and syns_then == syns,
                   f"{sent_then - sent} SYN-ACKs, of which {2 * len(TUNNELLED)} are this case's own: {syns_then}, not {syns}")
        expect(too_big(lab) == before, f"{too_big(lab) - before} packets were too big for a tunnel")
        for kind, count in opened.items():
            packets = decap_counts(lab, kind)["opened"] - count
            expect(packets >= (4 << 20) // 1500, f"{kind}: {packets} packets opened of an upload of 4 MB")
    finally:
        for name in lab.backends:
            sh("ethtool", "-K", "eth0", "tx", "on", ns=lab.ns(name))
            lab.attach_decap(name)


def program(lab, name):
    """The number of the XDP program on a host's eth0, and its mode; None if there is none."""
    shown = sh("ip", "link", "show", "eth0", ns=lab.ns(name)).stdout
    found = re.search(r" (xdp(?:generic)?) .*prog/xdp id (\d+)", shown, flags=re.S)
    return found and (int(found.group(2)), found.group(1))


def pretend_older_build(lab):
    """What was attached is not what this sluice-decap has: the build's number in the pinned state is another."""
    folder = os.path.join(lab.bpffs, "sluice-decap")
    for name in os.listdir(folder):
        path = os.path.join(folder, name, "about")
        entry = json.loads(sh("/usr/sbin/bpftool", "-j", "map", "lookup", "pinned", path, "key", "0", "0", "0", "0").stdout)
        value = [int(byte, 16) for byte in entry["value"]]
        value[8] ^= 1
        sh("/usr/sbin/bpftool", "map", "update", "pinned", path, "key", "0", "0", "0", "0", "value", *map(str, value))


@case()
def decap_is_replaced_under_traffic(lab):
    """A newer build and other options take over while a connection goes on: it does not break, and statistics stay."""
    client = EchoClient(lab, VIPS["ipip"])
    for _ in range(20):
        client.ask()
    for what, change in (("another build", pretend_older_build), ("the same", lambda lab: None)):
        before, programs = decap_counts(lab, "ipip")["opened"], [program(lab, name) for name in lab.backends]
        change(lab)
        for name in lab.backends:
            lab.attach_decap(name)
            client.ask()
        replaced = [program(lab, name) for name in lab.backends] != programs
        expect(replaced == (what == "another build"), f"{what}: programs {programs}, replaced: {replaced}")
        for _ in range(20):
            client.ask()
        expect(decap_counts(lab, "ipip")["opened"] >= before + 20, f"{what}: {before} opened, then {decap_counts(lab, 'ipip')}")
    expect(not client.broken, "the connection broke")
    client.close()


def refused(lab, result, *options):
    """With these options no connection comes about through ipip, and the result says why."""
    before = decap_counts(lab, "ipip")[result]
    for name in lab.backends:
        lab.decap(name, "attach", *options)
    try:
        connect(lab, VIPS["ipip"], PEER_PORT, timeout=1.5).close()
    except OSError:
        pass
    else:
        raise LabError(f"{options}: the tunnel was opened")
    expect(decap_counts(lab, "ipip")[result] > before, f"{options}: {decap_counts(lab, 'ipip')}")


@case()
def decap_opens_what_it_was_told(lab):
    """Other senders, other VIPs and other kinds are left alone from the moment on that an attach says so, and opened again."""
    try:
        refused(lab, "not-trusted", "--from", "10.77.0.3,10.77.0.0/31,fd77::/16")
        refused(lab, "not-a-vip", "--vip", VIPS["gre"])
        refused(lab, "other-destination", "--to", "10.77.0.10,fd77::11")
        before = decap_counts(lab, "ipip")
        for name in lab.backends:
            lab.decap(name, "attach", "--tunnel", "gre")
        expect(decap_counts(lab, "ipip") == before, "a kind that is not enabled is counted")
    finally:
        for name in lab.backends:
            lab.attach_decap(name)
        lab.wait_for(lambda: lab.healthy() == len(lab.all_backends()), 20, "all backends healthy")
    client = EchoClient(lab, VIPS["ipip"])
    client.ask()
    expect(not client.broken, "the connection broke")
    client.close()


def traces(lab, name):
    """What there is of sluice-decap on a host, beside what was there before."""
    ns = lab.ns(name)
    kept = sorted(n for n in os.listdir(os.path.join(lab.bpffs, "sluice-decap")))
    return [program(lab, name), sh("tc", "qdisc", "show", "dev", "eth0", ns=ns).stdout,
            sh("tc", "filter", "show", "dev", "eth0", "egress", ns=ns).stdout, kept]


@case()
def decap_leaves_nothing_behind(lab):
    """detach undoes attach, also after a change of mode and without the clamp; of two namespaces' interfaces of one name each has
    its own state; what is another's stays; an interface's successor does not inherit its statistics."""
    lab.plug_host("dh", ("10.77.0.41/24",))
    before = traces(lab, "dh")
    for options in ((), ("--mss", "off"), ("--mode", "generic"), ("--mode", "native")):
        lab.decap("dh", "attach", *options)
        shown = json.loads(lab.decap("dh", "show", "-j").stdout)
        wanted = "generic" if "generic" in options else "native"
        expect(shown["xdp"]["attached"] and shown["xdp"]["mode"] == wanted, f"{options}: {shown['xdp']}")
        expect(shown["clamp"]["attached"] == ("off" not in options), f"{options}: {shown['clamp']}")
        expect(len(traces(lab, "dh")[3]) == len(before[3]) + 1, f"{options}: {traces(lab, 'dh')}")
    lab.decap("dh", "detach")
    expect(traces(lab, "dh") == before, f"before {before}, after {traces(lab, 'dh')}")
    r = lab.decap("dh", "detach", check=False)
    expect(r.returncode == 1 and "nothing of sluice-decap is attached to eth0" in r.stderr, f"detach again: {r.stderr}")

    sh("tc", "qdisc", "add", "dev", "eth0", "clsact", ns=lab.ns("dh"))
    before = traces(lab, "dh")
    lab.decap("dh", "attach")
    lab.decap("dh", "detach")
    expect(traces(lab, "dh") == before, f"with a clsact of others: before {before}, after {traces(lab, 'dh')}")

    lab.decap("dh", "attach")
    sh("ip", "link", "del", "eth0", ns=lab.ns("dh"))
    lab.plug("dh", ("10.77.0.41/24",))
    r = lab.decap("dh", "show", check=False)
    expect(r.returncode == 1 and "nothing is attached to eth0" in r.stderr, f"show of the successor: {r.stdout}{r.stderr}")
    lab.decap("dh", "attach")
    lab.decap("dh", "detach")


@case()
def decap_says_what_is_wrong(lab):
    """What cannot be done is refused with its reason, and nothing is left half done."""
    lab.plug_host("dw", ("10.77.0.42/24",))
    before = traces(lab, "dw")
    r = sh(DECAP, "attach", "-i", "eth0", ns=lab.ns("dw"), check=False)
    expect(r.returncode == 1 and "nsenter --net" in r.stderr, f"state that would end with the command: {r.stderr}")
    r = sh(DECAP, "attach", "-i", "eth1", "--bpffs", lab.bpffs, ns=lab.ns("dw"), check=False)
    expect(r.returncode == 1 and 'no interface "eth1"' in r.stderr, f"no such interface: {r.stderr}")
    r = sh(DECAP, "attach", "-i", "lo", "--bpffs", lab.bpffs, ns=lab.ns("dw"), check=False)
    expect(r.returncode == 1 and "no Ethernet interface" in r.stderr, f"no Ethernet: {r.stderr}")
    other = os.path.join(BUILD, "hw", "xdp", "sluice.bpf.o")
    sh("ip", "link", "set", "eth0", "xdp", "obj", other, "sec", "xdp.frags", ns=lab.ns("dw"))
    theirs = program(lab, "dw")
    r = lab.decap("dw", "attach", check=False)
    expect(r.returncode == 1 and "shares the interface with no other" in r.stderr, f"beside another program: {r.stderr}")
    expect(program(lab, "dw") == theirs, "another's program was replaced")
    sh("ip", "link", "set", "eth0", "xdp", "off", ns=lab.ns("dw"))
    expect(traces(lab, "dw") == before, f"before {before}, after {traces(lab, 'dw')}")
    # What is there goes on as it was if it cannot become what is asked for.
    lab.decap("dw", "attach", "--vip", "10.78.0.101")
    shown = json.loads(lab.decap("dw", "show", "-j").stdout)
    sh("ip", "link", "set", "eth0", "xdp", "off", ns=lab.ns("dw"), check=False)
    sh("ip", "link", "set", "eth0", "xdp", "obj", other, "sec", "xdp.frags", ns=lab.ns("dw"), check=False)
    r = lab.decap("dw", "attach", "--vip", "10.78.0.102", check=False)
    expect(r.returncode == 1 and "nothing was changed" in r.stderr, f"another program is in its place: {r.returncode} {r.stderr}")
    after = json.loads(lab.decap("dw", "show", "-j").stdout)
    expect(after["config"] == shown["config"], f"the lists were {shown}, are {after}")
    sh("ip", "link", "set", "eth0", "xdp", "off", ns=lab.ns("dw"))
    lab.decap("dw", "detach")
