/* SPDX-License-Identifier: Apache-2.0 */
// The command "doctor": parameters in, findings out.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include <causeway/limits.h>

#include "cwctl.h"
#include "doctor.h"
#include "table.h"

#define DEFAULT_CONFIG CW_CONFIG_DIR "/causeway-dp.json"

static const char *const level_names[] = {"ok", "warning", "problem"};

struct options {
	const char *config, *cores, *runtime_dir, *root;
};

static int
read_options(struct options *options, char *const *words, int n)
{
	const struct {
		const char *key;
		const char **value;
	} known[] = {
		{"config=", &options->config},
		{"cores=", &options->cores},
		{"runtime_dir=", &options->runtime_dir},
		{"root=", &options->root},
	};
	bool found;

	for (int i = 0; i < n; i++) {
		found = false;
		for (size_t j = 0; j < sizeof(known) / sizeof(known[0]); j++) {
			if (strncmp(words[i], known[j].key, strlen(known[j].key)) != 0)
				continue;
			*known[j].value = words[i] + strlen(known[j].key);
			found = true;
		}
		if (!found) {
			fprintf(stderr,
				"cwctl: doctor does not know %s; it takes config=, cores=, "
				"runtime_dir= "
				"and root=\n",
				words[i]);
			return -1;
		}
	}
	return 0;
}

static unsigned
count(const struct doctor *doctor, enum finding_level level)
{
	unsigned n = 0;

	for (unsigned i = 0; i < doctor->n_findings; i++)
		n += doctor->findings[i].level == level;
	return n;
}

static void
print_text(const struct doctor *doctor)
{
	const struct finding *finding;
	unsigned width = 0;

	for (unsigned i = 0; i < doctor->n_findings; i++)
		if (table_width(doctor->findings[i].check) > width)
			width = table_width(doctor->findings[i].check);
	for (unsigned i = 0; i < doctor->n_findings; i++) {
		finding = &doctor->findings[i];
		printf("%-7s  %-*s  %s\n", level_names[finding->level], (int)width, finding->check,
			finding->text);
		if (finding->command[0] != '\0')
			printf("%*s-> %s\n", (int)width + 11, "", finding->command);
	}
	printf("\n%u ok, %u warnings, %u problems\n", count(doctor, FINDING_OK),
		count(doctor, FINDING_WARNING), count(doctor, FINDING_PROBLEM));
}

static void
print_json(const struct doctor *doctor)
{
	cJSON *list = cJSON_CreateArray(), *item;
	char *text;

	for (unsigned i = 0; i < doctor->n_findings; i++) {
		item = cJSON_CreateObject();
		cJSON_AddStringToObject(item, "check", doctor->findings[i].check);
		cJSON_AddStringToObject(item, "level", level_names[doctor->findings[i].level]);
		cJSON_AddStringToObject(item, "text", doctor->findings[i].text);
		if (doctor->findings[i].command[0] != '\0')
			cJSON_AddStringToObject(item, "command", doctor->findings[i].command);
		cJSON_AddItemToArray(list, item);
	}
	text = cJSON_Print(list);
	printf("%s\n", text != NULL ? text : "[]");
	cJSON_free(text);
	cJSON_Delete(list);
}

// Folder of a socket path, for the other socket beside it. Allocated.
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

int
run_doctor(const struct cwctl *cwctl, char *const *words, int n)
{
	struct options options = {0};
	struct doctor doctor;
	char *runtime_dir, socket[128];
	int status;

	if (read_options(&options, words, n) < 0)
		return EXIT_USAGE;
	doctor_init(&doctor, options.root != NULL ? options.root : "");
	doctor.socket = cwctl->socket;
	runtime_dir = folder_of(cwctl->socket);
	if (options.runtime_dir != NULL) {
		doctor.runtime_dir = options.runtime_dir;
		if (client_path(socket, sizeof(socket), options.runtime_dir) == 0)
			doctor.socket = socket;
	} else if (runtime_dir != NULL) {
		doctor.runtime_dir = runtime_dir;
	}
	if (options.config != NULL)
		doctor_read_config(&doctor, options.config);
	else if (doctor_exists(&doctor, DEFAULT_CONFIG))
		doctor_read_config(&doctor, DEFAULT_CONFIG);
	if (options.cores != NULL)
		snprintf(doctor.cores_text, sizeof(doctor.cores_text), "%s", options.cores);
	doctor_examine(&doctor);
	if (cwctl->json)
		print_json(&doctor);
	else
		print_text(&doctor);
	status = count(&doctor, FINDING_PROBLEM) > 0 ? EXIT_REFUSED : EXIT_OK;
	free(runtime_dir);
	return status;
}
