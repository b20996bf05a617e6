/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_PROTOCOL_PRIVATE_H
#define DRIVERS_PORT_MEMIF_PROTOCOL_PRIVATE_H

// Between memif_protocol.c, which knows which message may come when, memif_master.c and
// memif_slave.c, which make something of it.

#include "memif_protocol.h"

#define MEMIF_APPLICATION "Causeway " CW_VERSION

// Fills a message's text field, zeros behind it.
void memif_put_text(uint8_t *field, size_t size, const char *text);
// For logs and terminals: whatever is not printable becomes a question mark. text has size + 1.
void memif_get_text(const uint8_t *field, size_t size, char *text);

// A master's answers to a slave's messages.
void memif_master_init(
	struct memif_session *session, const struct memif_init *init, struct memif_reply *reply);
void memif_master_region(struct memif_session *session, const struct memif_add_region *region,
	int fd, struct memif_reply *reply);
// Returns true when fd was taken over.
bool memif_master_ring(struct memif_session *session, const struct memif_add_ring *ring, int fd,
	struct memif_reply *reply);
void memif_master_connect(struct memif_session *session, const struct memif_connect *connect,
	struct memif_reply *reply);

// Makes the region with rings and buffers, within what the master's HELLO allows. Returns 0, or
// -errno and a sentence.
int memif_slave_make_rings(struct memif_session *session, const struct memif_hello *hello,
	char *reason, size_t reason_len);
// The slave's next message: INIT, ADD_REGION, ADD_RING.., CONNECT. With CONNECT the state becomes
// CONNECTING.
void memif_slave_next(struct memif_session *session, struct memif_reply *reply);

#endif
