# SPDX-License-Identifier: BSD-3-Clause
# What the testpmd suite stands on: a simulated card whose ports are TAP interfaces of this network namespace, an
# unmodified dpdk-testpmd driven through its own command line, and the wire ends of the TAPs as packet sockets.
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import time

BUILD = os.environ.get("SLUICE_BUILD", "build")
# By name through the library path: EAL refuses to load a path below a world-writable folder, where a clone may be.
PMD = "librte_net_sluice.so"
os.environ["LD_LIBRARY_PATH"] = os.path.abspath(os.path.join(BUILD, "lib"))
PROMPT = "testpmd> "
NO_HUGE = ("--no-huge", "--no-shconf", "-m", "256")
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4
# testpmd says this at any time, also after a prompt.
AGED = re.compile(r"\nPort \d+: flow aged event\n")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\x07")


class Failure(Exception):
    """What was expected did not happen."""


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise Failure(f"waited {seconds} s in vain for {what}")


class Hugepages:
    """Hugepages of 2 MiB, reserved while the block runs; refusal is a sentence where the kernel gives too few."""

    PATH = "/proc/sys/vm/nr_hugepages"

    def __init__(self, pages):
        self.pages = pages
        self.refusal = ""

    @classmethod
    def reserve(cls, pages):
        with open(cls.PATH, "w", encoding="ascii") as f:
            f.write(str(pages))
        return cls.number()

    @classmethod
    def number(cls):
        with open(cls.PATH, encoding="ascii") as f:
            return int(f.read())

    def __enter__(self):
        self.before = None
        try:
            self.before = self.number()
            given = self.reserve(self.before + self.pages) - self.before
            if given < self.pages:
                self.refusal = f"the kernel gave {given} of {self.pages} hugepages"
        except (OSError, ValueError) as e:
            self.refusal = f"no hugepages can be reserved: {e}"
        return self

    def __exit__(self, *_):
        if self.before is not None:
            try:
                self.reserve(self.before)
            except OSError as e:
                print(f"        {self.PATH} could not be restored to {self.before}: {e}")


