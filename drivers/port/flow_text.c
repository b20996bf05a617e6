/* SPDX-License-Identifier: Apache-2.0 */
// Rules as people read them.

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "flow_rule.h"

struct text {
	char *at;
	size_t left;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= text->left)
		len = text->left > 0 ? (int)text->left - 1 : 0;
	text->at += len;
	text->left -= (size_t)len;
}

static void
say_mac(struct text *text, const char *what, const struct rte_ether_addr *mac)
{
	const uint8_t *b = mac->addr_bytes;

	say(text, " %s %02x:%02x:%02x:%02x:%02x:%02x", what, b[0], b[1], b[2], b[3], b[4], b[5]);
}

static const char *
protocol_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_ICMP:
		return "icmp";
	default:
		return NULL;
	}
}

static void
say_end(struct text *text, const struct cw_ip *ip, bool has_ip, uint16_t port, bool has_port)
{
	const int bits = ip->family == 4 ? 32 : 128;
	char addr[INET6_ADDRSTRLEN] = "any";

	if (has_ip)
		inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->addr, addr, sizeof(addr));
	say(text, has_port && ip->family != 4 && has_ip ? " [%s]" : " %s", addr);
	if (has_ip && ip->prefix != bits)
		say(text, "/%u", ip->prefix);
	if (has_port)
		say(text, ":%u", port);
}

static void
say_ip(struct text *text, const struct flow_headers *h)
{
	const uint32_t ends = FLOW_SRC_IP | FLOW_DST_IP | FLOW_SRC_PORT | FLOW_DST_PORT;
	const char *proto = protocol_name(h->proto);

	if ((h->fields & FLOW_IP) == 0)
		return;
	if ((h->fields & FLOW_PROTO) == 0)
		say(text, " ipv%d", h->is_v6 ? 6 : 4);
	else if (proto != NULL)
		say(text, " %s", proto);
	else
		say(text, " ipv%d protocol %u", h->is_v6 ? 6 : 4, h->proto);
	if (h->fields & ends) {
		say_end(text, &h->src_ip, h->fields & FLOW_SRC_IP, h->src_port,
			h->fields & FLOW_SRC_PORT);
		say(text, " >");
		say_end(text, &h->dst_ip, h->fields & FLOW_DST_IP, h->dst_port,
			h->fields & FLOW_DST_PORT);
	}
	if (h->fields & FLOW_NO_FRAGMENT)
		say(text, " unfragmented");
	if (h->fields & FLOW_HOPS)
		say(text, " ttl %u", h->hops);
	if (h->fields & FLOW_TRAFFIC_CLASS)
		say(text, " tos 0x%02x/0x%02x", h->traffic_class, h->traffic_class_mask);
	if (h->fields & FLOW_LENGTH)
		say(text, " length %u-%u", h->min_length, h->max_length);
}

static void
say_headers(struct text *text, const struct flow_headers *h)
{
	if (h->fields & FLOW_SRC_MAC)
		say_mac(text, "from", &h->src);
	if (h->fields & FLOW_DST_MAC)
		say_mac(text, "to", &h->dst);
	if ((h->fields & FLOW_TAG) && h->vlan != 0)
		say(text, " tag %u", h->vlan);
	say_ip(text, h);
}

void
flow_match_text(const struct flow_match *match, const char *in_port, char *text, size_t len)
{
	struct text to = {text, len};

	say(&to, "%s", in_port);
	say_headers(&to, &match->frame);
	if (!match->is_vxlan)
		return;
	if (match->vni == FLOW_ANY_VNI)
		say(&to, " vxlan");
	else
		say(&to, " vni %u", match->vni);
	say_headers(&to, &match->inner);
}

void
flow_actions_text(const struct flow_actions *actions, const char *out_port, char *text, size_t len)
{
	struct text to = {text, len};

	if (actions->decap)
		say(&to, "decap ");
	if (actions->pop_tag)
		say(&to, "pop-tag ");
	if (actions->set_src)
		say_mac(&to, "src", &actions->src);
	if (actions->set_dst)
		say_mac(&to, "dst", &actions->dst);
	if (actions->set_src || actions->set_dst)
		say(&to, " ");
	if (actions->dec_hops)
		say(&to, "ttl-1 ");
	if (actions->encap_len != 0)
		say(&to, "encap(%u) ", actions->encap_len);
	if (actions->push_vlan != 0)
		say(&to, "push-tag %u ", actions->push_vlan);
	if (actions->fate == FLOW_FORWARD)
		say(&to, "to %s", out_port);
	else if (actions->fate == FLOW_TO_SWITCH)
		say(&to, "to the switch");
	else if (actions->fate == FLOW_TO_QUEUES && actions->n_queues == 1)
		say(&to, "to the queue");
	else if (actions->fate == FLOW_TO_QUEUES)
		say(&to, "to %u queues by the %s headers", actions->n_queues,
			actions->rss_level > 1 ? "inner" : "outer");
	else
		say(&to, "drop");
}
