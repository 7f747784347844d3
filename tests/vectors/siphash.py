# SPDX-License-Identifier: BSD-3-Clause
"""SipHash-1-3 (Aumasson, Bernstein), written from the paper; checked against the interpreter's own hash of bytes,
which is SipHash-1-3 with a zero key when PYTHONHASHSEED is 0 (CPython 3.11 and later)."""
import os
import subprocess
import sys

MASK = (1 << 64) - 1


def rotl(x, n):
    return (x << n | x >> (64 - n)) & MASK


def siphash13(key, message):
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def sip_round():
        v[0] = (v[0] + v[1]) & MASK
        v[1] = rotl(v[1], 13) ^ v[0]
        v[0] = rotl(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = rotl(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = rotl(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = rotl(v[1], 17) ^ v[2]
        v[2] = rotl(v[2], 32)

    whole = len(message) // 8 * 8
    words = [int.from_bytes(message[i:i + 8], "little") for i in range(0, whole, 8)]
    words.append(int.from_bytes(message[whole:], "little") | (len(message) & 0xFF) << 56)
    for m in words:
        v[3] ^= m
        sip_round()
        v[0] ^= m
    v[2] ^= 0xFF
    for _ in range(3):
        sip_round()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def check():
    """Stops the generator if this file is wrong; says nothing where the interpreter cannot be asked."""
    if sys.hash_info.algorithm != "siphash13":
        return
    messages = [bytes(range(n)) for n in (1, 7, 8, 15, 16, 24, 40)]
    code = f"print([hash(m) & {MASK} for m in {messages!r}])"
    said = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": "0"}, check=True,
                          capture_output=True, text=True).stdout
    mine = [siphash13(bytes(16), m) for m in messages]
    if said.strip() != repr(mine):
        sys.exit(f"siphash: the interpreter says {said.strip()}, this file {mine!r}")
