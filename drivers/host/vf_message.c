/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_message.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <netlink/attr.h>

static int
put_mac(struct nl_msg *msg, unsigned int index, const struct vf_settings *settings)
{
	struct ifla_vf_mac mac = {.vf = index};

	memcpy(mac.mac, settings->mac, sizeof(settings->mac));
	return nla_put(msg, IFLA_VF_MAC, sizeof(mac), &mac);
}

// The list is younger than the plain attribute, and the only one with a protocol: kernels and
// drivers that know no 802.1ad see what they know.
static int
put_vlan(struct nl_msg *msg, unsigned int index, const struct vf_settings *settings)
{
	const struct ifla_vf_vlan plain = {.vf = index, .vlan = settings->vlan};
	const struct ifla_vf_vlan_info info = {
		.vf = index,
		.vlan = settings->vlan,
		.qos = settings->qos,
		.vlan_proto = htons(settings->vlan_proto != 0 ? settings->vlan_proto : ETH_P_8021Q),
	};
	struct nlattr *list;

	if (info.vlan_proto == htons(ETH_P_8021Q) && settings->qos == 0)
		return nla_put(msg, IFLA_VF_VLAN, sizeof(plain), &plain);
	list = nla_nest_start(msg, IFLA_VF_VLAN_LIST);
	if (list == NULL || nla_put(msg, IFLA_VF_VLAN_INFO, sizeof(info), &info) < 0)
		return -1;
	return nla_nest_end(msg, list);
}

static int
put_rate(struct nl_msg *msg, unsigned int index, const struct vf_settings *settings)
{
	const struct ifla_vf_rate rate = {
		.vf = index,
		.min_tx_rate = settings->min_tx_rate,
		.max_tx_rate = settings->max_tx_rate,
	};

	return nla_put(msg, IFLA_VF_RATE, sizeof(rate), &rate);
}

// The kernel's three settings of one number have the same shape.
static int
put_number(struct nl_msg *msg, int type, unsigned int index, unsigned int value)
{
	const struct ifla_vf_spoofchk number = {.vf = index, .setting = value};

	_Static_assert(sizeof(struct ifla_vf_trust) == sizeof(number), "layout of if_link.h");
	_Static_assert(sizeof(struct ifla_vf_link_state) == sizeof(number), "layout of if_link.h");
	return nla_put(msg, type, sizeof(number), &number);
}

static int
put_setting(struct nl_msg *msg, unsigned int index, const struct vf_settings *settings,
	enum vf_setting setting)
{
	switch (setting) {
	case VF_MAC:
		return put_mac(msg, index, settings);
	case VF_VLAN:
		return put_vlan(msg, index, settings);
	case VF_SPOOFCHK:
		return put_number(msg, IFLA_VF_SPOOFCHK, index, settings->spoofchk);
	case VF_TRUST:
		return put_number(msg, IFLA_VF_TRUST, index, settings->trust);
	case VF_RATE:
		return put_rate(msg, index, settings);
	case VF_LINK_STATE:
		return put_number(msg, IFLA_VF_LINK_STATE, index, settings->link_state);
	}
	return -1;
}

struct nl_msg *
vf_message_set(int pf_ifindex, unsigned int index, const struct vf_settings *settings,
	enum vf_setting setting)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = pf_ifindex};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_SETLINK, 0);
	struct nlattr *list, *info;

	if (msg == NULL || nlmsg_append(msg, &link, sizeof(link), NLMSG_ALIGNTO) < 0)
		goto fail;
	list = nla_nest_start(msg, IFLA_VFINFO_LIST);
	info = list != NULL ? nla_nest_start(msg, IFLA_VF_INFO) : NULL;
	if (info == NULL || put_setting(msg, index, settings, setting) < 0)
		goto fail;
	nla_nest_end(msg, info);
	nla_nest_end(msg, list);
	return msg;
fail:
	nlmsg_free(msg);
	return NULL;
}

static void
parse_vlan_list(struct nlattr *list, struct vf_settings *settings)
{
	struct ifla_vf_vlan_info info;
	struct nlattr *item;
	int left;

	nla_for_each_nested(item, list, left)
	{
		if (nla_type(item) != IFLA_VF_VLAN_INFO || nla_len(item) < (int)sizeof(info))
			continue;
		memcpy(&info, nla_data(item), sizeof(info));
		settings->vlan = (uint16_t)info.vlan;
		settings->qos = (uint8_t)info.qos;
		settings->vlan_proto = ntohs(info.vlan_proto);
		return; // the outermost; the kernel takes one only
	}
}

