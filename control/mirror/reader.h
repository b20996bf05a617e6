/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_READER_H
#define MIRROR_READER_H

// Keeps tables equal to the kernel's by rtnetlink: joins the groups first, then dumps. Dumps and
// events come by one socket, whose queue keeps them in the order in which they became true. What is
// lost (an overrun) or never told (IPv4 routes of a device that goes down, or of an address that is
// taken away) is found by dumping again. Main thread, event loop.

#include <event2/event.h>

#include "mirror/tables.h"

struct reader;

struct reader_handler {
	void (*changed)(void *arg); // the tables may have changed
};

struct reader_counts {
	uint64_t messages;
	uint64_t dumps; // of all tables
	uint64_t overruns; // of the socket's queue
	uint64_t interrupted; // dumps that the kernel says changed while they went on
	uint64_t bad; // messages that could not be read
	uint64_t repaired; // entries that a dump told and events had not
	uint32_t rules; // of policy routing beside the kernel's own: they are not followed
	uint32_t last_dump_ms;
	bool is_synced; // a dump has ended, and none is needed
};

// buffer: bytes of the socket's queue. Returns NULL with a logged reason. The network namespace is
// that of the calling thread.
struct reader *reader_create(struct event_base *base, struct tables *tables, int buffer,
	const struct reader_handler *handler, void *arg);
void reader_free(struct reader *reader); // accepts NULL

// Dumps everything, and waits for it: nobody serves yet. Returns 0 or -errno; it is tried again
// from the event loop in every case.
int reader_start(struct reader *reader);
// Dumps everything anew soon.
void reader_resync(struct reader *reader);
// The kernel is to find out which MAC has this address. Returns 0 or -errno.
int reader_ask(struct reader *reader, int32_t ifindex, const struct cw_ip *ip);

struct reader_counts reader_counts(const struct reader *reader);

#endif
