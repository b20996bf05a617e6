/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_INTENT_H
#define CONTROL_INTENT_H

// Devices that are being made, in the store before they exist: what a crash interrupts is found and
// deleted at the next start.

#include "causewayd.h"

#define INTENT_KEY_LEN 16

// Makes it durable that this port's device and endpoint (NULL: it has none) are being made; key
// names the row. Returns
// 0 or -errno.
int intent_write(struct causewayd *d, const struct port *port, const struct endpoint *endpoint,
	char key[INTENT_KEY_LEN]);
// Takes it back when nothing was made.
void intent_remove(struct causewayd *d, const char *key);
// Deletes what interrupted attachments left. Returns 0 or -errno, logged.
int intent_clean(struct causewayd *d);

#endif
