#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Seals a firmware image: writes its length and CRC-32 into the header (include/sluice/image.h).

usage: image.py RAW OUT
"""
import struct
import sys
import zlib

HEADER = struct.Struct("<IHHIIIIII")
MAGIC = 0x57464C53
LENGTH_MAX = 0x1D000


def main() -> int:
    raw_path, out_path = sys.argv[1:]
    with open(raw_path, "rb") as f:
        image = bytearray(f.read())
    image += bytes(-len(image) % 4)
    if len(image) < HEADER.size or len(image) > LENGTH_MAX:
        sys.exit(f"{raw_path}: {len(image)} bytes; an image has {HEADER.size} to {LENGTH_MAX}")
    magic, header_version, header_len, version, _, entry, _, abi, zero = HEADER.unpack_from(image)
    if magic != MAGIC or header_version != 1 or header_len != HEADER.size or zero:
        sys.exit(f"{raw_path}: does not start with an image header")
    HEADER.pack_into(image, 0, magic, header_version, header_len, version, len(image), entry, 0, abi, 0)
    crc = zlib.crc32(image)
    HEADER.pack_into(image, 0, magic, header_version, header_len, version, len(image), entry, crc, abi, 0)
    with open(out_path, "wb") as f:
        f.write(image)
    return 0


if __name__ == "__main__":
    sys.exit(main())
