/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_OBJECT_H
#define CWCTL_OBJECT_H

// What cwctl knows of the objects of control.sock: verbs, parameters, columns. An object that is
// missing here still works, with guessed types, as long as causewayd knows it.

#include <stdbool.h>

#include <cjson/cJSON.h>

// How the text of key=value becomes JSON.
enum param_type {
	PARAM_STRING,
	PARAM_NUMBER,
	PARAM_BOOL, // true, false, yes, no, on, off; the bare key means true
	PARAM_STRINGS, // a,b,c
	PARAM_GUARD, // true, false or a,b,c
	PARAM_TRUNK, // 5:blue,6:red
	PARAM_IPS, // 10.1.0.5/16@10.1.0.1,fd00::5/64: address and gateway
	PARAM_ROUTES, // 0.0.0.0/0@10.1.0.1: destination and gateway
	PARAM_MEMBERS, // 7,10.1.0.8@3: next hop or gateway, and weight
	PARAM_VF, // 0000:01:10.0,vlan=5,trust=on: address and settings
	PARAM_NETNS, // a path; the namespace's descriptor goes along
};

struct param {
	const char *name;
	enum param_type type;
	const char *verbs; // that take it: "add set"; NULL: all of the object's
	const char *help;
	const char
		*choices; // "a b c" for completion, or "@network" for the names of those; or NULL
};

// A column of list: header as for table_new, path of the value, e.g. "ips.address".
struct column {
	const char *header;
	const char *path;
};

struct object {
	const char *name;
	const char *help;
	const char *verbs; // "add del get list", the usual one first for showing
	const char *keys; // parameters that a bare word fills, in this order: "name"
	const struct param *params; // ends with an entry without name
	const struct column *columns; // of list; ends with an entry without header; or NULL
	const char *example; // lines for help
};

extern const struct object *const objects[]; // ends with NULL

// NULL when cwctl does not know it.
const struct object *object_find(const char *name);
const struct param *object_param(const struct object *object, const char *verb, const char *name);

// Whether word is one of the words of list, which has blanks between them.
bool has_word(const char *list, const char *word);

// The verb that a lone object means: get or list.
const char *object_default_verb(const struct object *object);

#endif
