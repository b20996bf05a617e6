/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_RESULT_H
#define CNI_RESULT_H

// Results of ADD (CNI specification 1.1.0, section 5). Inside the plugin a result is a cJSON object
// in the shape of 1.1.0 whatever version it came in, always with the arrays "interfaces", "ips" and
// "routes" and the object "dns"; result_print turns it into another version.

#include <cjson/cJSON.h>

#include "config.h"
#include "error.h"

// Takes a result of any version since 0.1.0 and checks its addresses. Returns NULL (CNI_DELEGATE)
// when they are malformed or an index points beyond the interfaces.
cJSON *result_normalise(cJSON *result, struct cni_error *error);

// A result without content, or NULL for lack of memory.
cJSON *result_new(void);

// Appends interfaces, addresses and routes of added (taken, NULL fails) to result; indices into
// added's interfaces are moved on. The dns of added wins when it is not empty. Returns 0 or
// -ENOMEM.
int result_append(cJSON *result, cJSON *added);

// Prints result on stdout as version wants it: 0.3 and 0.4 say the family of each address, MTUs,
// socket paths and route metrics exist since 1.1.0. Returns 0, or -errno when stdout refuses it.
int result_print(const cJSON *result, enum config_version version);

// The same, to a string that the caller frees with cJSON_free; NULL for lack of memory.
char *result_format(const cJSON *result, enum config_version version);

#endif
