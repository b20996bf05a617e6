/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <stdbool.h>

#include <ethdev_driver.h>

#include "ethdev.h"
#include "header_template.h"

enum direction {
	UNKNOWN,
	BOTH,
	INGRESS,
	TRANSFER,
};

// What the rule consists of so far.
struct progress {
	unsigned int n, n_fates, n_counters, n_marks;
	bool drops, jumps, is_tagged;
	uint32_t counters[RULES_MAX_ACTIONS];
};

static int
fail(struct rte_flow_error *error, int code, const struct rte_flow_action *action,
	const char *message)
{
	return rte_flow_error_set(error, code, RTE_FLOW_ERROR_TYPE_ACTION, action, message);
}

static enum direction
direction_of(enum rte_flow_action_type type)
{
	switch (type) {
	case RTE_FLOW_ACTION_TYPE_QUEUE:
	case RTE_FLOW_ACTION_TYPE_RSS:
		return INGRESS;
	case RTE_FLOW_ACTION_TYPE_PORT_ID:
	case RTE_FLOW_ACTION_TYPE_VF:
	case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
	case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
		return TRANSFER;
	case RTE_FLOW_ACTION_TYPE_DROP:
	case RTE_FLOW_ACTION_TYPE_JUMP:
	case RTE_FLOW_ACTION_TYPE_MARK:
	case RTE_FLOW_ACTION_TYPE_FLAG:
	case RTE_FLOW_ACTION_TYPE_COUNT:
	case RTE_FLOW_ACTION_TYPE_AGE:
	case RTE_FLOW_ACTION_TYPE_SET_MAC_SRC:
	case RTE_FLOW_ACTION_TYPE_SET_MAC_DST:
	case RTE_FLOW_ACTION_TYPE_MAC_SWAP:
	case RTE_FLOW_ACTION_TYPE_DEC_TTL:
	case RTE_FLOW_ACTION_TYPE_OF_DEC_NW_TTL:
	case RTE_FLOW_ACTION_TYPE_SET_TTL:
	case RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN:
	case RTE_FLOW_ACTION_TYPE_OF_POP_VLAN:
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID:
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP:
	case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP:
	case RTE_FLOW_ACTION_TYPE_VXLAN_DECAP:
	case RTE_FLOW_ACTION_TYPE_RAW_ENCAP:
	case RTE_FLOW_ACTION_TYPE_RAW_DECAP:
		return BOTH;
	default:
		return UNKNOWN;
	}
}

static bool
needs_configuration(enum rte_flow_action_type type)
{
	switch (type) {
	case RTE_FLOW_ACTION_TYPE_DROP:
	case RTE_FLOW_ACTION_TYPE_FLAG:
	case RTE_FLOW_ACTION_TYPE_COUNT:
	case RTE_FLOW_ACTION_TYPE_MAC_SWAP:
	case RTE_FLOW_ACTION_TYPE_DEC_TTL:
	case RTE_FLOW_ACTION_TYPE_OF_DEC_NW_TTL:
	case RTE_FLOW_ACTION_TYPE_OF_POP_VLAN:
	case RTE_FLOW_ACTION_TYPE_VXLAN_DECAP:
		return false;
	default:
		return true;
	}
}

static int
check_rss(const struct end *end, const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_rss *rss = action->conf;

	if (rss->func != RTE_ETH_HASH_FUNCTION_DEFAULT
		&& rss->func != RTE_ETH_HASH_FUNCTION_TOEPLITZ
		&& rss->func != RTE_ETH_HASH_FUNCTION_SYMMETRIC_TOEPLITZ)
		return fail(error, ENOTSUP, action, "this hash function is not there");
	if (rss->level > 1 && options_refuse(&end->card->options, "inner_rss"))
		return fail(error, ENOTSUP, action, BY_ARGUMENT);
	if (rss->level > 2)
		return fail(error, ENOTSUP, action, "there are two encapsulation levels");
	if ((rss->types & ~ETHDEV_RSS_TYPES) != 0)
		return fail(error, ENOTSUP, action, "hash types beyond flow_type_rss_offloads");
	if (rss->key_len != 0 && (rss->key_len != 40 || rss->key == NULL))
		return fail(error, ENOTSUP, action, "a hash key has 40 bytes");
	if (rss->queue_num == 0 || rss->queue_num > RULES_MAX_QUEUES || rss->queue == NULL)
		return fail(error, EINVAL, action, "1 to 16 queues are wanted");
	for (uint32_t i = 0; i < rss->queue_num; i++)
		if (rss->queue[i] >= end->n_queues)
			return fail(error, EINVAL, action, "there is no such receive queue");
	return 0;
}

