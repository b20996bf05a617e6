/* SPDX-License-Identifier: Apache-2.0 */

// VFs whose attachment is interrupted, whose pod or card vanishes, whose driver refuses to put them
// back, on a card of the test's own.

#include "vf_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <causeway/error.h>

#include "vf/vf.h"

#define DEVICES "/sys/bus/pci/devices/"
#define VF0 "\"vf\":{\"pci\":\"" FAKE_VF0 "\""
#define VF1 "\"vf\":{\"pci\":\"" FAKE_VF1 "\""
#define ASKED "\"mac\":\"02:00:00:00:01:01\",\"mtu\":1400," VF0 ",\"vlan\":5,\"trust\":true}"
#define BOUND "\"mac\":\"02:00:00:00:01:01\"," VF0 ",\"vlan\":5,\"bind\":\"vfio-pci\"}"

static bool
has_no_record(struct control *c)
{
	return c->d->vfs->records == NULL;
}

static void
assert_same(const char *before)
{
	char *after = world_picture();

	assert_string_equal(before, after);
	free(after);
	assert_null(world->pod.c->d->vfs->records);
	assert_int_equal(objects_count(world->pod.c->d->objects, OBJECT_ENDPOINT), 0);
}

// From some call on the card answers no more: what has been done stays done, as after kill -9.
// Returns whether the attachment came to its end.
static bool
interrupt(const char *members, int calls)
{
	cJSON *answer;
	bool done;

	world->calls_left = calls;
	answer = world_add(members);
	done = cJSON_GetObjectItem(answer, "error") == NULL;
	cJSON_Delete(answer);
	return done;
}

static void
walk_interruptions(const char *members)
{
	char *before = world_picture();
	struct control *c = world->pod.c;
	unsigned int left = 0;
	int calls = 0;

	while (!interrupt(members, calls)) {
		assert_in_range(calls, 0, 100);
		left += c->d->vfs->records != NULL;
		control_stop(c);
		world->calls_left = -1;
		control_start(c, true);
		assert_same(before);
		calls++;
	}
	world->calls_left = -1;
	assert_in_range(left, 4, calls); // some left something to mend
	// DEL is interrupted in the same way, and never fails.
	for (calls = 0; calls < 12; calls++) {
		world->calls_left = calls;
		world_del();
		control_stop(c);
		world->calls_left = -1;
		control_start(c, true);
		assert_same(before);
		cJSON_Delete(world_add_ok(members));
	}
	world_del();
	assert_same(before);
	free(before);
}

static void
test_interrupted_kernel_vf(void **state)
{
	walk_interruptions(ASKED);
}

static void
test_interrupted_dpdk_vf(void **state)
{
	walk_interruptions(BOUND);
}

static void
test_restart_changes_nothing(void **state)
{
	char *before = world_picture(), *attached, *after;
	struct control *c = world->pod.c;

	cJSON_Delete(world_add_ok(ASKED));
	attached = world_picture();
	control_stop(c);
	control_start(c, true);
	after = world_picture();
	assert_string_equal(attached, after);
	cJSON_Delete(world_add_ok(ASKED)); // the same again
	free(attached);
	free(after);
	// Without the data plane, from the record alone.
	control_stop(c);
	fake_dp_forget(&c->dp);
	control_start(c, false);
	world_del();
	assert_same(before);
	free(before);
	control_connect_dp(c);
	control_run_until(c, control_is_ready);
}

static void
test_driver_that_refuses_to_put_back(void **state)
{
	char *before = world_picture();
	struct control *c = world->pod.c;
	cJSON *vf, *answer;

	cJSON_Delete(world_add_ok(ASKED));
	world->refuses = VF_TRUST;
	world->error = -EPERM;
	world_del();
	vf = control_expect(c, "vf.get", "{\"pci\":\"" FAKE_VF0 "\"}");
	assert_string_equal(json_text(vf, "state"), "restoring");
	assert_non_null(strstr(json_text(vf, "reason"), "does not put trust of VF 0 back"));
	cJSON_Delete(vf);
	answer = world_add(ASKED);
	assert_int_equal(
		cJSON_GetObjectItem(cJSON_GetObjectItem(answer, "error"), "code")->valueint,
		CW_RPC_UNAVAILABLE);
	cJSON_Delete(answer);
	assert_int_equal(world->settings[0].vlan, 0); // all else is back
	world->refuses = 0;
	control_run_until(c, has_no_record);
	assert_same(before);
	free(before);
}

