/* SPDX-License-Identifier: Apache-2.0 */
// Cards with virtual functions: how many there are and may be, and what they lack.
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "pci.h"
#include "sriov.h"
#include "sysfs.h"

#define FIRST_VF_BAR 7 // lines of sysfs' resource before: BARs 0 to 5, ROM
#define VF_BARS 6
#define NAMED 3 // VFs that a finding lists

struct card {
	struct doctor *doctor;
	char address[PCI_ADDRESS_LEN];
	char driver[PCI_DRIVER_LEN];
	char label[64]; // "0000:01:00.0 (eth0, igb)"
	char ifname[IFNAMSIZ];
	int no_interface; // of sriov_pf_netdev()
	unsigned int num, total;
};

// Kernel drivers of VFs, by that of their PF.
static const char *
vf_driver(const char *pf_driver)
{
	static const char *const drivers[][2] = {{"igb", "igbvf"}, {"ixgbe", "ixgbevf"},
		{"i40e", "iavf"}, {"ice", "iavf"}, {"mlx5_core", "mlx5_core"},
		{"bnxt_en", "bnxt_en"}};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(pf_driver, drivers[i][0]) == 0)
			return drivers[i][1];
	return NULL;
}

static void
find_granted_none(const struct card *card)
{
	const bool is_mellanox = strncmp(card->driver, "mlx", 3) == 0;
	char command[128];

	snprintf(command, sizeof(command),
		"mlxconfig -d %s set SRIOV_EN=1 NUM_OF_VFS=8, then a cold start", card->address);
	doctor_find(card->doctor, FINDING_WARNING, "sriov",
		is_mellanox ? command
			    : "switch SR-IOV on for the card in the firmware's set-up or by its "
			      "vendor's tool",
		"%s could have VFs, but its firmware grants none", card->label);
}

// Whether a BAR of the VFs has a size but no place.
static bool
lacks_address_space(const struct card *card)
{
	char path[512], line[128];
	unsigned long long start, end;
	bool lacks = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/resource", card->doctor->root,
		card->address);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	for (int i = 0; i < FIRST_VF_BAR + VF_BARS && fgets(line, sizeof(line), file) != NULL; i++)
		if (i >= FIRST_VF_BAR && sscanf(line, "%llx %llx", &start, &end) == 2)
			lacks = lacks || (start == 0 && end > 0);
	fclose(file);
	return lacks;
}

static void
check_interface(const struct card *card)
{
	char flags[16], command[128];

	if (card->no_interface == -ENONET)
		doctor_find(card->doctor, FINDING_WARNING, "sriov",
			"ip -n NAMESPACE link set INTERFACE netns 1",
			"%s: its interface is in another network namespace, so that causewayd "
			"cannot set up its VFs",
			card->label);
	else if (card->no_interface == -ENOLINK)
		doctor_find(card->doctor, FINDING_WARNING, "sriov",
			"leave the PF to the kernel and give the data plane a VF (kind=vf)",
			"%s has no driver of the kernel: nobody can set up its VFs", card->label);
	if (card->no_interface != 0
		|| !doctor_read_line(card->doctor, flags, sizeof(flags),
			"/sys/bus/pci/devices/%s/net/%s/flags", card->address, card->ifname)
		|| (strtoul(flags, NULL, 16) & IFF_UP) != 0)
		return;
	snprintf(command, sizeof(command), "ip link set %s up", card->ifname);
	doctor_find(card->doctor, FINDING_WARNING, "sriov", command,
		"%s is down, and its VFs with it", card->label);
}

static uint64_t
ipv4_setting(const struct card *card, const char *name)
{
	const uint64_t own = doctor_read_number(
		card->doctor, 1, "/proc/sys/net/ipv4/conf/%s/%s", card->ifname, name);
	const uint64_t all =
		doctor_read_number(card->doctor, 0, "/proc/sys/net/ipv4/conf/all/%s", name);

	return own > all ? own : all;
}

// By default the kernel tells everybody on a wire all addresses that it has anywhere, those of the
// host ports included: VF pods in the PF's VLAN then send to the PF what is the switch's.
static void
check_answers(const struct card *card)
{
	char command[128];

	if (card->no_interface != 0 || ipv4_setting(card, "arp_ignore") != 0
		|| ipv4_setting(card, "rp_filter") == 1)
		return;
	snprintf(command, sizeof(command), "sysctl -w net.ipv4.conf.%s.arp_ignore=1", card->ifname);
	doctor_find(card->doctor, FINDING_WARNING, "sriov", command,
		"%s: the kernel answers ARP there for the pods' gateway, too; VF pods in its VLAN "
		"may send past the switch",
		card->label);
}

