/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VF_WORLD_H
#define TESTS_VF_WORLD_H

// A card with three VFs beside the causewayd of control_pod.h: sysfs is fake_pci.h's, the PF's
// memory is here, and the interfaces of VFs with driver igbvf are taps, which move, take names and
// addresses as those do.

#include "control_pod.h"
#include "fake_pci.h"
#include "vf/vf_host.h"

#define WORLD_VFS 3
#define WORLD_MAC0 "02:00:00:00:aa:00" // that VF 0 chose for itself

struct world {
	struct pod pod; // first: it is the state of pod_setup()
	char *root, marks[64];
	int own; // our own namespace
	struct vf_settings settings[WORLD_VFS];
	int ifindex[WORLD_VFS]; // of the interfaces, 0: none
	// what the driver does
	unsigned int refuses, ignores; // enum vf_setting
	int error; // with which it refuses
	int calls_left; // after so many calls everything fails, until it is -1 again
	unsigned int resets;
	struct vf_host real;
};

extern struct world *world;

// cmocka's setup and teardown. VFs 0 and 1 have driver igbvf and interfaces vf0 and vf1.
int world_setup(void **state);
int world_teardown(void **state);

// The whole of what could be changed, as text of the caller's.
char *world_picture(void);

// endpoint.add of container c1, interface net1, with these further members.
cJSON *world_add(const char *members);
cJSON *world_add_ok(const char *members);
void world_add_refused(const char *members, int code, const char *words);
void world_del(void);
// A command in the pod's namespace: its exit status.
int world_in_pod(const char *command);

#endif
