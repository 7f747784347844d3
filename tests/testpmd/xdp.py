#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# net_sluice_xdp under an unmodified dpdk-testpmd, in the kernel of this machine: what suite.py does to a card is done to two
# network interfaces, whose frames the XDP program forwards.
#
#	 wire 0 (veth) ── veth, port 0 ┌─────────────┐ pins  ┌──────────────┐
#	                               │ XDP program ├───────┤ dpdk-testpmd │  -d librte_net_sluice.so
#	 wire 1 (veth) ── veth, port 1 └─────────────┘       └──────────────┘
#
# Runs in a network namespace of its own (run.sh), with a BPF file system of its own. Expected bytes are built by scapy.
import os
import re
import subprocess
import sys
import tempfile
import time

from scapy.all import ARP, IP, UDP, Dot1Q, Ether, IPv6

from pmd import Failure, Testpmd, Wire, wait_for
from suite import (CARD0, CARD1, CLIENT, GATEWAY, HOP, OUT1, P0, SERVER, SERVER6, TEMPLATES, VIP, VIP6, equal, equal_frame, expect,
                   request, request6, tuple4, tuple6)

TAG = f"slx{os.getpid() % 100000}"
WIRES, PORTS, MACS = (f"{TAG}w0", f"{TAG}w1"), (f"{TAG}p0", f"{TAG}p1"), (CARD0, CARD1)


def sh(*argv, check=True):
    r = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and r.returncode:
        raise Failure(f"{' '.join(argv)}: {r.stderr.strip() or r.stdout.strip()}")
    return r.stdout


