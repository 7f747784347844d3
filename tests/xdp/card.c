/* SPDX-License-Identifier: BSD-3-Clause */
/* See card.h. */
#include "tests/xdp/card.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/xdp/offload.h"

void xdp_card_open(struct xdp_card *card, const char *path)
{
	*card = (struct xdp_card){ .object = bpf_object__open(path) };
	xdp_must(!card->object, path);
	xdp_must(bpf_map__set_max_entries(bpf_object__find_map_by_name(card->object, "offload_flows"), XDP_CARD_FLOWS), "offload_flows");
	xdp_must(bpf_object__load(card->object), path);
	card->prog = bpf_program__fd(bpf_object__find_program_by_name(card->object, "sluice_offload"));
	card->config = bpf_object__find_map_fd_by_name(card->object, "offload_config");
	card->flows = bpf_object__find_map_fd_by_name(card->object, "offload_flows");
	xdp_must(card->prog < 0 || card->config < 0 || card->flows < 0, path);
}

void xdp_card_close(struct xdp_card *card)
{
	bpf_object__close(card->object);
}

void xdp_card_begin(struct xdp_card *card, const struct sl_xdp_config *c)
{
	struct sl_xdp_offload_config config = {
		.port = c->port, .tunnels = c->pipeline.tunnels, .generation = c->generation, .tenant = c->tenant,
		.tcp_flags = c->tcp_flags, .ttl_max = c->ttl_max,
	};
	const uint32_t zero = 0;

	memcpy(config.mac, c->mac, sizeof(config.mac));
	xdp_must(bpf_map_update_elem(card->config, &zero, &config, 0), "offload_config");
	while (card->flow_count)
		xdp_must(bpf_map_delete_elem(card->flows, &card->flow[--card->flow_count]), "offload_flows");
}

bool xdp_card_put(struct xdp_card *card, struct xdp_program *x, uint32_t flow_id, const struct sl_xdp_config *c)
{
	struct sl_xdp_offload_flow flow = { .flow_id = flow_id };
	struct sl_xdp_flow_view view;

	if (!sl_xdp_table_view(&x->table, flow_id, &view) || view.memo >> 16 != c->generation || card->flow_count == XDP_CARD_FLOWS ||
	    bpf_map_lookup_elem(x->actions, &view.record.action, &flow.action))
		return false;
	flow.record = view.record;
	flow.memo = view.memo;
	flow.hash = sl_hash_key(&view.key, &c->pipeline.seed);
	xdp_must(bpf_map_update_elem(card->flows, &view.key, &flow, 0), "offload_flows");
	card->flow[card->flow_count++] = view.key;
	return true;
}

const char *xdp_card_run(struct xdp_card *card, const uint8_t *frame, uint32_t frame_len, uint32_t verdict, const uint8_t *bytes,
			 uint32_t len)
{
	static uint8_t out[65536];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = frame_len, .data_out = out, .data_size_out = sizeof(out));

	xdp_must(bpf_prog_test_run_opts(card->prog, &opts), "run");
	if (opts.retval == XDP_PASS) {
		card->passed++;
		return opts.data_size_out == frame_len && memcmp(out, frame, frame_len) == 0 ? NULL : "a card's frame for the host is not as it came";
	}
	card->sent++;
	if (opts.retval != XDP_TX || (verdict != XDP_TX && verdict != XDP_REDIRECT))
		return "a card's verdict";
	return opts.data_size_out == len && memcmp(out, bytes, len) == 0 ? NULL : "bytes that a card sends";
}
