/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_ETCD_H
#define FLANNEL_ETCD_H

// Follows what etcd (version 3.4 or later) has below a prefix, through its JSON gateway: all of it
// first, then each change. Connections that fail are tried again, with the next endpoint; after
// that all is told anew. Main thread.

#include <event2/event.h>

#include "flannel/http.h"

struct etcd;

struct etcd_handler {
	// All there is follows: keys that are not put before commit() are gone.
	void (*begin)(void *arg);
	// key is without the prefix. Both live during the call.
	void (*put)(void *arg, const char *key, const char *value);
	void (*del)(void *arg, const char *key);
	// What was told up to here belongs together.
	void (*commit)(void *arg);
	// The connection was lost, or does not come about. What was told may be out of date.
	void (*lost)(void *arg, const char *reason);
};

// endpoints: URLs with commas between them; prefix: begins with '/' and does not end with one. tls
// must live as long as the client. Returns NULL: no memory, or an endpoint is no URL.
struct etcd *etcd_new(struct event_base *base, const char *endpoints, const char *prefix,
	const struct http_tls *tls, const struct etcd_handler *handler, void *arg);
void etcd_free(struct etcd *etcd); // accepts NULL

#endif
