/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_FILE_WATCH_H
#define CONTROL_FILE_WATCH_H

// A file that somebody else writes, and that need not be there yet, nor its folders. Main thread.

#include <event2/event.h>

struct file_watch;

// Calls fn(arg) from the event loop whenever the file may have appeared, changed or gone; the path
// is absolute. Returns NULL with errno set.
struct file_watch *file_watch_new(
	struct event_base *base, const char *path, void (*fn)(void *arg), void *arg);
void file_watch_free(struct file_watch *watch); // accepts NULL

#endif
