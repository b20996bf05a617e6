/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include <cstring>

namespace
{

constexpr std::size_t IP = 14, L4 = IP + 20, L4_IP6 = IP + 40;
constexpr std::uint16_t IPV4 = 0x0800, ARP = 0x0806, IPV6 = 0x86dd;
constexpr std::uint8_t ROUTER[6] = {2, 0, 0, 0, 0, 1};

void
put16(plane_frame &frame, std::size_t at, std::uint32_t value)
{
	frame.bytes[at] = std::uint8_t(value >> 8);
	frame.bytes[at + 1] = std::uint8_t(value);
}

void
put32(plane_frame &frame, std::size_t at, std::uint32_t value)
{
	put16(frame, at, value >> 16);
	put16(frame, at + 2, value & 0xffff);
}

void
seal4(plane_frame &frame)
{
	std::uint32_t sum = 0;

	put16(frame, IP + 10, 0);
	for (std::size_t i = IP; i < L4; i += 2)
		sum += std::uint32_t(frame.bytes[i] << 8 | frame.bytes[i + 1]);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(frame, IP + 10, ~sum & 0xffff);
}

void
put_endpoint_mac(plane_frame &frame, std::size_t at, std::uint16_t port)
{
	const std::uint8_t mac[6] = {2, 0, 0, 0, 1, std::uint8_t(port)};

	std::memcpy(&frame.bytes[at], mac, sizeof(mac));
}

plane_frame
ethernet(std::uint16_t from, std::uint16_t to, std::uint16_t type, std::uint16_t len)
{
	plane_frame frame = {};

	frame.port = from;
	frame.len = len;
	put_endpoint_mac(frame, 0, to);
	put_endpoint_mac(frame, 6, from);
	put16(frame, 12, type);
	return frame;
}

void
put_address6(plane_frame &frame, std::size_t at, std::uint16_t port)
{
	const std::uint8_t addr[16] = {
		0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, std::uint8_t(port)};

	std::memcpy(&frame.bytes[at], addr, sizeof(addr));
}

// Outer headers of VXLAN, RFC 7348.
constexpr std::size_t OUTER = 14 + 20 + 8 + 8;

constexpr std::uint32_t
address4(std::uint32_t second, std::uint32_t rest)
{
	return 10u << 24 | second << 16 | rest;
}

constexpr std::uint32_t
endpoint4(std::uint32_t port)
{
	return 10u << 24 | 1u << 16 | port;
}

plane_frame
ipv4(std::uint16_t from, std::uint16_t to, std::uint8_t proto, std::uint16_t len)
{
	plane_frame frame = ethernet(from, to, IPV4, len);

	frame.bytes[IP] = 0x45;
	put16(frame, IP + 2, len - IP);
	frame.bytes[IP + 8] = 64;
	frame.bytes[IP + 9] = proto;
	put32(frame, IP + 12, endpoint4(from));
	put32(frame, IP + 16, endpoint4(to));
	seal4(frame);
	return frame;
}

// From the tunnel's peer, with the source port of its flow.
plane_frame
tunnelled(const plane_frame &inner, std::uint32_t flow)
{
	plane_frame frame = ipv4(PLANE_UPLINK, PLANE_UPLINK, 17, std::uint16_t(OUTER + inner.len));

	put32(frame, IP + 12, address4(9, 0x101));
	put32(frame, IP + 16, address4(9, 1));
	seal4(frame);
	put32(frame, L4, (49152u + flow % 16384) << 16 | 8472);
	put16(frame, L4 + 4, frame.len - L4);
	put32(frame, L4 + 8, 0x08000000);
	put32(frame, L4 + 12, 1u << 8);
	frame.bytes[6 + 4] = 9; // the gateway's MAC
	std::memcpy(&frame.bytes[OUTER], inner.bytes, inner.len);
	return frame;
}

} // namespace

plane_frame
frame_udp4(std::uint16_t from, std::uint16_t to, std::uint16_t len)
{
	plane_frame frame = ipv4(from, to, 17, len);

	put32(frame, L4, 1000u << 16 | 2000u);
	put16(frame, L4 + 4, len - L4);
	return frame;
}

plane_frame
frame_udp6(std::uint16_t from, std::uint16_t to, std::uint16_t len)
{
	plane_frame frame = ethernet(from, to, IPV6, len);

	frame.bytes[IP] = 0x60;
	put16(frame, IP + 4, len - L4_IP6);
	frame.bytes[IP + 6] = 17;
	frame.bytes[IP + 7] = 64;
	put_address6(frame, IP + 8, from);
	put_address6(frame, IP + 24, to);
	put32(frame, L4_IP6, 1000u << 16 | 2000u);
	put16(frame, L4_IP6 + 4, len - L4_IP6);
	return frame;
}

plane_frame
frame_routed(plane_frame frame)
{
	std::memcpy(frame.bytes, ROUTER, sizeof(ROUTER));
	return frame;
}

