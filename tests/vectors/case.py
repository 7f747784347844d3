# SPDX-License-Identifier: BSD-3-Clause
"""One vector under construction: the card's state, the frames that come in and what must come out.

What must come out is said by the case itself, in scapy's terms. The only things computed here are bookkeeping (hash of
the key, sums of flow counters) and checksum deltas, from their definitions in docs/datapath.md and the contract.
"""
import ipaddress

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

import pack
from pack import ENUM
from siphash import siphash13

HASH_KEY = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
FLOW_NONE = pack.CONSTANT["FLOW_ID_NONE"]
CARD0, CARD1 = "02:00:00:00:00:01", "02:00:00:00:00:02"
CLIENT_MAC, ROUTER_MAC, BACKEND_MAC = "02:00:00:00:01:01", "02:00:00:00:01:fe", "02:00:00:00:02:01"
PROTO = {"tcp": 6, "udp": 17}
C4, V4, B4, R4 = "192.0.2.1", "198.51.100.10", "10.0.0.5", "203.0.113.7"
C6, V6, B6, R6 = "2001:db8:1::1", "2001:db8:ffff::10", "fd00::5", "2001:db8:3::7"


def version(address):
    return ipaddress.ip_address(address).version


def ip(src, dst, ttl=64, **more):
    """scapy IP layer of the addresses' family."""
    if version(src) == 4:
        return IP(src=src, dst=dst, ttl=ttl, **more)
    return IPv6(src=src, dst=dst, hlim=ttl, **more)


def l4(proto, sport, dport, data=b"Sluice vector payload", flags="A", **more):
    """scapy TCP or UDP layer with payload."""
    if proto == "tcp":
        head = TCP(sport=sport, dport=dport, flags=flags, seq=1000, ack=2000, window=512, **more)
    else:
        head = UDP(sport=sport, dport=dport, **more)
    return head / Raw(data) if data else head


def eth(dst, src, vlan=None, **more):
    head = Ether(dst=dst, src=src, **more)
    return head if vlan is None else head / Dot1Q(vlan=vlan)


def packet(src, sport, dst, dport, proto="tcp", ttl=64, **more):
    """The IP packet of a flow."""
    return ip(src, dst, ttl) / l4(proto, sport, dport, **more)


def frame(tup, proto="tcp", vlan=None, dst=CARD0, src=CLIENT_MAC, ttl=64, **more):
    """The frame of a flow as it arrives; tup is (src, sport, dst, dport)."""
    return eth(dst, src, vlan) / packet(*tup, proto=proto, ttl=ttl, **more)


def vxlan(inner, src, dst, vni, dport=4789, sport=50000, vlan=None, ttl=64, l2=(CARD0, CLIENT_MAC), **udp):
    return eth(l2[0], l2[1], vlan) / ip(src, dst, ttl) / UDP(sport=sport, dport=dport, **udp) / \
        VXLAN(flags=8, vni=vni) / inner


