/* SPDX-License-Identifier: Apache-2.0 */
// From rte_flow's structures, which are the caller's, to a rule of the card's own.
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "header_template.h"
#include "rules.h"

static uint32_t
number_of(const struct rte_flow_action *action)
{
	const void *conf = action->conf;

	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_JUMP:
		return ((const struct rte_flow_action_jump *)conf)->group;
	case RTE_FLOW_ACTION_TYPE_MARK:
		return ((const struct rte_flow_action_mark *)conf)->id;
	case RTE_FLOW_ACTION_TYPE_QUEUE:
		return ((const struct rte_flow_action_queue *)conf)->index;
	case RTE_FLOW_ACTION_TYPE_COUNT:
		return conf != NULL ? ((const struct rte_flow_action_count *)conf)->id : 0;
	case RTE_FLOW_ACTION_TYPE_VF:
		return ((const struct rte_flow_action_vf *)conf)->id;
	case RTE_FLOW_ACTION_TYPE_PORT_ID:
		return ((const struct rte_flow_action_port_id *)conf)->id;
	case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
	case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
		return ((const struct rte_flow_action_ethdev *)conf)->port_id;
	case RTE_FLOW_ACTION_TYPE_SET_TTL:
		return ((const struct rte_flow_action_set_ttl *)conf)->ttl_value;
	case RTE_FLOW_ACTION_TYPE_AGE:
		return ((const struct rte_flow_action_age *)conf)->timeout;
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID:
		return rte_be_to_cpu_16(
			((const struct rte_flow_action_of_set_vlan_vid *)conf)->vlan_vid);
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP:
		return ((const struct rte_flow_action_of_set_vlan_pcp *)conf)->vlan_pcp;
	default:
		return 0;
	}
}

static void
compile_rss(struct op *op, const struct rte_flow_action_rss *conf)
{
	op->rss.level = conf->level;
	op->rss.types = conf->types;
	op->rss.is_symmetric = conf->func == RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ;
	op->rss.n_queues = (uint16_t)conf->queue_num;
	for (uint32_t i = 0; i < conf->queue_num; i++)
		op->rss.queue[i] = conf->queue[i];
	memcpy(op->rss.key, conf->key_len != 0 ? conf->key : hash_default_key, sizeof(op->rss.key));
}

static void
compile_raw_encap(struct op *op, const struct rte_flow_action_raw_encap *conf)
{
	op->header_size = (uint16_t)conf->size;
	memcpy(op->header, conf->data, conf->size);
	if (conf->preserve != NULL)
		memcpy(op->preserve, conf->preserve, conf->size);
}

static void
compile_action(struct op *op, const struct rte_flow_action *action)
{
	*op = (struct op){.type = action->type, .number = number_of(action)};
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_SET_MAC_SRC:
	case RTE_FLOW_ACTION_TYPE_SET_MAC_DST:
		memcpy(&op->mac, ((const struct rte_flow_action_set_mac *)action->conf)->mac_addr,
			sizeof(op->mac));
		break;
	case RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN:
		op->tpid = ((const struct rte_flow_action_of_push_vlan *)action->conf)->ethertype;
		break;
	case RTE_FLOW_ACTION_TYPE_AGE:
		op->context = ((const struct rte_flow_action_age *)action->conf)->context;
		break;
	case RTE_FLOW_ACTION_TYPE_RSS:
		compile_rss(op, action->conf);
		break;
	case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP:
		header_template_vxlan(
			op, ((const struct rte_flow_action_vxlan_encap *)action->conf)->definition);
		break;
	case RTE_FLOW_ACTION_TYPE_RAW_ENCAP:
		compile_raw_encap(op, action->conf);
		break;
	case RTE_FLOW_ACTION_TYPE_RAW_DECAP:
		op->header_size =
			(uint16_t)((const struct rte_flow_action_raw_decap *)action->conf)->size;
		break;
	default:
		break;
	}
}

// One allocation holds the items and what they point to.
static struct rte_flow_item *
copy_pattern(const struct rte_flow_item *pattern)
{
	struct rte_flow_item *copy, *out;
	int size = rte_flow_conv(RTE_FLOW_CONV_OP_PATTERN, NULL, 0, pattern, NULL);

	copy = size > 0 ? malloc((size_t)size) : NULL;
	if (copy == NULL)
		return NULL;
	rte_flow_conv(RTE_FLOW_CONV_OP_PATTERN, copy, (size_t)size, pattern, NULL);
	out = copy;
	for (struct rte_flow_item *in = copy;; in++) {
		if (in->type != RTE_FLOW_ITEM_TYPE_VOID)
			*out++ = *in;
		if (in->type == RTE_FLOW_ITEM_TYPE_END)
			return copy;
	}
}

struct rte_flow *
rules_compile(const struct rte_flow_attr *attr, const struct rte_flow_item *pattern,
	const struct rte_flow_action *actions)
{
	struct rte_flow *rule = calloc(1, sizeof(*rule));

	if (rule == NULL)
		return NULL;
	rule->attr = *attr;
	rule->last_hit_ms = rules_now_ms();
	rule->pattern = copy_pattern(pattern);
	if (rule->pattern == NULL) {
		free(rule);
		return NULL;
	}
	for (; actions->type != RTE_FLOW_ACTION_TYPE_END; actions++)
		if (actions->type != RTE_FLOW_ACTION_TYPE_VOID)
			compile_action(&rule->ops[rule->n_ops++], actions);
	return rule;
}
