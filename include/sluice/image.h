/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header of a firmware image: the first 32 bytes of sluice-fw.bin. The image is loaded at address 0 of the management
 * core's RAM, header included, and started at `entry`. All fields are little-endian. firmware/image.py fills in length and
 * crc32 after linking; whoever loads an image checks it with sl_image_check() before the core runs.
 */
#ifndef SLUICE_IMAGE_H
#define SLUICE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define SL_IMAGE_MAGIC 0x57464C53u /* 'SLFW' in little-endian bytes */
#define SL_IMAGE_HEADER_VERSION 1
#define SL_IMAGE_RAM_BYTES 0x20000u  /* the core's RAM, from address 0 */
#define SL_IMAGE_LENGTH_MAX 0x1D000u /* above are the area that survives restarts, and the stack */

struct sl_image_header {
	uint32_t magic;          /* 0: SL_IMAGE_MAGIC */
	uint16_t header_version; /* 4: SL_IMAGE_HEADER_VERSION */
	uint16_t header_len;     /* 6: 32 */
	uint32_t image_version;  /* 8: major << 16 | minor << 8 | patch */
	uint32_t length;         /* 12: bytes of the image, this header included; a multiple of 4 */
	uint32_t entry;          /* 16: address of the first instruction */
	uint32_t crc32;          /* 20: CRC-32 (IEEE 802.3) of the whole image with this field 0 */
	uint32_t abi_version;    /* 24: SL_ABI_VERSION that the firmware speaks */
	uint32_t reserved0;      /* 28: zero */
};
_Static_assert(sizeof(struct sl_image_header) == 32, "sl_image_header");
_Static_assert(offsetof(struct sl_image_header, crc32) == 20, "sl_image_header.crc32");

/* CRC-32 of n bytes, continuing from crc (0 at first). */
static inline uint32_t sl_image_crc32(uint32_t crc, const uint8_t *bytes, size_t n)
{
	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

/* NULL if the n bytes are an image that may run, else what is wrong with them. */
static inline const char *sl_image_check(const uint8_t *image, size_t n, uint32_t abi_version)
{
	static const uint8_t zero[4];
	const size_t crc_at = offsetof(struct sl_image_header, crc32);
	struct sl_image_header h;
	uint32_t crc;

	if (n < sizeof(h))
		return "shorter than an image header";
	__builtin_memcpy(&h, image, sizeof(h));
	if (h.magic != SL_IMAGE_MAGIC)
		return "no image header: the magic number is wrong";
	if (h.header_version != SL_IMAGE_HEADER_VERSION || h.header_len != sizeof(h))
		return "the image header has a version that is not known here";
	if (h.length > SL_IMAGE_LENGTH_MAX || h.length < sizeof(h) || h.length % 4)
		return "the image header's length is not allowed";
	if (h.length != n)
		return "the length differs from the image header's: the image is cut off or was never sealed";
	if (h.entry < sizeof(h) || h.entry >= h.length || h.entry % 4)
		return "the entry address is outside of the image";
	crc = sl_image_crc32(0, image, crc_at);
	crc = sl_image_crc32(crc, zero, sizeof(zero));
	crc = sl_image_crc32(crc, image + crc_at + 4, n - crc_at - 4);
	if (crc != h.crc32)
		return "the checksum is wrong";
	if (h.abi_version != abi_version)
		return "the firmware speaks another device ABI version than this card";
	return NULL;
}

#endif
