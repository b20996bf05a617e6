/* SPDX-License-Identifier: Apache-2.0 */

// causeway-dp: the data plane. Builds what the threads share, starts the workers, then serves
// dp.sock from the main thread until a signal ends it.

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "create.h"
#include "descriptors.h"
#include "log.h"
#include "server/server.h"
#include "tables/lpm.h"
#include "worker.h"
#include "worker_control.h"

#define RECLAIM_MS 10

static struct dataplane dataplane;

static int
start_workers(struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->n_workers; i++) {
		int error = rte_eal_remote_launch(worker_main, dp->workers[i], i + 1u);

		if (error != 0)
			return log_error(
				error, "a worker does not start", "core=%u", dp->workers[i]->core);
	}
	return 0;
}

static void
stop_workers(struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->n_workers; i++)
		worker_stop(dp->workers[i]);
	rte_eal_mp_wait_lcore();
}

static void
on_signal(evutil_socket_t signal, short what, void *arg)
{
	log_line(LOG_INFO, "stopping", "signal=%d", (int)signal);
	event_base_loopexit(arg, NULL);
}

static void
on_reclaim(evutil_socket_t fd, short what, void *arg)
{
	struct dataplane *dp = arg;

	rcu_poll(dp);
	lpm_reclaim(dp->lpm);
}

static int
run_loop(struct event_base *base, struct dataplane *dp)
{
	static const struct timeval period = {.tv_usec = RECLAIM_MS * 1000};
	struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
	struct event *interrupt = evsignal_new(base, SIGINT, on_signal, base);
	struct event *reclaim = event_new(base, -1, EV_PERSIST, on_reclaim, dp);
	int error = -ENOMEM;

	if (term != NULL && interrupt != NULL && reclaim != NULL && event_add(term, NULL) == 0
		&& event_add(interrupt, NULL) == 0 && event_add(reclaim, &period) == 0)
		error = event_base_dispatch(base) < 0 ? -EIO : 0;
	if (reclaim != NULL)
		event_free(reclaim);
	if (interrupt != NULL)
		event_free(interrupt);
	if (term != NULL)
		event_free(term);
	return error;
}

static int
serve(const struct config *config, const struct cores *cores, struct dataplane *dp)
{
	struct server_config server_config = {
		.runtime_dir = config->runtime_dir,
		.idle = config->idle,
	};
	struct event_base *base = event_base_new();
	struct server *server;
	int error = 0;

	if (base == NULL)
		return log_error(-ENOMEM, "no memory for the event loop", NULL);
	for (uint16_t i = 0; i < cores->n; i++)
		server_config.isolated[i] = cores->isolated[i] != 0;
	server = server_create(base, dp, &server_config, &error);
	if (server != NULL) {
		error = start_workers(dp);
		if (error == 0) {
			log_line(LOG_INFO, "ready", "socket=%s/" CW_DP_SOCKET " workers=%u idle=%s",
				config->runtime_dir, dp->n_workers, config->idle);
			error = run_loop(base, dp);
		}
		server_free(server);
		stop_workers(dp);
	}
	event_base_free(base);
	return error;
}

static int
dry_run(const struct config *config, const struct cores *cores)
{
	uint64_t needed = memory_pages_needed(config, cores), available = memory_pages_free("");

	log_line(LOG_INFO, "would run",
		"workers=%u first_core=%u pages_needed=%llu pages_free=%llu", cores->n,
		cores->cpu[0], (unsigned long long)needed, (unsigned long long)available);
	return config->huge && available < needed ? -ENOMEM : 0;
}

static int
run(const struct config *config, bool dry)
{
	struct memory memory;
	struct cores cores;
	int error = cores_choose("", config->cores, &cores);

	if (error == 0 && geteuid() != 0)
		error = log_error(-EPERM,
			"must run as root: it opens packet devices and locks memory", "uid=%d",
			(int)geteuid());
	if (error != 0 || dry)
		return error != 0 ? error : dry_run(config, &cores);
	descriptors_raise_limit();
	error = memory_start_eal(config, &cores);
	if (error != 0)
		return error;
	error = dataplane_create(&dataplane, config, &cores, &memory);
	if (error == 0)
		error = serve(config, &cores, &dataplane);
	dataplane_free(&dataplane);
	rte_eal_cleanup();
	return error;
}

int
main(int argc, char **argv)
{
	struct config config;
	int action = config_load(argc, argv, &config);

	signal(SIGPIPE, SIG_IGN);
	if (action < 0)
		return EXIT_FAILURE;
	if (action == CONFIG_EXIT || action == CONFIG_CHECK)
		return EXIT_SUCCESS;
	return run(&config, action == CONFIG_DRY_RUN) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
