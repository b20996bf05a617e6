/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_GUARDED_MEMORY_H
#define DRIVERS_PORT_GUARDED_MEMORY_H

// Memory that another process gave us a descriptor of, and may take back: when it truncates the
// file (or a hugepage cannot be had), touching the mapping raises SIGBUS, which would end the data
// plane for everybody. Ranges named here get anonymous zero pages instead, as a whole, and a flag
// tells that they were lost. A SIGBUS anywhere else takes its usual course.

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

// Guards the mapping [base, base + size) until guarded_memory_remove(base). *lost becomes true when
// it is replaced; afterwards write(wake_fd) of one 8-byte number is done, unless wake_fd is -1.
// Both stay valid until the removal. Any thread. Returns 0, -ENOSPC when too many are guarded, or
// -errno.
int guarded_memory_add(void *base, size_t size, _Atomic bool *lost, int wake_fd);
// Nobody touches the range any more. Before munmap(). Any thread.
void guarded_memory_remove(const void *base);

// For a thread of a library that touches such memory before anybody can name it: from now on a
// SIGBUS of the calling thread outside all ranges gets the page that it touched replaced.
void guarded_memory_cover_thread(void);
// Whether that happened in the calling thread since it last asked.
bool guarded_memory_thread_lost(void);

#endif