// --- the pod vanishes

// As the kernel does with a device of a namespace that ends: into the node's, down, same name.
static void
end_pod(bool with_vf)
{
	if (with_vf) {
		char command[96];

		snprintf(command, sizeof(command), "ip link set net1 netns /proc/%d/fd/%d",
			getpid(), world->own);
		assert_int_equal(world_in_pod("ip link set net1 down"), 0);
		assert_int_equal(world_in_pod(command), 0);
	}
	close(world->pod.netns);
	world->pod.netns = -1;
}

static void
new_pod(void)
{
	world->pod.netns = namespace_new();
	snprintf(world->pod.path, sizeof(world->pod.path), "/proc/self/fd/%d", world->pod.netns);
}

static bool
is_taken_back(struct control *c)
{
	return c->d->vfs->records != NULL && c->d->vfs->records->restored;
}

static void
test_pod_vanishes_with_its_vf(void **state)
{
	struct control *c = world->pod.c;
	cJSON *endpoint, *answer;

	cJSON_Delete(world_add_ok(ASKED));
	end_pod(true);
	control_run_until(c, is_taken_back); // told by the kernel, not by a DEL
	assert_int_equal(world->settings[0].vlan, 0);
	assert_int_equal(system("ip link show vf0 | grep -q " WORLD_MAC0), 0);
	endpoint = control_expect(c, "endpoint.get", "{\"container\":\"c1\",\"ifname\":\"net1\"}");
	assert_string_equal(json_text(endpoint, "state"), "gone");
	cJSON_Delete(endpoint);
	// Another pod gets it before the first one's DEL.
	new_pod();
	answer = pod_add(&world->pod, "\"container\":\"c2\",\"ifname\":\"net1\","
				      "\"interface\":\"vf\"," VF0 ",\"vlan\":6}");
	assert_null(cJSON_GetObjectItem(answer, "error"));
	cJSON_Delete(answer);
	assert_int_equal(world->settings[0].vlan, 6);
	world_del();
	assert_int_equal(world->settings[0].vlan, 6);
	control_expect_ok(c, "endpoint.del", "{\"container\":\"c2\",\"ifname\":\"net1\"}");
	assert_int_equal(world->settings[0].vlan, 0);
}

static void
test_pod_vanishes_while_we_are_away(void **state)
{
	char *before = world_picture();
	struct control *c = world->pod.c;

	cJSON_Delete(world_add_ok(ASKED));
	control_stop(c);
	end_pod(true);
	control_start(c, true);
	assert_true(is_taken_back(c));
	world_del();
	assert_same(before);
	free(before);
}

// The kernel takes its time to end a namespace: the interface is nowhere, and then it is back.
static void
test_vf_is_nowhere_for_a_while(void **state)
{
	char *before = world_picture();
	struct control *c = world->pod.c;
	const int ifindex = world->ifindex[0];

	cJSON_Delete(world_add_ok(ASKED));
	world->ifindex[0] = 60000;
	world_del();
	assert_non_null(c->d->vfs->records);
	assert_non_null(strstr(c->d->vfs->records->reason, "in no namespace"));
	world->ifindex[0] = ifindex;
	end_pod(true);
	control_run_until(c, has_no_record);
	assert_same(before);
	free(before);
}

// --- the VF is another one

static void
expect_gone(const char *ifname, const char *words)
{
	char key[64];
	cJSON *endpoint;

	snprintf(key, sizeof(key), "{\"container\":\"c1\",\"ifname\":\"%s\"}", ifname);
	endpoint = control_expect(world->pod.c, "endpoint.get", key);
	assert_string_equal(json_text(endpoint, "state"), "gone");
	if (strstr(json_text(endpoint, "reason"), words) == NULL)
		fail_msg("%s", json_text(endpoint, "reason"));
	cJSON_Delete(endpoint);
}

// Nothing is put back to a VF that is not the one that was changed.
static void
expect_untouched(void)
{
	const struct vf_settings now = world->settings[0];

	world->settings[0].vlan = 99;
	world_del();
	assert_int_equal(world->settings[0].vlan, 99);
	assert_null(world->pod.c->d->vfs->records);
	world->settings[0] = now;
}

