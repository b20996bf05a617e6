/* SPDX-License-Identifier: Apache-2.0 */
// What the shells ask for when the user presses Tab.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwctl.h"
#include "object.h"
#include "show.h"

#define COMPLETE_TIMEOUT_MS 500

static void
offer(const char *prefix, const char *text, const char *typed)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s%s", prefix, text);
	if (strncmp(whole, typed, strlen(typed)) == 0)
		printf("%s\n", whole);
}

static void
offer_words(const char *prefix, const char *words, const char *typed)
{
	char word[64];

	for (const char *at = words; at != NULL && *at != '\0'; at += strspn(at, " ")) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, " "), at);
		at += strcspn(at, " ");
		offer(prefix, word, typed);
	}
}

// Names of the objects of that kind, from causewayd. Silence when it is away.
static void
offer_names(const struct cwctl *cwctl, const char *kind, const char *prefix, const char *typed)
{
	const struct object *object = object_find(kind);
	struct client_error error;
	struct client *client;
	cJSON *result = NULL;
	const cJSON *row;
	char method[64], key[64], *name;

	if (object == NULL || client_open(&client, cwctl->socket, &error) < 0)
		return;
	client_set_timeout(client, COMPLETE_TIMEOUT_MS);
	snprintf(method, sizeof(method), "%s.list", kind);
	snprintf(key, sizeof(key), "%.*s", (int)strcspn(object->keys, " "), object->keys);
	client_call(client, method, NULL, NULL, 0, &result, &error);
	cJSON_ArrayForEach (row, show_list(result)) {
		name = show_path(row, key);
		if (name != NULL)
			offer(prefix, name, typed);
		free(name);
	}
	cJSON_Delete(result);
	client_close(client);
}

static void
offer_values(const struct cwctl *cwctl, const struct param *param, const char *typed)
{
	char prefix[80];

	if (param->choices == NULL)
		return;
	snprintf(prefix, sizeof(prefix), "%s=", param->name);
	if (param->choices[0] == '@')
		offer_names(cwctl, param->choices + 1, prefix, typed);
	else
		offer_words(prefix, param->choices, typed);
}

static void
offer_params(
	const struct cwctl *cwctl, const struct object *object, const char *verb, const char *typed)
{
	char key[80];

	for (const struct param *param = object->params; param->name != NULL; param++) {
		if (param->verbs != NULL && !has_word(param->verbs, verb))
			continue;
		snprintf(key, sizeof(key), "%s=", param->name);
		if (strncmp(typed, key, strlen(key)) == 0)
			offer_values(cwctl, param, typed);
		else
			offer(key, "", typed);
	}
}

static void
offer_objects(const char *typed)
{
	for (const struct object *const *object = objects; *object != NULL; object++)
		offer((*object)->name, "", typed);
}

int
run_complete(const struct cwctl *cwctl, char *const *words, int n)
{
	const char *typed = n > 0 ? words[n - 1] : "";
	const struct object *object = n > 1 ? object_find(words[0]) : NULL;

	if (n <= 1) {
		offer_objects(typed);
		offer_words("", "doctor help", typed);
	} else if (strcmp(words[0], "help") == 0 && n == 2) {
		offer_objects(typed);
		offer("doctor", "", typed);
	} else if (strcmp(words[0], "doctor") == 0) {
		offer_words("", "config= cores= runtime_dir= root=", typed);
	} else if (object != NULL && n == 2) {
		offer_words("", object->verbs, typed);
	} else if (object != NULL) {
		offer_params(cwctl, object, words[1], typed);
		if (n == 3 && strchr(typed, '=') == NULL && object->keys != NULL
			&& !has_word("add list watch", words[1]))
			offer_names(cwctl, object->name, "", typed);
	}
	return EXIT_OK;
}
