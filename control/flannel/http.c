/* SPDX-License-Identifier: Apache-2.0 */
// libcurl's "multi socket" interface: it tells which sockets and which timeout it waits for, and is
// told when they are due (libcurl-multi(3)).
#include "flannel/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <curl/curl.h>

#define CONNECT_TIMEOUT_MS 5000
#define KEEPALIVE_S 10 // a peer that vanished is noticed although nothing is sent

struct http_request {
	LIST_ENTRY(http_request) link;
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	const struct http_handler *handler;
	void *arg;
	char error[CURL_ERROR_SIZE];
};

struct http {
	struct event_base *base;
	const struct http_tls *tls;
	CURLM *multi;
	struct event *timer;
	LIST_HEAD(http_requests, http_request) requests;
};

static void
request_free(struct http_request *request)
{
	LIST_REMOVE(request, link);
	curl_multi_remove_handle(request->http->multi, request->easy);
	curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	free(request);
}

static void
finish(struct http_request *request, CURLcode result)
{
	const struct http_handler *handler = request->handler;
	void *arg = request->arg;
	char error[CURL_ERROR_SIZE] = "";
	long status = 0;

	if (result == CURLE_OK)
		curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	else
		snprintf(error, sizeof(error), "%s",
			request->error[0] != '\0' ? request->error : curl_easy_strerror(result));
	request_free(request);
	handler->end(arg, status, error);
}

static void
reap(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		const CURLcode result = message->data.result;
		struct http_request *request = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&request);
		finish(request, result);
	}
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	const int mask = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0)
			 | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
	struct http *http = arg;
	int running;

	curl_multi_socket_action(http->multi, fd, mask, &running);
	reap(http);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http *http = arg;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(http);
}

static int
want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *data)
{
	struct http *http = arg;
	struct event *event = data;
	const short events = (short)(((what & CURL_POLL_IN) != 0 ? EV_READ : 0)
				     | ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0) | EV_PERSIST);

	if (event != NULL)
		event_free(event);
	event = what == CURL_POLL_REMOVE ? NULL
					 : event_new(http->base, fd, events, on_socket, http);
	curl_multi_assign(http->multi, fd, event);
	if (what == CURL_POLL_REMOVE)
		return 0;
	return event != NULL && event_add(event, NULL) == 0 ? 0 : -1;
}

static int
want_timer(CURLM *multi, long timeout_ms, void *arg)
{
	const struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	struct http *http = arg;

	if (timeout_ms < 0)
		return evtimer_del(http->timer);
	return evtimer_add(http->timer, &timeout);
}

struct http *
http_new(struct event_base *base, const struct http_tls *tls)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return NULL;
	LIST_INIT(&http->requests);
	http->base = base;
	http->tls = tls;
	http->timer = evtimer_new(base, on_timer, http);
	http->multi = curl_multi_init();
	if (http->timer == NULL || http->multi == NULL) {
		http_free(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	return http;
}

void
http_free(struct http *http)
{
	if (http == NULL)
		return;
	while (!LIST_EMPTY(&http->requests))
		request_free(LIST_FIRST(&http->requests));
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	if (http->timer != NULL)
		event_free(http->timer);
	free(http);
}

static size_t
on_data(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_request *request = arg;

	return request->handler->data(request->arg, bytes, size * n) ? size * n : 0;
}

static void
set_file(CURL *easy, CURLoption option, const char *path)
{
	if (path != NULL && path[0] != '\0')
		curl_easy_setopt(easy, option, path);
}

static void
set_tls(CURL *easy, const struct http_tls *tls)
{
	if (tls == NULL)
		return;
	set_file(easy, CURLOPT_CAINFO, tls->ca_file);
	set_file(easy, CURLOPT_SSLCERT, tls->cert_file);
	set_file(easy, CURLOPT_SSLKEY, tls->key_file);
}

static void
set_options(struct http_request *request, const char *url, const char *body, long timeout_ms)
{
	CURL *easy = request->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	// An environment variable is not how a node's way to its own store is configured.
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S);
	set_tls(easy, request->http->tls);
}

struct http_request *
http_post(struct http *http, const char *url, const char *body, long timeout_ms,
	const struct http_handler *handler, void *arg)
{
	struct http_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->http = http;
	request->handler = handler;
	request->arg = arg;
	request->easy = curl_easy_init();
	request->headers = curl_slist_append(NULL, "Content-Type: application/json");
	LIST_INSERT_HEAD(&http->requests, request, link);
	if (request->easy != NULL && request->headers != NULL) {
		set_options(request, url, body, timeout_ms);
		if (curl_multi_add_handle(http->multi, request->easy) == CURLM_OK)
			return request;
	}
	request_free(request);
	return NULL;
}

void
http_cancel(struct http_request *request)
{
	request_free(request);
}
