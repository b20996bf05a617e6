/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_PACKET_TEXT_H
#define CWCTL_PACKET_TEXT_H

#include <stddef.h>
#include <stdint.h>

// Describes a frame by its first length bytes, e.g. "10.1.0.5 > 10.1.0.6 ICMP echo request". What
// is cut off is not described; any bytes are safe. Returns text.
char *packet_text(char *text, size_t size, const uint8_t *bytes, size_t length);

#endif
