/* SPDX-License-Identifier: Apache-2.0 */
// Hugepages: the same figures that causeway-dp checks at its start.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <causeway/limits.h>

#include "doctor.h"

#define FOLDER_2M "hugepages-2048kB"
#define FOLDER_1G "hugepages-1048576kB"
#define NODES_MAX 64

static uint64_t
count_pages(const struct doctor *doctor, const char *folder, const char *file)
{
	return doctor_read_number(doctor, 0, "%s/" FOLDER_2M "/%s", folder, file)
	       + 512 * doctor_read_number(doctor, 0, "%s/" FOLDER_1G "/%s", folder, file);
}

// Pages of 2 MiB that the kernel could make of available memory.
static uint64_t
available_pages(const struct doctor *doctor)
{
	unsigned long long kib = 0;
	char path[512], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/meminfo", doctor->root);
	file = fopen(path, "re");
	if (file == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024 / CW_HUGEPAGE_BYTES;
}

static void
find_missing(struct doctor *doctor, uint64_t needed, uint64_t free_pages)
{
	const uint64_t missing = needed - free_pages, available = available_pages(doctor);
	const uint64_t total = doctor_read_number(
		doctor, 0, "/sys/kernel/mm/hugepages/" FOLDER_2M "/nr_hugepages");
	char command[128];

	if (missing > available) {
		doctor_find(doctor, FINDING_PROBLEM, "hugepages",
			"free memory, or lower mbufs and jumbos of causeway-dp",
			"%" PRIu64 " of 2 MiB needed, %" PRIu64
			" free, and memory is left for %" PRIu64,
			needed, free_pages, available);
		return;
	}
	snprintf(command, sizeof(command),
		"sysctl -w vm.nr_hugepages=%" PRIu64
		" (to keep it: in /etc/sysctl.d/causeway.conf)",
		total + missing);
	doctor_find(doctor, FINDING_PROBLEM, "hugepages", command,
		"%" PRIu64 " of 2 MiB needed (%" PRIu64 " MiB), %" PRIu64 " free", needed,
		2 * needed, free_pages);
}

// Each node with workers holds its own buffers.
static bool
check_nodes(struct doctor *doctor)
{
	const uint64_t share =
		(cw_pool_bytes(&doctor->sizing) + CW_HUGEPAGE_BYTES - 1) / CW_HUGEPAGE_BYTES;
	char folder[128], command[256];
	int nodes[NODES_MAX];
	unsigned n = doctor_nodes(doctor, nodes, NODES_MAX);
	bool enough = true;
	uint64_t pages;

	for (unsigned i = 0; i < n && n > 1; i++) {
		snprintf(folder, sizeof(folder), "/sys/devices/system/node/node%d/hugepages",
			nodes[i]);
		pages = count_pages(doctor, folder, "free_hugepages");
		if (pages >= share || !doctor_exists(doctor, "%s", folder))
			continue;
		snprintf(command, sizeof(command),
			"echo %" PRIu64 " > %s/" FOLDER_2M "/nr_hugepages",
			doctor_read_number(doctor, 0, "%s/" FOLDER_2M "/nr_hugepages", folder)
				+ share - pages,
			folder);
		doctor_find(doctor, FINDING_WARNING, "hugepages", command,
			"NUMA node %d has %" PRIu64 " free, its workers' buffers need %" PRIu64
			"; they would lie on another node",
			nodes[i], pages, share);
		enough = false;
	}
	return enough;
}

void
doctor_memory(struct doctor *doctor)
{
	static const char folder[] = "/sys/kernel/mm/hugepages";
	int nodes[NODES_MAX];
	uint64_t needed, pages;

	if (!doctor->huge) {
		doctor_find(doctor, FINDING_WARNING, "hugepages", "set huge of causeway-dp to true",
			"not used by configuration: packets are slower to reach");
		return;
	}
	needed = cw_hugepages_needed(&doctor->sizing, (unsigned int)CPU_COUNT(&doctor->workers),
		doctor_nodes(doctor, nodes, NODES_MAX));
	pages = count_pages(doctor, folder, "free_hugepages");
	if (!doctor_exists(doctor, "%s", folder))
		doctor_find(doctor, FINDING_PROBLEM, "hugepages",
			"run a kernel with CONFIG_HUGETLBFS",
			"%" PRIu64 " of 2 MiB needed, this kernel has none", needed);
	else if (doctor_is_served(doctor, CW_DP_SOCKET))
		doctor_find(doctor, FINDING_OK, "hugepages", NULL,
			"causeway-dp runs and has its own; %" PRIu64 " of 2 MiB are free besides",
			pages);
	else if (pages < needed)
		find_missing(doctor, needed, pages);
	else if (check_nodes(doctor))
		doctor_find(doctor, FINDING_OK, "hugepages", NULL,
			"%" PRIu64 " of 2 MiB needed (%" PRIu64 " MiB), %" PRIu64 " free", needed,
			2 * needed, pages);
}
