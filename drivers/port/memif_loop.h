/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_LOOP_H
#define DRIVERS_PORT_MEMIF_LOOP_H

// The control thread of all memif ports of this process: it waits for sockets and for the clock. It
// runs while there is a port, and holds one lock whenever it does anything but wait; the main
// thread takes the same lock (memif_lock) to open, close and ask. Nothing under the lock blocks.

#include <stdbool.h>
#include <stdint.h>

struct memif_source {
	int fd;
	void (*ready)(struct memif_source *source); // on the control thread, locked
};

struct memif_loop_handlers {
	// Somebody wrote to memif_loop_wake_fd().
	void (*woken)(void);
	// A time named by memif_loop_at has come.
	void (*tick)(uint64_t now_ms);
};

// Counted: the first start makes the thread, the last stop ends it. Main thread, not locked.
// Returns 0 or -errno.
int memif_loop_start(const struct memif_loop_handlers *handlers);
void memif_loop_stop(void);

void memif_lock(void);
void memif_unlock(void);

// Locked. The source stays the caller's; after removal it is not called any more.
int memif_loop_add(struct memif_source *source);
void memif_loop_remove(struct memif_source *source);
// Locked. tick is called at this time or before.
void memif_loop_at(uint64_t ms);
// Of CLOCK_MONOTONIC.
uint64_t memif_loop_now(void);

// An eventfd to be written to by any thread and by signal handlers; valid while the loop runs.
int memif_loop_wake_fd(void);

#endif
