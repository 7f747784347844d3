# SPDX-License-Identifier: BSD-3-Clause
"""A backend's test server, one thread a connection: `peer.py PORT NAME`, IPv4 and IPv6. The first line says what to do.

  hash\\n         read until the client closes its sending side, answer "NAME LENGTH SHA256\\n" (a half-closed transfer)
  send LENGTH\\n  answer LENGTH bytes of a repeating pattern, then close first (the client may reuse its port at once)
  who\\n          answer "NAME ADDRESS PORT\\n" of whoever connected, then as echo
  echo\\n         answer every line with "NAME line\\n" until the client closes
"""
import hashlib
import socket
import sys
import threading

PATTERN = bytes(range(256)) * 256


def serve(conn, name):
    with conn:
        conn.settimeout(120)
        stream = conn.makefile("rb")
        command = stream.readline(64).split()
        if command[:1] == [b"hash"]:
            digest, length = hashlib.sha256(), 0
            while chunk := stream.read1(65536):
                digest.update(chunk)
                length += len(chunk)
            conn.sendall(f"{name} {length} {digest.hexdigest()}\n".encode())
        elif command[:1] == [b"send"]:
            left = int(command[1])
            while left > 0:
                n = min(left, len(PATTERN))
                conn.sendall(PATTERN[:n])
                left -= n
        elif command[:1] in ([b"echo"], [b"who"]):
            if command[0] == b"who":
                address, port = conn.getpeername()[:2]
                conn.sendall(f"{name} {address.removeprefix('::ffff:')} {port}\n".encode())
            for line in stream:
                conn.sendall(name.encode() + b" " + line)


def quietly(conn, name):
    try:
        serve(conn, name)
    except OSError:
        pass  # the client went away: nothing to serve


def main():
    port, name = int(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512, reuse_port=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=quietly, args=(conn, name), daemon=True).start()


main()
