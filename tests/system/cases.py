# SPDX-License-Identifier: BSD-3-Clause
"""What the cases of the system tests share: the list of them, and what several ask of a lab."""
import socket
import threading

from demo import show_flow
from lab import InNamespace

CASES = []


def case(card_only=False, engines=None):
    def register(function):
        CASES.append((function.__name__, function, card_only, engines))
        return function
    return register


def expect(held, what):
    if not held:
        raise AssertionError(what)


def udp_socket(lab, timeout=2):
    with InNamespace(lab.ns("cl")):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(timeout)
    return s


def carried(lab, flow, ask, times=20):
    """Packets of a connection that the card and the agent forwarded while `ask` was called: their counters, not what the
    agent says of where it is."""
    def counters():
        return show_flow(lab, flow["id"])["counters"]
    before = counters()
    for _ in range(times):
        ask()
    after = counters()
    return after["hw_packets"] - before["hw_packets"], after["sw_packets"] - before["sw_packets"]


class UdpEcho:
    """A UDP server in a backend's namespace: answers "NAME data". A VIP of a mode that answers directly is its `address`."""

    def __init__(self, lab, name, port, address=""):
        with InNamespace(lab.ns(name)):
            self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.name = name.encode()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while True:
                data, peer = self.socket.recvfrom(65535)
                self.socket.sendto(self.name + b" " + data, peer)
        except OSError:
            pass  # closed

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR) if self.socket.fileno() < 0 else self.socket.close()


def apply(lab):
    lab.write_config()
    lab.cli("apply", lab.config)
