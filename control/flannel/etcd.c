/* SPDX-License-Identifier: Apache-2.0 */
// etcd API v3 as JSON: /v3/kv/range, /v3/watch. Keys and values are base64, 64-bit numbers text;
// members that have their default are left out.
#include "flannel/etcd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "flannel/base64.h"

#define RANGE_TIMEOUT_MS 10000
#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 5000
#define ANSWER_MAX (64u << 20) // of one answer or one line

struct etcd {
	struct http *http;
	const struct etcd_handler *handler;
	void *arg;
	char *endpoints, *prefix;
	char *key, *range_end; // base64: everything below the prefix
	const char *endpoint; // in 'endpoints', which has zeros for its commas
	const char *endpoints_end;
	struct http_request *request; // a range or a watch; NULL: the timer runs
	struct event *retry;
	unsigned int delay_ms;
	char *text; // received and not yet understood
	size_t length;
	bool failed; // 'reason' says why the stream is of no use
	char reason[256];
	char revision[24]; // of what was told
};

static void send_range(struct etcd *etcd);

// --- failures

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	send_range(arg);
}

static void
try_again(struct etcd *etcd, const char *reason)
{
	const struct timeval delay = {
		etcd->delay_ms / 1000, (suseconds_t)(etcd->delay_ms % 1000 * 1000)};

	etcd->delay_ms = etcd->delay_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : etcd->delay_ms * 2;
	etcd->endpoint += strlen(etcd->endpoint) + 1;
	if (etcd->endpoint >= etcd->endpoints_end)
		etcd->endpoint = etcd->endpoints;
	evtimer_add(etcd->retry, &delay);
	etcd->handler->lost(etcd->arg, reason);
}

static void
fail(struct etcd *etcd, const char *reason)
{
	if (!etcd->failed)
		snprintf(etcd->reason, sizeof(etcd->reason), "%s", reason);
	etcd->failed = true;
}

// --- what arrives

static void
forget_text(struct etcd *etcd)
{
	free(etcd->text);
	etcd->text = NULL;
	etcd->length = 0;
}

static void
append(struct etcd *etcd, const char *bytes, size_t length)
{
	char *text;

	if (etcd->failed)
		return;
	text = etcd->length + length < ANSWER_MAX ? realloc(etcd->text, etcd->length + length + 1)
						  : NULL;
	if (text == NULL) {
		fail(etcd, "the answer is too long");
		return;
	}
	memcpy(text + etcd->length, bytes, length);
	etcd->text = text;
	etcd->length += length;
	text[etcd->length] = '\0';
}

static const char *
text_of(const cJSON *json, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
}

// The key below the prefix. NULL: it is another's, or damaged.
static char *
read_key(const struct etcd *etcd, const cJSON *kv)
{
	const size_t length = strlen(etcd->prefix);
	const char *encoded = text_of(kv, "key");
	char *key = encoded != NULL ? base64_decode(encoded) : NULL;

	if (key == NULL || strncmp(key, etcd->prefix, length) != 0 || key[length] != '/') {
		free(key);
		return NULL;
	}
	memmove(key, key + length + 1, strlen(key + length + 1) + 1);
	return key;
}

static void
tell_put(struct etcd *etcd, const cJSON *kv)
{
	const char *encoded = text_of(kv, "value");
	char *key = read_key(etcd, kv), *value = base64_decode(encoded != NULL ? encoded : "");

	if (key != NULL && value != NULL)
		etcd->handler->put(etcd->arg, key, value);
	free(key);
	free(value);
}

static void
tell_del(struct etcd *etcd, const cJSON *kv)
{
	char *key = read_key(etcd, kv);

	if (key != NULL)
		etcd->handler->del(etcd->arg, key);
	free(key);
}

static void
note_revision(struct etcd *etcd, const cJSON *answer)
{
	const char *revision =
		text_of(cJSON_GetObjectItemCaseSensitive(answer, "header"), "revision");

	if (revision != NULL)
		snprintf(etcd->revision, sizeof(etcd->revision), "%s", revision);
}

