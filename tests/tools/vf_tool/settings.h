/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_TOOL_SETTINGS_H
#define VF_TOOL_SETTINGS_H

// Settings of a VF as words KEY=VALUE.

#include "vf_link.h"

// Reads one word into settings. Returns which setting it belongs to, or 0.
unsigned int settings_read(const char *word, struct vf_settings *settings);
// Those that are known, and the counters, on one line.
void settings_print(unsigned int index, const struct vf_settings *settings);

#endif
