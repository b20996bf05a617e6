/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_DP_H
#define TESTS_FAKE_DP_H

// The other end of dp.sock for tests of causewayd: keeps the objects that it is told, answers as
// wire.h says, and refuses or falls silent when asked to. Lives in causewayd's event loop.

#include <event2/event.h>

#include <causeway/wire.h>

#define FAKE_DP_OBJECTS 8192

struct fake_dp_object {
	struct cw_item *item;
	int fds[CW_MAX_QUEUES];
	unsigned int n_fds;
	bool staged; // of an epoch that is not committed
	bool named; // by the epoch that is being replayed
};

struct fake_dp {
	struct dp_stream *stream; // NULL: not connected
	struct event *readable, *writable;
	struct fake_dp_object objects[FAKE_DP_OBJECTS];
	unsigned int n_objects;
	bool in_epoch;
	// What it does wrong.
	uint16_t refuse; // this item type, with -EINVAL
	uint16_t silent; // no answer to frames of this type
	uint16_t hang_up; // closes at frames of this type
	bool ports_are_down; // as an event says before each answer to SET
	bool forgets_descriptors; // has none to give back
	uint32_t version; // other than 0: in its HELLO
	// What it saw.
	unsigned int n_begin, n_commit, n_set, n_del;
};

// Connects; returns causewayd's end, to be given to dp_adopt(). Objects of former connections stay.
int fake_dp_connect(struct fake_dp *fake, struct event_base *base);
void fake_dp_hang_up(struct fake_dp *fake);
// Forgets all objects, as after a restart.
void fake_dp_forget(struct fake_dp *fake);
void fake_dp_free(struct fake_dp *fake);

// How many objects of a type it has (those of an open epoch aside).
unsigned int fake_dp_count(const struct fake_dp *fake, uint16_t type);
// The n-th of them, from 0; NULL: none.
const struct fake_dp_object *fake_dp_get(const struct fake_dp *fake, uint16_t type, unsigned int n);
// Sends an event item.
void fake_dp_event(struct fake_dp *fake, const struct cw_item *item);

#endif
