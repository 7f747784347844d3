# SPDX-License-Identifier: BSD-3-Clause
"""Packs the contract's structures and knows its numbers, read from include/contract and nowhere else."""
import ipaddress
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "contract"))
import generate as contract  # noqa: E402

CONTRACT = contract.load()
CONSTANT = {k["name"]: k["value"] for k in CONTRACT["constants"]}
ENUM = {e["name"]: {v["name"]: v["value"] for v in e["values"]} for e in CONTRACT["enums"]}
REGISTER = {b["name"]: {r["name"]: r for r in b["registers"]} for b in CONTRACT["blocks"]}
ORDER = {"u8": "little", "u16": "little", "u32": "little", "u64": "little", "be16": "big", "be32": "big"}


def pack(struct, **values):
    """The bytes of one structure; fields not named are zero."""
    out = bytearray()
    for f in CONTRACT["struct"][struct]["fields"]:
        value = values.pop(f["name"], 0)
        if f["base"] not in ORDER:
            piece = value or bytes(f["size"])
        elif f["count"]:
            piece = bytes(value or b"").ljust(f["size"], b"\0")
        else:
            piece = int(value).to_bytes(f["size"], ORDER[f["base"]])
        if len(piece) != f["size"]:
            raise ValueError(f"{struct}.{f['name']}: {len(piece)} bytes instead of {f['size']}")
        out += piece
    if values:
        raise ValueError(f"{struct} has no field {', '.join(values)}")
    return bytes(out)


def flags(enum, names):
    """Sum of the named bits of a flag list."""
    return sum(ENUM[enum][n] for n in names)


def address(text):
    """Address bytes, padded to the 16 of the contract."""
    return ipaddress.ip_address(text).packed.ljust(16, b"\0")


def prefix(text):
    """(masked address bytes, length, family) of "address/length"."""
    net = ipaddress.ip_network(text, strict=False)
    return net.network_address.packed.ljust(16, b"\0"), net.prefixlen, net.version


def mac(text):
    return bytes.fromhex(text.replace(":", ""))
