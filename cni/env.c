/* SPDX-License-Identifier: Apache-2.0 */
#include "env.h"

#include <ctype.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum needed {
	NEEDS_CONTAINER = 1u << 0,
	NEEDS_NETNS = 1u << 1,
	NEEDS_IFNAME = 1u << 2,
	NEEDS_PATH = 1u << 3,
};

static const struct {
	const char *name;
	unsigned needs;
} verbs[CNI_VERBS] = {
	[CNI_VERB_ADD] = {"ADD", NEEDS_CONTAINER | NEEDS_NETNS | NEEDS_IFNAME},
	[CNI_VERB_DEL] = {"DEL", NEEDS_CONTAINER | NEEDS_IFNAME},
	[CNI_VERB_CHECK] = {"CHECK", NEEDS_CONTAINER | NEEDS_NETNS | NEEDS_IFNAME},
	[CNI_VERB_GC] = {"GC", NEEDS_PATH},
	[CNI_VERB_STATUS] = {"STATUS", 0},
	[CNI_VERB_VERSION] = {"VERSION", 0},
};

const char *
env_verb_name(enum cni_verb verb)
{
	return verbs[verb].name;
}

bool
env_is_name(const char *text)
{
	if (!isalnum((unsigned char)text[0]))
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("_.-", *text) == NULL)
			return false;
	return true;
}

// The kernel's rule (dev_valid_name) and the specification's: ':' separates aliases.
static bool
is_ifname(const char *text)
{
	if (text[0] == '\0' || strlen(text) >= IFNAMSIZ || strcmp(text, ".") == 0
		|| strcmp(text, "..") == 0)
		return false;
	for (; *text != '\0'; text++)
		if (*text == '/' || *text == ':' || isspace((unsigned char)*text))
			return false;
	return true;
}

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "";
}

static int
check_missing(const struct cni_env *env, unsigned needs, struct cni_error *error)
{
	const struct {
		const char *name;
		const char *value;
		unsigned bit;
	} variables[] = {
		{"CNI_CONTAINERID", env->container, NEEDS_CONTAINER},
		{"CNI_NETNS", env->netns, NEEDS_NETNS},
		{"CNI_IFNAME", env->ifname, NEEDS_IFNAME},
		{"CNI_PATH", env->path, NEEDS_PATH},
	};
	char missing[128] = "";

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		if ((needs & variables[i].bit) == 0 || variables[i].value[0] != '\0')
			continue;
		if (missing[0] != '\0')
			strcat(missing, ", ");
		strcat(missing, variables[i].name);
	}
	if (missing[0] == '\0')
		return 0;
	return error_set(error, CNI_ENVIRONMENT, "%s needs these environment variables: %s",
		env_verb_name(env->verb), missing);
}

static int
check_form(const struct cni_env *env, unsigned needs, struct cni_error *error)
{
	if ((needs & NEEDS_CONTAINER) && !env_is_name(env->container))
		return error_set(error, CNI_ENVIRONMENT,
			"CNI_CONTAINERID=%s is no container ID: letters and digits first, then "
			"also '_', "
			"'.' and '-'",
			env->container);
	if ((needs & NEEDS_IFNAME) && !is_ifname(env->ifname))
		return error_set(error, CNI_ENVIRONMENT,
			"CNI_IFNAME=%s is no interface name: 1 to %d bytes without '/', ':' and "
			"white space",
			env->ifname, IFNAMSIZ - 1);
	return 0;
}

static int
read_pair(struct cni_args *args, char *pair, struct cni_error *error)
{
	const struct {
		const char *name;
		const char **value;
	} known[] = {
		{"K8S_POD_NAMESPACE", &args->pod_namespace},
		{"K8S_POD_NAME", &args->pod_name},
		{"K8S_POD_UID", &args->pod_uid},
		{"MAC", &args->mac},
		{"IP", &args->ip},
	};
	char *value = strchr(pair, '=');

	if (value == NULL)
		return error_set(error, CNI_ENVIRONMENT,
			"CNI_ARGS holds '%s', which is no key=value pair", pair);
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(pair, known[i].name) == 0 && value[0] != '\0')
			*known[i].value = value;
	return 0;
}

static int
read_args(struct cni_env *env, struct cni_error *error)
{
	const char *text = variable("CNI_ARGS");
	char *pair, *rest = NULL;

	if (strlen(text) >= sizeof(env->args_text))
		return error_set(error, CNI_ENVIRONMENT,
			"CNI_ARGS has %zu bytes, at most %zu are read", strlen(text),
			sizeof(env->args_text) - 1);
	strcpy(env->args_text, text);
	for (pair = strtok_r(env->args_text, ";", &rest); pair != NULL;
		pair = strtok_r(NULL, ";", &rest))
		if (read_pair(&env->args, pair, error) < 0)
			return -1;
	return 0;
}

static int
read_verb(struct cni_env *env, struct cni_error *error)
{
	const char *command = variable("CNI_COMMAND");

	for (int verb = 0; verb < CNI_VERBS; verb++) {
		if (strcmp(command, verbs[verb].name) == 0) {
			env->verb = (enum cni_verb)verb;
			return 0;
		}
	}
	return error_set(error, CNI_ENVIRONMENT,
		"CNI_COMMAND=%s is none of ADD, DEL, CHECK, GC, STATUS, VERSION", command);
}

int
env_read(struct cni_env *env, struct cni_error *error)
{
	const char *override = variable("CNI_NETNS_OVERRIDE");
	unsigned needs;

	memset(env, 0, sizeof(*env));
	if (read_verb(env, error) < 0)
		return -1;
	env->container = variable("CNI_CONTAINERID");
	env->netns = variable("CNI_NETNS");
	env->ifname = variable("CNI_IFNAME");
	env->path = variable("CNI_PATH");
	env->netns_override = strcmp(override, "1") == 0 || strcasecmp(override, "true") == 0;
	needs = verbs[env->verb].needs;
	if (check_missing(env, needs, error) < 0 || check_form(env, needs, error) < 0)
		return -1;
	// DEL needs nothing of CNI_ARGS, and nothing there may keep it from cleaning up.
	return (needs & NEEDS_NETNS) ? read_args(env, error) : 0;
}
