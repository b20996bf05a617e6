/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP "  "
#define NOTHING "-"

struct table {
	const char *const *headers;
	unsigned n_columns;
	unsigned n_cells, size;
	char **cells;
	bool incomplete; // memory ran out
};

struct table *
table_new(const char *const *headers, unsigned n)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->headers = headers;
	table->n_columns = n;
	return table;
}

void
table_free(struct table *table)
{
	if (table == NULL)
		return;
	for (unsigned i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
}

unsigned
table_width(const char *text)
{
	unsigned width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80; // not a continuation byte
	return width;
}

char *
table_sanitize(char *text)
{
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return text;
}

// Takes the cell.
static void
append(struct table *table, char *cell)
{
	char **grown;

	if (cell != NULL && table->n_cells == table->size) {
		table->size = table->size == 0 ? 64 : 2 * table->size;
		grown = realloc(table->cells, table->size * sizeof(*grown));
		if (grown == NULL) {
			table->size = table->n_cells;
			free(cell);
			cell = NULL;
		} else {
			table->cells = grown;
		}
	}
	if (cell == NULL)
		table->incomplete = true;
	else
		table->cells[table->n_cells++] = table_sanitize(cell);
}

void
table_cell(struct table *table, const char *text)
{
	append(table, strdup(text == NULL || text[0] == '\0' ? NOTHING : text));
}

void
table_cell_format(struct table *table, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	append(table, text);
}

static bool
is_right(const char *header)
{
	return header[0] == '>';
}

static const char *
title(const char *header)
{
	return is_right(header) ? header + 1 : header;
}

static void
measure(const struct table *table, unsigned *widths)
{
	unsigned width;

	for (unsigned i = 0; i < table->n_columns; i++)
		widths[i] = table_width(title(table->headers[i]));
	for (unsigned i = 0; i < table->n_cells; i++) {
		width = table_width(table->cells[i]);
		if (width > widths[i % table->n_columns])
			widths[i % table->n_columns] = width;
	}
}

static void
print_cell(const struct table *table, const unsigned *widths, unsigned indent, unsigned column,
	const char *text, FILE *stream)
{
	const bool is_last = column + 1 == table->n_columns;
	const int padding = (int)(widths[column] - table_width(text));

	if (is_right(table->headers[column]))
		fprintf(stream, "%*s%s", (int)indent + padding, "", text);
	else
		fprintf(stream, "%*s%s%*s", (int)indent, "", text, is_last ? 0 : padding, "");
	fputs(is_last ? "\n" : GAP, stream);
}

int
table_print(const struct table *table, unsigned indent, FILE *stream)
{
	unsigned *widths = calloc(table->n_columns, sizeof(*widths));

	if (widths == NULL || table->incomplete) {
		free(widths);
		return -ENOMEM;
	}
	measure(table, widths);
	for (unsigned i = 0; i < table->n_columns; i++)
		print_cell(table, widths, i == 0 ? indent : 0, i, title(table->headers[i]), stream);
	for (unsigned i = 0; i < table->n_cells; i++)
		print_cell(table, widths, i % table->n_columns == 0 ? indent : 0,
			i % table->n_columns, table->cells[i], stream);
	free(widths);
	return 0;
}
