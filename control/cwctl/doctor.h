/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_DOCTOR_H
#define CWCTL_DOCTOR_H

// What doctor looks at, and what it finds. All files are read below root, so that tests can give a
// machine of their own.

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <causeway/sizing.h>

enum finding_level {
	FINDING_OK,
	FINDING_WARNING, // works, but not as well or not everything
	FINDING_PROBLEM, // does not work
};

struct finding {
	enum finding_level level;
	const char *check; // "hugepages"
	char text[256];
	char command[1024]; // that mends it; empty when ok
};

#define DOCTOR_FINDINGS_MAX 128

struct doctor {
	const char *root; // "" is the machine itself
	const char *runtime_dir;
	const char *socket; // control.sock
	char cores_text[256]; // configured CPUs for workers; "" = chosen
	bool huge; // packets in hugepages
	struct cw_sizing sizing;
	cpu_set_t workers; // set by doctor_cores(); empty when the configuration is wrong
	struct finding findings[DOCTOR_FINDINGS_MAX];
	unsigned n_findings;
};

// Defaults of causeway-dp on the machine below root.
void doctor_init(struct doctor *doctor, const char *root);

// Reads cores and sizes from a configuration file of causeway-dp. Returns 0, or -1 with a finding.
int doctor_read_config(struct doctor *doctor, const char *path);

// Appends a finding. command NULL for FINDING_OK.
void doctor_find(struct doctor *doctor, enum finding_level level, const char *check,
	const char *command, const char *format, ...) __attribute__((format(printf, 5, 6)));

// The checks, in this order: memory and NUMA need to know the workers' CPUs.
void doctor_cores(struct doctor *doctor);
void doctor_quota(struct doctor *doctor);
void doctor_memory(struct doctor *doctor);
void doctor_numa(struct doctor *doctor);
void doctor_kernel(struct doctor *doctor);
void doctor_vfio(struct doctor *doctor);
void doctor_groups(struct doctor *doctor);
void doctor_sriov(struct doctor *doctor);
void doctor_forwarding(struct doctor *doctor);
void doctor_sockets(struct doctor *doctor);
void doctor_descriptors(struct doctor *doctor);

// All of them.
void doctor_examine(struct doctor *doctor);

// Whether a socket of that name in the runtime directory is listened on.
bool doctor_is_served(const struct doctor *doctor, const char *socket);

// Distinct NUMA nodes of the workers; 1 when the kernel does not say.
unsigned doctor_nodes(const struct doctor *doctor, int nodes[], unsigned max);

// Below root: whether the path exists; its first line; a number, or fallback.
bool doctor_exists(const struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool doctor_read_line(const struct doctor *doctor, char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
uint64_t doctor_read_number(const struct doctor *doctor, uint64_t fallback, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
