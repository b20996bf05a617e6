/* SPDX-License-Identifier: Apache-2.0 */
#include "cpus.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
parse_number(const char **text)
{
	long value = 0;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	while (isdigit((unsigned char)**text)) {
		value = value * 10 + (*(*text)++ - '0');
		if (value >= CPU_SETSIZE)
			return -EINVAL;
	}
	return (int)value;
}

int
cpus_parse(const char *text, cpu_set_t *set)
{
	CPU_ZERO(set);
	while (*text != '\0' && *text != '\n') {
		int first = parse_number(&text), last = first;

		if (first < 0)
			return first;
		if (*text == '-') {
			text++;
			last = parse_number(&text);
			if (last < 0)
				return last;
		}
		if (last < first)
			return -ERANGE;
		for (int cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, set);
		if (*text == ',' && isdigit((unsigned char)text[1]))
			text++;
		else if (*text != '\0' && *text != '\n')
			return -EINVAL;
	}
	return 0;
}

static int
range_end(const cpu_set_t *set, int first)
{
	int last = first;

	while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
		last++;
	return last;
}

char *
cpus_format(const cpu_set_t *set, char *text, size_t len)
{
	size_t used = 0;

	text[0] = '\0';
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int last, n;

		if (!CPU_ISSET(cpu, set))
			continue;
		last = range_end(set, cpu);
		n = last > cpu
			    ? snprintf(text + used, len - used, "%s%d-%d", used > 0 ? "," : "", cpu,
				    last)
			    : snprintf(text + used, len - used, "%s%d", used > 0 ? "," : "", cpu);
		if (n < 0 || (size_t)n >= len - used)
			break;
		used += (size_t)n;
		cpu = last;
	}
	return text;
}

int
cpus_first(const cpu_set_t *set)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set))
			return cpu;
	return -1;
}

int
cpus_allowed(cpu_set_t *set)
{
	return sched_getaffinity(0, sizeof(*set), set) == 0 ? 0 : -errno;
}

// First line of root + path. Returns 0 or -errno.
static int
read_line(const char *root, const char *path, char *line, size_t len)
{
	char full[512];
	FILE *file;
	int error = 0;

	snprintf(full, sizeof(full), "%s%s", root, path);
	file = fopen(full, "re");
	if (file == NULL)
		return -errno;
	if (fgets(line, (int)len, file) == NULL)
		line[0] = '\0';
	if (ferror(file))
		error = -EIO;
	fclose(file);
	return error;
}

static int
read_set(const char *root, const char *path, cpu_set_t *set)
{
	char line[4096];
	int error = read_line(root, path, line, sizeof(line));

	CPU_ZERO(set);
	if (error != 0)
		return error;
	return line[0] == '(' ? 0 : cpus_parse(line, set); // some kernels write "(null)"
}

int
cpus_online(const char *root, cpu_set_t *set)
{
	return read_set(root, "/sys/devices/system/cpu/online", set);
}

int
cpus_isolated(const char *root, cpu_set_t *set)
{
	int error = read_set(root, "/sys/devices/system/cpu/isolated", set);

	return error == -ENOENT ? 0 : error;
}

int
cpus_numa_node(const char *root, int cpu)
{
	for (int node = 0; node < 64; node++) {
		char path[128], list[4096];
		cpu_set_t set;

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
		if (read_line(root, path, list, sizeof(list)) != 0)
			continue;
		if (cpus_parse(list, &set) == 0 && CPU_ISSET(cpu, &set))
			return node;
	}
	return -1;
}

static void
tighten(struct cpus_quota *quota, double cpus, const char *cgroup)
{
	if (quota->limited && cpus >= quota->cpus)
		return;
	quota->limited = true;
	quota->cpus = cpus;
	snprintf(quota->cgroup, sizeof(quota->cgroup), "%s", cgroup);
}

static void
quota_v2(const char *root, const char *cgroup, struct cpus_quota *quota)
{
	char path[400], line[64];
	double allowed, period;

	snprintf(path, sizeof(path), "%s/cpu.max", cgroup);
	if (read_line(root, path, line, sizeof(line)) == 0
		&& sscanf(line, "%lf %lf", &allowed, &period) == 2 && period > 0)
		tighten(quota, allowed / period, cgroup);
}

static void
quota_v1(const char *root, const char *cgroup, struct cpus_quota *quota)
{
	char path[400], line[64];
	double allowed, period;

	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", cgroup);
	if (read_line(root, path, line, sizeof(line)) != 0)
		return;
	allowed = atof(line);
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", cgroup);
	if (allowed <= 0 || read_line(root, path, line, sizeof(line)) != 0)
		return;
	period = atof(line);
	if (period > 0)
		tighten(quota, allowed / period, cgroup);
}

// Every directory from the process's own up to the mount point.
static void
walk_up(const char *root, const char *mount, const char *own, struct cpus_quota *quota,
	void (*look)(const char *, const char *, struct cpus_quota *))
{
	char cgroup[256];
	size_t mount_len = strlen(mount);

	snprintf(cgroup, sizeof(cgroup), "%s%s", mount, strcmp(own, "/") == 0 ? "" : own);
	for (;;) {
		look(root, cgroup, quota);
		if (strlen(cgroup) <= mount_len)
			return;
		*strrchr(cgroup, '/') = '\0';
	}
}

static bool
has_controller(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

int
cpus_quota(const char *root, struct cpus_quota *quota)
{
	char path[512], line[1024];
	FILE *file;

	memset(quota, 0, sizeof(*quota));
	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	file = fopen(path, "re");
	if (file == NULL)
		return -errno;
	while (fgets(line, sizeof(line), file) != NULL) {
		char *controllers = strchr(line, ':'), *own;

		line[strcspn(line, "\n")] = '\0';
		own = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		if (own == NULL)
			continue;
		*own++ = '\0';
		controllers++;
		if (*controllers == '\0') {
			walk_up(root, "/sys/fs/cgroup", own, quota, quota_v2);
			walk_up(root, "/sys/fs/cgroup/unified", own, quota, quota_v2);
		} else if (has_controller(controllers, "cpu")) {
			walk_up(root, "/sys/fs/cgroup/cpu", own, quota, quota_v1);
			walk_up(root, "/sys/fs/cgroup/cpu,cpuacct", own, quota, quota_v1);
		}
	}
	fclose(file);
	return 0;
}

void
cpus_for_workers(const cpu_set_t *allowed, const cpu_set_t *isolated, cpu_set_t *chosen)
{
	CPU_AND(chosen, allowed, isolated);
	if (CPU_COUNT(chosen) > 0)
		return;
	*chosen = *allowed;
	if (CPU_COUNT(chosen) > 1)
		CPU_CLR(cpus_first(allowed), chosen);
}
