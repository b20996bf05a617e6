/* SPDX-License-Identifier: Apache-2.0 */
#include "vhost_features.h"

#include <stdio.h>

#include <linux/virtio_config.h>
#include <rte_vhost.h>

#include "port.h"
#include "vhost_arguments.h"

#define BIT(n) (1ull << (n))

#define ALWAYS                                                                                     \
	(BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ANY_LAYOUT) | BIT(VHOST_USER_F_PROTOCOL_FEATURES)  \
		| BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX)                  \
		| BIT(VIRTIO_F_IN_ORDER) | BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_CTRL_VQ) \
		| BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE)                     \
		| BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4)     \
		| BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_GUEST_CSUM)                       \
		| BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6))

#define PROTOCOL_ALWAYS                                                       \
	(BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) \
		| BIT(VHOST_USER_PROTOCOL_F_NET_MTU) | BIT(VHOST_USER_PROTOCOL_F_STATUS))

static const struct {
	unsigned int bit;
	const char *name;
} names[] = {
	{VIRTIO_F_RING_PACKED, "packed"},
	{VIRTIO_NET_F_MRG_RXBUF, "mergeable"},
	{VIRTIO_RING_F_INDIRECT_DESC, "indirect"},
	{VIRTIO_RING_F_EVENT_IDX, "event_idx"},
	{VIRTIO_F_IN_ORDER, "in_order"},
	{VIRTIO_NET_F_MQ, "mq"},
	{VIRTIO_F_IOMMU_PLATFORM, "iommu"},
	{VIRTIO_NET_F_GUEST_CSUM, "csum"},
	{VIRTIO_NET_F_GUEST_TSO4, "tso4"},
	{VIRTIO_NET_F_GUEST_TSO6, "tso6"},
	{VIRTIO_NET_F_CSUM, "host_csum"},
	{VIRTIO_NET_F_HOST_TSO4, "host_tso4"},
	{VIRTIO_NET_F_HOST_TSO6, "host_tso6"},
};

uint64_t
vhost_features_offered(const struct vhost_arguments *arguments, uint16_t n_pairs)
{
	uint64_t features = ALWAYS;

	if (arguments->packed)
		features |= BIT(VIRTIO_F_RING_PACKED);
	if (arguments->iommu)
		features |= BIT(VIRTIO_F_IOMMU_PLATFORM);
	// librte_vhost's enqueue takes the length out of a super-frame's pseudo-header sum.
	if (!arguments->own_rings)
		features &= ~(BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6));
	if (n_pairs > 1)
		features |= BIT(VIRTIO_NET_F_MQ);
	return features;
}

uint64_t
vhost_protocol_features_offered(const struct vhost_arguments *arguments)
{
	uint64_t features = PROTOCOL_ALWAYS;

	if (arguments->iommu) // the way of our requests for translations
		features |= BIT(VHOST_USER_PROTOCOL_F_SLAVE_REQ)
			    | BIT(VHOST_USER_PROTOCOL_F_SLAVE_SEND_FD);
	return features;
}

uint32_t
vhost_features_capabilities(uint64_t features)
{
	uint32_t capabilities = 0;

	if ((features & BIT(VIRTIO_NET_F_GUEST_CSUM)) == 0)
		return 0; // virtio 1.2, 5.1.3.1: the others depend on it
	capabilities |= PORT_TX_CHECKSUM;
	if ((features & BIT(VIRTIO_NET_F_GUEST_TSO4)) != 0)
		capabilities |= PORT_TX_TSO4;
	if ((features & BIT(VIRTIO_NET_F_GUEST_TSO6)) != 0)
		capabilities |= PORT_TX_TSO6;
	return capabilities;
}

void
vhost_features_names(uint64_t features, char *text, size_t len)
{
	size_t used = 0;

	if (len == 0)
		return;
	text[0] = '\0';
	for (size_t i = 0; i < RTE_DIM(names) && used < len; i++)
		if ((features & BIT(names[i].bit)) != 0)
			used += (size_t)snprintf(text + used, len - used, "%s%s",
				used > 0 ? "," : "", names[i].name);
}

bool
vhost_features_refuse(uint64_t features, const struct rte_mbuf *m)
{
	const uint64_t wants =
		RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG;
	uint32_t needed = PORT_TX_CHECKSUM;

	if (likely((m->ol_flags & wants) == 0))
		return false;
	if ((m->ol_flags & RTE_MBUF_F_TX_UDP_SEG) != 0)
		return true;
	if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0)
		needed |= (m->ol_flags & RTE_MBUF_F_TX_IPV6) != 0 ? PORT_TX_TSO6 : PORT_TX_TSO4;
	return (vhost_features_capabilities(features) & needed) != needed;
}