// --- watch

static void
take_events(struct etcd *etcd, const cJSON *events)
{
	const cJSON *event;

	cJSON_ArrayForEach (event, events) {
		const cJSON *kv = cJSON_GetObjectItemCaseSensitive(event, "kv");
		const char *type = text_of(event, "type");

		if (type != NULL && strcmp(type, "DELETE") == 0)
			tell_del(etcd, kv);
		else
			tell_put(etcd, kv);
	}
	if (cJSON_GetArraySize(events) > 0)
		etcd->handler->commit(etcd->arg);
}

static void
take_line(struct etcd *etcd, const char *line)
{
	cJSON *json = cJSON_Parse(line);
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(json, "result");
	const char *error = text_of(cJSON_GetObjectItemCaseSensitive(json, "error"), "message");

	if (result == NULL)
		fail(etcd, error != NULL ? error : "the watch cannot be understood");
	else if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "canceled")))
		fail(etcd, "the watch was cancelled"); // what it starts from was compacted
	else
		take_events(etcd, cJSON_GetObjectItemCaseSensitive(result, "events"));
	cJSON_Delete(json);
}

static bool
on_watch_data(void *arg, const char *bytes, size_t length)
{
	struct etcd *etcd = arg;
	size_t begin = 0;
	char *newline;

	append(etcd, bytes, length);
	while (!etcd->failed
		&& (newline = memchr(etcd->text + begin, '\n', etcd->length - begin)) != NULL) {
		*newline = '\0';
		take_line(etcd, etcd->text + begin);
		begin = (size_t)(newline + 1 - etcd->text);
	}
	if (etcd->failed)
		return false;
	etcd->length -= begin;
	memmove(etcd->text, etcd->text + begin, etcd->length + 1);
	return true;
}

static void
on_watch_end(void *arg, long status, const char *error)
{
	struct etcd *etcd = arg;
	char reason[256];

	etcd->request = NULL;
	if (etcd->failed)
		snprintf(reason, sizeof(reason), "%s", etcd->reason);
	else if (status != 0 && status != 200)
		snprintf(reason, sizeof(reason), "the watch was answered with status %ld", status);
	else
		snprintf(reason, sizeof(reason), "%s",
			error[0] != '\0' ? error : "the watch has ended");
	try_again(etcd, reason);
}

// --- requests

static void
post(struct etcd *etcd, const char *method, cJSON *body, long timeout_ms,
	const struct http_handler *handler)
{
	char *text = cJSON_PrintUnformatted(body);
	char url[512];

	snprintf(url, sizeof(url), "%s%s", etcd->endpoint, method);
	forget_text(etcd);
	etcd->failed = false;
	if (text != NULL)
		etcd->request = http_post(etcd->http, url, text, timeout_ms, handler, etcd);
	cJSON_free(text);
	cJSON_Delete(body);
	if (etcd->request == NULL)
		try_again(etcd, "no memory");
}

static void
add_keys(const struct etcd *etcd, cJSON *json)
{
	cJSON_AddStringToObject(json, "key", etcd->key);
	cJSON_AddStringToObject(json, "range_end", etcd->range_end);
}

static void
send_watch(struct etcd *etcd)
{
	static const struct http_handler handler = {on_watch_data, on_watch_end};
	cJSON *body = cJSON_CreateObject();
	cJSON *create = cJSON_AddObjectToObject(body, "create_request");
	char next[24];

	add_keys(etcd, create);
	snprintf(next, sizeof(next), "%lld", strtoll(etcd->revision, NULL, 10) + 1);
	cJSON_AddStringToObject(create, "start_revision", next);
	post(etcd, "/v3/watch", body, 0, &handler);
}

static bool
on_range_data(void *arg, const char *bytes, size_t length)
{
	struct etcd *etcd = arg;

	append(etcd, bytes, length);
	return !etcd->failed;
}

