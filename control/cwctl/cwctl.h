/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_H
#define CWCTL_H

// What the commands of cwctl share.

#include <stdbool.h>

#include "client.h"

enum exit_status {
	EXIT_OK = 0,
	EXIT_REFUSED = 1, // causewayd refused or is away; doctor found a problem
	EXIT_USAGE = 2, // the command line is wrong
};

struct cwctl {
	const char *socket; // path of control.sock
	bool json; // results as JSON
};

// "OBJECT VERB words": calls the method and shows its result. Returns an exit status.
int run_method(const struct cwctl *cwctl, char *const *words, int n);

// "stats watch": rates of ports and workers, until a signal comes.
int run_stats_watch(const struct cwctl *cwctl, cJSON *params);

// "trace": the stages of chosen packets.
int run_trace(const struct cwctl *cwctl, cJSON *params);

// "doctor key=value ...": looks at the machine; needs no causewayd.
int run_doctor(const struct cwctl *cwctl, char *const *words, int n);

// "help [OBJECT]".
int run_help(char *const *words, int n);

// "complete words": candidates for the last word, one a line; asks causewayd for names.
int run_complete(const struct cwctl *cwctl, char *const *words, int n);

// Says on stderr what failed and what can be done. Returns EXIT_REFUSED.
int report_error(const char *what, const struct client_error *error);

// Connects or says why not. Returns NULL then.
struct client *open_client(const struct cwctl *cwctl);

#endif
