/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include <causeway/error.h>
#include <causeway/limits.h>

#include "stream.h"

struct client {
	struct stream stream;
	char *path; // for messages
	unsigned timeout_ms;
	int last_id;
};

__attribute__((format(printf, 2, 3))) static void
explain(struct client_error *error, const char *format, ...)
{
	va_list args;

	memset(error, 0, sizeof(*error));
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
}

static void
hint(struct client_error *error, const char *text)
{
	snprintf(error->hint, sizeof(error->hint), "%s", text);
}

static int
explain_open(struct client_error *error, const char *path, int rc)
{
	switch (rc) {
	case -ENOENT:
		explain(error, "no control socket at %s: causewayd does not run there", path);
		hint(error, "start causewayd, or name the socket of the one that runs");
		break;
	case -ECONNREFUSED:
		explain(error, "nobody listens on %s: causewayd has ended", path);
		hint(error, "start causewayd; it takes up its stored state by itself");
		break;
	case -EACCES:
	case -EPERM:
		explain(error, "no permission to use %s", path);
		hint(error, "run as root or as a member of group " CW_GROUP);
		break;
	case -ENAMETOOLONG:
		explain(error, "socket path %s has %zu bytes, at most %zu are possible", path,
			strlen(path), sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
		hint(error, "use a runtime directory with a shorter name");
		break;
	case -ETIMEDOUT:
		explain(error, "causewayd at %s accepts no connection", path);
		hint(error, "look at the log of causewayd: it hangs or is overloaded");
		break;
	default:
		explain(error, "cannot connect to %s: %s", path, strerror(-rc));
	}
	return rc;
}

static int
explain_call(struct client *client, struct client_error *error, const char *method, int rc)
{
	switch (rc) {
	case -ETIMEDOUT:
		explain(error, "causewayd did not answer %s within %u ms", method,
			client->timeout_ms);
		hint(error, "look at the log of causewayd: it hangs or is overloaded");
		break;
	case -EPIPE:
		explain(error, "causewayd closed the connection during %s", method);
		hint(error, "look at the log of causewayd; it may be starting again");
		break;
	case -EMSGSIZE:
		explain(error, "%s: one line may have %u bytes", method, CW_LINE_MAX);
		break;
	case -EPROTO:
		explain(error, "what answered %s on %s does not speak JSON-RPC 2.0", method,
			client->path);
		break;
	case -EINTR:
		explain(error, "%s was interrupted", method);
		break;
	default:
		explain(error, "%s failed on %s: %s", method, client->path, strerror(-rc));
	}
	return rc;
}

int
client_path(char *path, size_t size, const char *runtime_dir)
{
	int length;

	length = snprintf(path, size, "%s/%s", runtime_dir != NULL ? runtime_dir : CW_RUNTIME_DIR,
		CW_CONTROL_SOCKET);
	if (length < 0 || (size_t)length >= size
		|| (size_t)length >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -ENAMETOOLONG;
	return 0;
}

int
client_open(struct client **client, const char *path, struct client_error *error)
{
	struct client *c = calloc(1, sizeof(*c));
	int rc;

	*client = NULL;
	if (c == NULL || (c->path = strdup(path)) == NULL) {
		free(c);
		return explain_open(error, path, -ENOMEM);
	}
	c->timeout_ms = CLIENT_TIMEOUT_MS;
	rc = stream_open(&c->stream, path, c->timeout_ms);
	if (rc < 0) {
		client_close(c);
		return explain_open(error, path, rc);
	}
	*client = c;
	return 0;
}

void
client_close(struct client *client)
{
	if (client == NULL)
		return;
	stream_close(&client->stream);
	free(client->path);
	free(client);
}

void
client_set_timeout(struct client *client, unsigned timeout_ms)
{
	client->timeout_ms = timeout_ms;
}

bool
client_is_away(int result)
{
	return result == -ENOENT || result == -ECONNREFUSED || result == -EPIPE
	       || result == -ECONNRESET || result == -ETIMEDOUT || result == -ENOTDIR;
}

// Takes params. Returns a line with its newline, or NULL for lack of memory.
static char *
request_line(const char *method, int id, cJSON *params)
{
	cJSON *request = cJSON_CreateObject();
	char *text = NULL, *line = NULL;

	if (params == NULL)
		params = cJSON_CreateObject();
	if (request == NULL || params == NULL || !cJSON_AddStringToObject(request, "jsonrpc", "2.0")
		|| !cJSON_AddNumberToObject(request, "id", id)
		|| !cJSON_AddStringToObject(request, "method", method)
		|| !cJSON_AddItemToObject(request, "params", params)) {
		cJSON_Delete(params);
		goto out;
	}
	text = cJSON_PrintUnformatted(request);
	if (text != NULL && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
out:
	cJSON_free(text);
	cJSON_Delete(request);
	return line;
}

static int
send_request(struct client *client, const char *method, cJSON *params, const int *fds,
	unsigned n_fds, int64_t deadline_ms)
{
	char *line = request_line(method, ++client->last_id, params);
	size_t length;
	int rc;

	if (line == NULL)
		return -ENOMEM;
	length = strlen(line);
	rc = length > CW_LINE_MAX
		     ? -EMSGSIZE
		     : stream_send(&client->stream, line, length, fds, n_fds, deadline_ms);
	free(line);
	return rc;
}

static int
receive_object(struct client *client, cJSON **object, int64_t deadline_ms)
{
	char *line;
	int rc;

	rc = stream_receive(&client->stream, &line, deadline_ms);
	if (rc < 0)
		return rc;
	*object = cJSON_ParseWithOpts(line, NULL, true);
	if (*object == NULL)
		return -EPROTO;
	if (cJSON_IsObject(*object))
		return 0;
	cJSON_Delete(*object);
	return -EPROTO;
}

static void
copy_string(char *target, size_t size, const cJSON *value)
{
	char *text;

	if (value == NULL)
		return;
	if (cJSON_IsString(value)) {
		snprintf(target, size, "%s", value->valuestring);
		return;
	}
	text = cJSON_PrintUnformatted(value);
	if (text != NULL)
		snprintf(target, size, "%s", text);
	cJSON_free(text);
}

// JSON-RPC 2.0, section 5.1.
static int
take_error(const cJSON *answer, struct client_error *error)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(answer, "code");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(answer, "message");
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(answer, "data");

	if (!cJSON_IsNumber(code) || !cJSON_IsString(message))
		return -EPROTO;
	memset(error, 0, sizeof(*error));
	error->code = code->valueint;
	copy_string(error->message, sizeof(error->message), message);
	copy_string(error->key, sizeof(error->key), cJSON_GetObjectItemCaseSensitive(data, "key"));
	copy_string(error->value, sizeof(error->value),
		cJSON_GetObjectItemCaseSensitive(data, "value"));
	copy_string(
		error->hint, sizeof(error->hint), cJSON_GetObjectItemCaseSensitive(data, "hint"));
	return -EREMOTEIO;
}

// Whether answer replies to the last request. A null id answers a request whose id could not be
// read; there is only one at a time, so it is ours.
static bool
is_reply(const struct client *client, const cJSON *answer)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(answer, "id");

	return cJSON_IsNull(id) || (cJSON_IsNumber(id) && id->valueint == client->last_id);
}

// Takes result or error out of a reply.
static int
take_reply(cJSON *answer, cJSON **result, struct client_error *error)
{
	const cJSON *failure = cJSON_GetObjectItemCaseSensitive(answer, "error");
	cJSON *value;

	if (failure != NULL)
		return take_error(failure, error);
	value = cJSON_DetachItemFromObjectCaseSensitive(answer, "result");
	if (value == NULL)
		return -EPROTO;
	if (result != NULL)
		*result = value;
	else
		cJSON_Delete(value);
	return 0;
}

int
client_call(struct client *client, const char *method, cJSON *params, const int *fds,
	unsigned n_fds, cJSON **result, struct client_error *error)
{
	const int64_t deadline_ms = stream_now_ms() + client->timeout_ms;
	cJSON *answer;
	bool replied;
	int rc;

	if (result != NULL)
		*result = NULL;
	rc = send_request(client, method, params, fds, n_fds, deadline_ms);
	while (rc == 0) {
		rc = receive_object(client, &answer, deadline_ms);
		if (rc < 0)
			break;
		replied = is_reply(client, answer);
		if (replied)
			rc = take_reply(answer, result, error);
		cJSON_Delete(answer);
		if (replied)
			break;
	}
	return rc == 0 || rc == -EREMOTEIO ? rc : explain_call(client, error, method, rc);
}

// Returns 0 to go on; *stop when fn wants to end.
static int
watch_one(struct client *client, cJSON *answer, client_event_fn fn, void *arg, bool *stop,
	struct client_error *error)
{
	const cJSON *params;
	int rc;

	if (is_reply(client, answer))
		return take_reply(answer, NULL, error);
	params = cJSON_GetObjectItemCaseSensitive(answer, "params");
	if (params == NULL)
		return 0;
	rc = fn(params, arg);
	*stop = rc != 0;
	return rc;
}

int
client_watch(struct client *client, const char *method, cJSON *params, client_event_fn fn,
	void *arg, struct client_error *error)
{
	bool stop = false;
	cJSON *answer;
	int rc;

	client->stream.stop_on_signal = true;
	rc = send_request(client, method, params, NULL, 0, stream_now_ms() + client->timeout_ms);
	while (rc == 0 && !stop) {
		rc = receive_object(client, &answer, STREAM_FOREVER);
		if (rc < 0)
			break;
		rc = watch_one(client, answer, fn, arg, &stop, error);
		cJSON_Delete(answer);
	}
	return stop || rc == -EREMOTEIO ? rc : explain_call(client, error, method, rc);
}