static int
check_port(
	const struct end *end, const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_port_id *id = action->conf;
	const struct rte_flow_action_ethdev *ethdev = action->conf;
	const struct rte_flow_action_vf *vf = action->conf;
	uint32_t port;

	if (action->type == RTE_FLOW_ACTION_TYPE_VF) {
		if (vf->original || vf->id + 1 >= end->card->n_ends)
			return fail(error, EINVAL, action, "there is no such VF");
		return 0;
	}
	port = action->type == RTE_FLOW_ACTION_TYPE_PORT_ID ? id->id : ethdev->port_id;
	if (action->type == RTE_FLOW_ACTION_TYPE_PORT_ID && id->original)
		return fail(error, ENOTSUP, action, "the original port is not known");
	if (port >= CARD_NO_PORT || card_end(end->card, (uint16_t)port) == NULL)
		return fail(error, EINVAL, action, "port is not of this switch domain");
	return 0;
}

static int
check_encap(const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_vxlan_encap *vxlan = action->conf;
	const struct rte_flow_action_raw_encap *encap = action->conf;
	const struct rte_flow_action_raw_decap *decap = action->conf;
	bool is_decap = action->type == RTE_FLOW_ACTION_TYPE_RAW_DECAP;
	size_t size;

	if (action->type == RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP) {
		if (vxlan->definition == NULL || !header_template_is_vxlan(vxlan->definition))
			return fail(error, EINVAL, action,
				"the definition is ETH [VLAN] IPV4|IPV6 UDP VXLAN, each with a "
				"spec");
		return 0;
	}
	size = is_decap ? decap->size : encap->size;
	if (size < RTE_ETHER_HDR_LEN || size > RULES_MAX_HEADER
		|| (is_decap ? decap->data : encap->data) == NULL)
		return fail(error, EINVAL, action, "the header has 14 to 192 bytes");
	return 0;
}

// Values, each by itself.
static int
check_configuration(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_action *action, struct rte_flow_error *error)
{
	const struct rte_flow_action_of_push_vlan *push = action->conf;

	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_QUEUE:
		if (((const struct rte_flow_action_queue *)action->conf)->index >= end->n_queues)
			return fail(error, EINVAL, action, "there is no such receive queue");
		return 0;
	case RTE_FLOW_ACTION_TYPE_RSS:
		return check_rss(end, action, error);
	case RTE_FLOW_ACTION_TYPE_PORT_ID:
	case RTE_FLOW_ACTION_TYPE_VF:
	case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
	case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
		return check_port(end, action, error);
	case RTE_FLOW_ACTION_TYPE_JUMP:
		if (((const struct rte_flow_action_jump *)action->conf)->group <= attr->group)
			return fail(error, ENOTSUP, action, "jumps go to higher groups only");
		return 0;
	case RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN:
		if (push->ethertype != RTE_BE16(RTE_ETHER_TYPE_VLAN)
			&& push->ethertype != RTE_BE16(RTE_ETHER_TYPE_QINQ))
			return fail(error, ENOTSUP, action, "tags are 0x8100 or 0x88a8");
		return 0;
	case RTE_FLOW_ACTION_TYPE_AGE:
		if (((const struct rte_flow_action_age *)action->conf)->reserved != 0)
			return fail(error, EINVAL, action, "reserved bits are set");
		return 0;
	case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP:
	case RTE_FLOW_ACTION_TYPE_RAW_ENCAP:
	case RTE_FLOW_ACTION_TYPE_RAW_DECAP:
		return check_encap(action, error);
	default:
		return 0;
	}
}

