/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PERF_TABLE_KINDS_H
#define PERF_TABLE_KINDS_H

// The tables that workers look keys up in, behind one face for micro benchmarks. Readable from C++.

#include <stdint.h>

struct plane;

#define TABLE_BURST 64

struct table_kind {
	const char *name;
	uint32_t limit; // entries at most
	// A table of n entries, number 0 .. n - 1. NULL: no memory.
	void *(*fill)(struct plane *plane, uint32_t n);
	// Puts the key of an entry into a place of the burst.
	void (*draw)(uint32_t place, uint32_t entry);
	// Looks the first n keys of the burst up. Returns how many were found.
	uint32_t (*lookup)(void *table, uint32_t n);
	void (*free)(void *table);
};

extern const struct table_kind table_kinds[]; // ends with an entry without name

#endif
