// SPDX-License-Identifier: Apache-2.0

// Which frames of an uplink are the switch's: tunnel packets to a vtep, and packets to pods. All
// others are the kernel's, and so are those of tunnels whose inner destination is the node's own.
//
// af_xdp: 'uplink_xdp' redirects to the socket of the queue, or passes when there is none.
// af_packet: 'uplink_filter' runs for the socket, which the kernel asks before its own ingress, and
// leaves its verdict in a slot of this CPU; 'uplink_drop', at traffic control's ingress, takes it
// out and drops the kernel's copy. Without a socket nobody leaves a verdict, and nothing is
// dropped.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "uplink_maps.h"

#define VXLAN_HEADER_LEN 8
#define KIND_VXLAN 1 // CW_TUNNEL_VXLAN
#define IP_FRAGMENT 0x3fff // more fragments, or an offset
#define VLAN_ID 0x0fff
#define WHOLE_FRAME 0xffffffff

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UPLINK_TUNNELS_MAX);
	__type(key, struct uplink_tunnel_key);
	__type(value, struct uplink_tunnel);
} cw_tunnels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UPLINK_OWN_MAX);
	__type(key, struct uplink_own_key);
	__type(value, __u32);
} cw_own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, UPLINK_PREFIXES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct uplink_prefix_key);
	__type(value, __u32);
} cw_prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct uplink_settings);
} cw_settings SEC(".maps");

// Sockets by rx queue of the device; a socket that is closed leaves the map by itself.
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1); // set before loading
	__type(key, __u32);
	__type(value, __u32);
} cw_sockets SEC(".maps");

// Length of the frame that the socket takes and the kernel has not seen yet; 0: none.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cw_verdict SEC(".maps");

// A frame of either hook; is_xdp is a constant wherever this is used.
struct frame {
	void *context;
	bool is_xdp;
	__be16 vlan, type;
	__u32 l3; // offset
};

struct packet {
	__u8 destination[16];
	__u16 family;
	__u8 protocol;
	bool fragment;
	__u32 l4; // offset
};

static __always_inline bool
load(const struct frame *frame, __u32 offset, void *to, __u32 len)
{
	return (frame->is_xdp ? bpf_xdp_load_bytes(frame->context, offset, to, len)
			      : bpf_skb_load_bytes(frame->context, offset, to, len))
	       == 0;
}

static __always_inline bool
load_ipv4(const struct frame *frame, __u32 offset, struct packet *packet)
{
	struct iphdr ip;

	if (!load(frame, offset, &ip, sizeof(ip)) || ip.version != 4)
		return false;
	__builtin_memcpy(packet->destination, &ip.daddr, sizeof(ip.daddr));
	packet->family = 4;
	packet->protocol = ip.protocol;
	packet->fragment = (ip.frag_off & bpf_htons(IP_FRAGMENT)) != 0;
	packet->l4 = offset + ip.ihl * 4;
	return true;
}

