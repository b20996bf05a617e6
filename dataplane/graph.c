/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static struct stage *stages[GRAPH_MAX_STAGES];
static uint16_t n_stages;
static struct stage_name drops[GRAPH_MAX_DROPS];
static uint16_t n_drops;
static bool too_many_stages;

void
stage_register(struct stage *stage)
{
	if (n_stages == GRAPH_MAX_STAGES)
		too_many_stages = true;
	else
		stages[n_stages++] = stage;
}

static int
compare_order(const void *a, const void *b)
{
	const struct stage *x = *(struct stage *const *)a, *y = *(struct stage *const *)b;

	return x->order != y->order ? (x->order > y->order) - (x->order < y->order)
				    : strcmp(x->name, y->name);
}

uint8_t
graph_stage_id(const char *name)
{
	for (uint16_t i = 0; i < n_stages; i++)
		if (strcmp(stages[i]->name, name) == 0)
			return (uint8_t)i;
	return STAGE_NONE;
}

uint16_t
graph_drop_id(const char *name)
{
	for (uint16_t i = 0; i < n_drops; i++)
		if (strcmp(drops[i].name, name) == 0)
			return i;
	return UINT16_MAX;
}

// The stage that an edge really leads to: seams are passed over.
static uint8_t
skip_seams(uint8_t id)
{
	for (uint16_t hops = 0; hops < n_stages && id != STAGE_NONE; hops++) {
		if (stages[id]->run != NULL)
			return id;
		if (stages[id]->next[0] == NULL)
			return STAGE_NONE;
		id = graph_stage_id(stages[id]->next[0]);
	}
	return STAGE_NONE;
}

static int
resolve_next(struct stage *stage)
{
	for (int i = 0; i < GRAPH_MAX_NEXT && stage->next[i] != NULL; i++) {
		uint8_t id = graph_stage_id(stage->next[i]);

		if (id != STAGE_NONE)
			id = skip_seams(id);
		if (id == STAGE_NONE || id == stage->id)
			return log_error(-EINVAL, "stage has an unusable next stage",
				"stage=%s next=%s", stage->name, stage->next[i]);
		stage->next_id[i] = id;
	}
	return 0;
}

static int
resolve_drops(struct stage *stage)
{
	for (int i = 0; i < STAGE_MAX_DROPS && stage->drops[i].name != NULL; i++) {
		uint16_t id = graph_drop_id(stage->drops[i].name);

		if (id == UINT16_MAX) {
			if (n_drops == GRAPH_MAX_DROPS)
				return log_error(
					-EINVAL, "too many drop reasons", "stage=%s", stage->name);
			id = n_drops++;
			drops[id] = stage->drops[i];
		}
		stage->drop_id[i] = id;
	}
	return 0;
}

int
graph_init(void)
{
	int error = 0;

	if (too_many_stages)
		return log_error(-EINVAL, "too many stages", "limit=%d", GRAPH_MAX_STAGES);
	qsort(stages, n_stages, sizeof(stages[0]), compare_order);
	n_drops = 0;
	for (uint16_t i = 0; i < n_stages; i++) {
		if (graph_stage_id(stages[i]->name) != i)
			return log_error(
				-EINVAL, "two stages share a name", "stage=%s", stages[i]->name);
		stages[i]->id = (uint8_t)i;
	}
	for (uint16_t i = 0; i < n_stages && error == 0; i++) {
		error = resolve_next(stages[i]);
		if (error == 0)
			error = resolve_drops(stages[i]);
	}
	return error;
}

uint16_t
graph_n_stages(void)
{
	return n_stages;
}

uint16_t
graph_n_drops(void)
{
	return n_drops;
}

const struct stage *
graph_stage(uint16_t id)
{
	return stages[id];
}

uint8_t
graph_entry(bool is_uplink)
{
	return !is_uplink && graph_stage_id("decap") == 0 ? 1 : 0;
}

const struct stage_name *
graph_drop(uint16_t id)
{
	return &drops[id];
}
