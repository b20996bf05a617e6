/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec.h"
#include "result.h"

#define IPAM_TIMEOUT_MS 60000

bool
ipam_find(char *file, size_t size, const char *path, const char *type)
{
	struct stat status;
	size_t length;
	int n;

	for (; *path != '\0'; path += length + (path[length] == ':')) {
		length = strcspn(path, ":");
		if (length == 0)
			continue;
		n = snprintf(file, size, "%.*s/%s", (int)length, path, type);
		if (n > 0 && (size_t)n < size && stat(file, &status) == 0 && S_ISREG(status.st_mode)
			&& access(file, X_OK) == 0)
			return true;
	}
	return false;
}

// What a delegate says that failed: its error object, else its exit status.
static int
take_error(const char *type, const struct exec_outcome *outcome, struct cni_error *error)
{
	cJSON *object = cJSON_ParseWithOpts(outcome->output, NULL, false);
	const cJSON *code = config_find(object, "code"), *message = config_find(object, "msg");
	const cJSON *details = config_find(object, "details");

	if (cJSON_IsNumber(code) && code->valueint > 0 && cJSON_IsString(message)) {
		error_set(error, code->valueint, "IPAM plugin %s: %s", type, message->valuestring);
		if (cJSON_IsString(details))
			snprintf(
				error->details, sizeof(error->details), "%s", details->valuestring);
	} else {
		error_set(error, CNI_DELEGATE,
			"IPAM plugin %s ended with status %d and said: %.200s", type,
			outcome->status, outcome->length > 0 ? outcome->output : "nothing");
	}
	cJSON_Delete(object);
	return -1;
}

static int
take_result(const char *type, const struct exec_outcome *outcome, cJSON **result,
	struct cni_error *error)
{
	cJSON *object = cJSON_ParseWithOpts(outcome->output, NULL, false);

	if (!cJSON_IsObject(object)) {
		cJSON_Delete(object);
		return error_set(error, CNI_DELEGATE,
			"IPAM plugin %s printed no JSON object: %.200s", type,
			outcome->length > 0 ? outcome->output : "nothing");
	}
	*result = result_normalise(object, error);
	if (*result != NULL
		&& cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(*result, "ips")) > 0)
		return 0;
	if (*result != NULL)
		error_set(error, CNI_DELEGATE, "IPAM plugin %s gave no address", type);
	cJSON_Delete(*result);
	*result = NULL;
	return -1;
}

static int
run(const struct config *config, const struct cni_env *env, enum cni_verb verb,
	struct exec_outcome *outcome, struct cni_error *error)
{
	char file[PATH_MAX];
	int rc;

	if (env->path[0] == '\0')
		return error_set(error, CNI_ENVIRONMENT,
			"CNI_PATH is empty, but IPAM plugin %s must be looked up there",
			config->ipam_type);
	if (!ipam_find(file, sizeof(file), env->path, config->ipam_type))
		return error_set(error, CNI_DELEGATE,
			"IPAM plugin %s is in none of the folders of CNI_PATH=%s",
			config->ipam_type, env->path);
	if (setenv("CNI_COMMAND", env_verb_name(verb), 1) < 0)
		return error_set(error, CNI_INTERNAL, "out of memory");
	rc = exec_run(file, config->text, strlen(config->text), IPAM_TIMEOUT_MS, outcome);
	if (rc == -ETIMEDOUT)
		return error_set(error, CNI_DELEGATE, "IPAM plugin %s did not end within %d s",
			file, IPAM_TIMEOUT_MS / 1000);
	if (rc < 0)
		return error_set(error, CNI_DELEGATE, "IPAM plugin %s cannot be run: %s", file,
			strerror(-rc));
	return 0;
}

static int
call_once(const struct config *config, const struct cni_env *env, enum cni_verb verb,
	cJSON **result, struct cni_error *error)
{
	struct exec_outcome outcome;
	int rc;

	if (run(config, env, verb, &outcome, error) < 0)
		return -1;
	if (outcome.status != 0)
		rc = take_error(config->ipam_type, &outcome, error);
	else
		rc = verb == CNI_VERB_ADD ? take_result(config->ipam_type, &outcome, result, error)
					  : 0;
	free(outcome.output);
	return rc;
}

int
ipam_call(const struct config *config, const struct cni_env *env, enum cni_verb verb,
	cJSON **result, struct cni_error *error)
{
	int rc = call_once(config, env, verb, result, error);

	if (rc < 0 && verb == CNI_VERB_ADD)
		ipam_roll_back(config, env);
	return rc;
}

int
ipam_call_if_known(const struct config *config, const struct cni_env *env, enum cni_verb verb,
	struct cni_error *error)
{
	struct exec_outcome outcome;
	int rc = 0;

	if (run(config, env, verb, &outcome, error) < 0)
		return -1;
	if (outcome.status != 0)
		rc = take_error(config->ipam_type, &outcome, error);
	free(outcome.output);
	if (rc < 0 && error->code == CNI_ENVIRONMENT)
		rc = 0;
	return rc;
}

void
ipam_roll_back(const struct config *config, const struct cni_env *env)
{
	struct cni_error error;

	if (config->ipam_type == NULL)
		return;
	if (call_once(config, env, CNI_VERB_DEL, NULL, &error) < 0)
		fprintf(stderr, "causeway-cni: roll-back failed code=%d reason=\"%s\"\n",
			error.code, error.message);
}
