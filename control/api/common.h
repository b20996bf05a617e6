/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_COMMON_H
#define API_COMMON_H

// What the handlers of several objects share.

#include "api/request.h"

// Fields of parameter tables.
#define PARAM_NETWORK(required)                                     \
	{                                                           \
		"network", FIELD_NAME, required, 1, CW_NAME_LEN - 1 \
	}
#define PARAM_NAME                                           \
	{                                                    \
		"name", FIELD_NAME, true, 1, CW_NAME_LEN - 1 \
	}

extern const struct field list_params[]; // network
extern const struct field name_params[]; // name, required

// What "network" or "port" of the parameters names, NULL without that key. Returns 0, or -1 after
// having answered that it does not exist.
int param_network(struct request *request, const struct network **network);
int param_port(struct request *request, const struct port **port);

// The objects of a type as a list, optionally of one network. NULL: no memory.
cJSON *list_objects(struct causewayd *d, enum object_type type, const struct network *network);
// Answers OBJECT.list, with parameters list_params or none.
void reply_list(struct request *request, enum object_type type);
// Answers OBJECT.watch: the list, and from then on events.
void reply_watch(struct request *request, enum object_type type);
// Answers with an object, or that there is none of this key.
void reply_object(
	struct request *request, const struct object *object, const char *key, const char *value);

// Parameters as an object of a class. Returns NULL after having answered.
struct object *read_object(
	struct request *request, const struct object_class *class, const cJSON *params);

// add: the same again succeeds, other content is a conflict. Takes the object over.
void run_add(struct request *request, struct object *object);
// Deletes an object; NULL succeeds.
void run_del(struct request *request, struct object *object);

void fail_not_found(struct request *request, const char *what, const char *key, const char *value);
void fail_no_memory(struct request *request);
void fail_conflict(struct request *request, const struct object *existing, const char *key);
// The same without an answer yet.
void failure_not_found(
	const char *what, const char *key, const char *value, struct failure *failure);
void failure_conflict(const struct objects *objects, const struct object *existing, const char *key,
	struct failure *failure);

// An object with the request's parameters put over what it says. Returns NULL after having
// answered.
struct object *read_changed(struct request *request, const struct object *object);

#endif
