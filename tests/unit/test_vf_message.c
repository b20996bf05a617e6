/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vf_message.h"

#define IFINDEX 5
#define N_VFS 4

static const uint8_t mac[6] = {0x02, 0, 0, 0, 0, 0x10};

// ---- what is asked for

// The one attribute of a request, after all around it was checked.
static struct nlattr *
only_attribute(struct nl_msg *msg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifinfomsg *link = nlmsg_data(header);
	struct nlattr *list, *info, *item;

	assert_int_equal(header->nlmsg_type, RTM_SETLINK);
	assert_int_equal(link->ifi_index, IFINDEX);
	list = nlmsg_attrdata(header, sizeof(*link));
	assert_int_equal(nla_type(list), IFLA_VFINFO_LIST);
	assert_int_equal(nla_total_size(nla_len(list)), nlmsg_attrlen(header, sizeof(*link)));
	info = nla_data(list);
	assert_int_equal(nla_type(info), IFLA_VF_INFO);
	assert_int_equal(nla_total_size(nla_len(info)), nla_len(list));
	item = nla_data(info);
	assert_int_equal(nla_total_size(nla_len(item)), nla_len(info));
	return item;
}

// Numbers of 32 bits, as nearly all of these attributes are.
static void
assert_request(const struct vf_settings *settings, enum vf_setting setting, int type,
	const uint32_t *numbers, int n)
{
	struct nl_msg *msg = vf_message_set(IFINDEX, 3, settings, setting);
	struct nlattr *item;

	assert_non_null(msg);
	item = only_attribute(msg);
	assert_int_equal(nla_type(item), type);
	assert_int_equal(nla_len(item), n * 4);
	assert_memory_equal(nla_data(item), numbers, (size_t)n * 4);
	nlmsg_free(msg);
}

static void
test_requests(void **state)
{
	const struct vf_settings settings = {.spoofchk = true,
		.trust = true,
		.min_tx_rate = 100,
		.max_tx_rate = 1000,
		.link_state = VF_LINK_DISABLE,
		.vlan = 100,
		.vlan_proto = ETH_P_8021Q};

	assert_request(&settings, VF_SPOOFCHK, IFLA_VF_SPOOFCHK, (uint32_t[]){3, 1}, 2);
	assert_request(&settings, VF_TRUST, IFLA_VF_TRUST, (uint32_t[]){3, 1}, 2);
	assert_request(&settings, VF_LINK_STATE, IFLA_VF_LINK_STATE, (uint32_t[]){3, 2}, 2);
	assert_request(&settings, VF_RATE, IFLA_VF_RATE, (uint32_t[]){3, 100, 1000}, 3);
	assert_request(&settings, VF_VLAN, IFLA_VF_VLAN, (uint32_t[]){3, 100, 0}, 3);
}

static void
test_request_of_mac(void **state)
{
	struct vf_settings settings = {0};
	const uint32_t index = 3;
	struct nl_msg *msg;
	struct nlattr *item;
	uint8_t *data;

	memcpy(settings.mac, mac, sizeof(mac));
	msg = vf_message_set(IFINDEX, index, &settings, VF_MAC);
	assert_non_null(msg);
	item = only_attribute(msg);
	data = nla_data(item);
	assert_int_equal(nla_type(item), IFLA_VF_MAC);
	assert_int_equal(nla_len(item), 4 + 32);
	assert_memory_equal(data, &index, 4);
	assert_memory_equal(data + 4, mac, 6);
	for (int i = 10; i < 36; i++)
		assert_int_equal(data[i], 0);
	nlmsg_free(msg);
}

// {vf, vlan, qos, proto in network order, padding}
static void
assert_vlan_list(const struct vf_settings *settings, uint16_t proto)
{
	struct nl_msg *msg = vf_message_set(IFINDEX, 3, settings, VF_VLAN);
	const uint32_t numbers[] = {3, settings->vlan, settings->qos};
	const uint16_t tail = htons(proto);
	struct nlattr *list, *item;

	assert_non_null(msg);
	list = only_attribute(msg);
	assert_int_equal(nla_type(list), IFLA_VF_VLAN_LIST);
	item = nla_data(list);
	assert_int_equal(nla_type(item), IFLA_VF_VLAN_INFO);
	assert_int_equal(nla_len(item), 16);
	assert_memory_equal(nla_data(item), numbers, 12);
	assert_memory_equal((uint8_t *)nla_data(item) + 12, &tail, 2);
	nlmsg_free(msg);
}

static void
test_request_of_vlan_with_priority(void **state)
{
	const struct vf_settings settings = {.vlan = 7, .qos = 5};

	assert_vlan_list(&settings, ETH_P_8021Q);
}

static void
test_request_of_service_vlan(void **state)
{
	const struct vf_settings settings = {.vlan = 7, .vlan_proto = ETH_P_8021AD};

	assert_vlan_list(&settings, ETH_P_8021AD);
}

// ---- what the kernel tells