// What the guide wants of the pattern below an action.
static int
check_pattern_below(const struct rte_flow_action *action, const struct check_found *found,
	struct progress *progress, struct rte_flow_error *error)
{
	switch (action->type) {
	case RTE_FLOW_ACTION_TYPE_SET_MAC_SRC:
	case RTE_FLOW_ACTION_TYPE_SET_MAC_DST:
	case RTE_FLOW_ACTION_TYPE_MAC_SWAP:
		return found->eth ? 0 : fail(error, EINVAL, action, "wants item ETH");
	case RTE_FLOW_ACTION_TYPE_DEC_TTL:
	case RTE_FLOW_ACTION_TYPE_OF_DEC_NW_TTL:
	case RTE_FLOW_ACTION_TYPE_SET_TTL:
		return found->ipv4 || found->ipv6
			       ? 0
			       : fail(error, EINVAL, action, "wants item IPV4 or IPV6");
	case RTE_FLOW_ACTION_TYPE_VXLAN_DECAP:
		return found->vxlan ? 0 : fail(error, EINVAL, action, "wants item VXLAN");
	case RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN:
		progress->is_tagged = true;
		return 0;
	case RTE_FLOW_ACTION_TYPE_OF_POP_VLAN:
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID:
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP:
		return found->vlan || progress->is_tagged
			       ? 0
			       : fail(error, EINVAL, action,
				       "wants item VLAN or OF_PUSH_VLAN before it");
	default:
		return 0;
	}
}

static bool
is_fate(enum rte_flow_action_type type)
{
	return type == RTE_FLOW_ACTION_TYPE_DROP || type == RTE_FLOW_ACTION_TYPE_JUMP
	       || direction_of(type) == INGRESS || direction_of(type) == TRANSFER;
}

// What may stand together.
static int
check_order(const struct rte_flow_action *action, struct progress *progress,
	struct rte_flow_error *error)
{
	const struct rte_flow_action_count *count = action->conf;

	if (progress->jumps)
		return fail(error, EINVAL, action, "nothing comes behind JUMP");
	if (++progress->n > RULES_MAX_ACTIONS)
		return rte_flow_error_set(
			error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION_NUM, action, "too many actions");
	if (is_fate(action->type)) {
		progress->n_fates++;
		progress->drops |= action->type == RTE_FLOW_ACTION_TYPE_DROP;
		progress->jumps |= action->type == RTE_FLOW_ACTION_TYPE_JUMP;
		if (progress->n_fates > 1 && (progress->drops || progress->jumps))
			return fail(error, EINVAL, action, "DROP and JUMP stand alone");
	}
	if (action->type == RTE_FLOW_ACTION_TYPE_MARK && ++progress->n_marks > 1)
		return fail(error, EINVAL, action, "one MARK at most");
	if (action->type != RTE_FLOW_ACTION_TYPE_COUNT)
		return 0;
	for (unsigned int i = 0; i < progress->n_counters; i++)
		if (progress->counters[i] == (count != NULL ? count->id : 0))
			return fail(error, EINVAL, action, "each counter wants an id of its own");
	progress->counters[progress->n_counters++] = count != NULL ? count->id : 0;
	return 0;
}

static int
check_action(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_action *action, struct rte_flow_error *error)
{
	enum direction direction = direction_of(action->type);
	const char *name = "";

	if (direction == UNKNOWN)
		return fail(error, ENOTSUP, action, "action is not known");
	rte_flow_conv(RTE_FLOW_CONV_OP_ACTION_NAME_PTR, &name, sizeof(name),
		(const void *)(uintptr_t)action->type, NULL);
	if (options_refuse(&end->card->options, name))
		return fail(error, ENOTSUP, action, "refused by the device's arguments");
	if (direction == INGRESS && !attr->ingress)
		return fail(error, EINVAL, action, "is for ingress rules");
	if (direction == TRANSFER && !attr->transfer)
		return fail(error, EINVAL, action, "wants attribute transfer");
	if (needs_configuration(action->type) && action->conf == NULL)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, action,
			"the action's configuration is missing");
	return check_configuration(end, attr, action, error);
}

int
check_actions(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_action *actions, struct check_found *found,
	struct rte_flow_error *error)
{
	struct progress progress = {0};

	for (; actions->type != RTE_FLOW_ACTION_TYPE_END; actions++) {
		int ret = 0;

		if (actions->type == RTE_FLOW_ACTION_TYPE_VOID)
			continue;
		ret = check_action(end, attr, actions, error);
		if (ret == 0)
			ret = check_pattern_below(actions, found, &progress, error);
		if (ret == 0)
			ret = check_order(actions, &progress, error);
		if (ret < 0)
			return ret;
	}
	if (progress.n_fates == 0)
		return rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_NUM, NULL,
			"no action says where the frame goes");
	return 0;
}
