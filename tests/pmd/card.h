/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_CARD_H
#define PMD_CARD_H

// The card: an embedded switch between ethdevs and what they represent. End 0 is the uplink, whose
// far side is the wire; the others are VFs. With a kernel the uplink is bifurcated: the kernel's
// interface gets what comes to the ethdev while that is stopped, and in isolated mode what no rule
// of it takes (rte_flow_isolate()); what it sends leaves by the wire. One lock guards all of it:
// workers send, the card's own thread receives from far sides, the main thread changes rules.

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "frame.h"
#include "options.h"
#include "rules.h"

#define CARD_MAX_ENDS (1 + OPTIONS_MAX_VFS)
#define CARD_NO_PORT UINT16_MAX
#define CARD_RING 4096

struct end_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; // of the ethdev
	uint64_t missed; // no room in a receive queue
	uint64_t tx_errors;
	uint64_t from_far_side, to_far_side;
	uint64_t queue_packets[RULES_MAX_QUEUES], queue_bytes[RULES_MAX_QUEUES]; // received
};

// An ethdev and the entity that it represents.
struct end {
	struct card *card;
	uint16_t port_id; // CARD_NO_PORT: it has no ethdev
	uint8_t index;
	int fd; // far side, -1: none
	bool is_started, is_isolated;
	bool was_started; // once; rules may be made from then on
	struct rule_list ingress;
	uint16_t n_queues;
	struct rte_ring *rings[RULES_MAX_QUEUES]; // frames for rx bursts
	struct end_counters counters;
	struct async *async; // template API, once configured
	void (*tell_reset)(uint16_t port_id); // the ethdev works on after a reset only
};

struct card {
	pthread_mutex_t lock;
	struct options options;
	struct end ends[CARD_MAX_ENDS];
	uint8_t n_ends;
	uint16_t domain; // switch domain
	struct rule_list transfer;
	uint32_t n_rules; // of all lists
	uint32_t n_accepted; // since the start, see `late`
	uint64_t n_undefined; // frames for which the guide defines no result
	uint64_t n_in_card; // frames that rules sent from far side to far side
	pthread_t thread;
	bool thread_runs;
	int stop_fd;
	int kernel_fd; // of the uplink, -1: none
};

// Opens the far sides and starts the thread. Returns NULL after saying why in DPDK's log.
struct card *card_open(const struct options *options);
void card_close(struct card *card);

struct end *card_end(struct card *card, uint16_t port_id); // NULL: no port of this card
bool card_is_started(struct card *card, uint16_t port_id);

// A frame enters the switch from an ethdev, or from the far side. Takes the frame. Lock held.
void card_take(struct end *end, struct frame *frame, bool from_ethdev);

// Delivers to an ethdev (through its ingress rules), to one of its queues, to what it represents.
// Takes the frame. Lock held.
void card_to_ethdev(struct end *end, struct frame *frame);
void card_to_queue(struct end *end, struct frame *frame, uint16_t queue);
void card_to_far_side(struct end *end, struct frame *frame);

// The rules that an ethdev made are out of the card; their handles stay until they are destroyed.
// Lock held.
void card_lose_rules(struct end *end);

#endif
