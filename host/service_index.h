/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the service of a destination: one hash table over exact ports, groups of ranges and VIPs. Private to
 * service*.c. */
#ifndef SLUICE_HOST_SERVICE_INDEX_H
#define SLUICE_HOST_SERVICE_INDEX_H

#include <stdint.h>

#include "host/service.h"

/* Indexes the services that are not retired. NULL: out of memory. */
struct sl_service_index *sl_service_index_create(const struct sl_service *const *services, unsigned int count);
void sl_service_index_destroy(struct sl_service_index *index);

#endif
