/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage hash. See hash.h and sip.h. */
#include "hw/model/sip.h"

uint64_t sl_hash_key(const struct sl_key *key, const struct sl_hash_seed *seed)
{
	SL_NONNULL(key && seed);
	const uint64_t word = sl_load64(&key->sport);

	if (key->family == 4)
		return sl_sip_ipv4(seed, (sl_load64(key->src) & 0xffffffff) | sl_load64(key->dst) << 32, word);
	return sl_sip_ipv6(seed, (const uint64_t[2]){ sl_load64(key->src), sl_load64(key->src + 8) },
			   (const uint64_t[2]){ sl_load64(key->dst), sl_load64(key->dst + 8) }, word);
}
