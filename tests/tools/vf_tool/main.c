/* SPDX-License-Identifier: Apache-2.0 */
// What drivers/host knows of VFs and PCI devices, for shells and tests. Prints KEY=VALUE words; a
// refusal is one line on stderr with the errno's name, and exit status 1.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci.h"
#include "settings.h"
#include "sriov.h"
#include "vf_link.h"

#define VFS_MAX 256

static int
show_device(char *const *words, int n)
{
	char driver[PCI_DRIVER_LEN], override[PCI_DRIVER_LEN], ifname[IFNAMSIZ] = "";
	unsigned int group = 0;
	struct pci_ids ids;
	int ret = pci_driver("", words[0], driver);

	if (ret == 0)
		ret = pci_override_get("", words[0], override);
	if (ret == 0)
		ret = pci_ids("", words[0], &ids);
	if (ret < 0)
		return ret;
	(void)pci_netdev("", words[0], ifname);
	(void)pci_iommu_group("", words[0], &group);
	printf("driver=%s override=%s netdev=%s group=%u id=%04x:%04x numa=%d open=%d\n", driver,
		override, ifname, group, ids.vendor, ids.device, pci_numa("", words[0]),
		pci_vfio_is_open("", words[0]));
	return 0;
}

static int
bind_device(char *const *words, int n)
{
	return pci_bind("", words[0], n > 1 ? words[1] : "");
}

static int
override_device(char *const *words, int n)
{
	return pci_override_set("", words[0], n > 1 ? words[1] : "");
}

static int
reset_device(char *const *words, int n)
{
	return pci_reset("", words[0]);
}

static int
find_vf(char *const *words, int n)
{
	struct sriov_vf vf;
	const int ret = sriov_find("", words[0], &vf);

	if (ret == 0)
		printf("vf=%s pf=%s pf_ifname=%s index=%u\n", vf.address, vf.pf, vf.pf_ifname,
			vf.index);
	return ret;
}

static int
print_pf(const char *pf, void *arg)
{
	char ifname[IFNAMSIZ] = "";
	unsigned int num, total;
	enum sriov_eswitch mode;
	int ret = sriov_counts("", pf, &num, &total);

	if (ret == 0)
		ret = sriov_eswitch("", pf, &mode);
	if (ret < 0)
		return ret;
	(void)sriov_pf_netdev("", pf, ifname);
	printf("pf=%s netdev=%s num=%u total=%u eswitch=%s\n", pf, ifname, num, total,
		mode == SRIOV_SWITCHDEV ? "switchdev" : "legacy");
	return 0;
}

static int
list_pfs(char *const *words, int n)
{
	return sriov_each_pf("", print_pf, NULL);
}

static int
list_vfs(struct nl_sock *sock, int ifindex, char *const *words, int n)
{
	static struct vf_settings list[VFS_MAX];
	const int ret = vf_link_list(sock, ifindex, list, VFS_MAX);

	for (unsigned int i = 0; i < VFS_MAX && ret == 0; i++)
		if (list[i].known != 0)
			settings_print(i, &list[i]);
	return ret;
}

static int
get_vf(struct nl_sock *sock, int ifindex, char *const *words, int n)
{
	const unsigned int index = (unsigned int)atoi(words[1]);
	struct vf_settings settings;
	const int ret = vf_link_get(sock, ifindex, index, &settings);

	if (ret == 0)
		settings_print(index, &settings);
	return ret;
}

// Reads back, and compares, what was set.
static int
set_vf(struct nl_sock *sock, int ifindex, char *const *words, int n)
{
	const unsigned int index = (unsigned int)atoi(words[1]);
	struct vf_settings settings = {.vlan_proto = 0x8100}, now;
	enum vf_setting refused;
	unsigned int which = 0, bit;
	int ret;

	for (int i = 2; i < n; i++) {
		bit = settings_read(words[i], &settings);
		if (bit == 0)
			return -EINVAL;
		which |= bit;
	}
	ret = vf_link_set(sock, ifindex, index, &settings, which, &refused);
	if (ret < 0) {
		fprintf(stderr, "refused=%s ", vf_setting_name(refused));
		return ret;
	}
	ret = vf_link_get(sock, ifindex, index, &now);
	if (ret == 0)
		printf("differ=0x%x\n", vf_settings_differ(&settings, &now, which));
	return ret;
}

static const struct {
	const char *name;
	int n; // words at least
	int (*run)(char *const *words, int n);
	int (*run_pf)(struct nl_sock *sock, int ifindex, char *const *words, int n);
} commands[] = {
	{"device", 1, show_device, NULL},
	{"bind", 1, bind_device, NULL},
	{"override", 1, override_device, NULL},
	{"reset", 1, reset_device, NULL},
	{"find", 1, find_vf, NULL},
	{"pfs", 0, list_pfs, NULL},
	{"list", 1, NULL, list_vfs},
	{"get", 2, NULL, get_vf},
	{"set", 3, NULL, set_vf},
};

static int
run_pf(size_t command, char *const *words, int n)
{
	struct link_info info;
	struct nl_sock *sock;
	int ret = netlink_open(&sock);

	if (ret < 0)
		return ret;
	ret = vf_link_pf(sock, "", words[0], &info);
	if (ret == 0)
		ret = commands[command].run_pf(sock, info.ifindex, words, n);
	netlink_close(sock);
	return ret;
}

int
main(int argc, char **argv)
{
	const size_t n_commands = sizeof(commands) / sizeof(commands[0]);
	size_t i = 0;
	int ret;

	while (i < n_commands && (argc < 2 || strcmp(argv[1], commands[i].name) != 0))
		i++;
	if (i == n_commands || argc - 2 < commands[i].n) {
		fprintf(stderr,
			"usage: vf_tool device|reset|find ADDRESS, bind|override ADDRESS [DRIVER], "
			"pfs, list PF, get PF INDEX, set PF INDEX KEY=VALUE...\n");
		return 2;
	}
	ret = commands[i].run != NULL ? commands[i].run(argv + 2, argc - 2)
				      : run_pf(i, argv + 2, argc - 2);
	if (ret < 0)
		fprintf(stderr, "%s\n", strerrorname_np(-ret));
	return ret < 0;
}