def ones_sum(pieces):
    """One's-complement sum over (old, new) byte strings of ~old + new, folded."""
    total = 0
    for old, new in pieces:
        for i in range(0, len(old), 2):
            total += (0xFFFF ^ int.from_bytes(old[i:i + 2], "big")) + int.from_bytes(new[i:i + 2], "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def key_fields(tup, proto, tenant):
    src, sport, dst, dport = tup
    return {"src": pack.address(src), "dst": pack.address(dst), "sport": sport, "dport": dport, "tenant": tenant,
            "proto": PROTO[proto], "family": version(src)}


def key_hash(tup, proto, tenant, hash_key=HASH_KEY):
    """64-bit hash of the flow key's message."""
    key = pack.pack("key", **key_fields(tup, proto, tenant))
    message = key if version(tup[0]) == 6 else key[0:4] + key[16:20] + key[32:40]
    return siphash13(hash_key, message)


def prefix_hash(addr, protocol_port):
    """Section 3: the hash of the prefix tables; bits 11:0 are the bucket of bank 0, 27:16 of bank 1."""
    def turn(x, n, width):
        return (x << n | x >> width - n) & (1 << width) - 1
    w0, w1, w2, w3 = (int.from_bytes(addr[4 * i:4 * i + 4], "little") for i in range(4))
    constants = (0x243F, 0x6A88, 0x85A3, 0x08D3, 0x1319, 0x8A2E, 0x0370, 0x7344, 0xA409, 0x3822, 0x299F, 0x31D0)
    x = w0 ^ turn(w3, 21, 32) ^ protocol_port
    for i, k in enumerate(constants):
        if i == 4:
            x ^= turn(w1, 7, 32) ^ turn(w2, 15, 32)
        low, high = x & 0xFFFF, x >> 16
        x = low << 16 | high ^ turn(low, 1, 16) & turn(low, 8, 16) ^ turn(low, 2, 16) ^ k
    return x


def entropy_port(h):
    return 0xC000 | h >> 48 & 0x3FFF


class Case:
    def __init__(self, name, about, mode=""):
        self.name, self.about, self.mode = name, about, mode
        self.ports, self.macs, self.ctrl, self.hash_key = [1, 1], [], 1, HASH_KEY
        self.vxlan_port, self.miss_mark = 4789, None
        self.rules, self.actions, self.meters, self.flows, self.steps = {}, {}, {}, [], []
        self.prefixes = {}
        self.now = 0

    def tunnels(self, *names):
        """Recognise these beside VXLAN."""
        self.vxlan_port |= pack.flags("tunnel_flag", names)
        return self

    # State -----------------------------------------------------------------------------------------------------
    def mac(self, address, port_mask=0xFF, valid=1):
        self.macs.append({"index": len(self.macs), "mac": address, "port_mask": port_mask, "valid": valid})
        return self

    def rule_bytes(self, verdict="FLOWS", tenant=0, flags=(), meter=0, mark=0, copy_mark=0, **match):
        f = {"valid": 1, "port_mask": 0xFF, "sport_hi": 65535, "dport_hi": 65535, "ttl_max": 255,
             "verdict": ENUM["verdict"][verdict], "flags": pack.flags("rule_flag", flags), "tenant": tenant,
             "meter": meter, "mark": mark, "copy_mark": copy_mark}
        for end in ("src", "dst"):
            if end in match:
                f[end], f[end + "_plen"], f["l3"] = pack.prefix(match.pop(end))
            if end[0] + "ports" in match:
                f[end[0] + "port_lo"], f[end[0] + "port_hi"] = match.pop(end[0] + "ports")
        if "dmac" in match:
            f["dmac"] = pack.mac(match.pop("dmac"))
            f["dmac_mask"] = pack.mac(match.pop("dmac_mask", "ff:ff:ff:ff:ff:ff"))
        if "vlan" in match:
            vlan = match.pop("vlan")
            f["vlan_mode"], f["vid"] = (1, 0) if vlan is None else (2, vlan)
        if "proto" in match:
            f["proto"], f["proto_mask"] = match.pop("proto"), 0xFF
        if "vni" in match:
            f["tunnel_mode"], f["vni"], f["vni_mask"] = 2, match.pop("vni"), match.pop("vni_mask", 0xFFFFFF)
        if "tunnel" in match:
            f["tunnel_mode"] = ENUM["tunnel_mode"][match.pop("tunnel")]
        if "vni_number" in match:
            f["vni"], f["vni_mask"] = match.pop("vni_number"), 0xFFFFFFFF
        if "frag" in match:
            f["frag"] = ENUM["frag_mode"][match.pop("frag")]
        f.update(match)
        return pack.pack("class_rule", **f)

    def rule(self, index=0, verdict="FLOWS", tenant=0, flags=(), meter=0, mark=0, copy_mark=0, **match):
        said = {"verdict": verdict, "tenant": tenant, "flags": list(flags), "meter": meter, "mark": mark,
                "copy_mark": copy_mark, "match": {k: v for k, v in match.items()}}
        self.rules[index] = (self.rule_bytes(verdict, tenant, flags, meter, mark, copy_mark, **match), said)
        return self

    def meter(self, index, rate, burst):
        self.meters[index] = (pack.pack("meter", rate=rate, burst=burst), {"rate": rate, "burst": burst})
        return self

    def prefix(self, side, addr, sets, proto=None, ports=None, meter=None, bank=0, way=0):
        """Puts a prefix where docs/datapath.md says it belongs; side "dst" or "src", ports (low, high) or None."""
        low, high = ports or (0, 65535)
        wide = proto is None or low != high
        table = ENUM["prefix_table"][side.upper() + ("_WIDE" if wide else "_EXACT")]
        h = prefix_hash(pack.address(addr), 0 if wide else proto << 16 | low)
        index = table << 13 | bank << 12 | (h >> 16 * bank & 0xFFF)
        entry = pack.pack("class_prefix", addr=pack.address(addr), sets=sum(1 << s for s in sets), port_lo=low, port_hi=high,
                          family=version(addr), proto=proto or 0, proto_mask=0 if proto is None else 0xFF,
                          meter=pack.CONSTANT["PREFIX_METER_RULE"] if meter is None else meter)
        bucket, said = self.prefixes.get(index, (bytes(128), []))
        if any(bucket[32 * way:32 * way + 32]):
            raise ValueError(f"{self.name}: way {way} of bucket {index} is taken")
        said = said + [{"side": side, "addr": addr, "sets": list(sets), "proto": proto, "ports": ports, "meter": meter}]
        self.prefixes[index] = (bucket[:32 * way] + entry + bucket[32 * way + 32:], said)
        return self

    @staticmethod
    def action_bytes(port=1, mtu=0, l2=None, vlan=None, outer=None, vni=None, inner_l2=None, inner_proto=None,
                     flags=("VALID",), outer_ttl=64, outer_tos=0, vxlan_port=4789,
                     outer_proto=None, shim=b"", ether=None):
        """l2 (dst, src) means STRIP_L2; outer (src, dst) an outer header of that family: IP-in-IP with inner_proto
        4 or 41, or with vni and inner_l2 VXLAN, or of outer_proto and followed by the bytes shim (UDP first with 17).
        ether: the bytes of the Ethernet header, in the place of l2 and vlan."""
        f = {"port": port, "mtu": mtu}
        flags = list(flags)
        hdr = b""
        if l2:
            flags.append("STRIP_L2")
            head = eth(*l2, vlan=vlan)
            ethertype = 0x0800 if (inner_proto == 4 or not outer) else 0x86DD
            if outer:
                ethertype = 0x0800 if version(outer[0]) == 4 else 0x86DD
                flags.append("OUTER_V4" if version(outer[0]) == 4 else "OUTER_V6")
            else:
                ethertype = 0x0800 if inner_proto == 4 else 0x86DD
            head.lastlayer().type = ethertype
            hdr = bytes(head)
            f["l3_off"] = len(hdr)
        if ether:
            hdr = ether
            flags += ["STRIP_L2"] + (["OUTER_V4" if version(outer[0]) == 4 else "OUTER_V6"] if outer else [])
            f["l3_off"] = len(hdr)
        if outer:
            proto = outer_proto or (17 if vni is not None else inner_proto)
            if version(outer[0]) == 4:
                hdr += bytes(IP(src=outer[0], dst=outer[1], ttl=outer_ttl, proto=proto, len=0, id=0, flags="DF",
                             tos=outer_tos))
            else:
                hdr += bytes(IPv6(src=outer[0], dst=outer[1], hlim=outer_ttl, nh=proto, plen=0, tc=outer_tos))
        if vni is not None:
            flags.append("OUTER_UDP")
            f["l4_off"] = len(hdr)
            hdr += bytes(UDP(sport=0, dport=vxlan_port, len=0, chksum=0)) + bytes(VXLAN(flags=8, vni=vni))
            hdr += bytes(Ether(dst=inner_l2[0], src=inner_l2[1], type=0x0800 if inner_proto == 4 else 0x86DD))
        if outer_proto == 17:
            flags.append("OUTER_UDP")
            f["l4_off"] = len(hdr)
        hdr += shim
        return pack.pack("action", hdr_len=len(hdr), hdr=hdr, flags=pack.flags("action_flag", flags), **f)

    def action(self, index=0, **how):
        self.actions[index] = (self.action_bytes(**how), {k: list(v) if isinstance(v, tuple) else
                                                          v.hex() if isinstance(v, bytes) else v
                                                          for k, v in how.items()})
        return self

    @staticmethod
    def record_bytes(tup, proto, action=0, nat_src=None, nat_dst=None, dec_ttl=False, deltas=None,
                     copy=()):
        src, sport, dst, dport = tup
        flags, f, addresses, ports = [], {"action": action}, [], []
        for name, nat, addr, port in (("src", nat_src, src, sport), ("dst", nat_dst, dst, dport)):
            if nat:
                flags.append("NAT_" + name.upper())
                f["new_" + name], f["new_" + name[0] + "port"] = pack.address(nat[0]), nat[1]
                addresses.append((ipaddress.ip_address(addr).packed, ipaddress.ip_address(nat[0]).packed))
                ports.append((port.to_bytes(2, "big"), nat[1].to_bytes(2, "big")))
        if dec_ttl:
            flags.append("DEC_TTL")
        flags += ["COPY_" + field for field in copy]
        f["l3_delta"] = ones_sum(addresses) if version(src) == 4 else 0
        f["l4_delta"] = ones_sum(addresses + ports)
        if deltas:
            f["l3_delta"], f["l4_delta"] = deltas
        return pack.pack("record", flags=pack.flags("record_flag", flags), **f)

    def flow(self, tup, proto="tcp", tenant=0, **record):
        """Adds a flow; the answer names it in the expectations."""
        said = {"src": tup[0], "sport": tup[1], "dst": tup[2], "dport": tup[3], "proto": proto, "tenant": tenant,
                "record": {k: list(v) if isinstance(v, tuple) else v for k, v in record.items()}}
        self.flows.append({"key": pack.pack("key", **key_fields(tup, proto, tenant)),
                           "record": self.record_bytes(tup, proto, **record), "fields": said,
                           "hash": key_hash(tup, proto, tenant, self.hash_key), "packets": 0, "bytes": 0, "last": 0,
                           "present": True})
        return len(self.flows) - 1

    # Steps -----------------------------------------------------------------------------------------------------
    def at(self, time_ms):
        self.now = time_ms
        return self

    def frame(self, data, port=0, bad_fcs=False):
        step = {"kind": "frame", "port": port, "hex": bytes(data).hex(), "bad_fcs": bad_fcs, "time_ms": self.now,
                "outputs": [], "rule": 255, "reason": None}
        self.steps.append(step)
        return Expect(self, step)

    def command(self, op, tup=None, proto="tcp", tenant=0, status="OK", flow_id=None, flow=None, dump=None, **record):
        """A flow command between frames; flow: whose counters the completion carries."""
        f = {"opcode": ENUM["flow_op"][op], "tag": 0x5A00 + len(self.steps)}
        if tup:
            f["key"] = pack.pack("key", **key_fields(tup, proto, tenant))
        if op in ("INSERT", "UPDATE"):
            f["record"] = self.record_bytes(tup, proto, **record)
        if dump is not None:
            f["flow_id"] = dump
        step = {"kind": "command", "time_ms": self.now, "hex": pack.pack("flow_cmd", **f).hex(),
                "status": status.lower().replace("_", "-"), "flow_id": FLOW_NONE if flow_id is None else flow_id}
        if flow is not None:
            said = self.flows[flow]
            step.update(packets=said["packets"], bytes=said["bytes"], idle_ms=self.now - said["last"])
            if op == "DUMP":
                step["state"] = (said["key"] + said["record"]).hex()
            if op in ("INSERT", "UPDATE"):
                said["record"] = bytes.fromhex(step["hex"])[56:120]
            if op == "DELETE":
                said["present"] = False
        self.steps.append(step)
        return self

    def write(self, table, index, data):
        self.steps.append({"kind": "write", "time_ms": self.now, "table": table.lower(), "index": index,
                           "hex": data.hex()})
        return self

    def csr(self, name, value, offset=0):
        at = pack.REGISTER["csr"][name]["offset"] + offset
        self.steps.append({"kind": "csr", "time_ms": self.now, "offset": at, "value": value})
        if name == "EPOCH":
            for f in self.flows:
                f["present"] = False
        return self

    def json(self):
        for step in self.steps:
            if step["kind"] == "frame" and step["reason"] is None:
                raise ValueError(f"{self.name}: a frame without an expected verdict")

        def entries(table):
            return [{"index": i, "hex": data.hex(), "fields": said} for i, (data, said) in sorted(table.items())]
        state = {"ctrl": self.ctrl, "hash_key": self.hash_key.hex(), "vxlan_port": self.vxlan_port,
                 "miss_mark": self.miss_mark or 0, "miss_mark_valid": self.miss_mark is not None, "ports": self.ports,
                 "macs": self.macs, "rules": entries(self.rules), "actions": entries(self.actions),
                 "meters": entries(self.meters), "prefixes": entries(self.prefixes),
                 "flows": [{"key": f["key"].hex(), "record": f["flow_record"].hex(), "fields": f["fields"]}
                           for f in self.initial_flows()]}
        return {"name": self.name, "about": self.about, "mode": self.mode, "state": state, "steps": self.steps,
                "counters": [{"flow": i, "present": f["present"], "packets": f["packets"], "bytes": f["bytes"],
                              "last_seen_ms": f["last"]} for i, f in enumerate(self.flows)]}

    def initial_flows(self):
        for f in self.flows:
            f["flow_record"] = self.record_bytes(
                (f["fields"]["src"], f["fields"]["sport"], f["fields"]["dst"], f["fields"]["dport"]),
                f["fields"]["proto"], **{k: tuple(v) if isinstance(v, list) else v
                                         for k, v in f["fields"]["record"].items()})
        return self.flows


class Expect:
    """What one frame must lead to; each method ends with the frame's verdict reason."""

    def __init__(self, case, step):
        self.case, self.step = case, step

    def reason(self, name, rule):
        self.step["reason"], self.step["rule"] = name.lower().replace("_", "-"), rule
        return self.case

    def tenant(self, rule):
        return self.case.rules[rule][1]["tenant"] if rule != 255 else 0

    def host_frame(self, name, rule, mark, flow, key):
        h = 0
        if flow is not None:
            h = self.case.flows[flow]["hash"]
        elif key is not None:
            h = key_hash(*key, self.case.hash_key)
        self.step["outputs"].append({
            "to": "host", "port": self.step["port"], "hex": self.step["hex"],
            "reason": name.lower().replace("_", "-"), "mark": mark or 0, "mark_valid": mark is not None, "rule": rule,
            "tenant": self.tenant(rule), "hash": h & 0xFFFFFFFF, "hit": flow is not None,
            "flow": -1 if flow is None else flow})

    def drop(self, name, rule=255):
        return self.reason(name, rule)

    def host(self, name, rule=0, mark=None, flow=None, key=None):
        self.host_frame(name, rule, mark, flow, key)
        return self.reason(name, rule)

    def forward(self, data, flow, port=1, rule=0, copy=None):
        """copy: mark of the copy, or "METERED"."""
        said = self.case.flows[flow]
        said["packets"] += 1
        said["bytes"] += len(self.step["hex"]) // 2
        said["last"] = self.case.now
        self.step["outputs"].append({"to": "wire", "port": port, "hex": bytes(data).hex()})
        if copy == "METERED":
            self.step["copy"] = "copy-metered"
        elif copy is not None:
            self.step["copy"] = "copy"
            self.host_frame("COPY", rule, copy, flow, None)
        return self.reason("FORWARDED", rule)
