# SPDX-License-Identifier: BSD-3-Clause
"""Section 1: frames refused before anybody looks inside."""
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from case import CARD0, CARD1, CLIENT_MAC, Case, C4, V4, frame, packet, eth

TCP4 = (C4, 40000, V4, 80)


def host_rule(name, about):
    return Case("ingress-" + name, about).rule(0, "HOST", mark=7, flags=("MARK",))


def sized(length):
    return (bytes(eth(CARD0, CLIENT_MAC, type=0x88B5)) + bytes(length))[:length]


def cases():
    out = []
    for n in (1, 2, 6, 12, 13):
        out.append(host_rule(f"runt-{n}", f"{n} bytes are less than an Ethernet header")
                   .frame(sized(n)).drop("RUNT"))
    for n in (14, 15, 17, 18, 59, 60, 63, 64, 65, 255, 256, 257, 1514, 9599, 9600):
        out.append(host_rule(f"length-{n}", f"{n} bytes are accepted").frame(sized(n)).host("RULE", mark=7))
    for n in (9601, 9664, 12000):
        out.append(host_rule(f"oversize-{n}", f"{n} bytes are more than 9600").frame(sized(n)).drop("OVERSIZE"))
    out.append(host_rule("bad-fcs", "a frame with a bad FCS is dropped, the next one is not")
               .frame(frame(TCP4), bad_fcs=True).drop("BAD_FCS").frame(frame(TCP4)).host("RULE", mark=7))
    for n in (14, 64, 1000):
        out.append(host_rule(f"bad-fcs-{n}", "a bad FCS at any length").frame(sized(n), bad_fcs=True).drop("BAD_FCS"))
    c = host_rule("port-down", "a disabled port receives nothing, the other one does")
    c.ports = [0, 1]
    out.append(c.frame(frame(TCP4)).drop("PORT_DOWN").frame(frame(TCP4), port=1).host("RULE", mark=7))
    c = host_rule("port-flags-without-enable", "promiscuous without enable is disabled")
    c.ports = [6, 1]
    out.append(c.frame(frame(TCP4)).drop("PORT_DOWN"))
    c = host_rule("ctrl-off", "CTRL bit 0 clear stops every port")
    c.ctrl = 0
    out.append(c.frame(frame(TCP4)).drop("PORT_DOWN").frame(frame(TCP4), port=1).drop("PORT_DOWN")
               .csr("CTRL", 1).frame(frame(TCP4)).host("RULE", mark=7))
    c = host_rule("port-toggle", "PORT_FLAGS takes effect between frames")
    out.append(c.frame(frame(TCP4)).host("RULE", mark=7).csr("PORT_FLAGS", 0).frame(frame(TCP4)).drop("PORT_DOWN")
               .csr("PORT_FLAGS", 1).frame(frame(TCP4)).host("RULE", mark=7))
    return out + filters()


def filters():
    """No rule: the MAC filter decides."""
    out = []
    data = packet(*TCP4)
    other, group, group2 = "02:00:00:00:00:99", "01:00:5e:00:00:01", "33:33:00:00:00:01"

    def filtered(name, about, flags=1, macs=((CARD0, 1), (CARD1, 2), (group, 3)), valid=1):
        c = Case("filter-" + name, about)
        c.ports = [flags, flags]
        for address, mask in macs:
            c.mac(address, mask, valid)
        return c

    rows = [("unicast-own", 1, CARD0, 0, True), ("unicast-other", 1, other, 0, False),
            ("unicast-of-other-port", 1, CARD1, 0, False), ("unicast-port1", 1, CARD1, 1, True),
            ("promiscuous", 3, other, 0, True), ("promiscuous-multicast", 3, group2, 0, False),
            ("broadcast", 1, "ff:ff:ff:ff:ff:ff", 0, True), ("multicast-listed", 1, group, 0, True),
            ("multicast-listed-port1", 1, group, 1, True), ("multicast-unlisted", 1, group2, 0, False),
            ("allmulti", 5, group2, 1, True), ("allmulti-unicast", 5, other, 0, False),
            ("near-miss-first", 1, "06:00:00:00:00:01", 0, False),
            ("near-miss-last", 1, "02:00:00:00:00:03", 0, False)]
    for name, flags, dst, port, passes in rows:
        c = filtered(name, f"no rule, destination {dst}, port flags {flags}", flags)
        got = c.frame(Ether(dst=dst, src=CLIENT_MAC) / data, port=port)
        out.append(got.host("KERNEL", rule=255) if passes else got.drop("MAC_FILTER"))
    c = filtered("entry-not-valid", "a filter entry without its valid bit is not there", valid=0)
    out.append(c.frame(Ether(dst=CARD0, src=CLIENT_MAC) / data).drop("MAC_FILTER"))
    c = Case("filter-last-entry", "the eighth entry counts too")
    for i in range(7):
        c.mac(f"02:00:00:00:01:{i:02x}", 0xFF)
    c.mac(CARD0, 1)
    out.append(c.frame(Ether(dst=CARD0, src=CLIENT_MAC) / data).host("KERNEL", rule=255))
    c = filtered("arp", "ARP for the port reaches the kernel")
    out.append(c.frame(Ether(dst="ff:ff:ff:ff:ff:ff", src=CLIENT_MAC, type=0x0806) / Raw(bytes(28)))
               .host("KERNEL", rule=255))
    c = filtered("rule-skips-filter", "a rule decides before the filter does")
    c.rule(3, "HOST", tenant=9, mark=5, dst=V4 + "/32")
    out.append(c.frame(Ether(dst=other, src=CLIENT_MAC) / data).host("RULE", rule=3))
    c = filtered("kernel-meter", "frames without a rule use meter 0").meter(0, 256, 2)
    kernel = Ether(dst=CARD0, src=CLIENT_MAC) / data
    out.append(c.frame(kernel).host("KERNEL", rule=255).frame(kernel).host("KERNEL", rule=255)
               .frame(kernel).drop("METERED"))
    return out
