/* SPDX-License-Identifier: Apache-2.0 */
// rte_flow's functions of the one-rule-at-a-time API.
#include "flow_ops.h"

#include <errno.h>

#include "age.h"
#include "async.h"
#include "check.h"
#include "ethdev.h"
#include "template.h"

static struct rule_list *
list_of(struct card *card, const struct rte_flow *rule)
{
	struct end *end = card_end(card, rule->owner);

	return rule->attr.transfer ? &card->transfer : &end->ingress;
}

int
flow_insert(struct end *end, struct rte_flow *rule, bool *is_late)
{
	struct card *card = end->card;

	if (card->n_rules >= card->options.table)
		return -ENOMEM;
	*is_late = card->n_accepted >= card->options.late;
	rule->owner = end->port_id;
	card->n_rules++;
	card->n_accepted++;
	rules_insert(list_of(card, rule), rule);
	return 0;
}

void
flow_remove(struct card *card, struct rte_flow *rule, bool is_inserted)
{
	if (is_inserted) {
		TAILQ_REMOVE(list_of(card, rule), rule, next);
		card->n_rules--;
	}
	rules_free(rule);
}

static int
validate(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
	const struct rte_flow_item *pattern, const struct rte_flow_action *actions,
	struct rte_flow_error *error)
{
	struct end *end = ethdev_end(dev);
	int ret;

	pthread_mutex_lock(&end->card->lock);
	ret = check_rule(end, attr, pattern, actions, error);
	pthread_mutex_unlock(&end->card->lock);
	return ret;
}

static struct rte_flow *
create(struct rte_eth_dev *dev, const struct rte_flow_attr *attr,
	const struct rte_flow_item *pattern, const struct rte_flow_action *actions,
	struct rte_flow_error *error)
{
	struct end *end = ethdev_end(dev);
	struct rte_flow *rule = NULL;
	bool is_late = false;

	pthread_mutex_lock(&end->card->lock);
	if (check_rule(end, attr, pattern, actions, error) == 0) {
		rule = rules_compile(attr, pattern, actions);
		if (rule == NULL || flow_insert(end, rule, &is_late) < 0) {
			if (rule != NULL)
				rules_free(rule);
			rule = NULL;
			rte_flow_error_set(error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
				"the card has no room for another rule");
		} else {
			rule->is_lost = is_late;
		}
	}
	pthread_mutex_unlock(&end->card->lock);
	return rule;
}

static int
destroy(struct rte_eth_dev *dev, struct rte_flow *rule, struct rte_flow_error *error)
{
	struct card *card = ethdev_end(dev)->card;

	if (rule->table != NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_HANDLE, rule,
			"the rule is of a template table: rte_flow_async_destroy()");
	pthread_mutex_lock(&card->lock);
	flow_remove(card, rule, true);
	pthread_mutex_unlock(&card->lock);
	return 0;
}

static void
flush_list(struct card *card, struct rule_list *list, uint16_t owner, bool all)
{
	struct rte_flow *rule, *next;

	for (rule = TAILQ_FIRST(list); rule != NULL; rule = next) {
		next = TAILQ_NEXT(rule, next);
		if (rule->owner != owner || (!all && rule->table != NULL))
			continue;
		if (rule->table != NULL)
			rule->table->n_rules--;
		flow_remove(card, rule, true);
	}
}

void
flow_flush(struct end *end, bool all)
{
	flush_list(end->card, &end->card->transfer, end->port_id, all);
	flush_list(end->card, &end->ingress, end->port_id, all);
}

static int
flush(struct rte_eth_dev *dev, struct rte_flow_error *error)
{
	struct end *end = ethdev_end(dev);

	pthread_mutex_lock(&end->card->lock);
	flow_flush(end, false);
	pthread_mutex_unlock(&end->card->lock);
	return 0;
}

