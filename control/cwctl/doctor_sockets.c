/* SPDX-License-Identifier: Apache-2.0 */
// The sockets of both processes: are they served, by whom, for whom.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <causeway/limits.h>

#include "client.h"
#include "doctor.h"

#define PATH_LEN 512
#define HEALTH_TIMEOUT_MS 2000
#define ACCEPTS_CONNECTIONS 0x10000 // __SO_ACCEPTCON in the Flags of /proc/net/unix

// Asking the kernel leaves no trace in anybody's log, unlike a connection.
bool
doctor_is_served(const struct doctor *doctor, const char *socket)
{
	char path[PATH_LEN], wanted[PATH_LEN], line[PATH_LEN], bound[PATH_LEN];
	unsigned long flags;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/net/unix", doctor->root);
	snprintf(wanted, sizeof(wanted), "%s/%s", doctor->runtime_dir, socket);
	file = fopen(path, "re");
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
		found = sscanf(line, "%*s %*s %*s %lx %*s %*s %*s %511s", &flags, bound) == 2
			&& (flags & ACCEPTS_CONNECTIONS) != 0 && strcmp(bound, wanted) == 0;
	if (file != NULL)
		fclose(file);
	return found;
}

// The group's ID from /etc/group, or -1.
static long
group_id(const struct doctor *doctor)
{
	char path[PATH_LEN], line[1024];
	long id = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s/etc/group", doctor->root);
	file = fopen(path, "re");
	while (file != NULL && id < 0 && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, CW_GROUP ":", sizeof(CW_GROUP)) == 0)
			sscanf(line, CW_GROUP ":%*[^:]:%ld", &id);
	if (file != NULL)
		fclose(file);
	return id;
}

// Returns false when there is nothing to look at further.
static bool
check_mode(struct doctor *doctor, const char *name)
{
	char path[PATH_LEN], command[PATH_LEN + 16];
	struct stat status;

	snprintf(path, sizeof(path), "%s%s/%s", doctor->root, doctor->runtime_dir, name);
	if (stat(path, &status) < 0) {
		doctor_find(doctor, FINDING_WARNING, name, "ls -ld the folders above it", "%s: %s",
			path, strerror(errno));
		return false;
	}
	if ((status.st_mode & S_IRWXO) == 0)
		return true;
	snprintf(command, sizeof(command), "chmod o= %s", path);
	doctor_find(doctor, FINDING_PROBLEM, name, command, "%s is open to every user (mode %03o)",
		path, (unsigned)(status.st_mode & 0777));
	return true;
}

static void
check_health(struct doctor *doctor)
{
	struct client_error error;
	const cJSON *dataplane;
	struct client *client;
	cJSON *health = NULL;
	int rc;

	rc = client_open(&client, doctor->socket, &error);
	if (rc == 0) {
		client_set_timeout(client, HEALTH_TIMEOUT_MS);
		rc = client_call(client, "health.get", NULL, NULL, 0, &health, &error);
		client_close(client);
	}
	dataplane = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(health, "dataplane"), "state");
	if (rc < 0)
		doctor_find(doctor,
			rc == -EACCES || rc == -EREMOTEIO ? FINDING_WARNING : FINDING_PROBLEM,
			CW_CONTROL_SOCKET,
			error.hint[0] != '\0' ? error.hint : "look at the log of causewayd", "%s",
			error.message);
	else if (cJSON_IsString(dataplane) && strcmp(dataplane->valuestring, "ready") != 0)
		doctor_find(doctor, FINDING_PROBLEM, CW_CONTROL_SOCKET,
			"systemctl status causeway-dp",
			"causewayd answers, but the data plane is %s", dataplane->valuestring);
	else
		doctor_find(doctor, FINDING_OK, CW_CONTROL_SOCKET, NULL,
			"causewayd answers this user and has the data plane");
	cJSON_Delete(health);
}

static void
check_control(struct doctor *doctor)
{
	char path[PATH_LEN], command[PATH_LEN + 32];
	const long group = group_id(doctor);
	struct stat status;

	snprintf(path, sizeof(path), "%s%s/" CW_CONTROL_SOCKET, doctor->root, doctor->runtime_dir);
	if (group < 0)
		doctor_find(doctor, FINDING_WARNING, "group", "groupadd --system " CW_GROUP,
			"no group " CW_GROUP ": only root can use control.sock");
	if (!doctor_is_served(doctor, CW_CONTROL_SOCKET)) {
		doctor_find(doctor, FINDING_WARNING, CW_CONTROL_SOCKET, "systemctl start causewayd",
			"causewayd does not run on %s", doctor->runtime_dir);
		return;
	}
	if (!check_mode(doctor, CW_CONTROL_SOCKET))
		return;
	if (group >= 0 && stat(path, &status) == 0 && status.st_gid != (gid_t)group) {
		snprintf(command, sizeof(command), "chgrp " CW_GROUP " %s", path);
		doctor_find(doctor, FINDING_WARNING, CW_CONTROL_SOCKET, command,
			"members of group " CW_GROUP " cannot use it: it belongs to group %u",
			(unsigned)status.st_gid);
	}
	if (doctor->root[0] == '\0')
		check_health(doctor);
}

void
doctor_sockets(struct doctor *doctor)
{
	unsigned before = doctor->n_findings;

	if (!doctor_is_served(doctor, CW_DP_SOCKET)) {
		doctor_find(doctor, FINDING_WARNING, CW_DP_SOCKET, "systemctl start causeway-dp",
			"causeway-dp does not run on %s", doctor->runtime_dir);
	} else if (check_mode(doctor, CW_DP_SOCKET) && doctor->n_findings == before) {
		doctor_find(doctor, FINDING_OK, CW_DP_SOCKET, NULL, "causeway-dp runs");
	}
	before = doctor->n_findings;
	check_control(doctor);
	if (doctor->n_findings == before)
		doctor_find(doctor, FINDING_OK, CW_CONTROL_SOCKET, NULL, "causewayd runs");
}
