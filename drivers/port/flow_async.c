/* SPDX-License-Identifier: Apache-2.0 */
// The template API is experimental in all DPDK versions that we build with.
#define ALLOW_EXPERIMENTAL_API

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_hash_crc.h>

#include "flow_private.h"

// A template is a rule's form: which items and fields, which actions; a table holds the rules of
// one form, made when the first of them comes. One queue of operations a device, as only the main
// thread asks.

#define QUEUE 0
#define QUEUE_SIZE 256
#define TABLE_RULES 4096
#define COUNTERS 8192
#define ANSWERS 64
#define WAIT_MS 1000 // for a device's answer to a removal

static bool ready[RTE_MAX_ETHPORTS];
// Not answered yet when their device was closed: the ethdev's next life may bring the answers.
static LIST_HEAD(, flow_op) orphans = LIST_HEAD_INITIALIZER(orphans);

static uint32_t
at_most(uint32_t wanted, uint32_t max)
{
	return wanted < max ? wanted : max;
}

void
flow_device_prepare(uint16_t ethdev)
{
	struct rte_flow_queue_info queue_info = {0};
	struct rte_flow_port_info info = {0};
	struct rte_flow_queue_attr queue = {.size = QUEUE_SIZE};
	const struct rte_flow_queue_attr *queues[] = {&queue};
	struct rte_flow_port_attr attr = {0};
	struct rte_flow_error error = {0};

	if (ethdev >= RTE_MAX_ETHPORTS)
		return;
	ready[ethdev] = false;
	if (flow_ops->flow_info(ethdev, &info, &queue_info, &error) != 0 || info.max_nb_queues == 0
		|| queue_info.max_size == 0)
		return;
	queue.size = at_most(QUEUE_SIZE, queue_info.max_size);
	attr.nb_counters = at_most(COUNTERS, info.max_nb_counters);
	ready[ethdev] = flow_ops->configure(ethdev, &attr, 1, queues, &error) == 0;
}

bool
flow_async_is_ready(uint16_t ethdev)
{
	return ethdev < RTE_MAX_ETHPORTS && ready[ethdev];
}

static size_t
mask_size(enum rte_flow_item_type type)
{
	switch (type) {
	case RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT:
		return sizeof(struct rte_flow_item_ethdev);
	case RTE_FLOW_ITEM_TYPE_INTEGRITY:
		return sizeof(struct rte_flow_item_integrity);
	case RTE_FLOW_ITEM_TYPE_ETH:
		return sizeof(struct rte_flow_item_eth);
	case RTE_FLOW_ITEM_TYPE_VLAN:
		return sizeof(struct rte_flow_item_vlan);
	case RTE_FLOW_ITEM_TYPE_IPV4:
		return sizeof(struct rte_flow_item_ipv4);
	case RTE_FLOW_ITEM_TYPE_IPV6:
		return sizeof(struct rte_flow_item_ipv6);
	case RTE_FLOW_ITEM_TYPE_TCP:
		return sizeof(struct rte_flow_item_tcp);
	case RTE_FLOW_ITEM_TYPE_UDP:
		return sizeof(struct rte_flow_item_udp);
	case RTE_FLOW_ITEM_TYPE_SCTP:
		return sizeof(struct rte_flow_item_sctp);
	case RTE_FLOW_ITEM_TYPE_VXLAN:
		return sizeof(struct rte_flow_item_vxlan);
	default:
		return 0;
	}
}

static uint64_t
form_of(const struct flow_build *build)
{
	uint64_t mask[8]; // aligned, as rte_hash_crc() reads words
	uint32_t pattern = 0, actions = 0;

	for (unsigned int i = 0; i < build->n_items; i++) {
		const struct rte_flow_item *item = &build->items[i];
		const size_t size = mask_size(item->type);

		pattern = rte_hash_crc_4byte((uint32_t)item->type, pattern);
		if (item->mask == NULL || size > sizeof(mask))
			continue;
		memcpy(mask, item->mask, size);
		pattern = rte_hash_crc(mask, (uint32_t)size, pattern);
	}
	for (unsigned int i = 0; i < build->n_actions; i++)
		actions = rte_hash_crc_4byte((uint32_t)build->actions[i].type, actions);
	return (uint64_t)pattern << 32 | actions;
}

