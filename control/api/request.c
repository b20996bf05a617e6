/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/connection.h"

const struct field no_params[] = {{0}};

static const struct method *const tables[] = {
	network_methods,
	port_methods,
	endpoint_methods,
	route_methods,
	vtep_methods,
	nexthop_methods,
	neighbor_methods,
	fdb_methods,
	node_methods,
	stats_methods,
	health_methods,
	mirror_methods,
	trace_methods,
	vf_methods,
	flow_methods,
};

static const struct method *
find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct method *method = tables[i]; method->name != NULL; method++)
			if (strcmp(method->name, name) == 0)
				return method;
	return NULL;
}

// --- answers

static void
send_message(struct connection *connection, const char *key, cJSON *value, const cJSON *id)
{
	cJSON *message = cJSON_CreateObject();

	cJSON_AddStringToObject(message, "jsonrpc", "2.0");
	cJSON_AddItemToObject(message, key, value);
	cJSON_AddItemToObject(
		message, "id", id != NULL ? cJSON_Duplicate(id, true) : cJSON_CreateNull());
	connection_send(connection, message);
}

static cJSON *
error_json(const struct failure *failure)
{
	cJSON *error = cJSON_CreateObject(), *data;

	cJSON_AddNumberToObject(error, "code", failure->code);
	cJSON_AddStringToObject(error, "message", failure->message);
	if (failure->key[0] == '\0' && failure->hint[0] == '\0')
		return error;
	data = cJSON_AddObjectToObject(error, "data");
	if (failure->key[0] != '\0')
		cJSON_AddStringToObject(data, "key", failure->key);
	if (failure->value[0] != '\0')
		cJSON_AddStringToObject(data, "value", failure->value);
	if (failure->hint[0] != '\0')
		cJSON_AddStringToObject(data, "hint", failure->hint);
	return error;
}

void
request_refuse_line(struct connection *connection, int code, const char *message)
{
	struct failure failure;

	failure_set(&failure, code, NULL, NULL, NULL, "%s", message);
	send_message(connection, "error", error_json(&failure), NULL);
}

void
request_free(struct request *request)
{
	LIST_REMOVE(request, link);
	for (unsigned int i = 0; i < request->n_fds; i++)
		close(request->fds[i]);
	cJSON_Delete(request->message);
	free(request);
}

static void
end(struct request *request)
{
	struct connection *connection = request->connection;
	struct changes *changes = request->method->changes ? request->d->changes : NULL;

	request_free(request);
	if (changes != NULL)
		changes_next(changes);
	if (connection != NULL)
		connection_resume(connection);
}

void
request_reply(struct request *request, cJSON *result)
{
	if (request->connection != NULL && request->id != NULL)
		send_message(request->connection, "result",
			result != NULL ? result : cJSON_CreateNull(), request->id);
	else
		cJSON_Delete(result);
	end(request);
}

void
request_fail(struct request *request, const struct failure *failure)
{
	if (request->connection != NULL && request->id != NULL)
		send_message(request->connection, "error", error_json(failure), request->id);
	end(request);
}

void
request_fail_away(struct request *request)
{
	struct failure failure;

	failure_set(&failure, CW_RPC_UNAVAILABLE, NULL, NULL, "start causeway-dp and try again",
		"the data plane is away: %s",
		request->d->dataplane == DATAPLANE_SYNCING ? "it is being told everything"
							   : dp_reason(request->d->dp));
	request_fail(request, &failure);
}

// --- the way in

static void
start(void *arg)
{
	struct request *request = arg;

	request->method->handler(request);
}

