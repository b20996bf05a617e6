/* SPDX-License-Identifier: Apache-2.0 */
// How many descriptors the running processes may open.
#include <stdio.h>
#include <string.h>

#include <causeway/limits.h>

#include "doctor.h"

// The soft limit of a process, or 0.
static uint64_t
read_limit(const struct doctor *doctor, unsigned pid)
{
	char path[512], line[256];
	unsigned long long limit = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/%u/limits", doctor->root, pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	while (limit == 0 && fgets(line, sizeof(line), file) != NULL)
		sscanf(line, "Max open files %llu", &limit);
	fclose(file);
	return limit;
}

static void
check_process(struct doctor *doctor, const char *process, const char *lock)
{
	const uint64_t pid = doctor_read_number(doctor, 0, "%s/%s", doctor->runtime_dir, lock);
	const uint64_t limit = pid != 0 ? read_limit(doctor, (unsigned)pid) : 0;
	char command[256];

	if (limit == 0)
		return;
	if (limit >= CW_DESCRIPTORS_MIN) {
		doctor_find(doctor, FINDING_OK, "descriptors", NULL, "%s may open %llu files",
			process, (unsigned long long)limit);
		return;
	}
	snprintf(command, sizeof(command),
		"prlimit --pid %u --nofile=65536, and LimitNOFILE=65536 in its unit",
		(unsigned)pid);
	doctor_find(doctor, FINDING_WARNING, "descriptors", command,
		"%s may open %llu files: fewer than the %d that about 1,000 pods need", process,
		(unsigned long long)limit, CW_DESCRIPTORS_MIN);
}

void
doctor_descriptors(struct doctor *doctor)
{
	if (doctor_is_served(doctor, CW_DP_SOCKET))
		check_process(doctor, "causeway-dp", "dp.lock");
	if (doctor_is_served(doctor, CW_CONTROL_SOCKET))
		check_process(doctor, "causewayd", "causewayd.pid");
}
