/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "listener.h"
#include "log.h"
#include "reply.h"
#include "server_private.h"
#include "tables/lpm.h"
#include "worker.h"

#define MAX_CONNECTIONS 64
#define TICK_US 10000

static void
emit(void *arg, const struct cw_item *event)
{
	server_emit(arg, event);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	if (learn_poll(server->learn) != 0)
		offload_settle(server->offload);
	offload_poll(server->offload);
	tracing_poll(server->tracing);
	rcu_poll(server->dp);
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	learn_age(server->learn);
	offload_settle(server->offload);
	offload_second(server->offload, learn_now_s(server->learn));
	lpm_reclaim(server->dp->lpm);
}

static void
on_half_second(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	objects_poll_devices(server->objects);
}

static void
free_dead(struct server *server)
{
	struct connection *c;

	while ((c = TAILQ_FIRST(&server->dead)) != NULL) {
		TAILQ_REMOVE(&server->dead, c, link);
		connection_free(c);
	}
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	free_dead(arg);
}

void
server_bury(struct server *server, struct connection *c)
{
	TAILQ_REMOVE(&server->connections, c, link);
	TAILQ_INSERT_TAIL(&server->dead, c, link);
	server->n_connections--;
	if (server->writer == c) {
		server->writer = NULL;
		log_line(LOG_INFO, "control plane left", "pid=%d", (int)c->pid);
	}
	event_active(server->reaper, EV_TIMEOUT, 1);
}

void
server_take_over(struct server *server, struct connection *c)
{
	struct connection *former = server->writer;

	if (former == c)
		return;
	server->writer = NULL;
	if (former != NULL)
		connection_end(former, "another control plane took over");
	server->writer = c;
	log_line(LOG_INFO, "control plane writes", "pid=%d", (int)c->pid);
}

void
server_emit(struct server *server, const struct cw_item *event)
{
	struct connection *c, *next;
	struct reply reply;

	for (c = TAILQ_FIRST(&server->connections); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->greeted || c->closing)
			continue;
		reply_begin(&reply, c, CW_EVENT, 0);
		reply_copy(&reply, event);
		reply_end(&reply, NULL, 0);
	}
}

int
server_serve(struct server *server, int fd)
{
	struct connection *c;

	if (server->n_connections == MAX_CONNECTIONS) {
		log_line(LOG_WARNING, "peer is refused", "reason=\"%u peers are connected\"",
			MAX_CONNECTIONS);
		close(fd);
		return -EMFILE;
	}
	c = connection_create(server, fd);
	if (c == NULL)
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&server->connections, c, link);
	server->n_connections++;
	return 0;
}

static void
on_accepted(void *arg, int fd)
{
	server_serve(arg, fd);
}

// Second 0 of the workers' clock. They were made at about the same time.
static uint64_t
clock_start(const struct dataplane *dp)
{
	const uint64_t second =
		RTE_MAX(rte_get_tsc_hz() / 1000000, UINT64_C(1)) * UINT64_C(1000000);

	if (dp->n_workers == 0)
		return rte_rdtsc();
	return dp->workers[0]->now_tsc - dp->workers[0]->now_s * second;
}

static int
start_timers(struct server *server)
{
	const struct timeval tick = {.tv_usec = TICK_US}, second = {.tv_sec = 1};
	const struct timeval half_second = {.tv_usec = 500000};

	server->tick = event_new(server->base, -1, EV_PERSIST, on_tick, server);
	server->second = event_new(server->base, -1, EV_PERSIST, on_second, server);
	server->half_second = event_new(server->base, -1, EV_PERSIST, on_half_second, server);
	server->reaper = event_new(server->base, -1, 0, on_reap, server);
	if (server->tick == NULL || server->second == NULL || server->half_second == NULL
		|| server->reaper == NULL || event_add(server->tick, &tick) != 0
		|| event_add(server->second, &second) != 0
		|| event_add(server->half_second, &half_second) != 0)
		return -ENOMEM;
	return 0;
}

static int
make_parts(struct server *server)
{
	server->objects = objects_create(server->dp, emit, server);
	if (server->objects == NULL)
		return -ENOMEM;
	objects_watch_devices(server->objects, server->base);
	server->offload = offload_create(server->dp, server->objects);
	if (server->offload == NULL)
		return -ENOMEM;
	objects_set_offload(server->objects, server->offload);
	server->learn =
		learn_create(server->dp, server->objects, clock_start(server->dp), emit, server);
	server->tracing = tracing_create(server->dp, server->start_tsc, emit, server);
	if (server->learn == NULL || server->tracing == NULL)
		return -ENOMEM;
	return start_timers(server);
}

struct server *
server_create(struct event_base *base, struct dataplane *dp, const struct server_config *config,
	int *error)
{
	struct server *server = calloc(1, sizeof(*server));

	*error = -ENOMEM;
	if (server == NULL)
		return NULL;
	server->base = base;
	server->dp = dp;
	server->config = *config;
	server->start_tsc = rte_rdtsc();
	TAILQ_INIT(&server->connections);
	TAILQ_INIT(&server->dead);
	*error = make_parts(server);
	if (*error != 0)
		log_error(*error, "server does not start", "error=\"no memory\"");
	else if (config->runtime_dir != NULL)
		server->listener =
			listener_create(base, config->runtime_dir, on_accepted, server, error);
	if (*error == 0)
		return server;
	server_free(server);
	return NULL;
}

static void
free_event(struct event *event)
{
	if (event != NULL)
		event_free(event);
}

void
server_free(struct server *server)
{
	struct connection *c;

	if (server == NULL)
		return;
	while ((c = TAILQ_FIRST(&server->connections)) != NULL)
		connection_end(c, NULL);
	free_dead(server);
	tracing_free(server->tracing);
	offload_free(server->offload);
	if (server->objects != NULL)
		objects_set_offload(server->objects, NULL);
	objects_free(server->objects);
	learn_free(server->learn);
	listener_free(server->listener);
	free_event(server->tick);
	free_event(server->second);
	free_event(server->half_second);
	free_event(server->reaper);
	free(server);
}
