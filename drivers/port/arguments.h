/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_ARGUMENTS_H
#define DRIVERS_PORT_ARGUMENTS_H

// port_config.args: "key=value,key=value". Any thread; text may be NULL (no arguments).

#include <stddef.h>
#include <stdint.h>

// Copies the value number 'index' (0 is the first) among those of this key. Returns 0, -ENOENT when
// there is none, -EINVAL when it is empty or longer than the room.
int arguments_get(const char *text, const char *key, unsigned int index, char *value, size_t room);
// The first value of a key as a decimal number. Returns 0, -ENOENT or -EINVAL.
int arguments_uint(const char *text, const char *key, uint32_t *value);

#endif
