/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_HEADERS_H
#define PMD_HEADERS_H

// Walks over a frame's headers, one at a time, outermost first. What is cut short is not there.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_ip.h>

// Which extension headers an IPv6 packet has, in the order of struct rte_flow_item_ipv6's bits.
enum headers_extension {
	EXTENSION_HOP = 1 << 0,
	EXTENSION_ROUTE = 1 << 1,
	EXTENSION_FRAGMENT = 1 << 2,
	EXTENSION_AUTH = 1 << 3,
	EXTENSION_ESP = 1 << 4,
	EXTENSION_DEST = 1 << 5,
	EXTENSION_MOBILITY = 1 << 6,
	EXTENSION_HIP = 1 << 7,
	EXTENSION_SHIM6 = 1 << 8,
};

struct cursor {
	const uint8_t *at; // the next header
	size_t left; // bytes from there on
	uint16_t ether_type; // of the next header, while above Ethernet
	uint8_t protocol; // of the next header, while above IP
	bool has_l4; // false behind the IP header of a later fragment
	uint16_t extensions;
};

struct cursor cursor_start(const uint8_t *data, size_t length);

bool ether_type_is_tag(uint16_t ether_type);

// Each returns the header it steps over, or NULL (then the cursor is as before).
const struct rte_ether_hdr *cursor_ether(struct cursor *cursor);
const struct rte_vlan_hdr *cursor_tag(struct cursor *cursor);
const struct rte_ipv4_hdr *cursor_ipv4(struct cursor *cursor); // with its options
const struct rte_ipv6_hdr *cursor_ipv6(struct cursor *cursor); // with its extension headers
const void *cursor_l4(struct cursor *cursor, uint8_t protocol, size_t size);
const void *cursor_bytes(struct cursor *cursor, size_t size);

void cursor_tags(struct cursor *cursor); // all that are there

// Fields by which frames are spread over queues.
struct tuple {
	uint8_t src[16], dst[16];
	uint8_t address_size; // 4, 16, or 0: no IP
	uint8_t protocol;
	uint16_t src_port, dst_port; // network order, 0 without ports
};

// Steps from the outer IP header into a VXLAN tunnel, whatever its UDP port; false: there is no
// UDP.
bool cursor_vxlan(struct cursor *cursor);

// Of the outermost IP header, or of the one inside a VXLAN tunnel.
bool tuple_of(const uint8_t *data, size_t length, bool inner, struct tuple *tuple);

#endif
