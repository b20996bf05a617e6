/* SPDX-License-Identifier: Apache-2.0 */
#include "cores.h"

#include <errno.h>

#include <numa.h>

#include "cpus.h"
#include "log.h"

#define LIST_TEXT 256

static int
check_allowed(const cpu_set_t *wanted, const cpu_set_t *allowed)
{
	char refused_list[LIST_TEXT], allowed_list[LIST_TEXT];
	cpu_set_t both, refused;

	CPU_AND(&both, wanted, allowed);
	if (CPU_EQUAL(&both, wanted))
		return 0;
	CPU_XOR(&refused, wanted, &both);
	return log_error(-EINVAL,
		"configured CPUs are offline or outside the cpuset of this process",
		"cores=%s allowed=%s", cpus_format(&refused, refused_list, sizeof(refused_list)),
		cpus_format(allowed, allowed_list, sizeof(allowed_list)));
}

static void
warn(const char *root, const cpu_set_t *chosen, const cpu_set_t *isolated)
{
	struct cpus_quota quota;
	char list[LIST_TEXT];
	cpu_set_t both, shared;

	CPU_AND(&both, chosen, isolated);
	CPU_XOR(&shared, chosen, &both);
	if (CPU_COUNT(&shared) > 0)
		log_line(LOG_WARNING,
			"worker CPUs are not isolated: other programs will delay packets; boot "
			"with isolcpus=",
			"cores=%s", cpus_format(&shared, list, sizeof(list)));
	if (cpus_quota(root, &quota) == 0 && quota.limited)
		log_line(LOG_WARNING,
			"a CPU quota will stop workers in the middle of traffic; lift it",
			"cgroup=%s cpus=%.2f", quota.cgroup, quota.cpus);
}

static int16_t
numa_node(int cpu)
{
	return numa_available() < 0 ? -1 : (int16_t)numa_node_of_cpu(cpu);
}

int
cores_choose(const char *root, const char *list, struct cores *cores)
{
	cpu_set_t allowed, isolated, chosen;
	int error = cpus_allowed(&allowed);

	if (error != 0)
		return log_error(error, "cannot read the CPU affinity", NULL);
	cpus_isolated(root, &isolated); // none when unknown
	if (list[0] == '\0') {
		cpus_for_workers(&allowed, &isolated, &chosen);
	} else {
		cpus_parse(list, &chosen);
		error = check_allowed(&chosen, &allowed);
		if (error != 0)
			return error;
	}
	warn(root, &chosen, &isolated);
	cores->n = 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && cores->n < CW_MAX_WORKERS; cpu++) {
		if (!CPU_ISSET(cpu, &chosen))
			continue;
		cores->cpu[cores->n] = (uint16_t)cpu;
		cores->numa[cores->n] = numa_node(cpu);
		cores->isolated[cores->n] = CPU_ISSET(cpu, &isolated) ? 1 : 0;
		cores->n++;
	}
	CPU_XOR(&cores->main, &allowed, &chosen);
	CPU_AND(&cores->main, &cores->main, &allowed);
	if (CPU_COUNT(&cores->main) == 0)
		cores->main = allowed;
	return cores->n > 0 ? 0 : log_error(-ENODEV, "no CPU is left for a worker", NULL);
}
