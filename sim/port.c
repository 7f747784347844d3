/* SPDX-License-Identifier: BSD-3-Clause */
/* The text that describes a port, and the choice of its kind; see port.h. */
#include "sim/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MTU_MIN 576u
#define MTU_MAX 9000u

static int mac_parse(const char *text, uint8_t mac[6])
{
	int end = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5],
		   &end) != 6 || text[end] != '\0' || (mac[0] & 1u) != 0)
		return -EINVAL;
	return 0;
}

static int option_parse(const char *whole, const char *option, struct sl_port_spec *spec, char *err, size_t err_len)
{
	if (strncmp(option, "mac=", 4) == 0) {
		spec->has_mac = true;
		if (mac_parse(option + 4, spec->mac) == 0)
			return 0;
		snprintf(err, err_len, "--port %s: \"%s\" is not a unicast MAC address such as 02:00:00:00:00:01", whole,
			 option + 4);
		return -EINVAL;
	}
	if (strncmp(option, "mtu=", 4) == 0) {
		char *end;
		unsigned long mtu = strtoul(option + 4, &end, 10);

		spec->mtu = (uint16_t)mtu;
		if (option[4] >= '0' && option[4] <= '9' && *end == '\0' && mtu >= MTU_MIN && mtu <= MTU_MAX)
			return 0;
		snprintf(err, err_len, "--port %s: MTU \"%s\" is out of range %u-%u", whole, option + 4, MTU_MIN, MTU_MAX);
		return -EINVAL;
	}
	snprintf(err, err_len, "--port %s: unknown option \"%s\"; there are mac=MAC and mtu=BYTES", whole, option);
	return -EINVAL;
}

/* Locally administered, the same at every start, different for differently named ports. */
static void mac_default(const char *text, uint8_t mac[6])
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (const char *c = text; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	mac[0] = 0x02;
	mac[1] = 'S';
	mac[2] = 'L';
	mac[3] = (uint8_t)(hash >> 16);
	mac[4] = (uint8_t)(hash >> 8);
	mac[5] = (uint8_t)hash;
}

int sl_port_parse(const char *text, struct sl_port_spec *spec, char *err, size_t err_len)
{
	char copy[2 * SL_PORT_NAME_MAX], *rest = copy, *kind, *field;
	bool out_seen = false;

	*spec = (struct sl_port_spec){ 0 };
	if (strlen(text) >= sizeof(copy)) {
		snprintf(err, err_len, "--port: the text is longer than %zu bytes", sizeof(copy) - 1);
		return -EINVAL;
	}
	memcpy(copy, text, strlen(text) + 1);
	kind = strsep(&rest, ":");
	if (rest == NULL || (strcmp(kind, "tap") != 0 && strcmp(kind, "afpacket") != 0 && strcmp(kind, "pcap") != 0)) {
		snprintf(err, err_len, "--port %s: should be tap:NAME, afpacket:INTERFACE or pcap:IN,OUT", text);
		return -EINVAL;
	}
	memcpy(spec->kind, kind, strlen(kind) + 1);
	field = strsep(&rest, ",");
	if ((*field == '\0' && strcmp(kind, "pcap") != 0) || strlen(field) >= sizeof(spec->name)) {
		snprintf(err, err_len, "--port %s: the name after \"%s:\" is missing or too long", text, kind);
		return -EINVAL;
	}
	memcpy(spec->name, field, strlen(field) + 1);
	while ((field = strsep(&rest, ",")) != NULL) {
		if (strcmp(kind, "pcap") == 0 && !out_seen && strlen(field) < sizeof(spec->out)) {
			memcpy(spec->out, field, strlen(field) + 1);
			out_seen = true;
		} else if (option_parse(text, field, spec, err, err_len) != 0) {
			return -EINVAL;
		}
	}
	if (!spec->has_mac)
		mac_default(text, spec->mac);
	return 0;
}

struct sl_port *sl_port_open(const struct sl_port_spec *spec, char *err, size_t err_len)
{
	if (strcmp(spec->kind, "tap") == 0)
		return sl_port_tap_open(spec, err, err_len);
	if (strcmp(spec->kind, "afpacket") == 0)
		return sl_port_packet_open(spec, err, err_len);
	return sl_port_pcap_open(spec, err, err_len);
}
