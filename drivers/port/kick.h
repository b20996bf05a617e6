/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_KICK_H
#define DRIVERS_PORT_KICK_H

// Wakes a peer by its eventfd. The peer shares the file with us: it may take O_NONBLOCK away at any
// time and fill the counter, and then a writer sleeps until somebody reads (eventfd(2)). A thread
// of this module reads in the place of a peer whose descriptor has held up a writer for
// KICK_STUCK_MS.

#include <stdbool.h>

#define KICK_STUCK_MS 50 // twice that at most
#define KICK_THREADS 128 // that may kick; others write without being watched

// Before the first kick; again is no error. Returns 0 or -errno.
int kick_start(void);

// Adds one to the counter of an eventfd. Any thread. Returns false when the peer held us up, so
// that it is not to be trusted any more.
bool kick(int fd);

#endif
