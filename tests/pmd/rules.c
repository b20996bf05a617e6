/* SPDX-License-Identifier: Apache-2.0 */
#include "rules.h"

#include <stdlib.h>
#include <time.h>

#include "card.h"
#include "log.h"

uint64_t
rules_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// By priority, 0 first; among equals the guide defines no order.
void
rules_insert(struct rule_list *list, struct rte_flow *rule)
{
	struct rte_flow *other;

	TAILQ_FOREACH (other, list, next) {
		if (other->attr.priority > rule->attr.priority) {
			TAILQ_INSERT_BEFORE(other, rule, next);
			return;
		}
	}
	TAILQ_INSERT_TAIL(list, rule, next);
}

void
rules_free(struct rte_flow *rule)
{
	free(rule->pattern);
	free(rule);
}

static bool
applies(const struct run *run, const struct rte_flow *rule)
{
	if (rule->attr.group != run->group || rule->is_lost
		|| !card_is_started(run->card, rule->owner))
		return false;
	return pattern_matches(rule->pattern, run->frame, &run->origin,
		(run->card->options.wrong & WRONG_MATCH) != 0);
}

// What happens to a frame that two rules of the same priority match is undefined: whoever made them
// must hear of it.
static void
tell_overlap(const struct run *run, struct rte_flow *rule)
{
	struct rte_flow *other = rule;

	while ((other = TAILQ_NEXT(other, next)) != NULL
		&& other->attr.priority == rule->attr.priority) {
		if (!applies(run, other))
			continue;
		run->card->n_undefined++;
		if (!rule->overlap_told)
			PMD_LOG(ERR, "undefined: two rules of group %u, priority %u match a frame",
				rule->attr.group, rule->attr.priority);
		rule->overlap_told = true;
		return;
	}
}

static struct rte_flow *
first_match(const struct run *run, struct rule_list *list)
{
	struct rte_flow *rule;

	TAILQ_FOREACH (rule, list, next) {
		if (applies(run, rule)) {
			tell_overlap(run, rule);
			return rule;
		}
	}
	return NULL;
}

enum rules_verdict
rules_run(struct run *run, struct rule_list *list)
{
	run->group = 0;
	for (unsigned int jumps = 0; jumps <= RULES_MAX_JUMPS; jumps++) {
		struct rte_flow *rule = first_match(run, list);

		if (rule == NULL && jumps == 0)
			return RULES_NO_MATCH;
		if (rule == NULL)
			break;
		run->jumps = false;
		rules_act(run, rule);
		if (!run->jumps)
			return RULES_DONE;
	}
	// No rule in a group that was jumped to, or a loop.
	run->card->n_undefined++;
	PMD_LOG(ERR, "undefined: a frame was sent to group %u, where no rule takes it", run->group);
	return RULES_DONE;
}
