/* SPDX-License-Identifier: Apache-2.0 */
#include "tombstones.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "endpoint_del.h"
#include "log.h"
#include "tombstone.h"

struct tombstones {
	struct causewayd *d;
	int inotify;
	struct event *readable;
};

// One deletion that waits for its turn.
struct burial {
	struct causewayd *d;
	char container[CONTAINER_LEN], ifname[IFNAMSIZ];
};

static void
on_deleted(void *arg, const struct failure *failure)
{
	struct burial *burial = arg;
	struct changes *changes = burial->d->changes;

	if (failure->code != 0)
		log_warning("deleted endpoint is kept until the next start: %s container=%s "
			    "ifname=%s",
			failure->message, burial->container, burial->ifname);
	else
		tombstone_remove(burial->d->options.state_dir, burial->container, burial->ifname);
	free(burial);
	changes_next(changes);
}

static void
start(void *arg)
{
	struct burial *burial = arg;

	log_info("endpoint was deleted meanwhile container=%s ifname=%s", burial->container,
		burial->ifname);
	endpoint_del(burial->d,
		endpoint_find(burial->d->objects, burial->container, burial->ifname), on_deleted,
		burial);
}

static int
bury(const char *container, const char *ifname, void *arg)
{
	struct causewayd *d = arg;
	struct burial *burial;

	if (endpoint_find(d->objects, container, ifname) == NULL)
		return 0;
	burial = calloc(1, sizeof(*burial));
	if (burial == NULL)
		return -ENOMEM;
	burial->d = d;
	snprintf(burial->container, sizeof(burial->container), "%s", container);
	snprintf(burial->ifname, sizeof(burial->ifname), "%s", ifname);
	if (changes_queue(d->changes, start, burial) < 0) {
		free(burial);
		return -ENOMEM;
	}
	return -EINPROGRESS; // the file stays until the deletion is durable
}

static void
replay(struct causewayd *d)
{
	const int n = tombstone_replay(d->options.state_dir, bury, d);

	if (n < 0)
		log_warning("tombstones cannot be read: %s", strerror(-n));
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct tombstones *tombstones = arg;
	char events[4096] __attribute__((aligned(8)));

	while (read(tombstones->inotify, events, sizeof(events)) > 0)
		;
	replay(tombstones->d);
}

struct tombstones *
tombstones_watch(struct causewayd *d)
{
	struct tombstones *tombstones = calloc(1, sizeof(*tombstones));
	char folder[OPTIONS_PATH_LEN + 16];

	if (tombstones == NULL)
		return NULL;
	snprintf(folder, sizeof(folder), "%s/" TOMBSTONE_FOLDER, d->options.state_dir);
	mkdir(folder, 0700);
	tombstones->d = d;
	tombstones->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (tombstones->inotify >= 0
		&& inotify_add_watch(tombstones->inotify, folder, IN_MOVED_TO) >= 0)
		tombstones->readable = event_new(d->base, tombstones->inotify, EV_READ | EV_PERSIST,
			on_readable, tombstones);
	// Watched first: none can fall in between.
	replay(d);
	if (tombstones->readable != NULL && event_add(tombstones->readable, NULL) == 0)
		return tombstones;
	log_warning("tombstones are looked at only at start: %s path=%s", strerror(errno), folder);
	tombstones_free(tombstones);
	return NULL;
}

void
tombstones_free(struct tombstones *tombstones)
{
	if (tombstones == NULL)
		return;
	if (tombstones->readable != NULL)
		event_free(tombstones->readable);
	if (tombstones->inotify >= 0)
		close(tombstones->inotify);
	free(tombstones);
}
