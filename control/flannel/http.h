/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_HTTP_H
#define FLANNEL_HTTP_H

// HTTP requests in the event loop, by libcurl. Main thread.

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

struct http;
struct http_request;

// Files of TLS, empty or NULL: none. Must live as long as the client.
struct http_tls {
	const char *ca_file, *cert_file, *key_file;
};

struct http_handler {
	// A piece of the answer's body, as it arrives. Returns false when the rest is of no use.
	bool (*data)(void *arg, const char *bytes, size_t length);
	// It has ended: status is that of HTTP, 0 with an error when there is none. The request is
	// freed after it; another may be sent from here.
	void (*end)(void *arg, long status, const char *error);
};

// Returns NULL: no memory.
struct http *http_new(struct event_base *base, const struct http_tls *tls);
// Requests are dropped without a word. Accepts NULL.
void http_free(struct http *http);

// Sends a POST with a JSON body (copied). timeout_ms: for the whole, 0: it may stream for ever, and
// only the connection must come about in time. Returns NULL: no memory.
struct http_request *http_post(struct http *http, const char *url, const char *body,
	long timeout_ms, const struct http_handler *handler, void *arg);
// Drops it without a word. Not from its own handler.
void http_cancel(struct http_request *request);

#endif