static bool
same_attr(const struct rte_flow_attr *a, const struct rte_flow_attr *b)
{
	return a->group == b->group && a->priority == b->priority && a->transfer == b->transfer
	       && a->ingress == b->ingress;
}

static void
table_free(uint16_t ethdev, struct flow_table *table)
{
	struct rte_flow_error error;

	if (table->table != NULL)
		flow_ops->table_destroy(ethdev, table->table, &error);
	if (table->pattern != NULL)
		flow_ops->pattern_template_destroy(ethdev, table->pattern, &error);
	if (table->actions != NULL)
		flow_ops->actions_template_destroy(ethdev, table->actions, &error);
	memset(table, 0, sizeof(*table));
}

// Every value of the actions is the rule's own: the masks are empty.
static bool
table_make(uint16_t ethdev, const struct flow_build *build, struct flow_table *table)
{
	const struct rte_flow_pattern_template_attr pattern = {
		.ingress = build->attr.ingress, .transfer = build->attr.transfer};
	const struct rte_flow_actions_template_attr actions = {
		.ingress = build->attr.ingress, .transfer = build->attr.transfer};
	const struct rte_flow_template_table_attr attr = {
		.flow_attr = build->attr, .nb_flows = TABLE_RULES};
	struct rte_flow_action masks[FLOW_MAX_ACTIONS] = {0};
	struct rte_flow_error error;

	for (unsigned int i = 0; i < build->n_actions; i++)
		masks[i].type = build->actions[i].type;
	table->pattern = flow_ops->pattern_template(ethdev, &pattern, build->items, &error);
	table->actions =
		flow_ops->actions_template(ethdev, &actions, build->actions, masks, &error);
	if (table->pattern != NULL && table->actions != NULL)
		table->table = flow_ops->table(
			ethdev, &attr, &table->pattern, 1, &table->actions, 1, &error);
	if (table->table != NULL)
		return true;
	table_free(ethdev, table);
	return false;
}

// NULL: the device makes no table of this form, now or ever.
static struct rte_flow_template_table *
table_of(struct flow_device *device, const struct flow_build *build)
{
	const uint64_t form = form_of(build);
	struct flow_table *table;

	for (unsigned int i = 0; i < device->n_tables; i++) {
		table = &device->tables[i];
		if (table->form == form && same_attr(&table->attr, &build->attr))
			return table->table;
	}
	if (device->n_tables == FLOW_TABLES)
		return NULL;
	table = &device->tables[device->n_tables++];
	table_make(device->ethdev, build, table);
	table->form = form;
	table->attr = build->attr;
	return table->table;
}

static struct flow_op *
op_start(struct flow_device *device, struct flow_entry *entry)
{
	struct flow_op *op = calloc(1, sizeof(*op));

	if (op == NULL)
		return NULL;
	op->entry = entry;
	if (entry != NULL)
		entry->pending = op;
	LIST_INSERT_HEAD(&device->ops, op, link);
	return op;
}

static void
op_end(struct flow_op *op)
{
	if (op->entry != NULL)
		op->entry->pending = NULL;
	LIST_REMOVE(op, link);
	free(op);
}

void
flow_forget(struct flow_entry *entry)
{
	if (entry->pending != NULL)
		entry->pending->entry = NULL;
	*entry = (struct flow_entry){0};
}

// A rule of a template has values under the template's masks, and no ranges.
static bool
has_range(const struct flow_build *build)
{
	for (unsigned int i = 0; i < build->n_items; i++)
		if (build->items[i].last != NULL)
			return true;
	return false;
}

