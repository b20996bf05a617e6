/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OFFLOAD_PRIVATE_H
#define SERVER_OFFLOAD_PRIVATE_H

// What the offload*.c files share.

#include <sys/queue.h>

#include "flow_offload.h"
#include "objects_private.h"
#include "offload.h"
#include "offload_key.h"
#include "offload_probe.h"

#define OFFLOAD_FLOWS 8192 // rules that are kept account of, in every state
#define OFFLOAD_BUCKETS 4096 // a power of two
#define OFFLOAD_RETRY_S 30 // after a refusal or failure

// Where rules go: an ethdev, or the proxy of several.
struct offload_device {
	struct flow_device *flow;
	bool is_full; // since something was refused for room
	uint32_t n_offloaded;
};

struct offload_flow {
	LIST_ENTRY(offload_flow) bucket;
	TAILQ_ENTRY(offload_flow) link;
	struct offload_key key; // of a flow that was seen; port alone: a rule that objects ask for
	bool is_seen; // the former
	bool is_wanted; // of the latter, while they are looked through
	bool is_told; // in the log, that the device does not have it
	bool has_rule; // else rule.match alone says which flow it is
	uint32_t id;
	uint16_t out_port; // 0: none
	uint16_t kind; // cw_flow_kind
	uint8_t state; // cw_flow_state
	struct flow_rule rule;
	struct offload_device *device; // while it is there, or on its way
	struct flow_entry entry;
	bool is_proven; // the device has answered about it since it took it
	uint64_t packets, bytes; // by the device, as last asked
	uint64_t rated; // of packets: those that rate knows of
	uint64_t in_software; // packets told by workers since the last second
	uint64_t rate; // packets a second, smoothed, whoever carries them
	uint32_t busy_s; // when it last had packets
	uint32_t since_s; // of this state
	char reason[128];
};

struct offload_port {
	bool is_known; // the following was asked for
	struct port_ethdev ethdev;
	uint16_t domain; // of the card's switch, UINT16_MAX: none
};

struct offload {
	struct dataplane *dp;
	struct objects *objects;
	struct probe *probe; // NULL until a port has CW_PORT_OFFLOAD
	bool is_on; // some port has rules
	bool follows_flows; // some port has it, and what is needed for it is there
	bool guards_wait; // drop rules for answers about what may pass
	uint32_t now_s, next_id;
	unsigned int n_flows;
	TAILQ_HEAD(flow_list, offload_flow) flows;
	struct offload_flow *next; // to be rechecked; moves on when that one is deleted
	LIST_HEAD(, offload_flow) buckets[OFFLOAD_BUCKETS];
	struct offload_port ports[CW_MAX_PORTS];
	struct offload_device *devices[RTE_MAX_ETHPORTS]; // by proxy
};

// offload_port.c: the DPDK device of a port that may have rules; NULL with a sentence.
const struct offload_port *offload_port_of(
	struct offload *o, uint16_t id, char *reason, size_t reason_len);
// The same whether or not the port has CW_PORT_OFFLOAD.
const struct offload_port *offload_device_port(
	struct offload *o, uint16_t id, char *reason, size_t reason_len);
struct offload_device *offload_device_of(struct offload *o, const struct offload_port *port,
	bool transfer, char *reason, size_t reason_len);
// Whether other ports' packets come in by its device.
bool offload_port_has_children(const struct offload *o, uint16_t id);
// Looks for devices that were started anew; their rules are gone, and a driver may fall over what
// is left of them: called before rules are asked about or taken back.
void offload_ports_refresh(struct offload *o);
void offload_devices_close(struct offload *o);

// offload_flow.c: life of one rule.
struct offload_flow *offload_flow_find(
	struct offload *o, uint16_t port, const struct flow_match *match);
struct offload_flow *offload_flow_new(struct offload *o, const struct offload_key *key,
	const struct flow_rule *rule, uint16_t kind);
void offload_flow_delete(struct offload *o, struct offload_flow *flow);
// Asks the device; state and reason say what came of it.
void offload_flow_install(struct offload *o, struct offload_flow *flow);
// The device has it no more when this returns.
void offload_flow_withdraw(struct offload *o, struct offload_flow *flow);
void offload_flow_state(
	struct offload *o, struct offload_flow *flow, uint8_t state, const char *reason);
// The device lost it by itself.
void offload_flow_lost(struct offload *o, struct offload_flow *flow, const char *reason);

// offload_derive.c: how a flow without a rule is called.
void offload_name(const struct offload_key *key, struct flow_rule *rule);
// The rule for a flow by what tables say now. Returns whether there is one; else
// reason. rule->match is the flow's identity in either case. Sets *out_port and *kind.
bool offload_derive(struct offload *o, const struct offload_key *key, struct flow_rule *rule,
	uint16_t *out_port, uint16_t *kind, char *reason, size_t reason_len);

// offload_objects.c: rules that objects ask for: guard, steering, RSS.
void offload_objects_settle(struct offload *o);
struct offload_want {
	uint16_t port, kind;
	struct flow_rule rule;
};
// The rule, in whichever state; NULL: no memory.
struct offload_flow *offload_want(struct offload *o, const struct offload_want *want);
// offload_guard.c, offload_steer.c: call offload_want() for each rule of a port.
void offload_guard_wants(struct offload *o, const struct dp_port *port);
void offload_steer_wants(struct offload *o, const struct dp_port *port);
// Whether the kernel keeps what the port's device is not told to give us.
bool offload_is_isolated(const struct offload *o, const struct dp_port *port);

// offload_rank.c
void offload_count(struct offload *o);
// Asks the device for a rule's counters. Returns whether it has the rule.
bool offload_ask(struct offload *o, struct offload_flow *flow);
void offload_rank(struct offload *o);

#endif
