/* SPDX-License-Identifier: Apache-2.0 */
#include "file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

// Of a folder: what is in it has changed, or it is no longer what the path leads to.
#define FOLDER_EVENTS                                                                        \
	(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF \
		| IN_DELETE_SELF | IN_ONLYDIR)

struct file_watch {
	int inotify;
	int folder; // watch descriptor, -1: none
	struct event *readable;
	void (*fn)(void *arg);
	void *arg;
	char path[PATH_MAX];
};

// Watches the innermost folder of the path that exists. What appeared while the watch moved inwards
// is looked for once more.
static int
arm(struct file_watch *watch)
{
	char folder[PATH_MAX];
	int descriptor = -1;

	snprintf(folder, sizeof(folder), "%s", watch->path);
	while (descriptor < 0 && folder[1] != '\0') {
		char *slash = strrchr(folder, '/');

		slash[slash == folder ? 1 : 0] = '\0';
		descriptor = inotify_add_watch(watch->inotify, folder, FOLDER_EVENTS);
		if (descriptor < 0 && errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	if (descriptor == watch->folder)
		return 0;
	if (watch->folder >= 0)
		inotify_rm_watch(watch->inotify, watch->folder); // may have gone by itself
	watch->folder = descriptor;
	return descriptor < 0 ? -ENOENT : 1;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct file_watch *watch = arg;
	char events[4096] __attribute__((aligned(8)));

	while (read(watch->inotify, events, sizeof(events)) > 0)
		;
	while (arm(watch) > 0)
		;
	watch->fn(watch->arg);
}

struct file_watch *
file_watch_new(struct event_base *base, const char *path, void (*fn)(void *arg), void *arg)
{
	struct file_watch *watch = calloc(1, sizeof(*watch));
	int ret;

	if (watch == NULL)
		return NULL;
	watch->fn = fn;
	watch->arg = arg;
	watch->folder = -1;
	snprintf(watch->path, sizeof(watch->path), "%s", path);
	watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	ret = watch->inotify < 0 ? -errno : 1;
	while (ret > 0)
		ret = arm(watch);
	if (ret == 0) {
		watch->readable =
			event_new(base, watch->inotify, EV_READ | EV_PERSIST, on_readable, watch);
		if (watch->readable != NULL && event_add(watch->readable, NULL) == 0)
			return watch;
		ret = -ENOMEM;
	}
	file_watch_free(watch);
	errno = -ret;
	return NULL;
}

void
file_watch_free(struct file_watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->readable != NULL)
		event_free(watch->readable);
	if (watch->inotify >= 0)
		close(watch->inotify);
	free(watch);
}