static struct nl_msg *
begin_reply(void)
{
	struct ifinfomsg link = {.ifi_index = IFINDEX};
	struct nl_msg *msg = nlmsg_alloc_size(65536);

	assert_non_null(msg);
	assert_non_null(nlmsg_put(msg, 0, 0, RTM_NEWLINK, 0, 0));
	assert_int_equal(nlmsg_append(msg, &link, sizeof(link), NLMSG_ALIGNTO), 0);
	assert_int_equal(nla_put_u32(msg, IFLA_NUM_VF, N_VFS), 0);
	return msg;
}

static void
put(struct nl_msg *msg, int type, const void *data, int len)
{
	assert_int_equal(nla_put(msg, type, len, data), 0);
}

static void
put_mac(struct nl_msg *msg, uint32_t index, uint8_t last)
{
	uint8_t data[36] = {0};

	memcpy(data, &index, 4);
	memcpy(data + 4, mac, 5);
	data[9] = last;
	put(msg, IFLA_VF_MAC, data, sizeof(data));
}

static void
put_vlan_list(struct nl_msg *msg, uint32_t index, uint32_t vlan, uint32_t qos, uint16_t proto)
{
	struct nlattr *list = nla_nest_start(msg, IFLA_VF_VLAN_LIST);
	uint32_t data[4] = {index, vlan, qos, 0};
	const uint16_t tail = htons(proto);

	memcpy(&data[3], &tail, 2);
	put(msg, IFLA_VF_VLAN_INFO, data, sizeof(data));
	nla_nest_end(msg, list);
}

static void
put_stats(struct nl_msg *msg)
{
	struct nlattr *stats = nla_nest_start(msg, IFLA_VF_STATS);

	for (uint64_t i = IFLA_VF_STATS_RX_PACKETS; i <= IFLA_VF_STATS_MULTICAST; i++)
		put(msg, (int)i, &(uint64_t){(i << 40) + 1}, 8);
	put(msg, IFLA_VF_STATS_RX_DROPPED, &(uint64_t){77}, 8);
	put(msg, IFLA_VF_STATS_TX_DROPPED, &(uint64_t){88}, 8);
	nla_nest_end(msg, stats);
}

// As igb tells of it, but for 802.1ad, which it does not have.
static void
put_full_vf(struct nl_msg *msg, uint32_t index, uint8_t last)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_VF_INFO);
	const uint8_t broadcast[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	put_mac(msg, index, last);
	put(msg, IFLA_VF_BROADCAST, broadcast, sizeof(broadcast));
	put(msg, IFLA_VF_VLAN, (uint32_t[]){index, 100, 3}, 12);
	put(msg, IFLA_VF_RATE, (uint32_t[]){index, 10, 200}, 12);
	put(msg, IFLA_VF_TX_RATE, (uint32_t[]){index, 200}, 8);
	put(msg, IFLA_VF_SPOOFCHK, (uint32_t[]){index, 1}, 8);
	put(msg, IFLA_VF_LINK_STATE, (uint32_t[]){index, VF_LINK_ENABLE}, 8);
	put(msg, IFLA_VF_RSS_QUERY_EN, (uint32_t[]){index, 0}, 8);
	put(msg, IFLA_VF_TRUST, (uint32_t[]){index, 1}, 8);
	put_vlan_list(msg, index, 100, 3, ETH_P_8021AD);
	put_stats(msg);
	nla_nest_end(msg, info);
}

static void
test_reply(void **state)
{
	struct vf_settings list[N_VFS] = {0};
	struct nl_msg *msg = begin_reply();
	struct nlattr *vfs = nla_nest_start(msg, IFLA_VFINFO_LIST);
	const struct vf_settings *vf = &list[2];
	unsigned int num;

	put_full_vf(msg, 2, 0x10);
	put_full_vf(msg, 1, 0x11);
	put_full_vf(msg, N_VFS, 0x12); // beyond what the caller has room for
	nla_nest_end(msg, vfs);
	assert_int_equal(vf_message_parse(nlmsg_hdr(msg), list, N_VFS, &num), 3);
	assert_int_equal(num, N_VFS);
	assert_int_equal(list[0].known, 0);
	assert_int_equal(list[1].mac[5], 0x11);
	assert_int_equal(list[3].known, 0);
	assert_int_equal(vf->known, VF_SETTINGS_ALL);
	assert_memory_equal(vf->mac, mac, 6);
	assert_int_equal(vf->vlan, 100);
	assert_int_equal(vf->qos, 3);
	assert_int_equal(vf->vlan_proto, ETH_P_8021AD);
	assert_int_equal(vf->min_tx_rate, 10);
	assert_int_equal(vf->max_tx_rate, 200);
	assert_true(vf->spoofchk && vf->trust);
	assert_int_equal(vf->link_state, VF_LINK_ENABLE);
	assert_int_equal(vf->rx_packets, ((uint64_t)IFLA_VF_STATS_RX_PACKETS << 40) + 1);
	assert_int_equal(vf->tx_bytes, ((uint64_t)IFLA_VF_STATS_TX_BYTES << 40) + 1);
	assert_int_equal(vf->multicast, ((uint64_t)IFLA_VF_STATS_MULTICAST << 40) + 1);
	assert_int_equal(vf->rx_dropped, 77);
	assert_int_equal(vf->tx_dropped, 88);
	nlmsg_free(msg);
}