// The call itself, without its parameters: jsonrpc, method, id. Returns 0 or a code.
static int
check_call(const cJSON *message, struct failure *failure)
{
	const cJSON *version = schema_get(message, "jsonrpc"),
		    *method = schema_get(message, "method"), *id = schema_get(message, "id"),
		    *params = schema_get(message, "params");

	if (cJSON_IsArray(message))
		return failure_set(failure, CW_RPC_INVALID_REQUEST, NULL, NULL,
			"send each call as a line of its own", "batches are not supported");
	if (!cJSON_IsObject(message) || !cJSON_IsString(version)
		|| strcmp(version->valuestring, "2.0") != 0 || !cJSON_IsString(method)
		|| (id != NULL && !cJSON_IsString(id) && !cJSON_IsNumber(id) && !cJSON_IsNull(id)))
		return failure_set(failure, CW_RPC_INVALID_REQUEST, NULL, NULL,
			"{\"jsonrpc\":\"2.0\",\"method\":\"OBJECT.VERB\",\"params\":{},\"id\":1}",
			"the line is no JSON-RPC 2.0 request");
	if (params != NULL && !cJSON_IsObject(params))
		return failure_set(failure, CW_RPC_INVALID_PARAMS, "params", NULL,
			"give parameters by name", "params is no object");
	return 0;
}

// A line that cannot be understood is answered all the same, with what is known of its id.
static void
refuse(struct connection *connection, const cJSON *message, const struct failure *failure)
{
	const cJSON *id = cJSON_IsObject(message) ? schema_get(message, "id") : NULL;

	if (id != NULL && !cJSON_IsString(id) && !cJSON_IsNumber(id))
		id = NULL;
	send_message(connection, "error", error_json(failure), id);
}

static struct request *
read_line(struct connection *connection, char *line, size_t length, struct failure *failure)
{
	const char *end = NULL;
	cJSON *message = NULL;
	struct request *request;
	const cJSON *name;

	if (strlen(line) == length)
		message = cJSON_ParseWithLengthOpts(line, length + 1, &end, true);
	if (message == NULL) {
		failure_set(failure, CW_RPC_PARSE, NULL, NULL, NULL,
			"the line is not JSON, from byte %td on", end != NULL ? end - line : 0);
		refuse(connection, NULL, failure);
		return NULL;
	}
	if (check_call(message, failure) < 0) {
		refuse(connection, message, failure);
		cJSON_Delete(message);
		return NULL;
	}
	request = calloc(1, sizeof(*request));
	if (request == NULL) {
		cJSON_Delete(message);
		connection_end(connection);
		return NULL;
	}
	name = schema_get(message, "method");
	*request = (struct request){
		.d = connection->api->d,
		.connection = connection,
		.method = find_method(name->valuestring),
		.message = message,
		.id = schema_get(message, "id"),
		.params = schema_get(message, "params"),
	};
	LIST_INSERT_HEAD(&connection->api->requests, request, link);
	if (request->method == NULL)
		failure_set(failure, CW_RPC_UNKNOWN_METHOD, "method", name->valuestring,
			"docs/api.md lists all", "there is no method %.64s", name->valuestring);
	else
		schema_check(request->params, request->method->params, failure);
	if (failure->code == 0)
		return request;
	if (request->id != NULL)
		refuse(connection, message, failure);
	request_free(request);
	return NULL;
}

void
request_take(struct connection *connection, char *line, size_t length, int *fds, unsigned int n_fds)
{
	struct failure failure = {0};
	struct request *request = read_line(connection, line, length, &failure);

	if (request == NULL) {
		for (unsigned int i = 0; i < n_fds; i++)
			close(fds[i]);
		return;
	}
	memcpy(request->fds, fds, n_fds * sizeof(fds[0]));
	request->n_fds = n_fds;
	connection->n_requests++;
	if (!request->method->changes) {
		start(request);
	} else if (changes_queue(request->d->changes, start, request) < 0) {
		connection->n_requests--;
		request_free(request);
		connection_end(connection);
	}
}

// --- transactions

static void
on_done(void *arg, const struct failure *failure)
{
	struct request *request = arg;

	if (failure->code != 0)
		request_fail(request, failure);
	else if (request->shown != NULL)
		request_reply(request, object_show(request->d->objects, request->shown));
	else
		request_reply(request, cJSON_CreateObject());
}

void
request_run(struct request *request, struct transaction *t, const struct object *shown)
{
	request->shown = shown;
	transaction_run(t, false, on_done, request);
}

int
request_dataplane(struct request *request, struct dp_frame *frame, dp_reply_fn *fn, void *arg)
{
	if (request->d->dataplane != DATAPLANE_READY)
		dp_frame_free(frame);
	else if (dp_request(request->d->dp, frame, fn, arg) == 0)
		return 0;
	request_fail_away(request);
	return -1;
}
