/* SPDX-License-Identifier: Apache-2.0 */
#include "fail_point.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

const char *const fail_points[] = {
	// endpoint.add
	"intent", "tap_create", "tap_move", "veth_create", "veth_host", "link", "persist", "sysctl",
	"address", "up", "route", "offloads", "socket", "folder",
	// of a VF
	"vf_record", "vf_mark", "vf_bind", "vf_reset", "vf_setting", "vf_read_back", "vf_move",
	"vf_mac",
	// every change
	"host_address", "dataplane", "device_remove", "vf_restore", "store_begin", "store_commit",
	NULL};

static const char *failing;

bool
fail_point_set(const char *step)
{
	failing = NULL;
	if (step == NULL)
		return true;
	for (const char *const *known = fail_points; *known != NULL; known++)
		if (strcmp(*known, step) == 0) {
			failing = *known;
			return true;
		}
	return false;
}

int
fail_point(const char *step)
{
	return failing != NULL && strcmp(failing, step) == 0 ? -EIO : 0;
}
