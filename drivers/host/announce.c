/* SPDX-License-Identifier: Apache-2.0 */
#include "announce.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct arp_frame {
	struct ether_header ether;
	struct ether_arp arp;
} __attribute__((packed));

struct nd_frame {
	struct ether_header ether;
	struct ip6_hdr ip;
	struct nd_neighbor_advert advert;
	struct nd_opt_hdr option; // target link-layer address
	uint8_t mac[6];
} __attribute__((packed));

static struct arp_frame
arp_frame(const uint8_t mac[6], const struct cw_ip *ip)
{
	struct arp_frame frame = {
		.ether.ether_type = htons(ETHERTYPE_ARP),
		.arp.ea_hdr =
			{
				.ar_hrd = htons(ARPHRD_ETHER),
				.ar_pro = htons(ETHERTYPE_IP),
				.ar_hln = 6,
				.ar_pln = 4,
				.ar_op = htons(ARPOP_REQUEST),
			},
	};

	memset(frame.ether.ether_dhost, 0xff, 6);
	memcpy(frame.ether.ether_shost, mac, 6);
	memcpy(frame.arp.arp_sha, mac, 6);
	memcpy(frame.arp.arp_spa, ip->addr, 4);
	memcpy(frame.arp.arp_tpa, ip->addr, 4);
	return frame;
}

static uint32_t
sum(uint32_t total, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i + 1 < len; i += 2)
		total += (uint32_t)(at[i] << 8 | at[i + 1]);
	return total;
}

// RFC 4443, 2.3. Everything here has an even length.
static uint16_t
checksum(const struct nd_frame *frame)
{
	const size_t len = sizeof(*frame) - offsetof(struct nd_frame, advert);
	uint32_t total = sum(0, &frame->ip.ip6_src, 32) + (uint32_t)len + IPPROTO_ICMPV6;

	total = sum(total, &frame->advert, len);
	total = (total & 0xffff) + (total >> 16);
	total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

static struct nd_frame
nd_frame(const uint8_t mac[6], const struct cw_ip *ip)
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	struct nd_frame frame = {
		.ether = {.ether_dhost = {0x33, 0x33, 0, 0, 0, 1},
			.ether_type = htons(ETHERTYPE_IPV6)},
		.ip = {.ip6_ctlun.ip6_un1 = {.ip6_un1_flow = htonl(6u << 28),
			       .ip6_un1_plen =
				       htons(sizeof(frame) - offsetof(struct nd_frame, advert)),
			       .ip6_un1_nxt = IPPROTO_ICMPV6,
			       .ip6_un1_hlim = 255}},
		.advert = {.nd_na_hdr = {.icmp6_type = ND_NEIGHBOR_ADVERT,
				   .icmp6_dataun.icmp6_un_data32 = {ND_NA_FLAG_OVERRIDE}}},
		.option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1},
	};

	memcpy(frame.ether.ether_shost, mac, 6);
	memcpy(&frame.ip.ip6_src, ip->addr, 16);
	memcpy(&frame.ip.ip6_dst, all_nodes, 16);
	memcpy(&frame.advert.nd_na_target, ip->addr, 16);
	memcpy(frame.mac, mac, 6);
	frame.advert.nd_na_cksum = checksum(&frame);
	return frame;
}

static int
send_frame(const char *ifname, const void *frame, size_t len)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(ifname)};
	const int one = 1;
	int fd, ret;

	if (to.sll_ifindex == 0)
		return -ENODEV;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	// The queueing discipline of a device that has just come up drops everything for a while.
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	ret = sendto(fd, frame, len, 0, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int
announce_address(const char *ifname, const uint8_t mac[6], const struct cw_ip *ip)
{
	if (ip->family == 4) {
		const struct arp_frame frame = arp_frame(mac, ip);

		return send_frame(ifname, &frame, sizeof(frame));
	}
	const struct nd_frame frame = nd_frame(mac, ip);

	return send_frame(ifname, &frame, sizeof(frame));
}