plane_frame
frame_tagged(plane_frame frame, std::uint16_t vlan)
{
	std::memmove(&frame.bytes[16], &frame.bytes[12], frame.len - 12u);
	put32(frame, 12, 0x81000000u | vlan);
	frame.len = std::uint16_t(frame.len + 4);
	return frame;
}

plane_frame
frame_echo()
{
	plane_frame frame = frame_routed(ipv4(PLANE_IN, 1, 1, FRAME_MIN));

	frame.bytes[L4] = 8;
	put16(frame, L4 + 2, 0xf7ff);
	return frame;
}

plane_frame
frame_expiring()
{
	plane_frame frame = frame_routed(frame_udp4(PLANE_IN, PLANE_OUT));

	frame.bytes[IP + 8] = 1;
	seal4(frame);
	return frame;
}

plane_frame
frame_unknown()
{
	plane_frame frame = frame_udp4(PLANE_IN, PLANE_OUT);

	frame.bytes[3] = 0xff;
	return frame;
}

plane_frame
frame_arp()
{
	plane_frame frame = ethernet(PLANE_IN, PLANE_OUT, ARP, FRAME_MIN);

	std::memset(frame.bytes, 0xff, 6);
	put32(frame, IP, 0x00010800);
	put32(frame, IP + 4, 0x06040001);
	put_endpoint_mac(frame, IP + 8, PLANE_IN);
	put32(frame, IP + 14, endpoint4(PLANE_IN));
	put32(frame, IP + 24, endpoint4(1));
	return frame;
}

// A solicitation of the router's address.
plane_frame
frame_nd()
{
	constexpr std::uint8_t group[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 1};
	plane_frame frame = frame_udp6(PLANE_IN, PLANE_OUT, 86);
	std::uint32_t sum = 32 + 58;

	std::memcpy(frame.bytes, "\x33\x33\xff\x00\x00\x01", 6);
	frame.bytes[IP + 6] = 58;
	frame.bytes[IP + 7] = 255;
	std::memcpy(&frame.bytes[IP + 24], group, sizeof(group));
	std::memset(&frame.bytes[L4_IP6], 0, 32);
	frame.bytes[L4_IP6] = 135;
	put_address6(frame, L4_IP6 + 8, 1);
	put16(frame, L4_IP6 + 24, 0x0101);
	put_endpoint_mac(frame, L4_IP6 + 26, PLANE_IN);
	for (std::size_t i = IP + 8; i < 86; i += 2)
		sum += std::uint32_t(frame.bytes[i] << 8 | frame.bytes[i + 1]);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(frame, L4_IP6 + 2, ~sum & 0xffff);
	return frame;
}

plane_frame
frame_super(std::uint16_t to, std::uint16_t segment)
{
	plane_frame frame = ipv4(PLANE_IN, to, 6, PLANE_FRAME_ROOM);

	frame.bytes[L4 + 12] = 0x50;
	frame.segment = segment;
	return frame;
}

std::vector<plane_frame>
frames_switched(std::uint32_t n)
{
	std::vector<plane_frame> frames;

	for (std::uint32_t i = 0; i < n; i++) {
		plane_frame frame = frame_udp4(PLANE_IN, PLANE_OUT);

		plane_mac(i % PLANE_MACS_MAX, frame.bytes);
		put32(frame, IP + 16, endpoint4(256 + i));
		put16(frame, L4, 1000 + i);
		seal4(frame);
		frames.push_back(frame);
	}
	return frames;
}

std::vector<plane_frame>
frames_to_hosts(std::uint32_t n)
{
	std::vector<plane_frame> frames;

	for (std::uint32_t i = 0; i < n; i++) {
		plane_frame frame = frame_routed(frame_udp4(PLANE_IN, PLANE_OUT));

		put32(frame, IP + 16, (10u << 24 | 2u << 16) + i);
		seal4(frame);
		frames.push_back(frame);
	}
	return frames;
}

std::vector<plane_frame>
frames_to_blocks(std::uint32_t n)
{
	std::vector<plane_frame> frames = frames_to_hosts(n);

	for (std::uint32_t i = 0; i < n; i++) {
		put32(frames[i], IP + 16, plane_block(i) + 9);
		seal4(frames[i]);
	}
	return frames;
}

std::vector<plane_frame>
frames_to_tunnel(std::uint32_t n)
{
	std::vector<plane_frame> frames = frames_to_hosts(n);

	for (std::uint32_t i = 0; i < n; i++) {
		put32(frames[i], IP + 16, address4(3, i));
		seal4(frames[i]);
	}
	return frames;
}

std::vector<plane_frame>
frames_from_tunnel(std::uint32_t n)
{
	std::vector<plane_frame> frames;

	for (std::uint32_t i = 0; i < n; i++) {
		plane_frame inner = frame_routed(frame_udp4(PLANE_IN, PLANE_OUT));

		put32(inner, IP + 12, address4(3, i));
		seal4(inner);
		frames.push_back(tunnelled(inner, i));
	}
	return frames;
}
