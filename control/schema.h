/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_SCHEMA_H
#define CONTROL_SCHEMA_H

// What JSON objects may hold, as tables: parameters of methods, stored objects, the configuration
// file. Unknown keys, keys given twice, wrong types and values out of range are refused by name.

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "failure.h"

enum field_type {
	FIELD_STRING, // min .. max characters
	FIELD_NAME, // [A-Za-z0-9][A-Za-z0-9_.-]*, at most max characters
	FIELD_CHOICE, // one of choices[]
	FIELD_INTEGER, // min .. max
	FIELD_BOOLEAN,
	FIELD_MAC, // unicast, not zero
	FIELD_MAC_OR_ZERO, // the same, or 00:00:00:00:00:00
	FIELD_IP, // "10.1.0.5"
	FIELD_PREFIX, // "10.1.0.0/16", bits beyond the prefix may be set
	FIELD_LIST, // min .. max elements, each as fields[0] says
	FIELD_OBJECT, // with fields[]
	FIELD_ANY, // the handler looks at it
};

// A table ends with a field without name. Elements of lists have the name "".
struct field {
	const char *name;
	enum field_type type;
	bool required;
	int64_t min, max;
	const struct field *fields;
	const char *const *choices; // ends with NULL
};

// Returns 0, or a negative number with failure (CW_RPC_INVALID_PARAMS). json NULL is an empty
// object.
int schema_check(const cJSON *json, const struct field *fields, struct failure *failure);

// Values of keys that were checked. NULL, or the value given, when the key is absent.
const char *schema_string(const cJSON *json, const char *key);
int64_t schema_integer(const cJSON *json, const char *key, int64_t absent);
bool schema_boolean(const cJSON *json, const char *key, bool absent);
const cJSON *schema_get(const cJSON *json, const char *key);

#endif
