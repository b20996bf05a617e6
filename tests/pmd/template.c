/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "async.h"
#include "check.h"

static void *
copy(enum rte_flow_conv_op op, const void *source)
{
	int size = rte_flow_conv(op, NULL, 0, source, NULL);
	void *target = size > 0 ? malloc((size_t)size) : NULL;

	if (target != NULL)
		rte_flow_conv(op, target, (size_t)size, source, NULL);
	return target;
}

struct rte_flow_pattern_template *
async_pattern_template_create(struct rte_eth_dev *dev,
	const struct rte_flow_pattern_template_attr *attr, const struct rte_flow_item pattern[],
	struct rte_flow_error *error)
{
	struct rte_flow_pattern_template *template;

	if (attr->relaxed_matching) {
		rte_flow_error_set(error, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR, attr,
			"relaxed matching is not supported");
		return NULL;
	}
	template = calloc(1, sizeof(*template));
	if (template == NULL)
		return NULL;
	template->attr = *attr;
	template->pattern = copy(RTE_FLOW_CONV_OP_PATTERN, pattern);
	return template;
}

int
async_pattern_template_destroy(struct rte_eth_dev *dev, struct rte_flow_pattern_template *template,
	struct rte_flow_error *error)
{
	if (template->n_tables > 0)
		return rte_flow_error_set(error, EBUSY, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, template,
			"a table uses this template");
	free(template->pattern);
	free(template);
	return 0;
}

struct rte_flow_actions_template *
async_actions_template_create(struct rte_eth_dev *dev,
	const struct rte_flow_actions_template_attr *attr, const struct rte_flow_action actions[],
	const struct rte_flow_action masks[], struct rte_flow_error *error)
{
	struct rte_flow_actions_template *template = NULL;

	for (unsigned int i = 0; masks[i].type == actions[i].type; i++) {
		if (actions[i].type != RTE_FLOW_ACTION_TYPE_END)
			continue;
		template = calloc(1, sizeof(*template));
		break;
	}
	if (template == NULL) {
		rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, masks,
			"actions and masks are not of the same types");
		return NULL;
	}
	template->attr = *attr;
	template->actions = copy(RTE_FLOW_CONV_OP_ACTIONS, actions);
	template->masks = copy(RTE_FLOW_CONV_OP_ACTIONS, masks);
	return template;
}

int
async_actions_template_destroy(struct rte_eth_dev *dev, struct rte_flow_actions_template *template,
	struct rte_flow_error *error)
{
	if (template->n_tables > 0)
		return rte_flow_error_set(error, EBUSY, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, template,
			"a table uses this template");
	free(template->actions);
	free(template->masks);
	free(template);
	return 0;
}

struct rte_flow_template_table *
async_table_create(struct rte_eth_dev *dev, const struct rte_flow_template_table_attr *attr,
	struct rte_flow_pattern_template *patterns[], uint8_t n_patterns,
	struct rte_flow_actions_template *actions[], uint8_t n_actions,
	struct rte_flow_error *error)
{
	struct rte_flow_template_table *table;

	if (n_patterns == 0 || n_actions == 0 || n_patterns > TEMPLATES_MAX
		|| n_actions > TEMPLATES_MAX) {
		rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"a table has 1 to 8 templates of each kind");
		return NULL;
	}
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NULL;
	table->attr = *attr;
	table->n_patterns = n_patterns;
	table->n_actions = n_actions;
	for (unsigned int i = 0; i < n_patterns; i++)
		(table->patterns[i] = patterns[i])->n_tables++;
	for (unsigned int i = 0; i < n_actions; i++)
		(table->actions[i] = actions[i])->n_tables++;
	return table;
}

int
async_table_destroy(struct rte_eth_dev *dev, struct rte_flow_template_table *table,
	struct rte_flow_error *error)
{
	if (table->n_rules > 0)
		return rte_flow_error_set(error, EBUSY, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, table,
			"the table has rules");
	for (unsigned int i = 0; i < table->n_patterns; i++)
		table->patterns[i]->n_tables--;
	for (unsigned int i = 0; i < table->n_actions; i++)
		table->actions[i]->n_tables--;
	free(table);
	return 0;
}

// What merged items point to.
struct merged_values {
	uint8_t spec[TEMPLATE_MAX_ITEMS][TEMPLATE_MAX_ITEM],
		last[TEMPLATE_MAX_ITEMS][TEMPLATE_MAX_ITEM];
};

