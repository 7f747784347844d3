/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes firmware images (argv's files, one after the other) into the EEPROM of port 0. For each a line: what came of it and
 * the version that runs then. A written image is read back, whole and from an odd offset on. Status 1 if that differs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev_info.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "sluice/contract.h"
#include "sluice/image.h"

static uint8_t image[SL_FLASH_SLOT_BYTES], back[SL_FLASH_SLOT_BYTES];

static bool read_back(uint32_t n, uint32_t offset)
{
	struct rte_dev_eeprom_info info = {.data = back, .offset = offset, .length = n - offset};

	return rte_eth_dev_get_eeprom_length(0) == (int)n && rte_eth_dev_get_eeprom(0, &info) == 0 &&
	       memcmp(back, image + offset, n - offset) == 0;
}

/* Of the image's header, sluice/image.h. */
static const char *running_version(void)
{
	struct rte_dev_eeprom_info info = {.data = back, .length = sizeof(struct sl_image_header)};
	struct sl_image_header h;
	static char text[32];

	if (rte_eth_dev_get_eeprom(0, &info))
		return "unknown";
	memcpy(&h, back, sizeof(h));
	snprintf(text, sizeof(text), "%u.%u.%u", h.image_version >> 16, h.image_version >> 8 & 0xff, h.image_version & 0xff);
	return text;
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);

	if (used < 0 || used + 1 >= argc)
		return 2;
	for (int i = used + 1; i < argc; i++) {
		struct rte_dev_eeprom_info info = {.data = image, .magic = SL_CARD_ID};
		FILE *f = fopen(argv[i], "rb");
		int rc;

		if (!f)
			return 2;
		info.length = (uint32_t)fread(image, 1, sizeof(image), f);
		fclose(f);
		rc = rte_eth_dev_set_eeprom(0, &info);
		printf("update: %s, %s\n", rc ? strerror(-rc) : "done", running_version());
		fflush(stdout);
		if (rc == 0 && !(read_back(info.length, 0) && read_back(info.length, 1001)))
			return 1;
	}
	rte_eal_cleanup();
	return 0;
}