static void
parse_stats(struct nlattr *stats, struct vf_settings *settings)
{
	static const struct nla_policy policy[IFLA_VF_STATS_MAX + 1] = {
		[IFLA_VF_STATS_RX_PACKETS] = {.type = NLA_U64},
		[IFLA_VF_STATS_TX_PACKETS] = {.type = NLA_U64},
		[IFLA_VF_STATS_RX_BYTES] = {.type = NLA_U64},
		[IFLA_VF_STATS_TX_BYTES] = {.type = NLA_U64},
		[IFLA_VF_STATS_BROADCAST] = {.type = NLA_U64},
		[IFLA_VF_STATS_MULTICAST] = {.type = NLA_U64},
		[IFLA_VF_STATS_RX_DROPPED] = {.type = NLA_U64},
		[IFLA_VF_STATS_TX_DROPPED] = {.type = NLA_U64},
	};
	uint64_t *const counters[IFLA_VF_STATS_MAX + 1] = {
		[IFLA_VF_STATS_RX_PACKETS] = &settings->rx_packets,
		[IFLA_VF_STATS_TX_PACKETS] = &settings->tx_packets,
		[IFLA_VF_STATS_RX_BYTES] = &settings->rx_bytes,
		[IFLA_VF_STATS_TX_BYTES] = &settings->tx_bytes,
		[IFLA_VF_STATS_BROADCAST] = &settings->broadcast,
		[IFLA_VF_STATS_MULTICAST] = &settings->multicast,
		[IFLA_VF_STATS_RX_DROPPED] = &settings->rx_dropped,
		[IFLA_VF_STATS_TX_DROPPED] = &settings->tx_dropped,
	};
	struct nlattr *items[IFLA_VF_STATS_MAX + 1];

	if (nla_parse_nested(items, IFLA_VF_STATS_MAX, stats, policy) < 0)
		return;
	for (int i = 0; i <= IFLA_VF_STATS_MAX; i++)
		if (items[i] != NULL && counters[i] != NULL)
			*counters[i] = nla_get_u64(items[i]);
}

// A setting of one number; false when the driver does not report it: the kernel says -1 then.
static bool
parse_number(struct nlattr *item, uint32_t *value)
{
	struct ifla_vf_spoofchk number;

	if (item == NULL || nla_len(item) < (int)sizeof(number))
		return false;
	memcpy(&number, nla_data(item), sizeof(number));
	*value = number.setting;
	return number.setting != UINT32_MAX;
}

static void
parse_addresses(struct nlattr *const items[], struct vf_settings *settings)
{
	struct ifla_vf_mac mac;
	struct ifla_vf_vlan vlan;

	memcpy(&mac, nla_data(items[IFLA_VF_MAC]), sizeof(mac));
	memcpy(settings->mac, mac.mac, sizeof(settings->mac));
	settings->known |= VF_MAC;
	settings->vlan_proto = ETH_P_8021Q;
	if (items[IFLA_VF_VLAN] != NULL && nla_len(items[IFLA_VF_VLAN]) >= (int)sizeof(vlan)) {
		memcpy(&vlan, nla_data(items[IFLA_VF_VLAN]), sizeof(vlan));
		settings->vlan = (uint16_t)vlan.vlan;
		settings->qos = (uint8_t)vlan.qos;
		settings->known |= VF_VLAN;
	}
	if (items[IFLA_VF_VLAN_LIST] != NULL)
		parse_vlan_list(items[IFLA_VF_VLAN_LIST], settings);
}

static void
parse_limits(struct nlattr *const items[], struct vf_settings *settings)
{
	struct ifla_vf_rate rate;
	uint32_t value;

	if (items[IFLA_VF_RATE] != NULL && nla_len(items[IFLA_VF_RATE]) >= (int)sizeof(rate)) {
		memcpy(&rate, nla_data(items[IFLA_VF_RATE]), sizeof(rate));
		settings->min_tx_rate = rate.min_tx_rate;
		settings->max_tx_rate = rate.max_tx_rate;
		settings->known |= VF_RATE;
	}
	if (parse_number(items[IFLA_VF_SPOOFCHK], &value)) {
		settings->spoofchk = value != 0;
		settings->known |= VF_SPOOFCHK;
	}
	if (parse_number(items[IFLA_VF_TRUST], &value)) {
		settings->trust = value != 0;
		settings->known |= VF_TRUST;
	}
	if (parse_number(items[IFLA_VF_LINK_STATE], &value)) {
		settings->link_state = (uint8_t)value;
		settings->known |= VF_LINK_STATE;
	}
}

// Every attribute has the VF's number; the MAC's is always there.
static bool
parse_vf(struct nlattr *info, struct vf_settings *list, unsigned int n)
{
	struct nlattr *items[IFLA_VF_MAX + 1];
	struct vf_settings *settings;
	struct ifla_vf_mac mac;

	if (nla_parse_nested(items, IFLA_VF_MAX, info, NULL) < 0 || items[IFLA_VF_MAC] == NULL
		|| nla_len(items[IFLA_VF_MAC]) < (int)sizeof(mac))
		return false;
	memcpy(&mac, nla_data(items[IFLA_VF_MAC]), sizeof(mac));
	if (mac.vf >= n)
		return true;
	settings = &list[mac.vf];
	*settings = (struct vf_settings){0};
	parse_addresses(items, settings);
	parse_limits(items, settings);
	if (items[IFLA_VF_STATS] != NULL)
		parse_stats(items[IFLA_VF_STATS], settings);
	return true;
}

unsigned int
vf_message_parse(
	struct nlmsghdr *message, struct vf_settings *list, unsigned int n, unsigned int *num)
{
	const int header = sizeof(struct ifinfomsg);
	struct nlattr *count, *infos, *info;
	unsigned int found = 0;
	int left;

	*num = 0;
	if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, header))
		return 0;
	count = nlmsg_find_attr(message, header, IFLA_NUM_VF);
	if (count != NULL && nla_len(count) >= (int)sizeof(uint32_t))
		*num = nla_get_u32(count);
	infos = nlmsg_find_attr(message, header, IFLA_VFINFO_LIST);
	if (infos == NULL)
		return 0;
	nla_for_each_nested(info, infos, left)
	{
		if (nla_type(info) == IFLA_VF_INFO)
			found += parse_vf(info, list, n);
	}
	return found;
}
