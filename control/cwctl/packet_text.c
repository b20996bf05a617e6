/* SPDX-License-Identifier: Apache-2.0 */
#include "packet_text.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct output {
	char *text;
	size_t size, used;
};

struct input {
	const uint8_t *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void
say(struct output *out, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out->text + out->used, out->size - out->used, format, args);
	va_end(args);
	if (n > 0)
		out->used += (size_t)n;
	if (out->used >= out->size)
		out->used = out->size - 1;
}

// Returns the next n bytes, or NULL when they were cut off.
static const uint8_t *
take(struct input *in, size_t n)
{
	const uint8_t *at = in->at;

	if (in->left < n)
		return NULL;
	in->at += n;
	in->left -= n;
	return at;
}

static unsigned
u16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static void
say_mac(struct output *out, const uint8_t *mac)
{
	say(out, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void
say_addresses(struct output *out, int family, const uint8_t *src, const uint8_t *dst)
{
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	inet_ntop(family, src, from, sizeof(from));
	inet_ntop(family, dst, to, sizeof(to));
	say(out, "%s > %s", from, to);
}

static const char *
icmp_name(bool is_v6, unsigned type)
{
	switch (is_v6 ? type + 1000 : type) {
	case 0:
	case 1129:
		return "echo reply";
	case 3:
	case 1001:
		return "unreachable";
	case 8:
	case 1128:
		return "echo request";
	case 11:
	case 1003:
		return "time exceeded";
	case 1002:
		return "packet too big";
	case 1133:
		return "router solicitation";
	case 1134:
		return "router advertisement";
	case 1135:
		return "neighbor solicitation";
	case 1136:
		return "neighbor advertisement";
	default:
		return NULL;
	}
}

static void
say_icmp(struct output *out, struct input *in, bool is_v6)
{
	const uint8_t *header = take(in, 2);
	const char *name;

	say(out, is_v6 ? " ICMPv6" : " ICMP");
	if (header == NULL)
		return;
	name = icmp_name(is_v6, header[0]);
	if (name != NULL)
		say(out, " %s", name);
	else
		say(out, " type %u code %u", header[0], header[1]);
}

static void
say_tcp_flags(struct output *out, unsigned flags)
{
	static const char letters[] = "FSRPAU";

	say(out, " ");
	for (unsigned i = 0; i < 6; i++)
		if (flags & 1u << i)
			say(out, "%c", letters[i]);
}

static void
say_l4(struct output *out, struct input *in, unsigned protocol)
{
	const uint8_t *ports;

	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		say(out, protocol == IPPROTO_TCP ? " TCP" : " UDP");
		ports = take(in, 4);
		if (ports == NULL)
			return;
		say(out, " %u > %u", u16(ports), u16(ports + 2));
		if (protocol == IPPROTO_TCP && in->left >= 10)
			say_tcp_flags(out, in->at[9]);
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		say_icmp(out, in, protocol == IPPROTO_ICMPV6);
		return;
	default:
		say(out, " protocol %u", protocol);
	}
}

static void
say_ipv4(struct output *out, struct input *in)
{
	const uint8_t *header = take(in, 20);
	size_t options;

	say(out, "IPv4 ");
	if (header == NULL)
		return;
	say_addresses(out, AF_INET, header + 12, header + 16);
	say(out, " ttl %u", header[8]);
	if ((u16(header + 6) & 0x1fff) != 0) {
		say(out, " fragment at %u", (u16(header + 6) & 0x1fffu) * 8);
		return;
	}
	options = (header[0] & 15u) * 4u;
	if (options >= 20 && take(in, options - 20) != NULL)
		say_l4(out, in, header[9]);
}

static void
say_ipv6(struct output *out, struct input *in)
{
	const uint8_t *header = take(in, 40), *extension;
	unsigned next;

	say(out, "IPv6 ");
	if (header == NULL)
		return;
	say_addresses(out, AF_INET6, header + 8, header + 24);
	say(out, " hop limit %u", header[7]);
	for (next = header[6]; next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING
			       || next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT;
		next = extension[0]) {
		extension = take(in, 8);
		if (extension == NULL)
			return;
		if (next == IPPROTO_FRAGMENT && (u16(extension + 2) & 0xfff8u) != 0) {
			say(out, " fragment at %u", u16(extension + 2) & 0xfff8u);
			return;
		}
		if (next != IPPROTO_FRAGMENT && take(in, extension[1] * 8u) == NULL)
			return;
	}
	say_l4(out, in, next);
}

static void
say_arp(struct output *out, struct input *in)
{
	const uint8_t *arp = take(in, 28);
	char address[INET_ADDRSTRLEN];

	say(out, "ARP");
	if (arp == NULL)
		return;
	if (u16(arp + 6) == 1)
		say(out, " who has %s, tell ",
			inet_ntop(AF_INET, arp + 24, address, sizeof(address)));
	inet_ntop(AF_INET, arp + 14, address, sizeof(address));
	if (u16(arp + 6) == 1) {
		say(out, "%s", address);
	} else {
		say(out, " %s is at ", address);
		say_mac(out, arp + 8);
	}
}

char *
packet_text(char *text, size_t size, const uint8_t *bytes, size_t length)
{
	struct output out = {text, size, 0};
	struct input in = {bytes, length};
	const uint8_t *ethernet = take(&in, ETH_HLEN), *tag;
	unsigned type;

	text[0] = '\0';
	if (ethernet == NULL) {
		say(&out, "runt");
		return text;
	}
	type = u16(ethernet + 12);
	while ((type == ETH_P_8021Q || type == ETH_P_8021AD) && (tag = take(&in, 4)) != NULL) {
		say(&out, "VLAN %u ", u16(tag) & 0xfffu);
		type = u16(tag + 2);
	}
	switch (type) {
	case ETH_P_IP:
		say_ipv4(&out, &in);
		break;
	case ETH_P_IPV6:
		say_ipv6(&out, &in);
		break;
	case ETH_P_ARP:
		say_arp(&out, &in);
		break;
	default:
		say_mac(&out, ethernet + 6);
		say(&out, " > ");
		say_mac(&out, ethernet);
		say(&out, " EtherType 0x%04x", type);
	}
	return text;
}
