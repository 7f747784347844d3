/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Runs the table stage's bucket lookup in BPF, so that it too passes the verifier. */
#include <linux/bpf.h>

#include "tests/xdp/stage_table.h"

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct sl_stage_table);
} stage SEC(".maps");

SEC("xdp")
int stage_table(struct xdp_md *ctx)
{
	const uint32_t zero = 0;
	struct sl_stage_table *s = bpf_map_lookup_elem(&stage, &zero);

	(void)ctx;
	if (!s)
		return XDP_ABORTED;
	s->way = sl_table_bucket_find(&s->bucket, s->hash, s->epoch, 0);
	return XDP_PASS;
}

char sl_license[] SEC("license") = "Dual BSD/GPL";
