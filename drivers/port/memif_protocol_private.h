/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_PROTOCOL_PRIVATE_H
#define DRIVERS_PORT_MEMIF_PROTOCOL_PRIVATE_H

// Between memif_protocol.c and memif_slave.c, which makes what a slave brings along.

#include "memif_protocol.h"

// Fills a message's text field, zeros behind it.
void memif_put_text(uint8_t *field, size_t size, const char *text);

// Makes the region with rings and buffers, within what the master's HELLO allows. Returns 0, or
// -errno and a sentence.
int memif_slave_make_rings(struct memif_session *session, const struct memif_hello *hello,
	char *reason, size_t reason_len);
// The slave's next message: INIT, ADD_REGION, ADD_RING.., CONNECT. With CONNECT the state becomes
// CONNECTING.
void memif_slave_next(struct memif_session *session, struct memif_reply *reply);

#endif
