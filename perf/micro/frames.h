/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PERF_FRAMES_H
#define PERF_FRAMES_H

// Frames that take a certain way through the switch of plane.h. Checksums of IPv4 headers are
// right.

#include <cstdint>
#include <vector>

extern "C" {
#include "plane.h"
}

constexpr std::uint16_t FRAME_MIN = 60; // 64 bytes on the wire: devices add the FCS

// UDP over IPv4 from an endpoint to another one, by its MAC.
plane_frame frame_udp4(std::uint16_t from, std::uint16_t to, std::uint16_t len = FRAME_MIN);
plane_frame frame_udp6(std::uint16_t from, std::uint16_t to, std::uint16_t len = 78);
// The same to the router's MAC.
plane_frame frame_routed(plane_frame frame);
// 802.1Q tag in front.
plane_frame frame_tagged(plane_frame frame, std::uint16_t vlan);
// To the router itself; TTL that ends here; to a MAC that nobody has.
plane_frame frame_echo();
plane_frame frame_expiring();
plane_frame frame_unknown();
plane_frame frame_arp();
plane_frame frame_nd();
// A TCP super-frame.
plane_frame frame_super(std::uint16_t to, std::uint16_t segment);

// Different flows between PLANE_IN and PLANE_OUT, or routed: 5-tuples over PLANE_MACS_MAX MACs
// (over one when n is 1), or one route each, to a host or to a /24.
std::vector<plane_frame> frames_switched(std::uint32_t n);
std::vector<plane_frame> frames_to_hosts(std::uint32_t n);
std::vector<plane_frame> frames_to_blocks(std::uint32_t n);
// Flows from PLANE_IN to addresses behind the tunnel's peer, and from there to PLANE_OUT through
// the tunnel. See plane_tunnel().
std::vector<plane_frame> frames_to_tunnel(std::uint32_t n);
std::vector<plane_frame> frames_from_tunnel(std::uint32_t n);

#endif
