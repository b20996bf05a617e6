/* SPDX-License-Identifier: Apache-2.0 */
// CPUs: what workers would run on, and what the kernel grants.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpus.h"
#include "doctor.h"
#include "pci.h"
#include "sysfs.h"

#define LIST_LEN 256

// This machine's CPUs as this process may use them; below another root all that are online.
static int
allowed_cpus(const struct doctor *doctor, cpu_set_t *allowed)
{
	cpu_set_t online;
	int rc = cpus_online(doctor->root, &online);

	if (doctor->root[0] != '\0') {
		*allowed = online;
		return rc;
	}
	return cpus_allowed(allowed);
}

// Returns false when the configured list cannot be used.
static bool
choose(struct doctor *doctor, const cpu_set_t *allowed, const cpu_set_t *isolated)
{
	char wrong[LIST_LEN], right[LIST_LEN], command[LIST_LEN + 64];
	cpu_set_t wanted, both, refused;

	if (doctor->cores_text[0] == '\0') {
		cpus_for_workers(allowed, isolated, &doctor->workers);
		return true;
	}
	if (cpus_parse(doctor->cores_text, &wanted) < 0 || CPU_COUNT(&wanted) == 0) {
		doctor_find(doctor, FINDING_PROBLEM, "cores", "cores=2-5,8 names CPUs 2 to 5 and 8",
			"cores=%s is no list of CPUs", doctor->cores_text);
		return false;
	}
	CPU_AND(&both, &wanted, allowed);
	if (!CPU_EQUAL(&both, &wanted)) {
		CPU_XOR(&refused, &wanted, &both);
		snprintf(command, sizeof(command), "set cores of causeway-dp to some of %s",
			cpus_format(allowed, right, sizeof(right)));
		doctor_find(doctor, FINDING_PROBLEM, "cores", command,
			"CPUs %s are offline or outside the cpuset",
			cpus_format(&refused, wrong, sizeof(wrong)));
		return false;
	}
	doctor->workers = wanted;
	return true;
}

void
doctor_cores(struct doctor *doctor)
{
	char list[LIST_LEN], shared_list[LIST_LEN], command[3 * LIST_LEN + 128];
	cpu_set_t allowed, isolated, both, shared;

	CPU_ZERO(&doctor->workers);
	if (allowed_cpus(doctor, &allowed) < 0 || CPU_COUNT(&allowed) == 0) {
		doctor_find(doctor, FINDING_PROBLEM, "cores", "mount -t sysfs sysfs /sys",
			"the kernel does not say which CPUs there are");
		return;
	}
	if (cpus_isolated(doctor->root, &isolated) < 0)
		CPU_ZERO(&isolated);
	if (!choose(doctor, &allowed, &isolated))
		return;
	cpus_format(&doctor->workers, list, sizeof(list));
	CPU_AND(&both, &doctor->workers, &isolated);
	CPU_XOR(&shared, &doctor->workers, &both);
	if (CPU_COUNT(&shared) == 0) {
		doctor_find(doctor, FINDING_OK, "cores", NULL, "workers on %s, all isolated", list);
		return;
	}
	cpus_format(&shared, shared_list, sizeof(shared_list));
	snprintf(command, sizeof(command),
		"boot with isolcpus=%s nohz_full=%s rcu_nocbs=%s (GRUB_CMDLINE_LINUX in "
		"/etc/default/grub, update-grub)",
		list, list, list);
	doctor_find(doctor, FINDING_WARNING, "cores", command,
		"workers on %s; other programs run on %s, too, and will delay packets", list,
		shared_list);
}

