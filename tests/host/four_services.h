/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration with a service of each kind that makes other classification rules: NAT, DSR, on a VLAN, in a tunnel. */
#ifndef SLUICE_TESTS_HOST_FOUR_SERVICES_H
#define SLUICE_TESTS_HOST_FOUR_SERVICES_H

static const char four_services[] =
	"node: {name: test}\n"
	"ports: [{name: p0, device: d0, vtep: 10.0.0.1, kernel: {interface: sl0}}]\n"
	"tenants: [{name: red, id: 7, vlan: 12}, {name: blue, id: 8, vni: 500, trusted_vteps: [10.0.0.9]}]\n"
	"services:\n"
	"- {name: nat, vip: 192.0.2.2, protocol: tcp, port: 80, "
	"mode: nat, health: {type: none}, backends: [{name: b1, address: 10.1.0.1, port: 8080}]}\n"
	"- {name: dsr, vip: 192.0.2.1, protocol: tcp, port: 80, "
	"mode: dsr-l2, health: {type: none}, backends: [{name: b1, address: 10.1.0.1}]}\n"
	"- {name: red, tenant: red, vip: '2001:db8::1', protocol: tcp, port: 80, "
	"mode: dsr-l2, health: {type: none}, backends: [{name: b1, address: '2001:db8:1::1'}]}\n"
	"- {name: blue, tenant: blue, vip: 192.0.2.1, protocol: udp, port: 53, "
	"mode: dsr-l2, health: {type: none}, backends: [{name: b1, address: 10.1.0.1}]}\n";

#endif
