/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_REASON_H
#define SERVER_REASON_H

// Why something was refused: one sentence that names the key and the value.

#include <stdarg.h>
#include <stdio.h>

struct reason {
	char text[128]; // as long as cw_status.reason
};

// Writes the sentence and returns error, so that "return refuse(why, -EINVAL, ...)" reads well.
__attribute__((format(printf, 3, 4))) static inline int
refuse(struct reason *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return error;
}

#endif
