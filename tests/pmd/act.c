/* SPDX-License-Identifier: Apache-2.0 */
#include "act.h"

#include "card.h"
#include "hash.h"
#include "log.h"

static struct end *
target_of(const struct run *run, uint16_t port_id, bool to_ethdev)
{
	struct card *card = run->card;
	struct end *end = card_end(card, port_id);

	if (end != NULL && !to_ethdev && (card->options.wrong & WRONG_PORT))
		end = &card->ends[(end->index + 1) % card->n_ends];
	return end;
}

// A fate gets the frame as it is by now: actions are performed in the order of the list.
static void
send_copy(const struct run *run, struct end *end, bool to_ethdev)
{
	struct frame *copy = end != NULL ? frame_copy(run->frame) : NULL;

	if (copy == NULL)
		return;
	if (!run->origin.is_ethdev && !to_ethdev)
		run->card->n_in_card++;
	if (to_ethdev)
		card_to_ethdev(end, copy);
	else
		card_to_far_side(end, copy);
}

static void
send_to_queue(const struct run *run, uint16_t queue)
{
	struct frame *copy = frame_copy(run->frame);

	if (copy != NULL)
		card_to_queue(run->ethdev, copy, queue);
}

static void
spread(const struct run *run, const struct op *op)
{
	struct frame *frame = run->frame;

	frame->hash = hash_frame(
		frame, op->rss.level >= 2, op->rss.types, op->rss.key, op->rss.is_symmetric);
	frame->is_hashed = true;
	send_to_queue(run, op->rss.queue[frame->hash % op->rss.n_queues]);
}

static bool
is_fate(struct run *run, const struct op *op)
{
	struct card *card = run->card;

	switch (op->type) {
	case RTE_FLOW_ACTION_TYPE_DROP:
		return true;
	case RTE_FLOW_ACTION_TYPE_JUMP:
		run->jumps = true;
		run->group = op->number;
		return true;
	case RTE_FLOW_ACTION_TYPE_QUEUE:
		send_to_queue(run, (uint16_t)op->number);
		return true;
	case RTE_FLOW_ACTION_TYPE_RSS:
		spread(run, op);
		return true;
	case RTE_FLOW_ACTION_TYPE_PORT_REPRESENTOR:
	case RTE_FLOW_ACTION_TYPE_PORT_ID: // the ethdev, says the guide "Switch Representation"
		send_copy(run, target_of(run, (uint16_t)op->number, true), true);
		return true;
	case RTE_FLOW_ACTION_TYPE_REPRESENTED_PORT:
		send_copy(run, target_of(run, (uint16_t)op->number, false), false);
		return true;
	case RTE_FLOW_ACTION_TYPE_VF:
		send_copy(run, &card->ends[1 + op->number], false);
		return true;
	default:
		return false;
	}
}

static bool
change(struct run *run, const struct op *op)
{
	unsigned int wrong = run->card->options.wrong;
	struct frame *frame = run->frame;

	switch (op->type) {
	case RTE_FLOW_ACTION_TYPE_SET_MAC_SRC:
	case RTE_FLOW_ACTION_TYPE_SET_MAC_DST:
		return act_set_mac(frame, op, wrong);
	case RTE_FLOW_ACTION_TYPE_MAC_SWAP:
		return act_swap_macs(frame);
	case RTE_FLOW_ACTION_TYPE_DEC_TTL:
	case RTE_FLOW_ACTION_TYPE_OF_DEC_NW_TTL:
	case RTE_FLOW_ACTION_TYPE_SET_TTL:
		return act_ttl(frame, op, wrong);
	case RTE_FLOW_ACTION_TYPE_OF_PUSH_VLAN:
		return act_push_tag(frame, op);
	case RTE_FLOW_ACTION_TYPE_OF_POP_VLAN:
		return act_pop_tag(frame);
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_VID:
	case RTE_FLOW_ACTION_TYPE_OF_SET_VLAN_PCP:
		return act_set_tag(frame, op);
	case RTE_FLOW_ACTION_TYPE_VXLAN_ENCAP:
	case RTE_FLOW_ACTION_TYPE_RAW_ENCAP:
		return act_encap(frame, op, wrong);
	case RTE_FLOW_ACTION_TYPE_VXLAN_DECAP:
		return act_vxlan_decap(frame);
	case RTE_FLOW_ACTION_TYPE_RAW_DECAP:
		return frame_pull(frame, op->header_size);
	default:
		return true;
	}
}

static void
note(struct run *run, struct op *op, size_t length)
{
	struct frame *frame = run->frame;

	switch (op->type) {
	case RTE_FLOW_ACTION_TYPE_COUNT:
		op->hits++;
		op->bytes += length;
		break;
	case RTE_FLOW_ACTION_TYPE_MARK:
		frame->mark = op->number;
		frame->is_marked = true;
		break;
	case RTE_FLOW_ACTION_TYPE_FLAG:
		frame->is_flagged = true;
		break;
	default:
		break;
	}
}

void
rules_act(struct run *run, struct rte_flow *rule)
{
	size_t length = run->frame->length; // as it came to the rule

	rule->last_hit_ms = rules_now_ms();
	rule->is_aged = false;
	for (unsigned int i = 0; i < rule->n_ops; i++) {
		note(run, &rule->ops[i], length);
		if (is_fate(run, &rule->ops[i]) || change(run, &rule->ops[i]))
			continue;
		run->card->n_undefined++;
		PMD_LOG(ERR, "undefined: action %d on a frame without its header",
			(int)rule->ops[i].type);
		run->jumps = false;
		return;
	}
}
