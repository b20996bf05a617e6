/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address_text.h"
#include "link.h"
#include "netns.h"
#include "pci.h"
#include "sriov.h"
#include "vf/vf_host.h"

#define PF_IFINDEX 5000
#define DEVICES "/sys/bus/pci/devices/"

struct world *world;

static const char *const addresses[WORLD_VFS] = {FAKE_VF0, FAKE_VF1, FAKE_VF2};

// --- the card

static int
tick(void)
{
	if (world->calls_left == 0)
		return -EIO;
	if (world->calls_left > 0)
		world->calls_left--;
	return 0;
}

static int
index_of(const char *pci)
{
	for (int i = 0; i < WORLD_VFS; i++)
		if (strcmp(addresses[i], pci) == 0)
			return i;
	fail();
	return -1;
}

static int
find_pf(struct nl_sock *sock, const char *root, const char *pf, struct link_info *info)
{
	char ifname[IFNAMSIZ];
	int ret = tick();

	if (ret == 0)
		ret = sriov_pf_netdev(root, pf, ifname);
	*info = (struct link_info){.ifindex = PF_IFINDEX, .mtu = 1500, .flags = IFF_RUNNING};
	snprintf(info->name, sizeof(info->name), "eth0");
	return ret;
}

// A PF without a MAC for a VF shows the one that the VF has chosen.
static void
show(unsigned int i, struct vf_settings *settings)
{
	struct link_info info;

	*settings = world->settings[i];
	if (mac_is_zero(settings->mac) && world->ifindex[i] != 0
		&& link_get(world->pod.c->d->netlink, world->ifindex[i], &info) == 0)
		memcpy(settings->mac, info.mac, sizeof(settings->mac));
}

static int
get(struct nl_sock *sock, int pf, unsigned int i, struct vf_settings *settings)
{
	const int ret = tick();

	assert_int_equal(pf, PF_IFINDEX);
	if (ret == 0)
		show(i, settings);
	return ret;
}

static int
list(struct nl_sock *sock, int pf, struct vf_settings *all, unsigned int n)
{
	for (unsigned int i = 0; i < n && i < WORLD_VFS; i++)
		show(i, &all[i]);
	return 0;
}

static int
set(struct nl_sock *sock, int pf, unsigned int i, const struct vf_settings *from,
	unsigned int which, enum vf_setting *refused)
{
	struct vf_settings *to = &world->settings[i];
	const int ret = tick();

	assert_int_equal(pf, PF_IFINDEX);
	assert_int_equal(which & (which - 1), 0);
	if (ret < 0)
		return ret;
	if ((which & world->refuses) != 0)
		return world->error;
	if ((which & world->ignores) != 0)
		return 0;
	if (which == VF_MAC)
		memcpy(to->mac, from->mac, sizeof(to->mac));
	if (which == VF_VLAN) {
		to->vlan = from->vlan;
		to->qos = from->qos;
		to->vlan_proto = from->vlan_proto;
	}
	if (which == VF_SPOOFCHK)
		to->spoofchk = from->spoofchk;
	if (which == VF_TRUST)
		to->trust = from->trust;
	if (which == VF_RATE) {
		to->min_tx_rate = from->min_tx_rate;
		to->max_tx_rate = from->max_tx_rate;
	}
	if (which == VF_LINK_STATE)
		to->link_state = from->link_state;
	return 0;
}

// --- the VFs

static void
make_netdev(int i)
{
	char command[128], name[8];
	struct link_info info;

	snprintf(name, sizeof(name), "vf%d", i);
	snprintf(command, sizeof(command), "ip tuntap add dev %s mode tap", name);
	assert_int_equal(system(command), 0);
	assert_int_equal(link_find(world->pod.c->d->netlink, name, &info), 0);
	world->ifindex[i] = info.ifindex;
}

static int
netdev(struct nl_sock *sock, const char *root, const char *pci, struct link_info *info)
{
	const int i = index_of(pci), ret = tick();

	if (ret < 0)
		return ret;
	if (world->ifindex[i] == 0)
		return -ENODEV;
	return link_get(sock, world->ifindex[i], info);
}

static int
bind_driver(const char *root, const char *pci, const char *driver)
{
	const int i = index_of(pci);
	char command[64];
	int ret = tick();

	if (ret == 0)
		ret = world->real.bind(root, pci, driver);
	if (ret < 0)
		return ret;
	if (strcmp(driver, "igbvf") == 0) {
		make_netdev(i);
	} else if (world->ifindex[i] != 0) {
		snprintf(command, sizeof(command), "ip link del vf%d", i);
		assert_int_equal(system(command), 0);
		world->ifindex[i] = 0;
	}
	return 0;
}

static int
reset(const char *root, const char *pci)
{
	world->resets++;
	return tick();
}

// --- life

static void
put_vf(int i)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "%s/driver", addresses[i]);
	fake_pci_link(world->root, path, "../../drivers/igbvf");
	snprintf(path, sizeof(path), DEVICES "%s/net/vf%d/addr_assign_type", addresses[i], i);
	fake_pci_put(world->root, path, i == 0 ? "1\n" : "0\n");
	make_netdev(i);
}

static void
tell_causewayd(struct options *options)
{
	snprintf(options->sysfs_root, sizeof(options->sysfs_root), "%s", world->root);
	snprintf(options->sriov_cni_dir, sizeof(options->sriov_cni_dir), "%s", world->marks);
	options->vf_vlan_first = 3000;
	options->vf_vlan_last = 3001;
}