int
flow_async_add(struct flow_device *device, const struct flow_build *build, struct flow_entry *entry,
	struct rte_flow_error *error)
{
	const struct rte_flow_op_attr now = {.postpone = 0};
	struct rte_flow_template_table *table = has_range(build) ? NULL : table_of(device, build);
	struct flow_op *op;

	if (table == NULL)
		return 0; // entry->is_async stays false
	op = op_start(device, entry);
	if (op == NULL)
		return -ENOMEM;
	rte_errno = 0;
	entry->flow = flow_ops->async_create(
		device->ethdev, QUEUE, &now, table, build->items, 0, build->actions, 0, op, error);
	if (entry->flow == NULL) {
		op_end(op);
		return rte_errno != 0 ? -rte_errno : -EIO;
	}
	op->flow = entry->flow;
	entry->is_async = true;
	flow_ops->push(device->ethdev, QUEUE, error);
	flow_poll(device);
	return 0;
}

// A rule that was refused late has a handle all the same, which must be destroyed (DPDK's guide,
// "Enqueue creation operation").
static void
give_back(struct flow_device *device, struct rte_flow *flow)
{
	const struct rte_flow_op_attr now = {.postpone = 0};
	struct flow_op *op = op_start(device, NULL);
	struct rte_flow_error error;

	if (op == NULL)
		return;
	if (flow_ops->async_destroy(device->ethdev, QUEUE, &now, flow, op, &error) != 0)
		op_end(op);
	else
		flow_ops->push(device->ethdev, QUEUE, &error);
}

static void
take_answer(struct flow_device *device, const struct rte_flow_op_result *answer)
{
	struct flow_op *op = answer->user_data;

	if (answer->status != RTE_FLOW_OP_SUCCESS) {
		if (op->entry != NULL)
			op->entry->failed = true;
		if (op->flow != NULL)
			give_back(device, op->flow);
	}
	op_end(op);
}

void
flow_poll(struct flow_device *device)
{
	struct rte_flow_op_result answers[ANSWERS];
	struct rte_flow_error error;
	int n;

	if (LIST_EMPTY(&device->ops))
		return;
	do {
		n = flow_ops->pull(device->ethdev, QUEUE, answers, ANSWERS, &error);
		for (int i = 0; i < n; i++)
			take_answer(device, &answers[i]);
	} while (n == ANSWERS);
}

static int
wait_for(struct flow_device *device, const struct flow_entry *entry)
{
	for (unsigned int ms = 0; entry->pending != NULL; ms++) {
		flow_poll(device);
		if (entry->pending == NULL)
			break;
		if (ms == WAIT_MS)
			return -ETIMEDOUT;
		rte_delay_us_sleep(1000);
	}
	return 0;
}

int
flow_async_remove(
	struct flow_device *device, struct flow_entry *entry, struct rte_flow_error *error)
{
	const struct rte_flow_op_attr now = {.postpone = 0};
	int ret = wait_for(device, entry);
	struct flow_op *op;

	if (ret != 0 || entry->failed) // and was given back
		return ret;
	op = op_start(device, entry);
	if (op == NULL)
		return -ENOMEM;
	ret = flow_ops->async_destroy(device->ethdev, QUEUE, &now, entry->flow, op, error);
	if (ret != 0) {
		op_end(op);
		return ret;
	}
	flow_ops->push(device->ethdev, QUEUE, error);
	ret = wait_for(device, entry);
	return ret == 0 && entry->failed ? -EIO : ret;
}

void
flow_async_close(struct flow_device *device)
{
	struct flow_op *op;

	while ((op = LIST_FIRST(&device->ops)) != NULL) {
		if (op->entry != NULL)
			op->entry->pending = NULL;
		op->entry = NULL;
		op->flow = NULL;
		LIST_REMOVE(op, link);
		LIST_INSERT_HEAD(&orphans, op, link);
	}
	for (unsigned int i = 0; i < device->n_tables; i++)
		table_free(device->ethdev, &device->tables[i]);
	device->n_tables = 0;
}