static bool
is_range(const uint8_t *spec, const uint8_t *last, size_t n)
{
	static const uint8_t zero[TEMPLATE_MAX_ITEM];

	return memcmp(last, zero, n) != 0 && memcmp(last, spec, n) != 0;
}

// A range stands in the template, by both its ends ("the spec member of an item is not used unless
// the end member is used", rte_flow.h); all other values are the rule's.
static void
merge_ranges(const struct rte_flow_item *template, struct rte_flow_item *merged, uint8_t *spec,
	uint8_t *last)
{
	const struct match_type *type = match_type_of(merged->type);

	if (type == NULL || merged->spec == NULL || template->last == NULL || template->spec == NULL
		|| type->size > TEMPLATE_MAX_ITEM)
		return;
	memset(last, 0, type->size);
	memcpy(spec, merged->spec, type->size);
	for (unsigned int i = 0; i < type->n_fields; i++) {
		size_t at = type->fields[i].offset, size = type->fields[i].size;
		const uint8_t *low = (const uint8_t *)template->spec + at;
		const uint8_t *high = (const uint8_t *)template->last + at;

		if (!is_range(low, high, size))
			continue;
		memcpy(spec + at, low, size);
		memcpy(last + at, high, size);
	}
	merged->spec = spec;
	merged->last = last;
}

// Masks are the template's; an item that has none there matches its layer.
static bool
merge_pattern(const struct rte_flow_item *template, const struct rte_flow_item *items,
	struct rte_flow_item *merged, struct merged_values *values)
{
	for (unsigned int i = 0; i < TEMPLATE_MAX_ITEMS; i++) {
		if (template[i].type != items[i].type)
			return false;
		merged[i] = (struct rte_flow_item){.type = items[i].type};
		if (template[i].type == RTE_FLOW_ITEM_TYPE_END)
			return true;
		if (template[i].mask == NULL)
			continue;
		merged[i].spec = items[i].spec;
		merged[i].mask = items[i].spec != NULL ? template[i].mask : NULL;
		merge_ranges(&template[i], &merged[i], values -> spec[i], values -> last[i]);
	}
	return false;
}

// A configuration whose mask is not all zero is the template's. Looks at the mask's size in bytes.
static bool
is_constant(const struct rte_flow_action *mask)
{
	int size = rte_flow_conv(RTE_FLOW_CONV_OP_ACTION, NULL, 0, mask, NULL);
	const uint8_t *bytes = mask->conf;

	for (int i = 0; bytes != NULL && i < size - (int)sizeof(*mask); i++)
		if (bytes[i] != 0)
			return true;
	return false;
}

static bool
merge_actions(const struct rte_flow_actions_template *template,
	const struct rte_flow_action *actions, struct rte_flow_action *merged)
{
	for (unsigned int i = 0; i < RULES_MAX_ACTIONS; i++) {
		if (template->actions[i].type != actions[i].type)
			return false;
		merged[i] = actions[i];
		if (actions[i].type == RTE_FLOW_ACTION_TYPE_END)
			return true;
		if (is_constant(&template->masks[i]))
			merged[i].conf = template->actions[i].conf;
	}
	return false;
}

struct rte_flow *
template_rule(const struct end *end, struct rte_flow_template_table *table,
	const struct rte_flow_pattern_template *pattern, const struct rte_flow_item *items,
	const struct rte_flow_actions_template *template, const struct rte_flow_action *actions,
	struct rte_flow_error *error)
{
	struct rte_flow_item merged_items[TEMPLATE_MAX_ITEMS];
	struct rte_flow_action merged_actions[RULES_MAX_ACTIONS];
	struct merged_values values;
	struct rte_flow *rule;

	if (!merge_pattern(pattern->pattern, items, merged_items, &values)
		|| !merge_actions(template, actions, merged_actions)) {
		rte_flow_error_set(error, EINVAL, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL,
			"the rule is not of the shape of its templates");
		return NULL;
	}
	if (check_rule(end, &table->attr.flow_attr, merged_items, merged_actions, error) < 0)
		return NULL;
	rule = rules_compile(&table->attr.flow_attr, merged_items, merged_actions);
	if (rule == NULL)
		rte_flow_error_set(
			error, ENOMEM, RTE_FLOW_ERROR_TYPE_UNSPECIFIED, NULL, "no memory");
	else
		rule->table = table;
	return rule;
}
