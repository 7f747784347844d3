/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs the vector corpus against the agent's packet path (agent.h); states that it cannot be in are counted as skipped. */
#include <stdio.h>
#include <string.h>

#include "host/config.h"
#include "tests/host/agent.h"

static enum agent_outcome step_run(const struct sl_vector *v, const struct sl_vector_step *step)
{
	const char *differs;
	const enum agent_outcome outcome = agent_frame_run(v, step, &differs);

	if (outcome == AGENT_DIFFERS)
		printf("FAILED %s: wanted %s: %s\n", v->name, sl_reason_name(step->reason), differs);
	return outcome;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "dsr-l2", "nat", "ipip", "vxlan", "gre", "gue", "geneve", "fullnat", "vxlan-decap" };
	unsigned int vectors = 0, modes[SL_MODES + 1] = { 0 }, sum[3] = { 0 };
	struct sl_corpus *corpus;
	char err[256];

	corpus = sl_corpus_load(argc > 1 ? argv[1] : "build/vectors/corpus.json", err, sizeof(err));
	if (!corpus) {
		fprintf(stderr, "vectors_software: %s\n", err);
		return 1;
	}
	for (size_t i = 0; i < corpus->count; i++) {
		const struct sl_vector *v = &corpus->vectors[i];
		unsigned int mine[3] = { 0 };

		for (size_t s = 0; v->frames_only && s < v->step_count; s++)
			mine[step_run(v, &v->steps[s])]++;
		sum[mine[AGENT_DIFFERS] ? AGENT_DIFFERS : mine[AGENT_SAME] ? AGENT_SAME : AGENT_SKIPPED]++;
		vectors++;
		for (unsigned int m = 0; m < SL_MODES + 1; m++)
			modes[m] += mine[AGENT_SAME] && !strcmp(v->mode, names[m]);
	}
	sl_corpus_free(corpus);
	printf("%u passed, %u failed, %u skipped (the agent cannot be in such a state)\n", sum[AGENT_SAME], sum[AGENT_DIFFERS], sum[AGENT_SKIPPED]);
	for (unsigned int m = 0; m < SL_MODES + 1; m++) {
		printf("  %s: %u\n", names[m], modes[m]);
		/* A corpus that no longer reaches a mode must not look like success. */
		if (!modes[m])
			sum[AGENT_DIFFERS]++;
	}
	for (unsigned int kind = 0; kind < AGENT_TUNNELS; kind++) {
		printf("  forwarded out of %s: %u\n", sl_tunnel_mode_name(SL_TUNNEL_MODE_VNI + kind), agent_opened[kind]);
		if (!agent_opened[kind])
			sum[AGENT_DIFFERS]++;
	}
	printf("  by the short cut: %u\n", agent_short_cuts);
	return sum[AGENT_DIFFERS] || !agent_short_cuts ? 1 : 0;
}
