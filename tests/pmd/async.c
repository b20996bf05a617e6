/* SPDX-License-Identifier: Apache-2.0 */
#include "async.h"

#include <errno.h>
#include <stdlib.h>

#include "ethdev.h"
#include "flow_ops.h"
#include "template.h"

#define MAX_QUEUES 8
#define MAX_QUEUE_SIZE 4096
#define MAX_COUNTERS (1u << 20)

enum operation_state {
	QUEUED, // not pushed
	CARRIED_OUT, // result not to be had yet
	READY,
};

struct operation {
	STAILQ_ENTRY(operation) next;
	struct rte_flow *rule;
	void *user_data;
	bool is_creation;
	enum operation_state state;
	enum rte_flow_op_status status;
};

struct operation_queue {
	STAILQ_HEAD(, operation) operations;
	uint32_t size, used;
};

struct async {
	uint16_t n_queues;
	struct operation_queue queues[MAX_QUEUES];
};

int
async_info_get(struct rte_eth_dev *dev, struct rte_flow_port_info *port,
	struct rte_flow_queue_info *queue, struct rte_flow_error *error)
{
	*port = (struct rte_flow_port_info){
		.max_nb_queues = MAX_QUEUES,
		.max_nb_counters = MAX_COUNTERS,
		.max_nb_aging_objects = MAX_COUNTERS,
	};
	if (queue != NULL)
		queue->max_size = MAX_QUEUE_SIZE;
	return 0;
}

int
async_configure(struct rte_eth_dev *dev, const struct rte_flow_port_attr *attr, uint16_t n_queues,
	const struct rte_flow_queue_attr *queues[], struct rte_flow_error *error)
{
	struct end *end = ethdev_end(dev);
	struct async *async;

	if (n_queues > MAX_QUEUES)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"too many operation queues");
	if (attr->nb_counters > MAX_COUNTERS || attr->nb_aging_objects > MAX_COUNTERS)
		return rte_flow_error_set(error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"more counters or aging objects than rte_flow_info_get() tells");
	async = calloc(1, sizeof(*async));
	if (async == NULL)
		return rte_flow_error_set(
			error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "no memory");
	async->n_queues = n_queues;
	for (unsigned int i = 0; i < n_queues; i++) {
		STAILQ_INIT(&async->queues[i].operations);
		async->queues[i].size = queues[i]->size;
	}
	async_free(end);
	end->async = async;
	return 0;
}

void
async_free(struct end *end)
{
	struct operation *operation;

	for (unsigned int i = 0; end->async != NULL && i < end->async->n_queues; i++) {
		struct operation_queue *queue = &end->async->queues[i];

		while ((operation = STAILQ_FIRST(&queue->operations)) != NULL) {
			STAILQ_REMOVE_HEAD(&queue->operations, next);
			if (operation->state == QUEUED && operation->is_creation)
				rules_free(operation->rule);
			free(operation);
		}
	}
	free(end->async);
	end->async = NULL;
}

static struct operation_queue *
queue_of(const struct end *end, uint32_t queue, struct rte_flow_error *error)
{
	if (end->async != NULL && queue < end->async->n_queues)
		return &end->async->queues[queue];
	rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
		"there is no such operation queue: rte_flow_configure()");
	return NULL;
}

static void
carry_out(struct end *end, struct operation *operation)
{
	struct rte_flow *rule = operation->rule;
	bool is_late = false;

	operation->state = CARRIED_OUT;
	operation->status = RTE_FLOW_OP_SUCCESS;
	if (!operation->is_creation) {
		rule->table->n_rules--;
		flow_remove(end->card, rule, rule->owner != CARD_NO_PORT);
		return;
	}
	// A rule that the card did not take has a handle all the same.
	rule->owner = CARD_NO_PORT;
	if (flow_insert(end, rule, &is_late) < 0) {
		operation->status = RTE_FLOW_OP_ERROR;
	} else if (is_late) {
		TAILQ_REMOVE(
			rule->attr.transfer ? &end->card->transfer : &end->ingress, rule, next);
		end->card->n_rules--;
		rule->owner = CARD_NO_PORT;
		operation->status = RTE_FLOW_OP_ERROR;
	}
}

