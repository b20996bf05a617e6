/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLANNEL_BASE64_H
#define FLANNEL_BASE64_H

// RFC 4648, section 4, for text: etcd's JSON gateway has keys and values in it. Any thread.

#include <stddef.h>

// Returns the text with padding, the caller's to free, or NULL: no memory.
char *base64_encode(const char *bytes, size_t length);
// Returns the bytes with a zero behind them, the caller's to free; NULL: no base64, a zero byte
// inside, or no memory.
char *base64_decode(const char *text);

#endif
