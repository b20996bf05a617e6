/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_FLOW_OFFLOAD_H
#define DRIVERS_PORT_FLOW_OFFLOAD_H

// Puts rules (flow_rule.h) into a device, and takes them back. Each is probed by rte_flow_validate
// in the dialects that say the same, until the device takes one. By the asynchronous template API
// where the device has it, else by the plain one. Main thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow_rule.h"

struct flow_device;

struct flow_op; // an asynchronous operation

// A rule in a device. Stays where it is until flow_remove() or flow_forget().
struct flow_entry {
	struct rte_flow *flow;
	struct flow_op *pending; // NULL: the device has answered
	bool is_async;
	bool failed; // the answer was an error
};

// The device that rules of this ethdev go to: for transfer rules its proxy. NULL with a sentence.
struct flow_device *flow_device_open(
	uint16_t ethdev, bool transfer, char *reason, size_t reason_len);
// Its rules were removed or forgotten.
void flow_device_close(struct flow_device *device);
uint16_t flow_device_ethdev(const struct flow_device *device);
bool flow_device_is_async(const struct flow_device *device);

// Between rte_eth_dev_configure() and rte_eth_dev_start(): prepares the asynchronous API where the
// device has it. Without it, and when it is refused, rules go by the plain API.
void flow_device_prepare(uint16_t ethdev);
// Ports of one embedded switch have the same domain; UINT16_MAX: there is none.
uint16_t flow_switch_domain(uint16_t ethdev);

// Returns 0: the device has it, or, while entry->pending is set, was asked for it. Else -ENOSPC
// (full) or another -errno (refused) with the device's message.
int flow_add(struct flow_device *device, const struct flow_rule *rule, struct flow_entry *entry,
	char *reason, size_t reason_len);
// After this the device carries it out no more; waits for the device's answer. -errno with a
// message when the device would not: then it may still be there (flow_flush).
int flow_remove(
	struct flow_device *device, struct flow_entry *entry, char *reason, size_t reason_len);
// The device has lost it, or has it no more after flow_flush().
void flow_forget(struct flow_entry *entry);
// Removes all rules of the device, whoever made them. Returns 0 or -errno.
int flow_flush(struct flow_device *device);
// The entry's counters. -errno: the device has it no more, with its message.
int flow_query(struct flow_device *device, const struct flow_entry *entry, uint64_t *packets,
	uint64_t *bytes, char *reason, size_t reason_len);
// Takes answers to asynchronous operations; entries say what became of them.
void flow_poll(struct flow_device *device);

#endif