static bool
take_range(struct etcd *etcd)
{
	cJSON *json = etcd->text != NULL ? cJSON_Parse(etcd->text) : NULL;
	const cJSON *kv;

	etcd->revision[0] = '\0';
	note_revision(etcd, json);
	if (etcd->revision[0] != '\0') {
		etcd->handler->begin(etcd->arg);
		cJSON_ArrayForEach (kv, cJSON_GetObjectItemCaseSensitive(json, "kvs"))
			tell_put(etcd, kv);
		etcd->handler->commit(etcd->arg);
	}
	cJSON_Delete(json);
	return etcd->revision[0] != '\0';
}

static void
on_range_end(void *arg, long status, const char *error)
{
	struct etcd *etcd = arg;
	char reason[256];

	etcd->request = NULL;
	if (status == 200 && !etcd->failed && take_range(etcd)) {
		etcd->delay_ms = RETRY_FIRST_MS;
		send_watch(etcd);
		return;
	}
	if (etcd->failed)
		snprintf(reason, sizeof(reason), "%s", etcd->reason);
	else if (status == 0)
		snprintf(reason, sizeof(reason), "%s", error);
	else
		snprintf(reason, sizeof(reason), "status %ld, or no answer of etcd's", status);
	try_again(etcd, reason);
}

static void
send_range(struct etcd *etcd)
{
	static const struct http_handler handler = {on_range_data, on_range_end};
	cJSON *body = cJSON_CreateObject();

	add_keys(etcd, body);
	post(etcd, "/v3/kv/range", body, RANGE_TIMEOUT_MS, &handler);
}

// --- the client

// Zeros for the commas, and no '/' at the end of an endpoint.
static bool
split_endpoints(struct etcd *etcd)
{
	char *to = etcd->endpoints, *rest = NULL;

	for (char *url = strtok_r(etcd->endpoints, ", ", &rest); url != NULL;
		url = strtok_r(NULL, ", ", &rest)) {
		size_t length = strlen(url);

		if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
			return false;
		while (url[length - 1] == '/')
			length--;
		memmove(to, url, length);
		to[length] = '\0';
		to += length + 1;
	}
	etcd->endpoint = etcd->endpoints;
	etcd->endpoints_end = to;
	return to != etcd->endpoints;
}

static bool
set_keys(struct etcd *etcd)
{
	const size_t length = strlen(etcd->prefix) + 1;
	char text[512];

	if (length >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%s/", etcd->prefix);
	etcd->key = base64_encode(text, length);
	text[length - 1]++; // the first key that is not below it
	etcd->range_end = base64_encode(text, length);
	return etcd->key != NULL && etcd->range_end != NULL;
}

struct etcd *
etcd_new(struct event_base *base, const char *endpoints, const char *prefix,
	const struct http_tls *tls, const struct etcd_handler *handler, void *arg)
{
	struct etcd *etcd = calloc(1, sizeof(*etcd));

	if (etcd == NULL)
		return NULL;
	etcd->handler = handler;
	etcd->arg = arg;
	etcd->delay_ms = RETRY_FIRST_MS;
	etcd->endpoints = strdup(endpoints);
	etcd->prefix = strdup(prefix);
	etcd->http = http_new(base, tls);
	etcd->retry = evtimer_new(base, on_retry, etcd);
	if (etcd->endpoints == NULL || etcd->prefix == NULL || etcd->http == NULL
		|| etcd->retry == NULL || !split_endpoints(etcd) || !set_keys(etcd)) {
		etcd_free(etcd);
		return NULL;
	}
	send_range(etcd);
	return etcd;
}

void
etcd_free(struct etcd *etcd)
{
	if (etcd == NULL)
		return;
	http_free(etcd->http);
	if (etcd->retry != NULL)
		event_free(etcd->retry);
	forget_text(etcd);
	free(etcd->endpoints);
	free(etcd->prefix);
	free(etcd->key);
	free(etcd->range_end);
	free(etcd);
}
