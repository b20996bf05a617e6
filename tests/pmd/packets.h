/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_PACKETS_H
#define PMD_PACKETS_H

// Frames for the tests of net_flow, built from a description with every length and checksum right.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spec {
	uint8_t dst, src; // last bytes of the MACs
	uint8_t n_tags;
	uint16_t tpid[2], tci[2];
	uint8_t version; // 4, 6, 0 = EtherType 0x88b5
	uint8_t ttl, protocol, dst_ip; // dst_ip: last byte
	bool has_options; // four bytes of IPv4 options
	uint8_t extension; // an IPv6 extension header in front of the protocol
	uint16_t fragment; // as in IPv4's header: MF 0x2000, offset
	uint16_t src_port, dst_port;
	bool no_checksum; // UDP without
	bool bad_checksum; // of IPv4
	bool bad_l4; // its checksum
	uint16_t extra_length; // IP claims more than there is
	const struct spec *inner; // in VXLAN
	uint32_t vni;
	uint8_t payload;
};

// Writes the frame, returns its length.
size_t packet_make(const struct spec *spec, uint8_t *frame);

#endif
