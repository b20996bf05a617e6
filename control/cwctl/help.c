/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cwctl.h"
#include "object.h"

static void
print_overview(void)
{
	printf("cwctl " CW_VERSION ": shows and changes Causeway on this node\n\n"
	       "  cwctl [-s SOCK] [-j] OBJECT VERB [key=value ...]\n"
	       "  cwctl doctor           look at the machine and say what to mend\n"
	       "  cwctl help OBJECT      verbs, parameters, examples\n\n"
	       "Objects:\n");
	for (const struct object *const *object = objects; *object != NULL; object++)
		printf("  %-10s %s\n", (*object)->name, (*object)->help);
	printf("\n"
	       "Options:\n"
	       "  -s, --socket SOCK      control.sock of the instance (CAUSEWAY_SOCKET,\n"
	       "                         /run/causeway/control.sock)\n"
	       "  -j, --json             the result as JSON, unchanged\n"
	       "  -V, --version\n\n"
	       "Examples:\n"
	       "  cwctl node get\n"
	       "  cwctl endpoint list\n"
	       "  cwctl network add blue subnets=10.2.0.1/16\n"
	       "  cwctl stats watch\n"
	       "  cwctl trace count=5 ip_proto=1\n\n"
	       "Exit status: 0 done, 1 refused or a problem found, 2 wrong command line.\n");
}

static void
print_object(const struct object *object)
{
	const char *at = object->example;

	printf("%s: %s\n\nVerbs: %s\n", object->name, object->help, object->verbs);
	if (object->params[0].name != NULL)
		printf("\nParameters, with the verbs that take them:\n");
	for (const struct param *param = object->params; param->name != NULL; param++) {
		printf("  %-12s %s  (%s)\n", param->name, param->help,
			param->verbs != NULL ? param->verbs : "all");
	}
	if (object->keys != NULL)
		printf("\nWords without '=' fill, in this order: %s\n", object->keys);
	printf("key:=JSON passes any JSON value as it is.\n");
	if (at != NULL)
		printf("\nExamples:\n");
	for (; at != NULL && *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n')
		printf("  cwctl %.*s\n", (int)strcspn(at, "\n"), at);
}

int
run_help(char *const *words, int n)
{
	const struct object *object;

	if (n < 1) {
		print_overview();
		return EXIT_OK;
	}
	if (strcmp(words[0], "doctor") == 0) {
		printf("doctor: looks at the machine and says what to mend\n\n"
		       "Each line says ok, warning or problem, and below it the command that mends "
		       "it.\n"
		       "Exit status 1 when there is a problem. Works without causewayd.\n\n"
		       "Parameters:\n"
		       "  config       JSON file of causeway-dp: cores and memory are read from "
		       "it\n"
		       "  cores        CPUs for workers, e.g. 2-5,8\n"
		       "  runtime_dir  where control.sock and dp.sock are (/run/causeway)\n"
		       "  root         look at /sys, /proc and /dev below this directory\n");
		return EXIT_OK;
	}
	object = object_find(words[0]);
	if (object == NULL) {
		fprintf(stderr, "cwctl: no help for %s; cwctl help lists the objects\n", words[0]);
		return EXIT_USAGE;
	}
	print_object(object);
	return EXIT_OK;
}
