/* SPDX-License-Identifier: Apache-2.0 */

// VFs of pods on a card of the test's own: into the pod, set up, refused, and as they were again.

#include "vf_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <causeway/error.h>

#include "fail_point.h"
#include "vf/vf.h"
#include "vf/vf_uplink.h"

#define VF0 "\"vf\":{\"pci\":\"" FAKE_VF0 "\""
#define VF1 "\"vf\":{\"pci\":\"" FAKE_VF1 "\""
#define VF2 "\"vf\":{\"pci\":\"" FAKE_VF2 "\""
#define ADDRESSING                                                          \
	"\"mac\":\"02:00:00:00:01:01\",\"mtu\":1400,"                       \
	"\"ips\":[{\"address\":\"10.9.0.5/24\",\"gateway\":\"10.9.0.1\"}]," \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\"}],"
#define SETTINGS                                                                            \
	",\"vlan\":5,\"vlan_qos\":2,\"trust\":true,\"spoofchk\":false,\"max_tx_rate\":100," \
	"\"link_state\":\"enable\"}"

// Nothing but what was there before, here and in the store.
static void
assert_same(const char *before)
{
	char *after = world_picture();

	assert_string_equal(before, after);
	free(after);
	assert_null(world->pod.c->d->vfs->records);
	assert_int_equal(objects_count(world->pod.c->d->objects, OBJECT_ENDPOINT), 0);
	if (world->pod.netns >= 0)
		assert_int_equal(world_in_pod("test $(ip -o link | wc -l) = 1"), 0);
}

static void
test_kernel_vf(void **state)
{
	char *before = world_picture();
	const struct vf_settings *vf = &world->settings[0];
	cJSON *result = world_add_ok(ADDRESSING VF0 SETTINGS), *shown;

	assert_string_equal(json_text(result, "kind"), "vf");
	assert_string_equal(json_text(result, "state"), "ready");
	assert_non_null(strstr(json_text(result, "reason"), "no uplink"));
	shown = cJSON_GetObjectItem(result, "vf");
	assert_string_equal(json_text(shown, "mode"), "kernel");
	assert_string_equal(json_text(shown, "pf_ifname"), "eth0");
	assert_int_equal(cJSON_GetObjectItem(shown, "vlan")->valueint, 5);
	assert_true(vf->vlan == 5 && vf->qos == 2 && vf->trust && !vf->spoofchk);
	assert_true(vf->max_tx_rate == 100 && vf->link_state == VF_LINK_ENABLE);
	assert_int_equal(
		world_in_pod("ip -o link show net1 up | grep -q 'mtu 1400.*02:00:00:00:01:01'"), 0);
	assert_int_equal(world_in_pod("ip -o -4 addr show net1 | grep -q 10.9.0.5/24"), 0);
	assert_int_equal(world_in_pod("ip route | grep -q 'default via 10.9.0.1 dev net1'"), 0);
	// The card's alone: the data plane hears nothing, and the gateway is not ours.
	assert_int_equal(fake_dp_count(&world->pod.c->dp, CW_ITEM_ENDPOINT), 0);
	assert_int_equal(fake_dp_count(&world->pod.c->dp, CW_ITEM_PORT), 1);
	cJSON_Delete(result);
	result = world_add_ok(ADDRESSING VF0 SETTINGS);
	cJSON_Delete(result);
	world_add_refused(ADDRESSING VF0 ",\"vlan\":6}", CW_RPC_CONFLICT, "other content");
	world_del();
	world_del();
	assert_same(before);
	free(before);
}

static void
test_what_is_not_asked_for_stays(void **state)
{
	char *before = world_picture();
	const struct vf_settings *vf = &world->settings[1];
	cJSON *result = world_add_ok(VF1 ",\"min_tx_rate\":50}");

	// Its own MAC and MTU, the other rate.
	assert_string_equal(json_text(result, "mac"), "02:00:00:00:bb:01");
	assert_int_equal(cJSON_GetObjectItem(result, "mtu")->valueint, 1450);
	assert_true(vf->min_tx_rate == 50 && vf->max_tx_rate == 500 && vf->vlan == 0);
	assert_true(vf->spoofchk && !vf->trust);
	cJSON_Delete(result);
	world_del();
	assert_same(before);
	// A VLAN that somebody has set stays, but 0 ends it.
	world->settings[1].vlan = 77;
	cJSON_Delete(world_add_ok(VF1 "}"));
	assert_int_equal(vf->vlan, 77);
	world_del();
	cJSON_Delete(world_add_ok(VF1 ",\"vlan\":0}"));
	assert_int_equal(vf->vlan, 0);
	world_del();
	assert_int_equal(vf->vlan, 77);
	// With a trunk the pod tags itself.
	cJSON_Delete(world_add_ok(
		"\"trunk\":[{\"vlan\":7,\"network\":\"default.7\"}]," VF1 ",\"vlan\":0}"));
	assert_int_equal(vf->vlan, 77);
	world_del();
	free(before);
}

