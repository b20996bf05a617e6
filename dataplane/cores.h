/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_CORES_H
#define DATAPLANE_CORES_H

// Which CPUs the workers get.

#include <sched.h>
#include <stdint.h>

#include <causeway/limits.h>

struct cores {
	uint16_t n;
	uint16_t cpu[CW_MAX_WORKERS];
	int16_t numa[CW_MAX_WORKERS]; // -1: unknown
	uint16_t isolated[CW_MAX_WORKERS]; // 1: the kernel schedules nothing else there
	cpu_set_t main; // where the main thread may run
};

// list: from the configuration, "" = isolated CPUs, else all but CPU 0, else the only one; each
// within what the cpuset allows. Returns 0, or -EINVAL / -ENODEV after logging what is wrong and
// what would be right; warns about CPUs that are not isolated and about a CPU quota. root: see
// cpus.h.
int cores_choose(const char *root, const char *list, struct cores *cores);

#endif