static void
push(struct end *end, struct operation_queue *queue)
{
	struct operation *operation;

	pthread_mutex_lock(&end->card->lock);
	STAILQ_FOREACH (operation, &queue->operations, next)
		if (operation->state == QUEUED)
			carry_out(end, operation);
	pthread_mutex_unlock(&end->card->lock);
}

static int
enqueue(struct end *end, uint32_t queue_id, const struct rte_flow_op_attr *attr,
	const struct operation *wanted, struct rte_flow_error *error)
{
	struct operation_queue *queue = queue_of(end, queue_id, error);
	struct operation *operation;

	if (queue == NULL)
		return -EINVAL;
	operation = queue->used < queue->size ? malloc(sizeof(*operation)) : NULL;
	if (operation == NULL)
		return rte_flow_error_set(error, EAGAIN, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"the operation queue is full: rte_flow_pull()");
	*operation = *wanted;
	STAILQ_INSERT_TAIL(&queue->operations, operation, next);
	queue->used++;
	if (attr == NULL || !attr->postpone)
		push(end, queue);
	return 0;
}

struct rte_flow *
async_create(struct rte_eth_dev *dev, uint32_t queue, const struct rte_flow_op_attr *attr,
	struct rte_flow_template_table *table, const struct rte_flow_item pattern[],
	uint8_t pattern_index, const struct rte_flow_action actions[], uint8_t actions_index,
	void *user_data, struct rte_flow_error *error)
{
	struct end *end = ethdev_end(dev);
	struct operation operation = {.user_data = user_data, .is_creation = true};

	if (pattern_index >= table->n_patterns || actions_index >= table->n_actions) {
		rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, table,
			"the table has no such template");
		return NULL;
	}
	if (table->n_rules >= table->attr.nb_flows) {
		rte_flow_error_set(
			error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, table, "the table is full");
		return NULL;
	}
	operation.rule = template_rule(end, table, table->patterns[pattern_index], pattern,
		table->actions[actions_index], actions, error);
	if (operation.rule == NULL)
		return NULL;
	if (enqueue(end, queue, attr, &operation, error) < 0) {
		rules_free(operation.rule);
		return NULL;
	}
	table->n_rules++;
	return operation.rule;
}

int
async_destroy(struct rte_eth_dev *dev, uint32_t queue, const struct rte_flow_op_attr *attr,
	struct rte_flow *rule, void *user_data, struct rte_flow_error *error)
{
	struct operation operation = {.rule = rule, .user_data = user_data};

	if (rule->table == NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_HANDLE, rule,
			"the rule is of no table: rte_flow_destroy()");
	return enqueue(ethdev_end(dev), queue, attr, &operation, error);
}

int
async_push(struct rte_eth_dev *dev, uint32_t queue_id, struct rte_flow_error *error)
{
	struct end *end = ethdev_end(dev);
	struct operation_queue *queue = queue_of(end, queue_id, error);

	if (queue == NULL)
		return -EINVAL;
	push(end, queue);
	return 0;
}

int
async_pull(struct rte_eth_dev *dev, uint32_t queue_id, struct rte_flow_op_result results[],
	uint16_t n, struct rte_flow_error *error)
{
	struct operation_queue *queue = queue_of(ethdev_end(dev), queue_id, error);
	struct operation *operation;
	int pulled = 0;

	if (queue == NULL)
		return -EINVAL;
	while (pulled < n && (operation = STAILQ_FIRST(&queue->operations)) != NULL
		&& operation->state == READY) {
		results[pulled++] = (struct rte_flow_op_result){
			.status = operation->status,
			.user_data = operation->user_data,
		};
		STAILQ_REMOVE_HEAD(&queue->operations, next);
		queue->used--;
		free(operation);
	}
	STAILQ_FOREACH (operation, &queue->operations, next)
		if (operation->state == CARRIED_OUT)
			operation->state = READY;
	return pulled;
}