static void
find_driverless(const struct card *card, unsigned int n, const char *first, const char *list)
{
	const char *driver = vf_driver(card->driver);
	char load[64] = "", command[512];

	if (driver != NULL && !doctor_exists(card->doctor, "/sys/bus/pci/drivers/%s", driver))
		snprintf(load, sizeof(load), "modprobe %s; ", driver);
	snprintf(command, sizeof(command),
		"%secho %s >/sys/bus/pci/devices/%s/driver_override; "
		"echo %s >/sys/bus/pci/drivers_probe (or vfio-pci for DPDK)",
		load, driver != NULL ? driver : "DRIVER", first, first);
	doctor_find(card->doctor, FINDING_WARNING, "sriov", command,
		"%s: %u of its VFs have no driver: %s", card->label, n, list);
}

static void
check_vfs(const struct card *card)
{
	char address[PCI_ADDRESS_LEN], first[PCI_ADDRESS_LEN] = "", driver[PCI_DRIVER_LEN];
	char list[64] = "";
	unsigned int n = 0;
	size_t used;

	for (unsigned int i = 0; i < card->num; i++) {
		if (sriov_vf_address(card->doctor->root, card->address, i, address) < 0
			|| pci_driver(card->doctor->root, address, driver) < 0 || driver[0] != '\0')
			continue;
		if (n == 0)
			snprintf(first, sizeof(first), "%s", address);
		used = strlen(list);
		if (n < NAMED)
			snprintf(list + used, sizeof(list) - used, "%s%s", n > 0 ? ", " : "",
				address);
		else if (n == NAMED)
			snprintf(list + used, sizeof(list) - used, " ...");
		n++;
	}
	if (n > 0)
		find_driverless(card, n, first, list);
}

static void
check_card(const struct card *card)
{
	const unsigned before = card->doctor->n_findings;
	enum sriov_eswitch mode = SRIOV_LEGACY;

	if (card->total == 0) {
		find_granted_none(card);
		return;
	}
	if (lacks_address_space(card))
		doctor_find(card->doctor, FINDING_WARNING, "sriov",
			"switch 'above 4G decoding' on in the firmware, or boot with pci=realloc",
			"%s may have %u VFs, but the firmware left no address space for them",
			card->label, card->total);
	if (card->num > 0) {
		check_interface(card);
		check_answers(card);
		check_vfs(card);
	}
	(void)sriov_eswitch(card->doctor->root, card->address, &mode);
	if (card->doctor->n_findings == before)
		doctor_find(card->doctor, FINDING_OK, "sriov", NULL, "%s has %u of %u VFs%s",
			card->label, card->num, card->total,
			mode == SRIOV_SWITCHDEV ? ", with representors" : "");
}

struct cards {
	struct doctor *doctor;
	unsigned n;
};

static int
look_at(const char *address, void *arg)
{
	struct cards *cards = arg;
	struct card card = {.doctor = cards->doctor};
	const char *root = cards->doctor->root;
	struct pci_ids ids;

	if (sriov_counts(root, address, &card.num, &card.total) < 0
		|| pci_ids(root, address, &ids) < 0 || !pci_is_network(&ids)
		|| pci_driver(root, address, card.driver) < 0)
		return 0;
	cards->n++;
	snprintf(card.address, sizeof(card.address), "%s", address);
	card.no_interface = sriov_pf_netdev(root, address, card.ifname);
	if (card.no_interface != 0)
		card.ifname[0] = '\0';
	snprintf(card.label, sizeof(card.label), "%s (%s%s%s)", address, card.ifname,
		card.ifname[0] != '\0' ? ", " : "",
		card.driver[0] != '\0' ? card.driver : "no driver");
	check_card(&card);
	return 0;
}

void
doctor_sriov(struct doctor *doctor)
{
	struct cards cards = {.doctor = doctor};

	(void)pci_each(doctor->root, look_at, &cards);
	if (cards.n == 0)
		doctor_find(doctor, FINDING_OK, "sriov", NULL, "no network card here can have VFs");
}
