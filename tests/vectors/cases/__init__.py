# SPDX-License-Identifier: BSD-3-Clause
"""The corpus by stage; each module's cases() returns a list of case.Case."""
from . import classes, decap, ecn, headers, icmp, ingress, key, modes, parse, prefixes, qinq, tunnels

MODULES = (ingress, parse, classes, prefixes, key, modes, ecn, tunnels, qinq, headers, icmp, decap)
