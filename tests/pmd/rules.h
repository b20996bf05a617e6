/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_RULES_H
#define PMD_RULES_H

// Rules and the groups that hold them. Transfer rules belong to the card's embedded switch, ingress
// rules to an ethdev. Everything here is called with the card's lock held.

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_ether.h>
#include <rte_flow.h>

#include "frame.h"
#include "match.h"

#define RULES_MAX_ACTIONS 24
#define RULES_MAX_JUMPS 16 // more of them are a loop
#define RULES_MAX_HEADER 192 // bytes that one action puts in front
#define RULES_MAX_QUEUES 16

struct card;
struct end;

// One action, with everything that its configuration points to.
struct op {
	enum rte_flow_action_type type;
	uint32_t number; // queue, group, mark, port, counter, VID, PCP, TTL, seconds
	rte_be16_t tpid;
	struct rte_ether_addr mac;
	uint8_t address[16];
	// *_ENCAP, RAW_DECAP: a header, and the bits of it that must stay as they are.
	uint8_t header[RULES_MAX_HEADER], preserve[RULES_MAX_HEADER];
	uint16_t header_size;
	bool picks_source_port; // VXLAN_ENCAP that leaves it to the card
	struct {
		uint32_t level;
		uint64_t types;
		uint8_t key[40];
		uint16_t queue[RULES_MAX_QUEUES];
		uint16_t n_queues;
		bool is_symmetric;
	} rss;
	uint64_t hits, bytes; // COUNT
	void *context; // AGE
};

struct rte_flow {
	TAILQ_ENTRY(rte_flow) next;
	uint16_t owner; // ethdev that it was created by
	struct rte_flow_attr attr;
	struct rte_flow_item *pattern; // without VOID
	uint64_t last_hit_ms;
	bool is_lost; // accepted, but the card does not have it
	bool is_aged; // and told so
	bool overlap_told;
	struct rte_flow_template_table *table; // of a rule by templates
	unsigned int n_ops;
	struct op ops[RULES_MAX_ACTIONS];
};
TAILQ_HEAD(rule_list, rte_flow);

// What carrying out one frame needs.
struct run {
	struct card *card;
	struct end *ethdev; // whose ingress rules these are, or NULL: the embedded switch
	struct frame *frame;
	struct origin origin;
	uint32_t group;
	bool jumps; // to that group
};

enum rules_verdict {
	RULES_NO_MATCH, // in group 0
	RULES_DONE, // the frame went where its rules say, which may be nowhere
};

// Takes frame through the groups from 0 on.
enum rules_verdict rules_run(struct run *run, struct rule_list *list);

void rules_insert(struct rule_list *list, struct rte_flow *rule);
void rules_free(struct rte_flow *rule);

// Makes a rule of what check_rule() found right. NULL: no memory.
struct rte_flow *rules_compile(const struct rte_flow_attr *attr,
	const struct rte_flow_item *pattern, const struct rte_flow_action *actions);

// Carries one rule's actions out: act.c.
void rules_act(struct run *run, struct rte_flow *rule);

uint64_t rules_now_ms(void);

#endif
