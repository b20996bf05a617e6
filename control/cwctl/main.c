/* SPDX-License-Identifier: Apache-2.0 */
// cwctl: the command line of Causeway. "cwctl OBJECT VERB key=value" is the method OBJECT.VERB of
// control.sock.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <causeway/limits.h>

#include "cwctl.h"

#define SOCKET_VARIABLE "CAUSEWAY_SOCKET"

static int
run(const struct cwctl *cwctl, char *const *words, int n)
{
	if (n == 0 || strcmp(words[0], "help") == 0)
		return run_help(words + 1, n - 1);
	if (strcmp(words[0], "doctor") == 0)
		return run_doctor(cwctl, words + 1, n - 1);
	if (strcmp(words[0], "complete") == 0)
		return run_complete(cwctl, words + 1, n - 1);
	return run_method(cwctl, words, n);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	struct cwctl cwctl = {.socket = getenv(SOCKET_VARIABLE)};
	int option;

	if (cwctl.socket == NULL || cwctl.socket[0] == '\0')
		cwctl.socket = CW_RUNTIME_DIR "/" CW_CONTROL_SOCKET;
	while ((option = getopt_long(argc, argv, "+s:jhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			cwctl.socket = optarg;
			break;
		case 'j':
			cwctl.json = true;
			break;
		case 'h':
			return run_help(argv + optind, argc - optind);
		case 'V':
			printf("cwctl " CW_VERSION "\n");
			return EXIT_OK;
		default:
			fprintf(stderr, "cwctl: see cwctl help\n");
			return EXIT_USAGE;
		}
	}
	return run(&cwctl, argv + optind, argc - optind);
}
