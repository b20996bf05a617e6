/* SPDX-License-Identifier: Apache-2.0 */
#include "age.h"

#include <ethdev_driver.h>

static const struct op *
age_of(const struct rte_flow *rule)
{
	for (unsigned int i = 0; i < rule->n_ops; i++)
		if (rule->ops[i].type == RTE_FLOW_ACTION_TYPE_AGE)
			return &rule->ops[i];
	return NULL;
}

static bool
is_over(const struct rte_flow *rule, const struct op *op)
{
	return rules_now_ms() - rule->last_hit_ms >= (uint64_t)op->number * 1000;
}

static void
check_list(struct rule_list *list, bool *events)
{
	struct rte_flow *rule;

	TAILQ_FOREACH (rule, list, next) {
		const struct op *op = age_of(rule);

		if (op == NULL || rule->is_aged || !is_over(rule, op))
			continue;
		rule->is_aged = true;
		events[rule->owner] = true;
	}
}

void
age_check(struct card *card)
{
	bool events[RTE_MAX_ETHPORTS] = {false};

	pthread_mutex_lock(&card->lock);
	check_list(&card->transfer, events);
	for (unsigned int i = 0; i < card->n_ends; i++)
		check_list(&card->ends[i].ingress, events);
	pthread_mutex_unlock(&card->lock);
	// Without the lock: who hears of it may ask about rules.
	for (uint16_t port = 0; port < RTE_MAX_ETHPORTS; port++)
		if (events[port])
			rte_eth_dev_callback_process(
				&rte_eth_devices[port], RTE_ETH_EVENT_FLOW_AGED, NULL);
}

static int
collect(struct rule_list *list, uint16_t port_id, void **contexts, uint32_t n, int found)
{
	struct rte_flow *rule;

	TAILQ_FOREACH (rule, list, next) {
		const struct op *op = age_of(rule);

		if (op == NULL || !rule->is_aged || rule->owner != port_id)
			continue;
		if (n != 0 && (uint32_t)found == n)
			break;
		if (n != 0)
			contexts[found] = op->context != NULL ? op->context : rule;
		found++;
	}
	return found;
}

int
age_get(struct card *card, uint16_t port_id, void **contexts, uint32_t n)
{
	int found = collect(&card->transfer, port_id, contexts, n, 0);

	for (unsigned int i = 0; i < card->n_ends; i++)
		found = collect(&card->ends[i].ingress, port_id, contexts, n, found);
	return found;
}

void
age_query(const struct rte_flow *rule, const struct op *op, struct rte_flow_query_age *age)
{
	*age = (struct rte_flow_query_age){0};
	age->aged = is_over(rule, op);
	age->sec_since_last_hit_valid = 1;
	age->sec_since_last_hit =
		(uint32_t)((rules_now_ms() - rule->last_hit_ms) / 1000) & 0xffffff;
}
