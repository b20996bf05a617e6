/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include "flow_private.h"

// The device's own words where it has any.
static int
explain(const struct rte_flow_error *error, const char *what, int ret, char *reason, size_t len)
{
	if (ret == 0)
		ret = rte_errno != 0 ? -rte_errno : -EIO;
	if (error->message != NULL)
		snprintf(reason, len, "%s: %s", what, error->message);
	else
		snprintf(reason, len, "%s: %s", what, strerror(-ret));
	return ret;
}

struct flow_device *
flow_device_open(uint16_t ethdev, bool transfer, char *reason, size_t reason_len)
{
	struct rte_flow_error error = {0};
	struct flow_device *device;
	uint16_t proxy = ethdev;
	int ret;

	if (transfer && (ret = flow_ops->pick_proxy(ethdev, &proxy, &error)) != 0) {
		explain(&error, "no transfer rules", ret, reason, reason_len);
		return NULL;
	}
	device = calloc(1, sizeof(*device));
	if (device == NULL) {
		snprintf(reason, reason_len, "no memory");
		return NULL;
	}
	device->ethdev = proxy;
	device->is_async = flow_async_is_ready(proxy);
	return device;
}

void
flow_device_close(struct flow_device *device)
{
	if (device != NULL)
		flow_async_close(device);
	free(device);
}

uint16_t
flow_device_ethdev(const struct flow_device *device)
{
	return device->ethdev;
}

bool
flow_device_is_async(const struct flow_device *device)
{
	return device->is_async;
}

uint16_t
flow_switch_domain(uint16_t ethdev)
{
	struct rte_eth_dev_info info = {0};

	info.switch_info.domain_id = RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID;
	if (flow_ops->info_get(ethdev, &info) != 0
		|| info.switch_info.domain_id == RTE_ETH_DEV_SWITCH_DOMAIN_ID_INVALID)
		return UINT16_MAX;
	return info.switch_info.domain_id;
}

static bool
is_full(int error)
{
	return error == -ENOSPC || error == -ENOMEM || error == -ENOBUFS || error == -EAGAIN;
}

static int
add_plain(struct flow_device *device, const struct flow_build *build, struct flow_entry *entry,
	struct rte_flow_error *error)
{
	entry->flow =
		flow_ops->create(device->ethdev, &build->attr, build->items, build->actions, error);
	return entry->flow != NULL ? 0 : -rte_errno;
}

// Builds the rule in the first dialect that the device takes. Returns 0 or -errno.
static int
find_dialect(const struct flow_device *device, const struct flow_rule *rule,
	struct flow_build *build, struct rte_flow_error *error)
{
	const uint32_t useful = flow_rule_dialects(rule);
	struct rte_flow_error last = {0};
	int ret = -ENOTSUP, first = 0;

	for (uint32_t dialect = 0; dialect < FLOW_DIALECTS; dialect++) {
		if ((dialect & ~useful) != 0)
			continue;
		flow_rule_build(rule, dialect, build);
		ret = flow_ops->validate(
			device->ethdev, &build->attr, build->items, build->actions, &last);
		if (ret == 0)
			return 0;
		if (dialect == 0) { // whose message is told: it names what we wanted most
			*error = last;
			first = ret;
		}
		if (is_full(ret))
			break;
	}
	return is_full(ret) ? ret : first;
}

int
flow_add(struct flow_device *device, const struct flow_rule *rule, struct flow_entry *entry,
	char *reason, size_t reason_len)
{
	struct rte_flow_error error = {0};
	struct flow_build build;
	int ret = find_dialect(device, rule, &build, &error);

	memset(entry, 0, sizeof(*entry));
	if (ret == 0 && device->is_async)
		ret = flow_async_add(device, &build, entry, &error);
	// Not every form fits a template: what does not goes the plain way.
	if (ret == 0 && !entry->is_async) {
		rte_errno = 0;
		ret = add_plain(device, &build, entry, &error);
		if (ret == 0 && entry->flow == NULL)
			ret = -EIO;
	}
	if (ret == 0)
		return 0;
	explain(&error, is_full(ret) ? "full" : "refused", ret, reason, reason_len);
	return is_full(ret) ? -ENOSPC : ret;
}

int
flow_remove(struct flow_device *device, struct flow_entry *entry, char *reason, size_t reason_len)
{
	struct rte_flow_error error = {0};
	int ret = 0;

	if (entry->is_async)
		ret = flow_async_remove(device, entry, &error);
	else if (entry->flow != NULL)
		ret = flow_ops->destroy(device->ethdev, entry->flow, &error);
	if (ret != 0)
		return explain(&error, "not removed", ret, reason, reason_len);
	entry->flow = NULL;
	return 0;
}

int
flow_flush(struct flow_device *device)
{
	struct rte_flow_error error = {0};

	return flow_ops->flush(device->ethdev, &error);
}

int
flow_query(struct flow_device *device, const struct flow_entry *entry, uint64_t *packets,
	uint64_t *bytes, char *reason, size_t reason_len)
{
	const struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_COUNT}, {.type = RTE_FLOW_ACTION_TYPE_END}};
	struct rte_flow_query_count count = {0};
	struct rte_flow_error error = {0};
	int ret;

	if (entry->flow == NULL || entry->failed) {
		snprintf(reason, reason_len, "not in the device");
		return -ENOENT;
	}
	ret = flow_ops->query(device->ethdev, entry->flow, actions, &count, &error);
	if (ret != 0)
		return explain(&error, "lost", ret, reason, reason_len);
	*packets = count.hits_set ? count.hits : 0;
	*bytes = count.bytes_set ? count.bytes : 0;
	return 0;
}
