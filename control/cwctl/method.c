/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <causeway/error.h>

#include "arguments.h"
#include "cwctl.h"
#include "show.h"
#include "show_node.h"
#include "show_stats.h"
#include "table.h"

int
report_error(const char *what, const struct client_error *error)
{
	char message[sizeof(error->message)], value[sizeof(error->value)];

	snprintf(message, sizeof(message), "%s", error->message);
	snprintf(value, sizeof(value), "%s", error->value);
	fprintf(stderr, "cwctl: %s: %s\n", what, table_sanitize(message));
	if (error->key[0] != '\0')
		fprintf(stderr, "  at %s=%s\n", error->key, table_sanitize(value));
	if (error->hint[0] != '\0')
		fprintf(stderr, "  %s\n", error->hint);
	return EXIT_REFUSED;
}

struct client *
open_client(const struct cwctl *cwctl)
{
	struct client_error error;
	struct client *client;

	if (client_open(&client, cwctl->socket, &error) == 0)
		return client;
	if (geteuid() == 0 || error.code != 0)
		report_error("cannot connect", &error);
	else
		report_error("cannot connect as ordinary user", &error);
	fprintf(stderr, "  cwctl doctor looks for the cause; -s names another socket\n");
	return NULL;
}

static int
print_json(const cJSON *value, bool formatted)
{
	char *text = formatted ? cJSON_Print(value) : cJSON_PrintUnformatted(value);

	if (text == NULL)
		return -ENOMEM;
	printf("%s\n", text);
	cJSON_free(text);
	return fflush(stdout) == 0 ? 0 : -errno;
}

// Results that deserve more than their keys and values.
static int
show(const char *method, const struct object *object, const cJSON *result)
{
	if (strcmp(method, "node.get") == 0)
		return show_node(result, stdout);
	if (strcmp(method, "stats.get") == 0)
		return show_stats(result, stdout);
	if (strncmp(strchr(method, '.'), ".list", 5) == 0 && object != NULL)
		return show_result(result, object->columns, stdout);
	return show_result(result, NULL, stdout);
}

static void
suggest(const struct object *object, const struct client_error *error)
{
	if (error->code != CW_RPC_UNKNOWN_METHOD)
		return;
	if (object != NULL)
		return;
	fprintf(stderr, "  objects:");
	for (const struct object *const *known = objects; *known != NULL; known++)
		fprintf(stderr, " %s", (*known)->name);
	fprintf(stderr, "\n");
}

static int
call(const struct cwctl *cwctl, const char *method, const struct object *object,
	struct arguments *arguments)
{
	struct client *client = open_client(cwctl);
	struct client_error error;
	cJSON *result;
	int rc;

	if (client == NULL)
		return EXIT_REFUSED;
	rc = client_call(client, method, arguments->params, arguments->fds, arguments->n_fds,
		&result, &error);
	arguments->params = NULL; // the call took them
	client_close(client);
	if (rc < 0) {
		report_error(method, &error);
		suggest(object, &error);
		return EXIT_REFUSED;
	}
	rc = cwctl->json ? print_json(result, true) : show(method, object, result);
	cJSON_Delete(result);
	if (rc < 0)
		fprintf(stderr, "cwctl: the result cannot be shown: %s\n", strerror(-rc));
	return rc < 0 ? EXIT_REFUSED : EXIT_OK;
}

struct watching {
	const struct cwctl *cwctl;
	const struct object *object; // NULL: not known
};

// "12:34:56 set port name=cw1 state=up": key and state of what changed.
static void
print_event_text(const struct object *object, const cJSON *params)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(params, "value");
	static const char *const news[] = {"state", "reason", "status", "dataplane.state"};
	char *what = show_path(params, "event"), *text, key[64];
	const char *keys = object != NULL ? object->keys : NULL;
	const time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	printf("%02d:%02d:%02d %s %s", local.tm_hour, local.tm_min, local.tm_sec,
		what != NULL ? table_sanitize(what) : "?",
		object != NULL ? object->name : "object");
	for (const char *at = keys; at != NULL && *at != '\0'; at += strspn(at, " ")) {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(at, " "), at);
		at += strcspn(at, " ");
		text = show_path(value, key);
		printf(" %s=%s", key, text != NULL ? table_sanitize(text) : "-");
		free(text);
	}
	for (size_t i = 0; i < sizeof(news) / sizeof(news[0]); i++) {
		text = show_path(value, news[i]);
		if (text != NULL)
			printf(" %s=%s", news[i], table_sanitize(text));
		free(text);
	}
	printf("\n");
	free(what);
}

static int
print_event(const cJSON *params, void *arg)
{
	const struct watching *watching = arg;

	if (watching->cwctl->json)
		return print_json(params, false);
	print_event_text(watching->object, params);
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int
watch(const struct cwctl *cwctl, const char *method, const struct object *object,
	struct arguments *arguments)
{
	struct watching watching = {cwctl, object};
	struct client *client = open_client(cwctl);
	struct client_error error = {0};
	int rc;

	if (client == NULL)
		return EXIT_REFUSED;
	rc = client_watch(client, method, arguments->params, print_event, &watching, &error);
	arguments->params = NULL;
	client_close(client);
	if (rc < 0 && error.message[0] != '\0') {
		report_error(method, &error);
		suggest(object, &error);
	}
	return EXIT_REFUSED; // a watch has no good end
}

static int
dispatch(const struct cwctl *cwctl, const struct object *object, const char *name, const char *verb,
	struct arguments *arguments)
{
	char method[160];
	cJSON *params = arguments->params;

	snprintf(method, sizeof(method), "%s.%s", name, verb);
	if (strcmp(method, "stats.watch") == 0 || strcmp(method, "trace.watch") == 0) {
		arguments->params = NULL;
		return name[0] == 's' ? run_stats_watch(cwctl, params) : run_trace(cwctl, params);
	}
	if (strcmp(verb, "watch") == 0)
		return watch(cwctl, method, object, arguments);
	return call(cwctl, method, object, arguments);
}

int
run_method(const struct cwctl *cwctl, char *const *words, int n)
{
	const char *name = words[0], *verb;
	const struct object *object = object_find(name);
	struct arguments arguments;
	int used = 1, status;

	if (n > 1 && strchr(words[1], '=') == NULL) {
		verb = words[1];
		used = 2;
	} else if (object != NULL) {
		verb = object_default_verb(object);
	} else {
		fprintf(stderr,
			"cwctl: %s: no such object, or its verb is missing; see cwctl help\n",
			name);
		return EXIT_USAGE;
	}
	if (object != NULL && !has_word(object->verbs, verb)) {
		fprintf(stderr, "cwctl: %s has no verb %s; it has: %s\n", name, verb,
			object->verbs);
		return EXIT_USAGE;
	}
	if (arguments_read(&arguments, object, verb, words + used, n - used) < 0) {
		fprintf(stderr, "cwctl: %s\n", arguments.problem);
		if (object != NULL)
			fprintf(stderr, "  see cwctl help %s\n", name);
		status = EXIT_USAGE;
	} else {
		status = dispatch(cwctl, object, name, verb, &arguments);
	}
	arguments_free(&arguments);
	return status;
}