// COUNT: by its id, where the action gives one.
static struct op *
find_op(struct rte_flow *rule, const struct rte_flow_action *action)
{
	const struct rte_flow_action_count *count = action->conf;

	for (unsigned int i = 0; i < rule->n_ops; i++) {
		struct op *op = &rule->ops[i];

		if (op->type == action->type
			&& (op->type != RTE_FLOW_ACTION_TYPE_COUNT || count == NULL
				|| count->id == op->number))
			return op;
	}
	return NULL;
}

static void
query_count(struct op *op, struct rte_flow_query_count *count)
{
	count->hits_set = count->bytes_set = 1;
	count->hits = op->hits;
	count->bytes = op->bytes;
	if (count->reset)
		op->hits = op->bytes = 0;
}

static int
query_one(struct rte_flow *rule, const struct rte_flow_action *action, void *data,
	struct rte_flow_error *error)
{
	struct op *op = find_op(rule, action);

	if (rule->is_lost)
		return rte_flow_error_set(error, ENOENT, RTE_FLOW_ERROR_TYPE_HANDLE, rule,
			"the card has lost this rule");
	if (op == NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, action,
			"the rule has no such action");
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_COUNT:
		query_count(op, data);
		return 0;
	case RTE_FLOW_ACTION_TYPE_AGE:
		age_query(rule, op, data);
		return 0;
	default:
		return rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION, action,
			"the action has nothing to tell");
	}
}

static int
query(struct rte_eth_dev *dev, struct rte_flow *rule, const struct rte_flow_action *action,
	void *data, struct rte_flow_error *error)
{
	struct card *card = ethdev_end(dev)->card;
	int ret;

	pthread_mutex_lock(&card->lock);
	ret = query_one(rule, action, data, error);
	pthread_mutex_unlock(&card->lock);
	return ret;
}

static int
isolate(struct rte_eth_dev *dev, int set, struct rte_flow_error *error)
{
	struct end *end = ethdev_end(dev);

	if (options_refuse(&end->card->options, "isolate"))
		return rte_flow_error_set(
			error, ENOTSUP, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, BY_ARGUMENT);
	pthread_mutex_lock(&end->card->lock);
	end->is_isolated = set != 0;
	pthread_mutex_unlock(&end->card->lock);
	return 0;
}

static int
get_aged_flows(struct rte_eth_dev *dev, void **contexts, uint32_t n, struct rte_flow_error *error)
{
	struct end *end = ethdev_end(dev);
	int found;

	pthread_mutex_lock(&end->card->lock);
	found = age_get(end->card, end->port_id, contexts, n);
	pthread_mutex_unlock(&end->card->lock);
	return found;
}

static int
pick_transfer_proxy(struct rte_eth_dev *dev, uint16_t *port_id, struct rte_flow_error *error)
{
	*port_id = ethdev_end(dev)->card->ends[0].port_id;
	if (*port_id == CARD_NO_PORT)
		return rte_flow_error_set(error, ENODEV, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"the uplink is closed");
	return 0;
}

#define ONE_AT_A_TIME                                                               \
	.validate = validate, .create = create, .destroy = destroy, .flush = flush, \
	.query = query, .isolate = isolate, .get_aged_flows = get_aged_flows,       \
	.pick_transfer_proxy = pick_transfer_proxy

const struct rte_flow_ops flow_ops = {ONE_AT_A_TIME};

const struct rte_flow_ops flow_ops_async = {
	ONE_AT_A_TIME,
	.info_get = async_info_get,
	.configure = async_configure,
	.pattern_template_create = async_pattern_template_create,
	.pattern_template_destroy = async_pattern_template_destroy,
	.actions_template_create = async_actions_template_create,
	.actions_template_destroy = async_actions_template_destroy,
	.template_table_create = async_table_create,
	.template_table_destroy = async_table_destroy,
	.async_create = async_create,
	.async_destroy = async_destroy,
	.push = async_push,
	.pull = async_pull,
};
