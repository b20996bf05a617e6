/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <errno.h>
#include <string.h>

#define MAX_ITEMS 32

static int
fail(struct rte_flow_error *error, int code, enum rte_flow_error_type type, const void *cause,
	const char *message)
{
	return rte_flow_error_set(error, code, type, cause, message);
}

static int
check_attributes(
	const struct end *end, const struct rte_flow_attr *attr, struct rte_flow_error *error)
{
	const struct options *options = &end->card->options;

	if (attr->reserved != 0)
		return fail(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR, attr, "reserved bits are set");
	if (attr->egress)
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_EGRESS, attr,
			"there are no egress rules");
	if (attr->transfer == attr->ingress)
		return fail(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR, attr,
			"either ingress or transfer is wanted");
	if ((attr->transfer && options_refuse(options, "transfer"))
		|| (attr->ingress && options_refuse(options, "ingress")))
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, attr, BY_ARGUMENT);
	if (attr->group != 0 && options_refuse(options, "group"))
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_GROUP, attr, BY_ARGUMENT);
	if (attr->priority != 0 && options_refuse(options, "priority"))
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR_PRIORITY, attr, BY_ARGUMENT);
	if (attr->transfer && end->index != 0)
		return fail(error, EINVAL, RTE_FLOW_ERROR_TYPE_ATTR_TRANSFER, attr,
			"transfer rules are made by the uplink: rte_flow_pick_transfer_proxy()");
	return 0;
}

// `last` below `spec` in a field; the mask does not count here.
static bool
is_range(const struct match_type *type, const struct rte_flow_item *item, bool *is_backwards)
{
	bool any = false;

	for (unsigned int i = 0; item->last != NULL && i < type->n_fields; i++) {
		const uint8_t *last = (const uint8_t *)item->last + type->fields[i].offset;
		const uint8_t *spec = (const uint8_t *)item->spec + type->fields[i].offset;
		static const uint8_t zero[16];
		int order = memcmp(last, spec, type->fields[i].size);

		if (order == 0 || memcmp(last, zero, type->fields[i].size) == 0)
			continue;
		any = true;
		*is_backwards |= order < 0;
	}
	return any;
}

static int
check_values(const struct end *end, const struct match_type *type, const struct rte_flow_item *item,
	struct rte_flow_error *error)
{
	bool is_backwards = false, range;

	if (item->spec == NULL && item->mask != NULL)
		return fail(
			error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_MASK, item, "mask without spec");
	if (item->spec == NULL && item->last != NULL)
		return fail(
			error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_LAST, item, "last without spec");
	range = is_range(type, item, &is_backwards);
	if (range && options_refuse(&end->card->options, "range"))
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_LAST, item, BY_ARGUMENT);
	if (is_backwards)
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_LAST, item,
			"last is lower than spec");
	if (item->type == RTE_FLOW_ITEM_TYPE_INTEGRITY && item->mask != NULL
		&& ((const struct rte_flow_item_integrity *)item->mask)->reserved != 0)
		return fail(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_MASK, item,
			"reserved bits are set");
	return 0;
}

static bool
is_meta(enum rte_flow_item_type type)
{
	switch (type) {
	case RTE_FLOW_ITEM_TYPE_VOID:
	case RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR:
	case RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT:
	case RTE_FLOW_ITEM_TYPE_PORT_ID:
	case RTE_FLOW_ITEM_TYPE_MARK:
	case RTE_FLOW_ITEM_TYPE_INTEGRITY:
		return true;
	default:
		return false;
	}
}

