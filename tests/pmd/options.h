/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_OPTIONS_H
#define PMD_OPTIONS_H

// What the device's arguments ask for. docs/testing.md lists them.

#include <stdbool.h>
#include <stdint.h>

#include <net/if.h>
#include <rte_flow.h>

#define OPTIONS_MAX_VFS 16
#define OPTIONS_MAX_REFUSED 32
#define OPTIONS_NONE UINT32_MAX

// Deliberate faults, one bit each.
enum options_wrong {
	WRONG_TTL = 1 << 0, // DEC_TTL takes two
	WRONG_PORT = 1 << 1, // what another port represents, instead of the action's
	WRONG_MAC = 1 << 2, // SET_MAC_DST sets the last bit wrong
	WRONG_VNI = 1 << 3, // encapsulation into the next VNI
	WRONG_MATCH = 1 << 4, // patterns match by their items only, not by values
	WRONG_CHECKSUM = 1 << 5, // IPv4's is left as it was
};

struct options {
	uint8_t n_vfs;
	bool represented[OPTIONS_MAX_VFS]; // has an ethdev
	// Interface or fd:N, "" = none.
	char wire[IFNAMSIZ + 3], kernel[IFNAMSIZ + 3], vf[OPTIONS_MAX_VFS][IFNAMSIZ + 3];
	bool async; // template API
	uint32_t table; // rules at most
	uint32_t late; // so many rules work, later ones are lost after they were accepted
	unsigned int wrong; // enum options_wrong
	char refused[OPTIONS_MAX_REFUSED][32]; // items, actions, attributes, in lower case, or
					       // isolate, inner_rss
	uint8_t n_refused;
};

// Reads the arguments of a device. all: without 'representor' every VF has an ethdev. Returns 0 or
// -EINVAL after saying why in DPDK's log.
int options_read(const char *arguments, bool all, struct options *options);

// Reads 'representor' alone, when the device has its other options already.
int options_represent(const char *arguments, struct options *options);

// Whether the arguments say refuse=NAME, in any case.
bool options_refuse(const struct options *options, const char *name);

#endif