static void
check_dpdk(const char *members, uint8_t vf)
{
	char *before = world_picture();
	const unsigned int resets = world->resets;
	cJSON *result = world_add_ok(members);

	assert_string_equal(json_text(cJSON_GetObjectItem(result, "vf"), "mode"), "dpdk");
	assert_string_equal(json_text(cJSON_GetObjectItem(result, "vf"), "driver"), "vfio-pci");
	assert_int_equal(world->resets, resets + 1);
	assert_int_equal(world->settings[vf].vlan, 5);
	assert_int_equal(world_in_pod("test $(ip -o link | wc -l) = 1"), 0);
	cJSON_Delete(result);
	world_del();
	assert_int_equal(world->resets, resets + 2);
	assert_same(before);
	free(before);
}

static void
test_dpdk_vf(void **state)
{
	check_dpdk(ADDRESSING VF0 ",\"bind\":\"vfio-pci\",\"vlan\":5}", 0);
	check_dpdk(VF1 ",\"bind\":\"vfio-pci\",\"vlan\":5}", 1);
	check_dpdk(VF2 ",\"bind\":\"vfio-pci\",\"vlan\":5}", 2);
	fake_pci_link(
		world->root, "/sys/bus/pci/devices/" FAKE_VF2 "/driver", "../../drivers/vfio-pci");
	check_dpdk(VF2 ",\"vlan\":5}", 2);
}

static void
test_every_step_fails(void **state)
{
	static const char *const ways[] = {ADDRESSING VF0 SETTINGS,
		ADDRESSING VF1 ",\"bind\":\"vfio-pci\",\"vlan\":5}",
		ADDRESSING VF2 ",\"bind\":\"vfio-pci\",\"trust\":true}"};
	char *before = world_picture();
	unsigned int failed = 0;

	for (size_t i = 0; i < 3; i++)
		for (const char *const *step = fail_points; *step != NULL; step++) {
			cJSON *answer;

			if (strcmp(*step, "vf_restore") == 0)
				continue;
			assert_true(fail_point_set(*step));
			answer = world_add(ways[i]);
			fail_point_set(NULL);
			if (cJSON_GetObjectItem(answer, "error") != NULL)
				failed++;
			else
				world_del(); // not a step of this way
			cJSON_Delete(answer);
			assert_same(before);
		}
	assert_in_range(failed, 20, 3 * 20);
	control_stop(world->pod.c);
	control_start(world->pod.c, true);
	assert_same(before);
	free(before);
}

static void
test_refused_settings(void **state)
{
	static const struct {
		unsigned int setting;
		int error;
		const char *members, *key, *words;
	} cases[] = {
		{VF_VLAN, -EPROTONOSUPPORT, ",\"vlan\":5,\"vlan_proto\":\"802.1ad\"}",
			"vf.vlan_proto", "802.1q only"},
		{VF_RATE, -EINVAL, ",\"min_tx_rate\":10}", "vf.min_tx_rate", "no least rate"},
		{VF_RATE, -EINVAL, ",\"max_tx_rate\":900000}", "vf.max_tx_rate", "link's speed"},
		{VF_LINK_STATE, -EOPNOTSUPP, ",\"link_state\":\"disable\"}", "vf.link_state",
			"cannot set it at all"},
		{VF_TRUST, -EPERM, ",\"trust\":true}", "vf.trust", "does not permit"},
	};
	char *before = world_picture();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char members[256];

		snprintf(members, sizeof(members), VF0 "%s", cases[i].members);
		world->refuses = cases[i].setting;
		world->error = cases[i].error;
		world_add_refused(members, CW_RPC_REFUSED, cases[i].key);
		world_add_refused(members, CW_RPC_REFUSED, cases[i].words);
		world_add_refused(members, CW_RPC_REFUSED, "driver igb of eth0");
		world->refuses = 0;
		assert_same(before);
	}
	// Accepted, and not done.
	world->ignores = VF_SPOOFCHK;
	world_add_refused(
		VF0 ",\"spoofchk\":false,\"trust\":true}", CW_RPC_REFUSED, "but it is on");
	world->ignores = 0;
	assert_same(before);
	// What is so already is not asked of a driver that does not know it.
	world->refuses = VF_LINK_STATE;
	cJSON_Delete(world_add_ok(VF0 ",\"link_state\":\"auto\"}"));
	world_del();
	world->refuses = 0;
	assert_same(before);
	free(before);
}