// Layers are stacked from the lowest on. An IP header first, "anywhere in the packet", is optional
// in the guide and not done here.
static bool
may_follow(enum rte_flow_item_type below, enum rte_flow_item_type type)
{
	switch (type) {
	case RTE_FLOW_ITEM_TYPE_ETH:
		return below == RTE_FLOW_ITEM_TYPE_END || below == RTE_FLOW_ITEM_TYPE_VXLAN;
	case RTE_FLOW_ITEM_TYPE_VLAN:
	case RTE_FLOW_ITEM_TYPE_IPV4:
	case RTE_FLOW_ITEM_TYPE_IPV6:
		return below == RTE_FLOW_ITEM_TYPE_ETH || below == RTE_FLOW_ITEM_TYPE_VLAN;
	case RTE_FLOW_ITEM_TYPE_UDP:
	case RTE_FLOW_ITEM_TYPE_TCP:
	case RTE_FLOW_ITEM_TYPE_SCTP:
		return below == RTE_FLOW_ITEM_TYPE_IPV4 || below == RTE_FLOW_ITEM_TYPE_IPV6;
	case RTE_FLOW_ITEM_TYPE_ICMP:
		return below == RTE_FLOW_ITEM_TYPE_IPV4;
	case RTE_FLOW_ITEM_TYPE_ICMP6:
		return below == RTE_FLOW_ITEM_TYPE_IPV6;
	case RTE_FLOW_ITEM_TYPE_VXLAN:
		return below == RTE_FLOW_ITEM_TYPE_UDP;
	default:
		return false;
	}
}

static void
note(enum rte_flow_item_type type, struct check_found *found)
{
	found->eth |= type == RTE_FLOW_ITEM_TYPE_ETH;
	found->vlan |= type == RTE_FLOW_ITEM_TYPE_VLAN;
	found->ipv4 |= type == RTE_FLOW_ITEM_TYPE_IPV4;
	found->ipv6 |= type == RTE_FLOW_ITEM_TYPE_IPV6;
	found->vxlan |= type == RTE_FLOW_ITEM_TYPE_VXLAN;
	found->origin |= type == RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR
			 || type == RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT
			 || type == RTE_FLOW_ITEM_TYPE_PORT_ID;
}

static int
check_item(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_item *item, struct rte_flow_error *error)
{
	const struct match_type *type = match_type_of(item->type);
	const char *name = "";

	if (item->type == RTE_FLOW_ITEM_TYPE_VOID)
		return 0;
	if (type == NULL)
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, item, "item is not known");
	rte_flow_conv(RTE_FLOW_CONV_OP_ITEM_NAME_PTR, &name, sizeof(name),
		(const void *)(uintptr_t)item->type, NULL);
	if (options_refuse(&end->card->options, name))
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM, item, BY_ARGUMENT);
	if (!attr->transfer
		&& (item->type == RTE_FLOW_ITEM_TYPE_PORT_REPRESENTOR
			|| item->type == RTE_FLOW_ITEM_TYPE_REPRESENTED_PORT
			|| item->type == RTE_FLOW_ITEM_TYPE_PORT_ID))
		return fail(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, item,
			"a port in the pattern wants attribute transfer");
	return check_values(end, type, item, error);
}

int
check_pattern(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_item *pattern, struct check_found *found,
	struct rte_flow_error *error)
{
	enum rte_flow_item_type below = RTE_FLOW_ITEM_TYPE_END;
	unsigned int n = 0;

	*found = (struct check_found){0};
	for (; pattern->type != RTE_FLOW_ITEM_TYPE_END; pattern++) {
		int ret = check_item(end, attr, pattern, error);

		if (ret < 0)
			return ret;
		if (++n > MAX_ITEMS)
			return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_NUM, pattern,
				"too many items");
		if (is_meta(pattern->type)) {
			note(pattern->type, found);
			continue;
		}
		if (!may_follow(below, pattern->type)
			|| (found->vxlan && pattern->type == RTE_FLOW_ITEM_TYPE_VXLAN))
			return fail(error, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM, pattern,
				"item does not belong above the one before it");
		note(pattern->type, found);
		below = pattern->type;
	}
	if (attr->transfer && attr->group == 0 && !found->origin)
		return fail(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM_NUM, NULL,
			"a transfer rule of group 0 must name where frames come from");
	return 0;
}

int
check_rule(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_item *pattern, const struct rte_flow_action *actions,
	struct rte_flow_error *error)
{
	struct check_found found;
	int ret;

	if (attr == NULL || pattern == NULL || actions == NULL)
		return fail(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"attributes, pattern and actions are all needed");
	if (!end->was_started)
		return fail(error, EBUSY, RTE_FLOW_ERROR_TYPE_STATE, NULL,
			"the port was not started yet");
	ret = check_attributes(end, attr, error);
	if (ret == 0)
		ret = check_pattern(end, attr, pattern, &found, error);
	return ret == 0 ? check_actions(end, attr, actions, &found, error) : ret;
}