// Extension headers stand before no tunnel that we take.
static __always_inline bool
load_ipv6(const struct frame *frame, __u32 offset, struct packet *packet)
{
	struct ipv6hdr ip;

	if (!load(frame, offset, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	__builtin_memcpy(packet->destination, &ip.daddr, sizeof(ip.daddr));
	packet->family = 6;
	packet->protocol = ip.nexthdr;
	packet->l4 = offset + sizeof(ip);
	return true;
}

static __always_inline bool
load_ip(const struct frame *frame, __be16 type, __u32 offset, struct packet *packet)
{
	if (type == bpf_htons(ETH_P_IP))
		return load_ipv4(frame, offset, packet);
	return type == bpf_htons(ETH_P_IPV6) && load_ipv6(frame, offset, packet);
}

static __always_inline const struct uplink_tunnel *
find_tunnel(const struct frame *frame, const struct packet *packet)
{
	struct uplink_tunnel_key key = {
		.vlan = frame->vlan,
		.protocol = packet->protocol,
		.family = (__u8)packet->family,
	};
	struct udphdr udp;

	// A fragment stays with those that have no ports: the kernel's.
	if (packet->fragment)
		return NULL;
	if (packet->protocol == IPPROTO_UDP) {
		if (!load(frame, packet->l4, &udp, sizeof(udp)))
			return NULL;
		key.port = udp.dest;
	} else if (packet->protocol != IPPROTO_IPIP) {
		return NULL;
	}
	__builtin_memcpy(key.address, packet->destination, sizeof(key.address));
	return bpf_map_lookup_elem(&cw_tunnels, &key);
}

static __always_inline bool
is_own(const struct frame *frame, const struct packet *outer, const struct uplink_tunnel *tunnel)
{
	__u32 offset = outer->l4 + (outer->protocol == IPPROTO_UDP ? sizeof(struct udphdr) : 0);
	struct uplink_own_key key = {.vtep = tunnel->vtep};
	__be16 type = bpf_htons(ETH_P_IP);
	struct packet inner = {0};
	struct ethhdr ether;

	if (tunnel->kind == KIND_VXLAN) {
		offset += VXLAN_HEADER_LEN;
		if (!load(frame, offset, &ether, sizeof(ether)))
			return false;
		offset += sizeof(ether);
		type = ether.h_proto;
	}
	if (!load_ip(frame, type, offset, &inner))
		return false;
	key.family = inner.family;
	__builtin_memcpy(key.address, inner.destination, sizeof(key.address));
	return bpf_map_lookup_elem(&cw_own, &key) != NULL;
}

static __always_inline bool
is_to_pod(const struct frame *frame, const struct packet *packet)
{
	struct uplink_prefix_key key = {
		.bits = UPLINK_PREFIX_BITS + (packet->family == 4 ? 32 : 128),
		.vlan = frame->vlan,
		.family = packet->family,
	};
	const __u32 *verdict;

	__builtin_memcpy(key.address, packet->destination, sizeof(key.address));
	verdict = bpf_map_lookup_elem(&cw_prefixes, &key);
	return verdict != NULL && *verdict == UPLINK_TAKE;
}

static __always_inline bool
is_to_device(const struct ethhdr *ether)
{
	const struct uplink_settings *settings;
	__u32 zero = 0, differ = 0;

	settings = bpf_map_lookup_elem(&cw_settings, &zero);
	if (settings == NULL)
		return false;
	for (int i = 0; i < ETH_ALEN; i++)
		differ |= ether->h_dest[i] ^ settings->mac[i];
	return differ == 0;
}

// ether: as loaded; the frame's vlan, type and l3 are those behind a tag.
static __always_inline bool
is_ours(const struct frame *frame, const struct ethhdr *ether)
{
	const bool group = (ether->h_dest[0] & 1) != 0;
	const struct uplink_tunnel *tunnel;
	struct packet packet = {0};

	if (!group && !is_to_device(ether))
		return false;
	if (!load_ip(frame, frame->type, frame->l3, &packet))
		return false;
	tunnel = find_tunnel(frame, &packet);
	if (tunnel != NULL)
		return !is_own(frame, &packet, tunnel);
	return !group && is_to_pod(frame, &packet);
}

SEC("xdp")
int
uplink_xdp(struct xdp_md *context)
{
	struct frame frame = {.context = context, .is_xdp = true, .l3 = sizeof(struct ethhdr)};
	struct ethhdr ether;
	__be16 tag[2];

	if (!load(&frame, 0, &ether, sizeof(ether)))
		return XDP_PASS;
	frame.type = ether.h_proto;
	if (frame.type == bpf_htons(ETH_P_8021Q)) {
		if (!load(&frame, frame.l3, tag, sizeof(tag)))
			return XDP_PASS;
		frame.vlan = tag[0] & bpf_htons(VLAN_ID);
		frame.type = tag[1];
		frame.l3 += sizeof(tag);
		if (frame.vlan == 0)
			return XDP_PASS;
	}
	if (!is_ours(&frame, &ether))
		return XDP_PASS;
	return (int)bpf_redirect_map(&cw_sockets, context->rx_queue_index, XDP_PASS);
}

// The kernel has taken the tag out already.
static __always_inline bool
is_ours_of_skb(struct __sk_buff *skb)
{
	struct frame frame = {.context = skb, .l3 = sizeof(struct ethhdr)};
	struct ethhdr ether;

	if (!load(&frame, 0, &ether, sizeof(ether)))
		return false;
	frame.type = ether.h_proto;
	if (skb->vlan_present) {
		frame.vlan = bpf_htons(skb->vlan_tci & VLAN_ID);
		if (frame.vlan == 0 || skb->vlan_proto != bpf_htons(ETH_P_8021Q))
			return false;
	}
	return is_ours(&frame, &ether);
}

SEC("socket")
int
uplink_filter(struct __sk_buff *skb)
{
	__u32 zero = 0, *verdict = bpf_map_lookup_elem(&cw_verdict, &zero);
	bool ours;

	if (verdict == NULL || skb->pkt_type == PACKET_OUTGOING)
		return 0;
	ours = is_ours_of_skb(skb);
	*verdict = ours ? skb->len : 0;
	return ours ? (int)WHOLE_FRAME : 0;
}

SEC("tc")
int
uplink_drop(struct __sk_buff *skb)
{
	__u32 zero = 0, *verdict = bpf_map_lookup_elem(&cw_verdict, &zero), taken;

	if (verdict == NULL)
		return TC_ACT_UNSPEC;
	taken = *verdict;
	*verdict = 0;
	return taken != 0 && taken == skb->len ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

char uplink_license[] SEC("license") = "Apache-2.0";