class Suite:
    def __init__(self, directory, mode):
        self.mode = mode
        self.bpffs = os.path.join(directory, f"bpf-{mode}")
        self.pin = os.path.join(self.bpffs, "sluice")
        os.mkdir(self.bpffs)
        sh("mount", "-t", "bpf", "bpf", self.bpffs)
        for wire, port, mac in zip(WIRES, PORTS, MACS):
            sh("ip", "link", "add", port, "address", mac, "type", "veth", "peer", "name", wire)
            for dev in (wire, port):
                sh("sysctl", "-qw", f"net.ipv6.conf.{dev}.disable_ipv6=1")
                # A native program sends only to a veth whose other end polls, as one with GRO does.
                sh("ethtool", "-K", dev, "tx", "off", "gso", "off", "tso", "off", "gro", "on")
                sh("ip", "link", "set", dev, "up")
        self.wires = [Wire(w) for w in WIRES]
        self.pmds = 0

    def close(self):
        for port in PORTS:
            sh("ip", "link", "del", port, check=False)
        sh("umount", self.bpffs, check=False)

    def vdevs(self, more=""):
        return [f"iface={p},pin={self.pin},port={i},mode={self.mode},flows=4096{more}" for i, p in enumerate(PORTS)]

    def testpmd(self, *options, more=""):
        self.pmds += 1
        return Testpmd(f"{TAG}_{self.mode}{self.pmds}", self.vdevs(more), options=options, driver="net_sluice_xdp")

    def forward(self, frame, wanted, what):
        """Sends at port 0 and compares what leaves port 1."""
        self.wires[1].drain()
        self.wires[0].send(frame)
        got = self.wires[1].receive(1.0 if wanted is not None else 0.2)
        if wanted is None:
            expect(got is None, f"{what}: a frame left: {got.hex() if got else ''}")
        else:
            equal_frame(got, wanted, what)

    # -- tests, in this order --------------------------------------------------------------------------------------
    def test_forwarding(self):
        """L2, NAT and IP in IP, both families, leave with scapy's bytes; counters, reasons and ageing tell."""
        t = self.t = self.testpmd()
        shown = sh("ip", "-d", "link", "show", PORTS[0])
        alone = "name xdp_dispatcher" not in shown
        expect(f"XDP in {self.mode} mode, " + ("alone: " if alone else "by libxdp's") in t.everything, f"{shown}: {t.banner}")
        expect(("xdpgeneric" in shown) == (self.mode == "generic"), f"not in {self.mode} mode: {shown}")
        t.commands(TEMPLATES)
        self.rules()
        before = t.xstats(0)
        for what, frame, wanted in self.rows():
            self.forward(frame, wanted, what)
        self.forward(request(1999), None, "a connection without a rule")
        self.forward(request(1000, ttl=1), None, "a packet whose TTL runs out")
        time.sleep(3)  # from now on the short cut remembers
        rows = self.rows()
        for _ in range(3):
            for what, frame, wanted in rows:
                self.forward(frame, wanted, f"{what} again")
        equal(t.count(0, self.l2), (4, 4 * len(request(1000))), "counters of the L2 rule")
        equal(t.count(0, self.vip)[0], 4 * 4 + 2, "frames that the IPv4 rule of group 0 saw")
        after = t.xstats(0)
        equal(after["reason_forwarded_packets"] - before["reason_forwarded_packets"], 4 * len(rows), "forwarded frames")
        equal(after["reason_miss_packets"] - before["reason_miss_packets"], 1, "misses")
        equal(after["reason_ttl_packets"] - before["reason_ttl_packets"], 1, "TTL")
        expect(t.xstats(1)["wire_tx_packets"] >= 4 * len(rows), "port 1 did not count what it sent")
        wait_for(lambda: re.search(rf"^Flow\s+{self.l2}\b", t.command("flow aged 0"), re.M), 5, "the idle flow among the aged ones")

    def rules(self):
        t = self.t
        self.vip = t.flow(f"0 priority 10 transfer pattern {P0} dst is {CARD0} / ipv4 dst is {VIP} / tcp dst is 80 / end actions "
                          "set_meta data 5 mask 0xffffffff / count / jump group 1 / end")
        t.flow(f"0 priority 10 transfer pattern {P0} / ipv6 dst is {VIP6} / tcp dst is 80 / end actions "
               "set_meta data 5 mask 0xffffffff / jump group 1 / end")
        self.l2 = t.flow(f"0 group 1 transfer pattern {tuple4(5, 1000)} actions dec_ttl / raw_decap index 0 / raw_encap index 0 / "
                         f"count / age timeout 1 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1001)} actions set_ipv4_dst ipv4_addr {SERVER} / set_tp_dst port 8080 / "
               f"set_mac_src mac_addr {CARD1} / set_mac_dst mac_addr {HOP} / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1002)} actions raw_decap index 0 / raw_encap index 1 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple4(5, 1004)} actions raw_decap index 0 / raw_encap index 4 / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple6(5, 1000)} actions set_ipv6_dst ipv6_addr {SERVER6} / set_tp_dst port 8080 / "
               f"set_mac_src mac_addr {CARD1} / set_mac_dst mac_addr {HOP} / {OUT1}")
        t.flow(f"0 group 1 transfer pattern {tuple6(5, 1001)} actions raw_decap index 0 / raw_encap index 1 / {OUT1}")

    def rows(self):
        out, tunnel = Ether(dst=HOP, src=CARD1), IP(src="192.0.2.1", dst=SERVER, ttl=64, id=0)
        return [
            ("L2 rewrite", request(1000), out / request(1000, ttl=63)[IP]),
            ("NAT", request(1001), out / request(1001, dst=SERVER, dport=8080)[IP]),
            ("IPv4 in IPv4", request(1002), out / tunnel / request(1002)[IP]),
            ("VLAN tag added", request(1004), out / Dot1Q(vlan=42) / request(1004)[IP]),
            ("NAT IPv6", request6(1000), out / request6(1000, dst=SERVER6, dport=8080)[IPv6]),
            ("IPv6 in IPv4", request6(1001), out / tunnel / request6(1001)[IPv6]),
        ]

    def test_killed(self):
        """After SIGKILL the rules forward, what is the host's is the kernel's, and the next process adopts, counters kept."""
        self.t.kill()
        for what, frame, wanted in self.rows():
            self.forward(frame, wanted, f"{what} without a process")
        self.t = t = self.testpmd("--disable-device-start")
        expect("goes on with 2 rules and 6 flows" in t.everything, f"adoption is not told: {t.banner}")
        for what, frame, wanted in self.rows():
            self.forward(frame, wanted, f"{what} adopted")
        t.commands(TEMPLATES)
        self.rules()
        equal(t.count(0, self.l2), (6, 6 * len(request(1000))), "counters of the adopted L2 rule")
        t.commands(["port start 0", "port start 1"])
        for what, frame, wanted in self.rows():
            self.forward(frame, wanted, f"{what} by the program that took the other's place")
        equal(t.count(0, self.l2)[0], 7, "the adopted rule goes on counting")

    def test_sockets(self):
        """What is the host's arrives on AF_XDP with its mark, testpmd's frames leave, and what no rule names is the kernel's."""
        t = self.t
        t.commands(["set verbose 1", "set fwd io", "start"])
        begun = len(t.everything)
        missed = request(1998)
        self.forward(missed, missed, "a connection without a rule, through the host")
        expect("FDIR" not in t.everything[begun:], "a miss has a mark though no catch-all gives one")
        t.flow(f"0 priority 3 transfer pattern {P0} / ipv4 dst is {VIP} / udp dst is 53 / end actions mark id 77 / "
               "port_representor port_id 0 / end")
        asked = Ether(dst=CARD0, src=GATEWAY) / IP(src=CLIENT, dst=VIP) / UDP(sport=9, dport=53) / b"?"
        self.forward(asked, asked, "a marked frame, through the host")
        t.wait_text("FDIR matched ID=0x4d", 3)
        t.commands(["set verbose 0"])
        # More than any ring has room for, in both directions.
        for n in range(200):
            for _ in range(32):
                self.wires[0].send(missed)
            for _ in range(32):
                expect(self.wires[1].receive(), f"a frame of burst {n} was lost")
        self.who_has(self.kernel_answers)
        t.commands(["stop"])

    def who_has(self, check):
        """ARP for an address of port 0's interface."""
        sh("ip", "addr", "add", "192.0.2.77/24", "dev", PORTS[0])
        self.wires[0].drain()
        self.wires[1].drain()
        asked = Ether(dst="ff:ff:ff:ff:ff:ff", src=HOP) / ARP(op=1, hwsrc=HOP, psrc="192.0.2.9", pdst="192.0.2.77")
        self.wires[0].send(asked)
        try:
            check(asked)
        finally:
            sh("ip", "addr", "del", "192.0.2.77/24", "dev", PORTS[0])

    def kernel_answers(self, _):
        answer = self.wires[0].receive()
        expect(answer and Ether(answer)[ARP].hwsrc == CARD0, f"the kernel did not answer: {answer}")
        expect(self.wires[1].receive(0.2) is None, "the kernel's frame came to the host's ethdev as well")

    def host_gets(self, asked):
        equal_frame(self.wires[1].receive(), asked, "a frame that no rule names, with kernel=host")

    def test_refusals(self):
        """A rule that needs a copy, another process, other modes and wrong arguments are refused in words."""
        t = self.t
        t.commands(TEMPLATES)
        text = t.command(f"flow create 0 transfer pattern {P0} / ipv4 dst is {VIP} / tcp / end actions sample ratio 1 index 0 / "
                         "set_meta data 5 mask 0xffffffff / jump group 1 / end")
        expect("cannot duplicate a frame" in text, f"a copy was not refused: {text}")
        rows = [
            (f"iface={PORTS[0]},pin={self.pin}", f"are in use by process {t.process.pid}"),
            (f"iface=nowhere9,pin={self.pin}2", "no such interface"),
            (f"iface=lo,pin={self.pin}2", "not an Ethernet interface"),
            (f"iface={PORTS[0]}", "pin=DIRECTORY is missing"),
            (f"pin={self.pin}2", "iface=NAME is missing"),
            (f"iface={PORTS[0]},pin=/proc/x", "cannot be made"),
            (f"iface={PORTS[0]},pin=/dev/shm", "does not take the BPF object"),
            (f"iface={PORTS[0]},pin=/etc/passwd", "a directory for the pinned maps is needed"),
            (f"iface={PORTS[0]},pin={self.pin}2,mode=fast", "auto, offload, native or generic is needed"),
            (f"iface={PORTS[0]},pin={self.pin}2,kernel=no", "pass, keep or host is needed"),
            (f"iface={PORTS[0]},pin={self.pin}2,port=8", "0 to 7 is needed"),
            (f"iface={PORTS[0]},pin={self.pin}2,flows=3", "64 to 134217728 is needed"),
            (f"iface={PORTS[0]},pin={self.pin}2,mode={self.mode}", "another process has one there"),
        ]
        for i, (arguments, sentence) in enumerate(rows):
            u = Testpmd(f"{TAG}_r{self.mode}{i}", [arguments], driver="net_sluice_xdp")
            u.kill()
            expect(sentence in u.everything, f"{arguments}: wanted {sentence!r}, got {u.everything}")

    def test_swept(self):
        """What is not created again is removed when the port is started."""
        self.t.kill()
        u = Testpmd(f"{TAG}_f{self.mode}", [f"iface={PORTS[0]},pin={self.pin}2,mode=offload"], driver="net_sluice_xdp")
        u.kill()
        expect("takes no maps for the card" in u.everything, f"an interface without a card for XDP: {u.everything}")
        other = "generic" if self.mode == "native" else "native"
        u = Testpmd(f"{TAG}_o{self.mode}", [f"iface={PORTS[0]},pin={self.pin},mode={other}"], driver="net_sluice_xdp")
        u.kill()
        expect("an interface has one mode" in u.everything, f"another mode than that of the program there: {u.everything}")
        self.t = t = self.testpmd(more=",kernel=host")
        expect("removed" in t.everything, f"nothing was swept: {t.banner}")
        for what, frame, _ in self.rows():
            self.forward(frame, None, f"{what} swept")
        t.commands(["set fwd io", "start"])
        self.who_has(self.host_gets)

    def test_long(self):
        """Packets longer than a frame of the socket reach the host whole and leave whole, in bursts too; too long ones are counted."""
        self.t.kill()
        for dev in WIRES + PORTS:
            sh("ip", "link", "set", dev, "mtu", "9500")
        self.t = t = self.testpmd("--enable-scatter", more=",kernel=host")
        expect("in parts" not in t.everything, f"this kernel gives no packets in parts: {t.banner}")
        t.commands(["set fwd io", "start"])
        long = [request(1000) / os.urandom(size - len(request(1000))) for size in (3823, 3840, 3841, 4096, 4097, 8193, 9514)]
        for frame in long:
            self.forward(frame, frame, f"a frame of {len(frame)} bytes, through the host")
        short = request(1000)
        for n in range(150):  # more than the rings have room for, so that packets lie across their ends
            for frame in [short, *long]:
                self.wires[0].send(frame)
            for frame in [short, *long]:
                equal_frame(self.wires[1].receive(), frame, f"a frame of {len(frame)} bytes of burst {n}")
        equal(t.xstats(0)["rx_errors"], 0, "receive errors")


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="sluice-xdp-") as directory:
        for mode in sys.argv[1:] or ("native", "generic"):
            suite = None
            try:
                suite = Suite(directory, mode)
                for name in [n for n in vars(Suite) if n.startswith("test_")]:
                    begun = time.monotonic()
                    getattr(suite, name)()
                    print(f"ok      {mode} {name} ({time.monotonic() - begun:.1f} s)")
                    passed += 1
            except Failure as e:
                failed += 1
                print(f"FAILED  {mode}: {e}")
                if os.environ.get("V") == "1" and getattr(suite, "t", None):
                    print(suite.t.everything)
            finally:
                if suite:
                    if getattr(suite, "t", None):
                        suite.t.kill()
                    suite.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