static void
test_bad_input(void **state)
{
	char *before = world_picture();

	world_add_refused("\"mtu\":1400", CW_RPC_INVALID_PARAMS, "needs a VF");
	world_add_refused("\"vf\":{\"pci\":\"x\"}", CW_RPC_INVALID_PARAMS, "no PCI address");
	world_add_refused("\"vf\":{\"pci\":\"0000:09:00.0\"}", CW_RPC_NOT_FOUND, "sriov_numvfs");
	world_add_refused("\"vf\":{\"pci\":\"" FAKE_PF "\"}", CW_RPC_INVALID_PARAMS, "no virtual");
	world_add_refused(VF2 "}", CW_RPC_REFUSED, "has no driver");
	world_add_refused(VF0 ",\"vlan_qos\":3}", CW_RPC_INVALID_PARAMS, "vf.vlan_qos");
	world_add_refused(VF0 ",\"vlan_proto\":\"802.1q\"}", CW_RPC_INVALID_PARAMS, "needs a VLAN");
	world_add_refused(VF0 ",\"vlan\":0,\"vlan_qos\":3}", CW_RPC_INVALID_PARAMS, "other than 0");
	world_add_refused(VF0 ",\"vlan\":0,\"vlan_proto\":\"802.1ad\"}", CW_RPC_INVALID_PARAMS,
		"other than 0");
	world_add_refused(VF0 ",\"min_tx_rate\":9,\"max_tx_rate\":5}", CW_RPC_INVALID_PARAMS,
		"above the highest");
	world_add_refused(VF0 ",\"spoofchk\":\"yes\"}", CW_RPC_INVALID_PARAMS, "spoofchk");
	world_add_refused(VF0 ",\"uplink\":\"none\"}", CW_RPC_UNAVAILABLE, "no port none");
	world_add_refused(VF0 ",\"path\":\"switch\"}", CW_RPC_UNAVAILABLE, "no uplink on PF");
	world_add_refused(VF0 ",\"bind\":\"uio_pci_generic\"}", CW_RPC_REFUSED, "not loaded");
	fake_pci_remove(world->root, "/sys/bus/pci/devices/" FAKE_PF "/net");
	world_add_refused(VF0 "}", CW_RPC_REFUSED, "needs its kernel driver");
	fake_pci_put(world->root, "/sys/bus/pci/devices/" FAKE_PF "/net/eth0/ifindex", "5\n");
	assert_int_equal(world_in_pod("ip tuntap add dev net1 mode tap"), 0);
	world_add_refused(VF0 "}", CW_RPC_REFUSED, "net1 that is not ours");
	assert_int_equal(world_in_pod("ip link del net1"), 0);
	assert_same(before);
	free(before);
}

static void
test_alternative_names(void **state)
{
	char *before;

	assert_int_equal(system("ip link property add dev vf0 altname net1 altname ens1v0"), 0);
	before = world_picture();
	assert_int_equal(world_in_pod("ip tuntap add dev ens1v0 mode tap"), 0);
	cJSON_Delete(world_add_ok(ADDRESSING VF0 "}"));
	assert_int_equal(world_in_pod("ip link show net1 | grep -q 02:00:00:00:01:01"), 0);
	world_del();
	assert_int_equal(world_in_pod("ip link del ens1v0"), 0);
	assert_same(before);
	free(before);
}

static void
test_former_name_is_taken(void **state)
{
	cJSON_Delete(world_add_ok(ADDRESSING VF0 "}"));
	assert_int_equal(system("ip tuntap add dev vf0 mode tap"), 0);
	world_del();
	assert_int_equal(system("ip link del vf0"), 0);
	assert_int_equal(system("ip link show cwvf01100 | grep -q " WORLD_MAC0), 0);
	assert_int_equal(system("ip link set cwvf01100 name vf0"), 0);
}

