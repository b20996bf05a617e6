/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define COLUMNS_MAX 32
#define INDENT 2

static char *
scalar_text(const cJSON *value)
{
	char *text = NULL;

	if (cJSON_IsString(value))
		return strdup(value->valuestring);
	if (cJSON_IsBool(value))
		return strdup(cJSON_IsTrue(value) ? "yes" : "no");
	if (cJSON_IsNumber(value) && value->valuedouble == floor(value->valuedouble)
		&& fabs(value->valuedouble) < 1e15)
		return asprintf(&text, "%.0f", value->valuedouble) < 0 ? NULL : text;
	return cJSON_IsNumber(value) ? cJSON_PrintUnformatted(value) : NULL;
}

// Takes both; a NULL is nothing.
static char *
join(char *head, char *tail)
{
	char *text = NULL;

	if (head == NULL || tail == NULL)
		return head != NULL ? head : tail;
	if (asprintf(&text, "%s, %s", head, tail) < 0)
		text = NULL;
	free(head);
	free(tail);
	return text;
}

char *
show_path(const cJSON *value, const char *path)
{
	const cJSON *element;
	char key[64], *text = NULL;
	size_t length;

	if (cJSON_IsArray(value)) {
		cJSON_ArrayForEach (element, value)
			text = join(text, show_path(element, path));
		return text;
	}
	if (path[0] == '\0')
		return scalar_text(value);
	length = strcspn(path, ".");
	snprintf(key, sizeof(key), "%.*s", (int)length, path);
	value = cJSON_GetObjectItemCaseSensitive(value, key);
	return value != NULL ? show_path(value, path + length + (path[length] == '.')) : NULL;
}

const cJSON *
show_list(const cJSON *result)
{
	const cJSON *member, *list = NULL;

	if (cJSON_IsArray(result))
		return result;
	cJSON_ArrayForEach (member, result) {
		if (!cJSON_IsArray(member) || list != NULL)
			return NULL;
		list = member;
	}
	return list;
}

static bool
is_column_used(const cJSON *list, const char *path)
{
	const cJSON *row;
	bool used = false;
	char *text;

	cJSON_ArrayForEach (row, list) {
		text = show_path(row, path);
		used = used || (text != NULL && text[0] != '\0');
		free(text);
	}
	return used;
}

static int
show_table(const cJSON *list, const struct column *columns, unsigned indent, FILE *stream)
{
	const char *headers[COLUMNS_MAX], *paths[COLUMNS_MAX];
	struct table *table;
	const cJSON *row;
	unsigned n = 0;
	char *text;
	int rc;

	for (; columns->header != NULL && n < COLUMNS_MAX; columns++) {
		if (cJSON_GetArraySize(list) > 0 && !is_column_used(list, columns->path))
			continue;
		headers[n] = columns->header;
		paths[n++] = columns->path;
	}
	if (n == 0)
		return 0;
	table = table_new(headers, n);
	if (table == NULL)
		return -ENOMEM;
	cJSON_ArrayForEach (row, list) {
		for (unsigned i = 0; i < n; i++) {
			text = show_path(row, paths[i]);
			table_cell(table, text);
			free(text);
		}
	}
	rc = table_print(table, indent, stream);
	table_free(table);
	return rc;
}

// Columns by the keys of the first element.
static int
show_unknown_table(const cJSON *list, unsigned indent, FILE *stream)
{
	struct column columns[COLUMNS_MAX] = {0};
	const cJSON *member;
	unsigned n = 0;

	cJSON_ArrayForEach (member, cJSON_GetArrayItem(list, 0)) {
		if (n == COLUMNS_MAX - 1)
			break;
		columns[n].header = member->string;
		columns[n++].path = member->string;
	}
	return show_table(list, columns, indent, stream);
}

static bool
is_flat(const cJSON *value)
{
	const cJSON *element;

	if (cJSON_IsObject(value))
		return false;
	cJSON_ArrayForEach (element, value)
		if (cJSON_IsObject(element) || cJSON_IsArray(element))
			return false;
	return true;
}

static unsigned
key_width(const cJSON *object)
{
	const cJSON *member;
	unsigned width = 0;

	cJSON_ArrayForEach (member, object)
		if (is_flat(member) && table_width(member->string) > width)
			width = table_width(member->string);
	return width;
}

static void
show_flat(const cJSON *member, unsigned width, unsigned indent, FILE *stream)
{
	char *text = show_path(member, "");

	fprintf(stream, "%*s%-*s  %s\n", (int)indent, "", (int)width, member->string,
		text != NULL && text[0] != '\0' ? table_sanitize(text) : "-");
	free(text);
}

static int
show_object(const cJSON *object, unsigned indent, FILE *stream)
{
	const unsigned width = key_width(object);
	const cJSON *member;
	int rc = 0;

	cJSON_ArrayForEach (member, object)
		if (is_flat(member))
			show_flat(member, width, indent, stream);
	cJSON_ArrayForEach (member, object) {
		if (is_flat(member))
			continue;
		fprintf(stream, "%*s%s\n", (int)indent, "", member->string);
		rc = cJSON_IsObject(member) ? show_object(member, indent + INDENT, stream)
					    : show_unknown_table(member, indent + INDENT, stream);
		if (rc < 0)
			break;
	}
	return rc;
}

int
show_result(const cJSON *result, const struct column *columns, FILE *stream)
{
	const cJSON *list = columns != NULL || cJSON_IsArray(result) ? show_list(result) : NULL;
	char *text;

	if (list != NULL && columns != NULL)
		return show_table(list, columns, 0, stream);
	if (list != NULL && !is_flat(list))
		return show_unknown_table(list, 0, stream);
	if (cJSON_IsObject(result))
		return show_object(result, 0, stream);
	text = show_path(result, "");
	if (text != NULL)
		fprintf(stream, "%s\n", table_sanitize(text));
	free(text);
	return 0;
}