void
doctor_quota(struct doctor *doctor)
{
	struct cpus_quota quota;
	char command[512];

	if (cpus_quota(doctor->root, &quota) < 0) {
		doctor_find(doctor, FINDING_OK, "quota", NULL, "no cgroup limits CPU time");
		return;
	}
	if (!quota.limited) {
		doctor_find(doctor, FINDING_OK, "quota", NULL, "CPU time is not limited");
		return;
	}
	snprintf(command, sizeof(command), "echo max > %s/cpu.max", quota.cgroup);
	doctor_find(doctor,
		quota.cpus < CPU_COUNT(&doctor->workers) ? FINDING_PROBLEM : FINDING_WARNING,
		"quota", command,
		"%s may use %.2f CPUs: workers get stopped in the middle of traffic", quota.cgroup,
		quota.cpus);
}

unsigned
doctor_nodes(const struct doctor *doctor, int nodes[], unsigned max)
{
	unsigned n = 0, i;
	int node;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &doctor->workers))
			continue;
		node = cpus_numa_node(doctor->root, cpu);
		for (i = 0; i < n && nodes[i] != node; i++)
			;
		if (i == n && n < max)
			nodes[n++] = node;
	}
	if (n == 0)
		nodes[n++] = -1;
	return n;
}

struct cards {
	struct doctor *doctor;
	int nodes[64]; // with workers
	unsigned n_nodes;
	unsigned n_cards; // that say which node they are on
};

// folder: of the device, in sysfs. A VF is where its PF is.
static void
check_card(struct cards *cards, const char *name, const char *folder)
{
	struct doctor *doctor = cards->doctor;
	char text[32], list[LIST_LEN], command[LIST_LEN + 64];
	int node;

	if (doctor_exists(doctor, "%s/physfn", folder)
		|| !doctor_read_line(doctor, text, sizeof(text), "%s/numa_node", folder))
		return;
	node = atoi(text);
	if (node < 0)
		return;
	cards->n_cards++;
	for (unsigned i = 0; i < cards->n_nodes; i++)
		if (cards->nodes[i] == node)
			return;
	if (!doctor_read_line(
		    doctor, list, sizeof(list), "/sys/devices/system/node/node%d/cpulist", node))
		strcpy(list, "?");
	snprintf(command, sizeof(command), "set cores of causeway-dp to some of %s", list);
	doctor_find(doctor, FINDING_WARNING, "numa", command,
		"%s is on NUMA node %d, where no worker runs", name, node);
}

static int
check_interface(const char *name, void *arg)
{
	char folder[128];

	snprintf(folder, sizeof(folder), "/sys/class/net/%s/device", name);
	check_card(arg, name, folder);
	return 0;
}

// Cards that the kernel has no interface of.
static int
check_device(const char *address, void *arg)
{
	const struct cards *cards = arg;
	char folder[128], driver[PCI_DRIVER_LEN];
	struct pci_ids ids;

	if (pci_driver(cards->doctor->root, address, driver) < 0 || !pci_is_dpdk_driver(driver)
		|| pci_ids(cards->doctor->root, address, &ids) < 0 || !pci_is_network(&ids))
		return 0;
	snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%s", address);
	check_card(arg, address, folder);
	return 0;
}

void
doctor_numa(struct doctor *doctor)
{
	struct cards cards = {.doctor = doctor};
	const unsigned before = doctor->n_findings;
	char path[512];

	if (!doctor_exists(doctor, "/sys/devices/system/node/node1")) {
		doctor_find(doctor, FINDING_OK, "numa", NULL, "the machine has one NUMA node");
		return;
	}
	if (CPU_COUNT(&doctor->workers) == 0)
		return;
	cards.n_nodes = doctor_nodes(doctor, cards.nodes, 64);
	snprintf(path, sizeof(path), "%s/sys/class/net", doctor->root);
	(void)sysfs_each(path, check_interface, &cards);
	(void)pci_each(doctor->root, check_device, &cards);
	if (doctor->n_findings == before)
		doctor_find(doctor, FINDING_OK, "numa", NULL,
			"workers run on %u NUMA nodes, with all of %u network cards", cards.n_nodes,
			cards.n_cards);
}