static void
test_reboot(void **state)
{
	struct control *c = world->pod.c;

	cJSON_Delete(world_add_ok(ASKED));
	control_stop(c);
	fake_pci_put(world->root, "/proc/sys/kernel/random/boot_id", "second\n");
	end_pod(true);
	control_start(c, true);
	expect_gone("net1", "rebooted");
	expect_untouched();
	assert_int_equal(system("ip link set net1 name vf0"), 0);
}

// A VF that cannot be looked at for a moment is not gone.
static void
test_moment_of_blindness(void **state)
{
	static const char boot_id[] = "/proc/sys/kernel/random/boot_id";
	char longer[200];
	cJSON *vf;

	cJSON_Delete(world_add_ok(ASKED));
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	fake_pci_put(world->root, boot_id, longer);
	vf = control_expect(world->pod.c, "vf.get", "{\"pci\":\"" FAKE_VF0 "\"}");
	assert_string_equal(json_text(vf, "state"), "attached");
	cJSON_Delete(vf);
	fake_pci_put(world->root, boot_id, "first\n");
	world_del();
	assert_null(world->pod.c->d->vfs->records);
}

static void
rename_device(const char *from, const char *to)
{
	char a[192], b[192];

	snprintf(a, sizeof(a), "%s" DEVICES "%s", world->root, from);
	snprintf(b, sizeof(b), "%s" DEVICES "%s", world->root, to);
	assert_int_equal(rename(a, b), 0);
}

static void
test_vfs_made_anew(void **state)
{
	cJSON_Delete(world_add_ok(ASKED));
	rename_device(FAKE_VF0, "former");
	fake_pci_link(world->root, DEVICES FAKE_VF0 "/physfn", "../" FAKE_PF);
	fake_pci_link(world->root, DEVICES FAKE_VF0 "/driver", "../../drivers/igbvf");
	expect_gone("net1", "made anew");
	expect_untouched();
	end_pod(true);
	assert_int_equal(system("ip link set net1 name vf0"), 0);
}

static void
test_numbering_changed(void **state)
{
	cJSON_Delete(world_add_ok(ASKED));
	fake_pci_link(world->root, DEVICES FAKE_PF "/virtfn0", "../" FAKE_VF2);
	fake_pci_link(world->root, DEVICES FAKE_PF "/virtfn2", "../" FAKE_VF0);
	expect_gone("net1", "was VF 0 of 0000:01:00.0 and is VF 2");
	expect_untouched();
	end_pod(true);
	assert_int_equal(system("ip link set net1 name vf0"), 0);
}

static void
test_card_goes(void **state)
{
	struct control *c = world->pod.c;
	cJSON *answer;

	cJSON_Delete(world_add_ok(ASKED));
	cJSON_Delete(pod_add_ok(&world->pod,
		"\"container\":\"c1\",\"ifname\":\"net2\",\"interface\":\"vf\"," VF1 "}"));
	rename_device(FAKE_VF0, "former");
	expect_gone("net1", "the number of its VFs was changed");
	answer = control_expect(c, "endpoint.get", "{\"container\":\"c1\",\"ifname\":\"net2\"}");
	assert_string_equal(json_text(answer, "state"), "ready");
	cJSON_Delete(answer);
	rename_device(FAKE_PF, "former-pf");
	rename_device(FAKE_VF1, "former-1");
	expect_gone("net2", "card 0000:01:00.0 has gone");
	world_del();
	control_expect_ok(c, "endpoint.del", "{\"container\":\"c1\",\"ifname\":\"net2\"}");
	world_add_refused(ASKED, CW_RPC_NOT_FOUND, "there is no PCI device");
	rename_device("former-pf", FAKE_PF);
	rename_device("former-1", FAKE_VF1);
	rename_device("former", FAKE_VF0);
	control_run_until(c, has_no_record);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_interrupted_kernel_vf),
		TEST(test_interrupted_dpdk_vf),
		TEST(test_restart_changes_nothing),
		TEST(test_driver_that_refuses_to_put_back),
		TEST(test_pod_vanishes_with_its_vf),
		TEST(test_pod_vanishes_while_we_are_away),
		TEST(test_vf_is_nowhere_for_a_while),
		TEST(test_reboot),
		TEST(test_moment_of_blindness),
		TEST(test_vfs_made_anew),
		TEST(test_numbering_changed),
		TEST(test_card_goes),
	};

	if (!control_enter_namespace())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
