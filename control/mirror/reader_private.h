/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_READER_PRIVATE_H
#define MIRROR_READER_PRIVATE_H

// What the files of the reader share: reader.c (socket, dumps), request.c (what is asked of the
// kernel), take.c (what it says).

#include <linux/netlink.h>
#include <netlink/netlink.h>

#include "mirror/reader.h"

#define DUMP_STEPS 11
#define DUMP_TRIES 5 // of one that is interrupted

struct reader {
	struct nl_sock *sock;
	struct tables *tables;
	struct event *readable, *again;
	const struct reader_handler *handler;
	void *arg;
	char *room;
	bool dumping, wanted; // wanted: once more, from the start
	unsigned int step, tries;
	bool step_interrupted;
	uint32_t sequence; // of the step's request
	uint32_t repaired, rules; // by this dump
	uint64_t began_ms, ended_ms;
	struct reader_counts counts;
};

// Asks for the tables of reader->step. Returns 0 or -errno.
int dump_request(struct reader *reader, uint32_t *sequence);
int neighbor_request(struct reader *reader, int32_t ifindex, const struct cw_ip *ip);
// Takes what was received.
void reader_take(struct reader *reader, struct nlmsghdr *messages, int length);
// The step's dump has ended.
void reader_step_done(struct reader *reader, int error);

#endif
