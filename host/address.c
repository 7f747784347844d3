/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of the configuration: text, bytes, equality. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "host/config.h"

const char *sl_addr_text(const struct sl_addr *addr, char *buf)
{
	if (addr->family == 0 || !inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->bytes, buf, SL_ADDR_TEXT))
		memcpy(buf, "-", 2);
	return buf;
}

int sl_addr_parse(const char *text, struct sl_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, addr->bytes) == 1)
		addr->family = 4;
	else if (inet_pton(AF_INET6, text, addr->bytes) == 1)
		addr->family = 6;
	else
		return -EINVAL;
	return 0;
}

struct sl_addr sl_addr_make(unsigned int family, const uint8_t *bytes)
{
	struct sl_addr addr = { .family = (uint8_t)family };

	memcpy(addr.bytes, bytes, family == 4 ? 4 : 16);
	return addr;
}
