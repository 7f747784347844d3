/* SPDX-License-Identifier: BSD-3-Clause */
/* In the place of host/port.c: one port, which the test fills. For one source file of a program. */
#ifndef SLUICE_TESTS_HOST_ONE_PORT_H
#define SLUICE_TESTS_HOST_ONE_PORT_H

#include "host/port.h"

static struct sl_port port0;

unsigned int sl_port_count(void)
{
	return 1;
}

struct sl_port *sl_port_at(unsigned int index)
{
	return index ? NULL : &port0;
}

#endif