int
world_setup(void **state)
{
	void *pod, *root;

	world = calloc(1, sizeof(*world));
	assert_non_null(world);
	assert_int_equal(pod_setup(&pod), 0);
	world->pod = *(struct pod *)pod;
	free(pod);
	assert_int_equal(fake_pci_setup(&root), 0);
	world->root = root;
	world->own = netns_open("/proc/thread-self/ns/net");
	assert_true(world->own >= 0);
	world->calls_left = -1;
	snprintf(world->marks, sizeof(world->marks), "%s/marks", world->root);
	fake_pci_put(root, "/proc/sys/kernel/random/boot_id", "first\n");
	tell_causewayd(&world->pod.c->options);
	tell_causewayd(&world->pod.c->d->options);
	for (int i = 0; i < WORLD_VFS; i++)
		world->settings[i] = (struct vf_settings){.known = VF_SETTINGS_ALL,
			.vlan_proto = 0x8100,
			.spoofchk = true,
			.max_tx_rate = i == 1 ? 500 : 0};
	world->real = vf_host;
	vf_host = (struct vf_host){find_pf, get, set, list, netdev, bind_driver, reset};
	put_vf(0);
	put_vf(1);
	assert_int_equal(system("ip link set vf0 address " WORLD_MAC0), 0);
	mac_parse("02:00:00:00:bb:01", world->settings[1].mac);
	assert_int_equal(system("ip link set vf1 address 02:00:00:00:bb:01 mtu 1450 up"), 0);
	*state = world;
	return 0;
}

int
world_teardown(void **state)
{
	void *root = world->root, *pod = calloc(1, sizeof(struct pod));

	assert_non_null(pod);
	*(struct pod *)pod = world->pod;
	vf_host = world->real;
	pod_teardown(&pod);
	// Some go with a pod's namespace.
	assert_int_equal(system("ip -o link show type tun | grep -o '[a-z0-9]*:' | grep -E "
				"'^(vf[0-9]|net[0-9]|cwvf[0-9]*):' | tr -d : | "
				"xargs -r -n 1 ip link del"),
		0);
	close(world->own);
	fake_pci_teardown(&root);
	free(world);
	world = NULL;
	return 0;
}

// --- looking

static void
append(char *text, size_t size, const char *command)
{
	FILE *pipe = popen(command, "r");
	size_t used = strlen(text);

	assert_non_null(pipe);
	used += fread(text + used, 1, size - used - 1, pipe);
	text[used] = '\0';
	pclose(pipe);
}

char *
world_picture(void)
{
	const size_t size = 16384;
	char *text = calloc(1, size), command[320];

	assert_non_null(text);
	for (unsigned int i = 0; i < WORLD_VFS; i++) {
		struct vf_settings s;
		char mac[MAC_TEXT_LEN], override[PCI_DRIVER_LEN];

		show(i, &s);
		assert_int_equal(pci_override_get(world->root, addresses[i], override), 0);
		snprintf(text + strlen(text), size - strlen(text),
			"vf %u %s vlan %u/%u/%x spoofchk %d trust %d rate %u..%u link %u "
			"override %s",
			i, mac_format(s.mac, mac), s.vlan, s.qos, s.vlan_proto, s.spoofchk, s.trust,
			s.min_tx_rate, s.max_tx_rate, s.link_state, override);
		snprintf(command, sizeof(command), "readlink %s" DEVICES "%s/driver; echo",
			world->root, addresses[i]);
		append(text, size, command);
	}
	// Without what the kernel counts, and the link-local addresses of what is up.
	append(text, size,
		"ip -o link show | grep vf[0-9] | sed -e 's/^[0-9]*: //; s/qlen [0-9]*//; '"
		"'s/NO-CARRIER,//; s/state [A-Z]*//; s/qdisc [a-z_]*//' | sort");
	snprintf(command, sizeof(command),
		"cd %s 2>/dev/null && find . -type f ! -name '*.lock' -exec grep -H . {} +",
		world->marks);
	append(text, size, command);
	return text;
}

cJSON *
world_add(const char *members)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"\"container\":\"c1\",\"ifname\":\"net1\",\"interface\":\"vf\",%s", members);
	return pod_add(&world->pod, text);
}

cJSON *
world_add_ok(const char *members)
{
	cJSON *answer = world_add(members), *result;

	result = cJSON_DetachItemFromObject(answer, "result");
	if (result == NULL)
		fail_msg("%s: %s", members, cJSON_PrintUnformatted(answer));
	cJSON_Delete(answer);
	return result;
}

void
world_add_refused(const char *members, int code, const char *words)
{
	cJSON *answer = world_add(members);
	const cJSON *error = cJSON_GetObjectItem(answer, "error");
	char *text = cJSON_PrintUnformatted(answer);

	if (error == NULL || cJSON_GetObjectItem(error, "code")->valueint != code
		|| strstr(text, words) == NULL)
		fail_msg("%s: expected %d with \"%s\": %s", members, code, words, text);
	free(text);
	cJSON_Delete(answer);
}

void
world_del(void)
{
	control_expect_ok(
		world->pod.c, "endpoint.del", "{\"container\":\"c1\",\"ifname\":\"net1\"}");
}

int
world_in_pod(const char *command)
{
	struct netns_guard guard;
	int ret;

	assert_int_equal(netns_enter(&guard, world->pod.netns), 0);
	ret = system(command);
	netns_leave(&guard);
	return ret;
}
