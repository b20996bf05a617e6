/* SPDX-License-Identifier: Apache-2.0 */
#include "offload_diff.h"
#include "offload_private.h"

// Hops and DSCP make no difference to it.
void
offload_name(const struct offload_key *key, struct flow_rule *rule)
{
	struct flow_headers *h;

	memset(rule, 0, sizeof(*rule));
	rule->transfer = true;
	rule->match = key->match;
	h = offload_inner(&rule->match);
	h->fields &= ~(uint32_t)(FLOW_HOPS | FLOW_TRAFFIC_CLASS);
	h->hops = 0;
	h->traffic_class = 0;
	h->traffic_class_mask = 0;
}

static bool
refuse_flow(const struct offload_key *key, struct flow_rule *rule, char *reason, size_t reason_len,
	const char *why)
{
	offload_name(key, rule);
	if (why != NULL)
		snprintf(reason, reason_len, "%s", why);
	return false;
}

static uint16_t
kind_of(const struct flow_actions *actions)
{
	if (actions->encap_len != 0)
		return CW_FLOW_ENCAP;
	return actions->decap ? CW_FLOW_DECAP : CW_FLOW_FORWARD;
}

// A sub-port's packets leave by its parent's device.
static uint16_t
device_port(const struct offload *o, uint16_t id)
{
	const struct cw_port *port = objects_port(o->objects, id);

	return port != NULL && port->parent != 0 ? (uint16_t)port->parent : id;
}

bool
offload_derive(struct offload *o, const struct offload_key *key, struct flow_rule *rule,
	uint16_t *out_port, uint16_t *kind, char *reason, size_t reason_len)
{
	const struct offload_port *in = offload_port_of(o, key->port, reason, reason_len), *out;
	uint8_t frame[OFFLOAD_FRAME_MAX];
	struct probe_result result;
	const char *why;
	uint16_t len;

	*out_port = 0;
	*kind = CW_FLOW_FORWARD;
	if (in == NULL)
		return refuse_flow(key, rule, reason, reason_len, NULL);
	len = offload_key_frame(key, frame);
	probe_run(o->probe, key->port, frame, len, &result);
	if (result.out_port == 0)
		return refuse_flow(key, rule, reason, reason_len, result.reason);
	*out_port = result.out_port;
	why = offload_diff(key, frame, len, &result, rule);
	if (why != NULL)
		return refuse_flow(key, rule, reason, reason_len, why);
	*kind = kind_of(&rule->actions);
	out = offload_port_of(o, device_port(o, result.out_port), reason, reason_len);
	if (out == NULL)
		return refuse_flow(key, rule, reason, reason_len, NULL);
	if (in->domain == UINT16_MAX || in->domain != out->domain || in == out)
		return refuse_flow(key, rule, reason, reason_len,
			in == out ? "leaves by the device that it came by"
				  : "the two ports are not on one card's switch");
	rule->match.in_ethdev = in->ethdev.id;
	rule->actions.out_ethdev = out->ethdev.id;
	return true;
}
