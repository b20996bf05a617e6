/* SPDX-License-Identifier: Apache-2.0 */
#include "flannel/lease_table.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct lease_entry {
	char *key;
	unsigned int generation; // of the snapshot that named it last
	struct lease lease;
};

struct lease_table {
	void *root;
	unsigned int n, generation;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct lease_entry *)a)->key, ((const struct lease_entry *)b)->key);
}

static void
entry_free(void *arg)
{
	struct lease_entry *entry = arg;

	free(entry->key);
	free(entry);
}

static struct lease_entry *
find(const struct lease_table *table, const char *key)
{
	const struct lease_entry probe = {.key = (char *)(uintptr_t)key};
	struct lease_entry **found = tfind(&probe, &table->root, compare);

	return found != NULL ? *found : NULL;
}

struct lease_table *
lease_table_new(void)
{
	return calloc(1, sizeof(struct lease_table));
}

void
lease_table_free(struct lease_table *table)
{
	if (table == NULL)
		return;
	tdestroy(table->root, entry_free);
	free(table);
}

void
lease_table_begin(struct lease_table *table)
{
	table->generation++;
}

struct search {
	unsigned int generation;
	struct lease_entry *stale;
};

static void
note_stale(const void *node, VISIT which, void *arg)
{
	struct lease_entry *entry = *(struct lease_entry *const *)node;
	struct search *search = arg;

	if ((which == postorder || which == leaf) && entry->generation != search->generation)
		search->stale = entry;
}

void
lease_table_end(struct lease_table *table)
{
	struct search search = {.generation = table->generation};

	do {
		search.stale = NULL;
		twalk_r(table->root, note_stale, &search);
		if (search.stale != NULL)
			lease_table_del(table, search.stale->key);
	} while (search.stale != NULL);
}

int
lease_table_put(struct lease_table *table, const char *key, const struct lease *lease)
{
	struct lease_entry *entry = find(table, key);

	if (entry == NULL) {
		entry = calloc(1, sizeof(*entry));
		if (entry != NULL)
			entry->key = strdup(key);
		if (entry == NULL || entry->key == NULL
			|| tsearch(entry, &table->root, compare) == NULL) {
			if (entry != NULL)
				entry_free(entry);
			return -ENOMEM;
		}
		table->n++;
	}
	entry->generation = table->generation;
	entry->lease = *lease;
	return 0;
}

void
lease_table_del(struct lease_table *table, const char *key)
{
	struct lease_entry *entry = find(table, key);

	if (entry == NULL)
		return;
	tdelete(entry, &table->root, compare);
	entry_free(entry);
	table->n--;
}

unsigned int
lease_table_count(const struct lease_table *table)
{
	return table->n;
}

struct walk {
	void (*fn)(void *arg, const struct lease *lease);
	void *arg;
};

static void
visit(const void *node, VISIT which, void *arg)
{
	const struct walk *walk = arg;

	if (which == postorder || which == leaf)
		walk->fn(walk->arg, &(*(struct lease_entry *const *)node)->lease);
}

void
lease_table_each(const struct lease_table *table, void (*fn)(void *arg, const struct lease *lease),
	void *arg)
{
	struct walk walk = {fn, arg};

	twalk_r(table->root, visit, &walk);
}
