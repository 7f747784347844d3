#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Proves that the co-simulation and the vectors can fail: breaks the model in one place at a time and expects both red.

usage: mutants.py --build DIR --cosim PROGRAM --vectors PROGRAM --corpus FILE [--only PART]

A mutant is the model engine with one text in one source file replaced, as a shared library that calls itself the RTL.
A text that is not found exactly once is an error: the list below has to follow the model.
"""
import argparse
import os
import shlex
import subprocess
import sys

SOURCES = ["ingress", "parse", "prefix", "class", "key", "hash", "table", "action", "rewrite", "punt", "pipeline"]
ENGINE = "sim/engine_model.c"
# Who is compiled with a changed header.
USER_OF = {"hw/model/edit.h": "hw/model/rewrite.c", "hw/model/sip.h": "hw/model/hash.c"}
# name, file, text, replacement, who must see it (c: co-simulation, v: vectors)
MUTANTS = [
    ("unchanged", ENGINE, "/* Registers. */", "/* Registers, as they are. */", ""),  # nobody may see it
    ("runt-13", "hw/model/ingress.c", "frame_len < SL_FRAME_MIN", "frame_len < SL_FRAME_MIN - 1", "cv"),
    ("oversize-9601", "hw/model/ingress.c", "frame_len > SL_FRAME_MAX", "frame_len > SL_FRAME_MAX + 1", "v"),
    ("fcs-ignored", "hw/model/ingress.c", "if (bad_fcs)", "if (0 && bad_fcs)", "cv"),
    ("ip-length-off-by-one", "hw/model/parse.c", "off + total > end", "off + total > end + 1", "cv"),
    ("ipv6-length-off-by-one", "hw/model/parse.c", "off + IPV6_LEN + payload > end", "off + IPV6_LEN + payload > end + 1", "cv"),
    ("checksum-ignored", "hw/model/parse.c", "!= 0xffff)", "!= 0xffff && 0)", "cv"),
    ("extension-140", "hw/model/parse.c", "proto == 140", "proto == 141", "cv"),
    ("more-fragments-only", "hw/model/parse.c", "& 0x3fff) != 0", "& 0x2000) != 0", "cv"),
    ("vxlan-any-flags", "hw/model/parse.c", "!(udp[UDP_LEN] & 0x08)", "!(udp[UDP_LEN] & 0xff)", "cv"),
    ("gre-checksum", "hw/model/parse.c", "(gre[0] & ~GRE_KEY) != 0", "(gre[0] & ~(GRE_KEY | 0x80)) != 0", "cv"),
    ("gre-key-ignored", "hw/model/parse.c", "t->vni = gre[0] & GRE_KEY ? load_be32(gre + 4) : 0;", "t->vni = 0;", "cv"),
    ("gue-6-only", "hw/model/parse.c", "gue[0] >> 4 == 4 || gue[0] >> 4 == 6", "gue[0] >> 4 == 6", "cv"),
    ("gue-flags", "hw/model/parse.c", "&& sl_load_be16(gue + 2) == 0", "", "cv"),
    ("geneve-options", "hw/model/parse.c", "|| geneve[0] != 0 ||", "||", "cv"),
    ("geneve-vni", "hw/model/parse.c", "load_be32(geneve + 4) >> 8", "load_be32(geneve + 4) >> 9", "cv"),
    ("ipip-always", "hw/model/parse.c", "tunnels & SL_TUNNEL_FLAG_IPIP &&", "", "cv"),
    ("tunnel-of-fragment", "hw/model/parse.c", "|| (p->flags & SL_PACKET_FRAGMENT))\n\t\treturn t;", ")\n\t\treturn t;", "v"),
    ("any-tunnel-kind", "hw/model/class.c", "rule->tunnel_mode != headers->tunnel ||", "!headers->tunnel ||", "cv"),
    ("bare-without-header", "hw/model/action.c", "packet->eth_off == packet->l3_off", "0", "cv"),
    ("udp-length-off-by-one", "hw/model/parse.c", "len > payload)", "len > payload + 1)", "cv"),
    ("qinq-inner-vid", "hw/model/class.c", "&& outer->vid2 == rule->vid2", "", "cv"),
    ("single-tag-any", "hw/model/class.c", "outer->tags == 1 && outer->vid", "outer->tags != 0 && outer->vid", "cv"),
    ("service-tag-alone", "hw/model/parse.c", "|| next != ETHERTYPE_VLAN))", "))", "cv"),
    ("second-tag-dropped", "hw/model/rewrite.c", "if (packet->tags == 2)", "if (packet->tags == 3)", "cv"),
    ("prefix-64", "hw/model/class.c", "if (plen == 64)", "if (plen >= 64)", "cv"),
    ("prefix-port-end", "hw/model/prefix.c", "side->port <= p->port_hi", "side->port < p->port_hi", "cv"),
    ("prefix-set", "hw/model/class.c", "of >> (rule->prefix_set & 31) & 1", "of >> (rule->prefix_set & 15) & 1", "cv"),
    ("prefix-meter-last", "hw/model/prefix.c", "meter < 0 && i < 4", "i < 4", "cv"),
    ("port-range-end", "hw/model/class.c", "outer->dport <= rule->dport_hi", "outer->dport < rule->dport_hi", "cv"),
    ("ttl-max", "hw/model/class.c", "effective->ttl > rule->ttl_max", "effective->ttl >= rule->ttl_max && rule->ttl_max != 255", "cv"),
    ("source-route-forwarded", "hw/model/parse.c", "option[0] == OPTION_LSRR ||", "", "cv"),
    ("strict-route-length", "hw/model/parse.c", "option[1] >= 3)", "option[1] >= 4)", "cv"),
    ("router-alert-6", "hw/model/parse.c", "option[0] == OPTION6_ROUTER_ALERT &&", "0 &&", "cv"),
    ("routing-type-0", "hw/model/parse.c", "return header[2] != 0 &&", "return", "cv"),
    ("segments-left", "hw/model/parse.c", "&& header[3] == 0;", ";", "cv"),
    ("third-extension", "hw/model/parse.c", "i < SL_EXT_HEADERS;", "i < SL_EXT_HEADERS + 1;", "cv"),
    ("extension-bytes", "hw/model/parse.c", "end > first + SL_EXT_BYTES)", "end > first + SL_EXT_BYTES + 8)", "cv"),
    ("extension-beyond-packet", "hw/model/parse.c", "if (end > p->l3_end ||", "if (", "cv"),
    ("icmp-type-2", "hw/model/parse.c", "type == ICMP_TIME_EXCEEDED ||", "", "cv"),
    ("icmp-as-it-is", "hw/model/parse.c", "quote->sport = (uint16_t)sl_load_be16(l4 + 2);", "quote->sport = (uint16_t)sl_load_be16(l4);", "cv"),
    ("icmp-short", "hw/model/parse.c", "ICMP_LEN + ip_len + 8 ||", "ICMP_LEN + ip_len + 7 ||", "cv"),
    ("icmp-fragment", "hw/model/parse.c", "(sl_load_be16(ip + 6) & 0x1fff) != 0)", "0)", "cv"),
    ("icmp-no-flow", "hw/model/key.c", "return SL_REASON_ICMP_ERROR;", "return SL_REASON_NO_L4;", "cv"),
    ("tunnel-behind-options", "hw/model/parse.c", "if (p->l4_off - p->l3_off != (p->family == 4 ? IPV4_LEN : IPV6_LEN) ||", "if (", "cv"),
    ("options-after-extension", "hw/model/key.c", "return SL_REASON_IP_OPTIONS;", "return SL_REASON_NO_L4;", "cv"),
    ("tenant-byte", "hw/model/key.c", "(uint16_t)tenant", "(uint8_t)tenant", "cv"),
    ("hash-round-missing", "hw/model/sip.h", "s->v2 ^= 0xff;\n\tsl_sip_round(s);", "s->v2 ^= 0xff;", "cv"),
    ("tie-to-bank-1", "hw/model/table.c", "bank = n[1] > n[0];", "bank = n[1] >= n[0];", "c"),
    ("no-displacement", "hw/model/table.c", "return displace(table, hash, place);", "return false;", "c"),
    ("one-displacement", "hw/model/table.c", "c < SL_TABLE_CANDIDATES", "c < SL_TABLE_WAYS", "c"),
    ("three-levels", "hw/model/table.c", "c < SL_TABLE_CANDIDATES", "c < SL_TABLE_CANDIDATES - 256", "c"),
    ("tree-after-tree", "hw/model/table.c", "for (tree = 0; tree < SL_TABLE_BANKS; tree++) {\n\t\t\tif",
     "for (tree = SL_TABLE_BANKS; tree-- > 0;) {\n\t\t\tif", "c"),
    ("insert-resets-counters", "hw/model/table.c", "table->flow[id].record = kept(cmd);",
     "table->flow[id].record = kept(cmd), table->flow[id].counters.packets = 0;", "cv"),
    ("more-ipv6-keys", "hw/model/table.c", "table->v6_left == 0", "table->v6_left == 1", "c"),
    ("ipv6-entry-lost", "hw/model/table.c", "table->v6_left += ", "table->v6_left += 0 * ", "c"),
    ("key-unchecked", "hw/model/table.c", "if (!key_good(&cmd->key))", "if (cmd->key.family != 4 && cmd->key.family != 6)", "c"),
    ("reserved-kept", "hw/model/table.c", "record.reserved1 = 0;", ";", "c"),
    ("mtu-off-by-one", "hw/model/action.c", "action->mtu < wire_len", "action->mtu <= wire_len", "cv"),
    ("ttl-0-only", "hw/model/action.c", "packet->ttl <= 1", "packet->ttl < 1", "cv"),
    ("udp-zero-written", "hw/model/edit.h", "sl_store_be16(csum, 0xffff);", ";", "v"),
    ("udp-none-computed", "hw/model/edit.h", "if (proto == SL_EDIT_UDP && sl_load_be16(csum) == 0)\n\t\treturn;",
     "", "cv"),
    ("ttl-checksum", "hw/model/edit.h", "delta += (~old & 0xffff)", "delta += (~old & 0xfeff)", "cv"),
    ("ecn-ce-lost", "hw/model/parse.c", "inner->tos |= ECN_CE;", ";", "cv"),
    ("ecn-ect1-lost", "hw/model/parse.c", "inner->tos ^= ECN_ECT0 ^ ECN_ECT1;", ";", "cv"),
    ("ecn-illegal-kept", "hw/model/key.c", "p->flags & SL_PACKET_BAD_ECN", "0", "cv"),
    ("ecn-checksum", "hw/model/edit.h", "delta += 0xffffu - ip[1] + tos;", "delta += 0xffffu;", "cv"),
    ("ecn-not-copied", "hw/model/edit.h", "SL_RECORD_FLAG_COPY_ECN ? 0x03 : 0", "SL_RECORD_FLAG_COPY_ECN ? 0x02 : 0", "cv"),
    ("dscp-outer-checksum", "hw/model/edit.h", "total + (mask ? 0xffff - ip[1] + tos : 0)", "total + (mask == 3 ? 0xffff - ip[1] + tos : 0)",
     "cv"),
    ("outer-length", "hw/model/edit.h", "hdr_len - action->l4_off + inner_len", "hdr_len - action->l4_off + inner_len + 1", "cv"),
    ("meter-never-fills", "hw/model/punt.c", "(uint64_t)meter->rate * elapsed_ms", "(uint64_t)meter->rate", "cv"),
    ("copy-of-forwarded-unmetered", "hw/model/pipeline.c", "lookups->meter_take(ctx, result->meter) ? SL_REASON_COPY :",
     "1 ? SL_REASON_COPY :", "cv"),
    ("padding-forwarded", ENGINE, "(uint32_t)rewrite->payload_end - rewrite->payload_off;", "f->len - rewrite->payload_off;", "cv"),
    ("bytes-as-sent", ENGINE, "sl_table_count(&e->table, result->flow_id, f->len,", "sl_table_count(&e->table, result->flow_id, out->len,", "cv"),
    ("rule-counter-kept", ENGINE, "if (rule->cookie != old_cookie)", "if (0 && rule->cookie != old_cookie)", "c"),
]


def compile_one(source, target, flags):
    subprocess.run(["gcc", *flags, "-c", source, "-o", target], check=True)


def make_mutant(args, name, path, text, replacement, flags, good):
    folder = os.path.join(args.build, name)
    os.makedirs(folder, exist_ok=True)
    with open(path, encoding="utf-8") as f:
        source = f.read()
    if source.count(text) != 1:
        sys.exit(f"mutants: {name}: {path} has {source.count(text)} times \"{text}\" instead of once")
    changed = os.path.join(folder, path if path in USER_OF else os.path.basename(path))
    os.makedirs(os.path.dirname(changed), exist_ok=True)
    with open(changed, "w", encoding="utf-8") as f:
        f.write(source.replace(text, replacement))
    user = USER_OF.get(path, path)
    objects = dict(good)
    objects[user] = os.path.join(folder, "mutant.o")
    if path in USER_OF:
        compile_one(user, objects[user], [f"-I{folder}", *flags])
    else:
        compile_one(changed, objects[user], flags)
    library = os.path.join(folder, "libmutant.so")
    subprocess.run(["gcc", "-shared", "-Wl,-Bsymbolic", "-o", library, *objects.values()], check=True)
    return library


def run(command):
    """(failed as it should, last line)."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode == 1, (done.stdout + done.stderr).strip().split("\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("build", "cosim", "vectors", "corpus"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--only", default="")
    args = p.parse_args()
    flags = shlex.split("-std=c11 -D_GNU_SOURCE -O1 -w -fPIC -Ibuild/include -Iinclude -I. -Dsl_engine_model=sl_engine_rtl")
    os.makedirs(args.build, exist_ok=True)
    good = {}
    for path in [f"hw/model/{s}.c" for s in SOURCES] + [ENGINE]:
        good[path] = os.path.join(args.build, os.path.basename(path) + ".o")
        compile_one(path, good[path], flags)
    survived = passed = 0
    for name, path, text, replacement, seen_by in MUTANTS:
        if args.only not in name:
            continue
        library = make_mutant(args, name, path, text, replacement, flags, good)
        for tool, command in (("c", [args.cosim, "--other", library, "--packets", "300000", "--seed", "1",
                                     "--reproduction", os.path.join(os.path.dirname(library), "mismatch.json")]),
                              ("v", [args.vectors, "--corpus", args.corpus, "--engine", "rtl", "--rtl", library, "--stop", "first"])):
            if seen_by and tool not in seen_by:
                continue
            red, lines = run(command)
            if red == bool(seen_by):
                passed += 1
            else:
                survived += 1
                print(f"mutant {name}: {'co-simulation' if tool == 'c' else 'the vectors'} {'' if red else 'did not see'}"
                      f"{'complained' if red else ' it'}: {lines[-1]}")
    print(f"mutants: {passed} passed, {survived} failed")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
