/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_FLOW_PRIVATE_H
#define DRIVERS_PORT_FLOW_PRIVATE_H

// What the files of the flow layer share.

#include <sys/queue.h>

#include "flow_offload.h"
#include "flow_ops.h"

#define FLOW_TABLES 32 // template tables of a device: forms of rules

struct flow_table {
	struct rte_flow_template_table *table;
	struct rte_flow_pattern_template *pattern;
	struct rte_flow_actions_template *actions;
	uint64_t form; // of pattern and actions, see flow_async.c
	struct rte_flow_attr attr;
};

// Lives until the device's answer; its entry may be gone before.
struct flow_op {
	LIST_ENTRY(flow_op) link;
	struct flow_entry *entry; // NULL: nobody waits for the answer
	struct rte_flow *flow; // that is to come, NULL: to go
};

struct flow_device {
	uint16_t ethdev; // the proxy
	bool is_async;
	LIST_HEAD(, flow_op) ops;
	unsigned int n_tables;
	struct flow_table tables[FLOW_TABLES];
};

// Whether flow_device_prepare() made the template API ready.
bool flow_async_is_ready(uint16_t ethdev);
// As flow_add() and flow_remove(), by the template API.
int flow_async_add(struct flow_device *device, const struct flow_build *build,
	struct flow_entry *entry, struct rte_flow_error *error);
int flow_async_remove(
	struct flow_device *device, struct flow_entry *entry, struct rte_flow_error *error);
void flow_async_close(struct flow_device *device);

#endif
