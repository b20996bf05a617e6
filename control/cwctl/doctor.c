/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include <causeway/limits.h>

#include "cwctl.h"

#define PATH_LEN 512

void
doctor_init(struct doctor *doctor, const char *root)
{
	*doctor = (struct doctor){
		.root = root,
		.runtime_dir = CW_RUNTIME_DIR,
		.socket = CW_RUNTIME_DIR "/" CW_CONTROL_SOCKET,
		.huge = true,
		.sizing =
			{
				.mbufs = CW_MBUFS_DEFAULT,
				.jumbos = CW_JUMBOS_DEFAULT,
				.fdb_entries = CW_FDB_ENTRIES_DEFAULT,
				.neighbors = CW_NEIGHBORS_DEFAULT,
			},
	};
}

void
doctor_find(struct doctor *doctor, enum finding_level level, const char *check, const char *command,
	const char *format, ...)
{
	struct finding *finding = &doctor->findings[doctor->n_findings];
	va_list args;

	if (doctor->n_findings == DOCTOR_FINDINGS_MAX)
		return;
	doctor->n_findings++;
	finding->level = level;
	finding->check = check;
	snprintf(finding->command, sizeof(finding->command), "%s", command != NULL ? command : "");
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

static void
full_path(const struct doctor *doctor, char path[PATH_LEN], const char *format, va_list args)
{
	int length = snprintf(path, PATH_LEN, "%s", doctor->root);

	if (length >= 0 && length < PATH_LEN)
		vsnprintf(path + length, (size_t)(PATH_LEN - length), format, args);
}

bool
doctor_exists(const struct doctor *doctor, const char *format, ...)
{
	char path[PATH_LEN];
	va_list args;

	va_start(args, format);
	full_path(doctor, path, format, args);
	va_end(args);
	return access(path, F_OK) == 0;
}

static bool
read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool done;

	text[0] = '\0';
	if (file == NULL)
		return false;
	done = fgets(text, (int)size, file) != NULL;
	text[strcspn(text, "\n")] = '\0';
	fclose(file);
	return done;
}

bool
doctor_read_line(const struct doctor *doctor, char *text, size_t size, const char *format, ...)
{
	char path[PATH_LEN];
	va_list args;

	va_start(args, format);
	full_path(doctor, path, format, args);
	va_end(args);
	return read_line(path, text, size);
}

uint64_t
doctor_read_number(const struct doctor *doctor, uint64_t fallback, const char *format, ...)
{
	char path[PATH_LEN], text[64], *end;
	unsigned long long number;
	va_list args;

	va_start(args, format);
	full_path(doctor, path, format, args);
	va_end(args);
	if (!read_line(path, text, sizeof(text)))
		return fallback;
	number = strtoull(text, &end, 10);
	return end != text ? number : fallback;
}

static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = NULL;
	}
	fclose(file);
	return text;
}

static void
take_number(const cJSON *config, const char *key, uint64_t *number)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(config, key);

	if (cJSON_IsNumber(value) && value->valuedouble > 0)
		*number = (uint64_t)value->valuedouble;
}

int
doctor_read_config(struct doctor *doctor, const char *path)
{
	char *text = read_file(path);
	cJSON *config = text != NULL ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
	const cJSON *cores = cJSON_GetObjectItemCaseSensitive(config, "cores");

	free(text);
	if (!cJSON_IsObject(config)) {
		cJSON_Delete(config);
		doctor_find(doctor, FINDING_PROBLEM, "configuration",
			"causeway-dp --check-config --config FILE", "%s is no JSON object", path);
		return -1;
	}
	if (cJSON_IsString(cores))
		snprintf(doctor->cores_text, sizeof(doctor->cores_text), "%s", cores->valuestring);
	take_number(config, "mbufs", &doctor->sizing.mbufs);
	take_number(config, "jumbos", &doctor->sizing.jumbos);
	take_number(config, "fdb-entries", &doctor->sizing.fdb_entries); // causeway-dp takes both
	take_number(config, "fdb_entries", &doctor->sizing.fdb_entries);
	take_number(config, "neighbors", &doctor->sizing.neighbors);
	doctor->huge = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(config, "huge"));
	cJSON_Delete(config);
	return 0;
}

void
doctor_examine(struct doctor *doctor)
{
	doctor_cores(doctor);
	doctor_quota(doctor);
	doctor_memory(doctor);
	doctor_numa(doctor);
	doctor_kernel(doctor);
	doctor_vfio(doctor);
	doctor_groups(doctor);
	doctor_sriov(doctor);
	doctor_forwarding(doctor);
	doctor_sockets(doctor);
	doctor_descriptors(doctor);
}
