/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_CPUS_H
#define HOST_CPUS_H

// CPUs as the kernel grants them: cpuset, isolation, quota, NUMA node. Reads sysfs, procfs and
// cgroupfs below 'root' ("" for the machine's own; tests give a directory). Used by causeway-dp to
// choose and check its cores, and by cwctl doctor. Any thread.

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

// "0-3,8" as the kernel and our configuration write it; empty text is the empty set.
// Returns 0, -EINVAL (syntax, or a CPU beyond CPU_SETSIZE) or -ERANGE (a range that runs
// backwards).
int cpus_parse(const char *text, cpu_set_t *set);
// The reverse; returns text. Cut off when it does not fit.
char *cpus_format(const cpu_set_t *set, char *text, size_t len);
int cpus_first(const cpu_set_t *set); // lowest CPU, or -1 when empty

// CPUs that this process may run on (cpuset and affinity). Returns 0 or -errno.
int cpus_allowed(cpu_set_t *set);
// CPUs online. Returns 0 or -errno.
int cpus_online(const char *root, cpu_set_t *set);
// CPUs that the scheduler leaves alone: isolcpus= and isolated cpuset partitions. Returns 0 or
// -errno; a kernel without the file gives the empty set.
int cpus_isolated(const char *root, cpu_set_t *set);
// NUMA node of a CPU, or -1.
int cpus_numa_node(const char *root, int cpu);

// Where workers run when nobody says so: isolated CPUs, else all but CPU 0 (the lowest when CPU 0
// is not allowed), else the only one; always within allowed.
void cpus_for_workers(const cpu_set_t *allowed, const cpu_set_t *isolated, cpu_set_t *chosen);

struct cpus_quota {
	bool limited;
	double cpus; // that the quota is worth, when limited
	char cgroup[256]; // the directory that sets it
};

// The tightest CPU quota on the way from this process's cgroup to the root, cgroup v1 or v2.
// Returns 0 (limited or not), or -errno when no cgroup file can be read.
int cpus_quota(const char *root, struct cpus_quota *quota);

#endif
