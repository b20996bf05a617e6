/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "trace.h"
#include "tracing.h"
#include "worker.h"

struct tracing {
	struct dataplane *dp;
	uint64_t start_tsc;
	objects_emit *emit;
	void *arg;
	struct trace_filter *filter; // what workers use now, NULL: no trace
};

struct tracing *
tracing_create(struct dataplane *dp, uint64_t start_tsc, objects_emit *emit, void *arg)
{
	struct tracing *tracing = calloc(1, sizeof(*tracing));

	if (tracing != NULL)
		*tracing = (struct tracing){dp, start_tsc, emit, arg, NULL};
	return tracing;
}

static void
use_filter(struct tracing *tracing, struct trace_filter *filter)
{
	for (uint16_t i = 0; i < tracing->dp->n_workers; i++)
		if (tracing->dp->workers[i]->trace != NULL)
			atomic_store_explicit(&tracing->dp->workers[i]->trace->filter, filter,
				memory_order_release);
	if (tracing->filter != NULL)
		rcu_defer(tracing->dp, free, tracing->filter);
	tracing->filter = filter;
}

void
tracing_free(struct tracing *tracing)
{
	if (tracing == NULL)
		return;
	use_filter(tracing, NULL);
	free(tracing);
}

static int
check_prefix(const char *key, const struct cw_ip *ip, struct reason *why)
{
	const uint8_t bits = ip->family == 4 ? 32 : ip->family == 6 ? 128 : 0;

	if (ip->family != 0 && bits == 0)
		return refuse(why, -EINVAL, "trace %s has family %u, not 4 or 6", key, ip->family);
	if (ip->prefix > bits)
		return refuse(why, -EINVAL, "trace %s has prefix length %u", key, ip->prefix);
	return 0;
}

int
tracing_set(struct tracing *tracing, const struct cw_trace *want, struct reason *why)
{
	struct trace_filter *filter;
	int error = 0;

	if (want->count == 0) {
		use_filter(tracing, NULL);
		return 0;
	}
	if (want->count > TRACE_MAX_COUNT)
		error = refuse(
			why, -EINVAL, "trace count %u is above %u", want->count, TRACE_MAX_COUNT);
	if (error == 0)
		error = check_prefix("src", &want->src, why);
	if (error == 0)
		error = check_prefix("dst", &want->dst, why);
	if (error != 0)
		return error;
	filter = calloc(1, sizeof(*filter));
	if (filter == NULL)
		return refuse(why, -ENOMEM, "no memory for a trace");
	filter->want = *want;
	atomic_init(&filter->left, want->count);
	use_filter(tracing, filter);
	return 0;
}

static void
send_record(struct tracing *tracing, struct cw_trace_record *record)
{
	const uint64_t since = record->tsc_ns - tracing->start_tsc;

	record->item = (struct cw_item){CW_ITEM_TRACE_RECORD, sizeof(*record), 0};
	record->tsc_ns = (uint64_t)((double)since * 1e9 / (double)rte_get_tsc_hz());
	tracing->emit(tracing->arg, &record->item);
}

void
tracing_poll(struct tracing *tracing)
{
	for (uint16_t w = 0; w < tracing->dp->n_workers; w++) {
		struct trace_records *records = tracing->dp->workers[w]->trace;

		for (uint16_t i = 0; records != NULL && i < TRACE_RECORDS; i++) {
			struct trace_slot *slot = &records->slot[i];

			if (atomic_load_explicit(&slot->state, memory_order_acquire) != TRACE_DONE)
				continue;
			send_record(tracing, &slot->record);
			atomic_store_explicit(&slot->state, TRACE_FREE, memory_order_release);
		}
	}
	if (tracing->filter != NULL
		&& atomic_load_explicit(&tracing->filter->left, memory_order_relaxed) == 0)
		use_filter(tracing, NULL);
}