// --- beside sriov-cni

static void
put_mark(const char *content)
{
	fake_pci_put(world->root, "/marks/pci/" FAKE_VF0, content);
}

static void
test_marks_and_locks(void **state)
{
	char *before = world_picture(), path[160];
	FILE *lock;

	cJSON_Delete(world_add_ok(VF0 "}"));
	snprintf(path, sizeof(path), "grep -qx %s %s/pci/" FAKE_VF0, world->pod.path, world->marks);
	assert_int_equal(system(path), 0);
	world_del();
	assert_same(before);
	put_mark(world->pod.path);
	world_add_refused(VF0 "}", CW_RPC_IN_USE, "marked as used");
	put_mark("/run/netns/that-has-gone");
	cJSON_Delete(world_add_ok(VF0 "}"));
	world_del();
	assert_same(before);
	snprintf(path, sizeof(path), "%s/pci/vf_lock/" FAKE_VF0 ".lock", world->marks);
	lock = fopen(path, "w");
	assert_non_null(lock);
	assert_int_equal(flock(fileno(lock), LOCK_EX), 0);
	world_add_refused(VF0 "}", CW_RPC_UNAVAILABLE, "another plugin");
	fclose(lock);
	assert_same(before);
	free(before);
}

static void
test_several_vfs(void **state)
{
	char *before = world_picture();
	cJSON *answer, *list;

	cJSON_Delete(world_add_ok(VF0 "}"));
	cJSON_Delete(pod_add_ok(&world->pod, "\"container\":\"c1\",\"ifname\":\"net2\","
					     "\"interface\":\"vf\"," VF1 "}"));
	assert_int_equal(
		world_in_pod("ip link show net1 >/dev/null && ip link show net2 >/dev/null"), 0);
	answer = pod_add(&world->pod,
		"\"container\":\"c2\",\"ifname\":\"net3\",\"interface\":\"vf\"," VF1 "}");
	assert_int_equal(
		cJSON_GetObjectItem(cJSON_GetObjectItem(answer, "error"), "code")->valueint,
		CW_RPC_IN_USE);
	cJSON_Delete(answer);
	list = control_expect(world->pod.c, "vf.list", "{\"pf\":\"eth0\"}");
	assert_int_equal(cJSON_GetArraySize(list), 3);
	assert_string_equal(json_text(cJSON_GetArrayItem(list, 0), "owner"), "c1/net1");
	assert_string_equal(json_text(cJSON_GetArrayItem(list, 0), "state"), "attached");
	assert_string_equal(json_text(cJSON_GetArrayItem(list, 0), "ifname"), "net1");
	assert_string_equal(json_text(cJSON_GetArrayItem(list, 1), "owner"), "c1/net2");
	assert_string_equal(json_text(cJSON_GetArrayItem(list, 2), "state"), "free");
	cJSON_Delete(list);
	list = control_expect(world->pod.c, "vf.get", "{\"pci\":\"01:10.0\"}");
	assert_non_null(cJSON_GetObjectItem(list, "attach_own_us"));
	assert_string_equal(json_text(cJSON_GetObjectItem(list, "original"), "ifname"), "vf0");
	cJSON_Delete(list);
	control_expect_error(
		world->pod.c, "vf.get", "{\"pci\":\"0000:09:00.0\"}", CW_RPC_NOT_FOUND);
	control_expect_ok(
		world->pod.c, "endpoint.del", "{\"container\":\"c1\",\"ifname\":\"net2\"}");
	world_del();
	assert_same(before);
	free(before);
}

// --- in the switch's network

static const struct cw_port *
wire_port(unsigned int index)
{
	return (const struct cw_port *)fake_dp_get(&world->pod.c->dp, CW_ITEM_PORT, index)->item;
}