// A driver without spoofchk and trust, a kernel without lists and counters.
static void
test_reply_of_little(void **state)
{
	struct vf_settings list[N_VFS] = {0};
	struct nl_msg *msg = begin_reply();
	struct nlattr *vfs = nla_nest_start(msg, IFLA_VFINFO_LIST);
	struct nlattr *info = nla_nest_start(msg, IFLA_VF_INFO);
	unsigned int num;

	put_mac(msg, 0, 1);
	put(msg, IFLA_VF_VLAN, (uint32_t[]){0, 9, 1}, 12);
	put(msg, IFLA_VF_SPOOFCHK, (uint32_t[]){0, UINT32_MAX}, 8); // as rtnl_fill_vfinfo() has it
	put(msg, IFLA_VF_TRUST, (uint32_t[]){0, UINT32_MAX}, 8);
	nla_nest_end(msg, info);
	nla_nest_end(msg, vfs);
	assert_int_equal(vf_message_parse(nlmsg_hdr(msg), list, N_VFS, &num), 1);
	assert_int_equal(list[0].known, VF_MAC | VF_VLAN);
	assert_false(list[0].spoofchk || list[0].trust);
	assert_int_equal(list[0].vlan, 9);
	assert_int_equal(list[0].qos, 1);
	assert_int_equal(list[0].vlan_proto, ETH_P_8021Q);
	nlmsg_free(msg);
}

// Attributes that end too early are as if they were not there.
static void
test_reply_cut_short(void **state)
{
	struct vf_settings list[N_VFS] = {0};
	struct nl_msg *msg = begin_reply();
	struct nlattr *vfs = nla_nest_start(msg, IFLA_VFINFO_LIST);
	struct nlattr *info = nla_nest_start(msg, IFLA_VF_INFO);
	unsigned int num;

	put_mac(msg, 0, 1);
	put(msg, IFLA_VF_VLAN, (uint32_t[]){0, 9}, 8);
	put(msg, IFLA_VF_RATE, (uint32_t[]){0}, 4);
	put(msg, IFLA_VF_TRUST, (uint32_t[]){0}, 4);
	put(msg, IFLA_VF_STATS, "abc", 3);
	put(msg, IFLA_VF_VLAN_LIST, "abcdef", 6);
	nla_nest_end(msg, info);
	info = nla_nest_start(msg, IFLA_VF_INFO);
	put(msg, IFLA_VF_MAC, (uint32_t[]){1}, 4);
	nla_nest_end(msg, info);
	nla_nest_end(msg, vfs);
	assert_int_equal(vf_message_parse(nlmsg_hdr(msg), list, N_VFS, &num), 1);
	assert_int_equal(list[0].known, VF_MAC);
	assert_int_equal(list[0].vlan, 0);
	assert_int_equal(list[1].known, 0);
	nlmsg_free(msg);
}

static void
test_reply_without_vfs(void **state)
{
	struct vf_settings list[N_VFS] = {0};
	struct nl_msg *msg = begin_reply();
	unsigned int num;

	assert_int_equal(vf_message_parse(nlmsg_hdr(msg), list, N_VFS, &num), 0);
	nlmsg_hdr(msg)->nlmsg_type = RTM_DELLINK;
	assert_int_equal(vf_message_parse(nlmsg_hdr(msg), list, N_VFS, &num), 0);
	assert_int_equal(num, 0);
	nlmsg_free(msg);
}

static void
test_differences(void **state)
{
	const struct vf_settings one = {.vlan = 0, .vlan_proto = ETH_P_8021Q, .max_tx_rate = 5};
	struct vf_settings other = one;

	assert_int_equal(vf_settings_differ(&one, &other, VF_SETTINGS_ALL), 0);
	other.vlan_proto = 0; // without a tag it means nothing
	other.rx_packets = 9;
	assert_int_equal(vf_settings_differ(&one, &other, VF_SETTINGS_ALL), 0);
	other.vlan = 5;
	other.mac[5] = 1;
	other.spoofchk = other.trust = true;
	other.min_tx_rate = 1;
	other.link_state = VF_LINK_DISABLE;
	assert_int_equal(vf_settings_differ(&one, &other, VF_SETTINGS_ALL), VF_SETTINGS_ALL);
	assert_int_equal(vf_settings_differ(&one, &other, VF_RATE), VF_RATE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_request_of_mac),
		cmocka_unit_test(test_request_of_vlan_with_priority),
		cmocka_unit_test(test_request_of_service_vlan),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_reply_of_little),
		cmocka_unit_test(test_reply_cut_short),
		cmocka_unit_test(test_reply_without_vfs),
		cmocka_unit_test(test_differences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