class Card:
    """sluice-sim with TAP ports; SLUICE_TESTPMD_ENGINE=rtl puts the Verilated RTL in the place of the C model."""

    def __init__(self, directory, taps, mtu=1500):
        self.bus = os.path.join(directory, "bus")
        self.log_path = os.path.join(directory, "card.log")
        engine = os.environ.get("SLUICE_TESTPMD_ENGINE", "model")
        argv = [os.path.join(BUILD, "bin", "sluice-sim"), "--engine", engine, "--bus", self.bus,
                "--firmware", os.path.join(BUILD, "firmware", "sluice-fw.bin")]
        if engine == "model":
            argv += ["--table-log2", "12"]
        for i, tap in enumerate(taps):
            argv += ["--port", f"tap:{tap},mac=02:5c:00:00:00:{i:02x},mtu={mtu}"]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        wait_for(lambda: "sluice-sim: ready" in self.log(), 15, "the card's ready line")
        for tap in taps:
            subprocess.run(["sysctl", "-qw", f"net.ipv6.conf.{tap}.disable_ipv6=1"], check=False)
            subprocess.run(["ip", "link", "set", tap, "mtu", str(mtu), "up"], check=True)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def end(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        return self.process.returncode


class Wire:
    """The other end of a port's cable."""

    def __init__(self, tap):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((tap, 0))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)

    def send(self, frame):
        self.socket.send(bytes(frame))

    def receive(self, seconds=1.0):
        """The next frame that the card sent, or None."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            frame, aux, _, address = self.socket.recvmsg(65536, 64)
            if address[2] != socket.PACKET_OUTGOING:
                return self.tagged(frame, aux)

    @staticmethod
    def tagged(frame, aux):
        """The kernel takes VLAN tags off and tells them separately (struct tpacket_auxdata)."""
        for level, kind, data in aux:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
                if status & TP_STATUS_VLAN_VALID:
                    return frame[:12] + struct.pack("!HH", 0x8100, tci) + frame[12:]
        return frame

    def drain(self):
        while self.receive(0.02) is not None:
            pass


class Testpmd:
    """dpdk-testpmd on a terminal of its own. A command's output is what comes before the next prompt."""

    def __init__(self, name, vdevs, eal=(), options=(), wait_prompt=True, memory=NO_HUGE, driver="net_sluice"):
        argv = ["dpdk-testpmd", "-l", "0-1", *memory, "--no-telemetry", "--no-pci", "--file-prefix", name, "-d", PMD]
        for i, vdev in enumerate(vdevs):
            argv += ["--vdev", f"{driver}{i},{vdev}"]
        argv += [*eal, "--", "-i", "--total-num-mbufs=8192", *options]
        self.terminal, slave = pty.openpty()
        # A wide terminal, or the command line would be redrawn in pieces.
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.everything = ""
        self.banner = self.read_until_prompt(30) if wait_prompt else ""

    def read_some(self, seconds):
        if not select.select([self.terminal], [], [], seconds)[0]:
            return ""
        try:
            return ESCAPES.sub("", os.read(self.terminal, 65536).decode("utf-8", "replace"))
        except OSError:
            return ""

    def read_until_prompt(self, seconds):
        text = ""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            some = self.read_some(0.1)
            text = AGED.sub("", text + some)
            self.everything += some
            if text.endswith(PROMPT):
                return text[:-len(PROMPT)]
            if not some and self.process.poll() is not None:
                return text
        raise Failure(f"testpmd gave no prompt within {seconds} s; its last words: {text[-500:]!r}")

    def wait_text(self, words, seconds):
        """Waits until testpmd has said this, now or before."""
        end = time.monotonic() + seconds
        while words not in self.everything:
            if time.monotonic() > end:
                raise Failure(f"testpmd did not say {words!r} within {seconds} s")
            self.everything += self.read_some(0.05)

    def command(self, line, seconds=15):
        os.write(self.terminal, line.encode() + b"\n")
        # The first prompt-like text is the echo of the line being edited: output starts after its end.
        text = self.read_until_prompt(seconds)
        return text.split("\n", 1)[1] if "\n" in text else text

    def commands(self, lines):
        """Commands that must be accepted."""
        for line in lines:
            text = self.command(line)
            if re.search(r"Bad arguments|Caught PMD error|error:|\(error -?\d+\)", text, re.IGNORECASE):
                raise Failure(f"testpmd refused {line!r}: {text.strip()}")

    def flow(self, line):
        """flow create; returns the rule's number."""
        text = self.command(f"flow create {line}")
        made = re.search(r"Flow rule #(\d+) created", text)
        if not made:
            raise Failure(f"the rule was refused: {line!r}: {text.strip()}")
        return int(made.group(1))

    def count(self, port, rule):
        text = self.command(f"flow query {port} {rule} count")
        hits = re.search(r"hits: (\d+)\s+bytes: (\d+)", text)
        if not hits:
            raise Failure(f"no counters of rule {rule}: {text.strip()}")
        return int(hits.group(1)), int(hits.group(2))

    def xstats(self, port):
        text = self.command(f"show port xstats {port}")
        return {k: int(v) for k, v in re.findall(r"^([a-z0-9_-]+): (\d+)$", text, re.M)}

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        self.close()

    def close(self):
        if self.terminal >= 0:
            os.close(self.terminal)
        self.terminal = -1

    def quit(self, seconds=15):
        """Ends testpmd; returns its exit status."""
        os.write(self.terminal, b"quit\n")
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.everything += self.read_some(0.1)
        if self.process.poll() is None:
            self.kill()
            raise Failure("testpmd did not end")
        self.everything += self.read_some(0.1)
        self.close()
        return self.process.returncode