static void
test_sub_port(void **state)
{
	char *before = world_picture();
	struct control *c = world->pod.c;
	cJSON *result;
	uint32_t uplink;

	control_expect_ok(c, "port.add",
		"{\"name\":\"up0\",\"kind\":\"null\",\"uplink\":true,\"mac\":\"02:00:00:00:cc:"
		"01\"}");
	uplink = port_find(c->d->objects, "up0")->id;
	result = world_add_ok(ADDRESSING VF0 ",\"uplink\":\"up0\",\"vlan\":5}");
	assert_string_equal(json_text(result, "state"), "ready");
	assert_string_equal(json_text(cJSON_GetObjectItem(result, "vf"), "uplink"), "up0");
	cJSON_Delete(result);
	assert_true(wire_port(2)->kind == CW_PORT_VF && wire_port(2)->parent == uplink);
	assert_true(wire_port(2)->vlan == 5
		    && wire_port(2)->flags == (CW_PORT_ROUTED | CW_PORT_SHARED_TAG));
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 1);
	// Told again after a restart of both.
	control_stop(c);
	fake_dp_forget(&c->dp);
	control_start(c, true);
	assert_int_equal(fake_dp_count(&c->dp, CW_ITEM_ENDPOINT), 1);
	world_del();
	control_expect_ok(c, "port.del", "{\"name\":\"up0\"}");
	assert_same(before);
	free(before);
}

static void
test_vlans_of_their_own(void **state)
{
	char *before = world_picture();
	struct control *c = world->pod.c;

	control_expect_ok(c, "port.add",
		"{\"name\":\"up0\",\"kind\":\"null\",\"uplink\":true,\"mac\":\"02:00:00:00:cc:"
		"01\"}");
	world->settings[2].vlan = 3000; // of another program's pod
	cJSON_Delete(world_add_ok(ADDRESSING VF0 ",\"uplink\":\"up0\",\"path\":\"switch\"}"));
	assert_int_equal(world->settings[0].vlan, 3001);
	assert_true(wire_port(2)->vlan == 3001 && wire_port(2)->flags == CW_PORT_ROUTED);
	cJSON_Delete(world_add_ok(ADDRESSING VF0 ",\"uplink\":\"up0\",\"path\":\"switch\"}"));
	world_del();
	world->settings[1].vlan = 3001;
	world_add_refused(VF0 ",\"uplink\":\"up0\",\"path\":\"switch\"}", CW_RPC_EXHAUSTED,
		"no VLAN from 3000 to 3001 is free");
	world->settings[1].vlan = world->settings[2].vlan = 0;
	cJSON_Delete(world_add_ok(VF0 ",\"uplink\":\"up0\",\"path\":\"switch\",\"vlan\":9}"));
	{
		cJSON *answer = pod_add(&world->pod,
			"\"container\":\"c2\",\"ifname\":\"net3\",\"interface\":\"vf\"," VF1
			",\"uplink\":\"up0\",\"path\":\"switch\",\"vlan\":9}");

		assert_int_equal(
			cJSON_GetObjectItem(cJSON_GetObjectItem(answer, "error"), "code")->valueint,
			CW_RPC_CONFLICT);
		cJSON_Delete(answer);
	}
	world_del();
	control_expect_ok(c, "port.del", "{\"name\":\"up0\"}");
	assert_same(before);
	free(before);
}

static void
test_mac_of_an_uplink(void **state)
{
	const struct causewayd *d = world->pod.c->d;
	struct port port = {.kind = CW_PORT_VF, .flags = CW_PORT_UPLINK};

	snprintf(port.args, sizeof(port.args), "device=" FAKE_VF1 ",x=y");
	assert_false(vf_uplink_bridges(d, &port));
	vf_uplink_take_mac(d, &port);
	assert_memory_equal(port.mac, world->settings[1].mac, 6);
	port.mac[5] = 9; // one that was given stays
	vf_uplink_take_mac(d, &port);
	assert_int_equal(port.mac[5], 9);
	world->settings[1].trust = true;
	world->settings[1].spoofchk = false;
	assert_true(vf_uplink_bridges(d, &port));
	snprintf(port.args, sizeof(port.args), "device=" FAKE_PF);
	assert_false(vf_uplink_bridges(d, &port));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kernel_vf),
		TEST(test_what_is_not_asked_for_stays),
		TEST(test_dpdk_vf),
		TEST(test_every_step_fails),
		TEST(test_refused_settings),
		TEST(test_bad_input),
		TEST(test_alternative_names),
		TEST(test_former_name_is_taken),
		TEST(test_marks_and_locks),
		TEST(test_several_vfs),
		TEST(test_sub_port),
		TEST(test_vlans_of_their_own),
		TEST(test_mac_of_an_uplink),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
