/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CWCTL_TABLE_H
#define CWCTL_TABLE_H

// Aligned tables for people. Cells that a terminal would obey rather than show are made harmless.

#include <stdbool.h>
#include <stdio.h>

struct table;

// headers: of n columns; a header that begins with '>' is shown without it and its column is
// aligned to the right. NULL for lack of memory.
struct table *table_new(const char *const *headers, unsigned n);
void table_free(struct table *table); // accepts NULL

// Appends a cell, copied; NULL and "" show as "-". A row is complete with its n-th cell. Cells that
// do not fit into memory are left out, and table_print says so.
void table_cell(struct table *table, const char *text);
void table_cell_format(struct table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// Writes headers and rows, each line after indent blanks; lines carry no trailing blanks. Returns 0
// or -ENOMEM.
int table_print(const struct table *table, unsigned indent, FILE *stream);

// Columns that text takes on a terminal: its UTF-8 characters.
unsigned table_width(const char *text);

// Replaces control characters by '?'. Returns text.
char *table_sanitize(char *text);

#endif
