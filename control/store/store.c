/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "fail_point.h"
#include "schema.h"

struct store {
	sqlite3 *db;
	char message[256];
};

static int
to_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

static int
result(struct store *store, int code)
{
	if (to_errno(code) < 0)
		snprintf(store->message, sizeof(store->message), "%s", sqlite3_errmsg(store->db));
	return to_errno(code);
}

static int
run(struct store *store, const char *sql)
{
	return result(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

static int
keep_text(void *arg, int n, char **values, char **names)
{
	char *text = arg;

	if (text[0] == '\0' && values[0] != NULL)
		snprintf(text, 128, "%s", values[0]);
	return 0;
}

// The first value that sql gives, as text of at most 127 characters.
static int
query(struct store *store, const char *sql, char text[128])
{
	text[0] = '\0';
	return result(store, sqlite3_exec(store->db, sql, keep_text, text, NULL));
}

static int
migrate(struct store *store, int from)
{
	char step[48];
	int ret = 0;

	for (int version = from; version < store_version() && ret == 0; version++) {
		snprintf(step, sizeof(step), "PRAGMA user_version = %d", version + 1);
		ret = run(store, "BEGIN IMMEDIATE");
		if (ret == 0)
			ret = run(store, store_migrations[version]);
		if (ret == 0)
			ret = run(store, step);
		if (ret == 0)
			ret = run(store, "COMMIT");
	}
	return ret;
}

static int
prepare(struct store *store, bool read_only)
{
	char text[128];
	int ret = query(store, "PRAGMA quick_check(1)", text);

	if (ret == 0 && strcmp(text, "ok") != 0) {
		snprintf(store->message, sizeof(store->message), "%s", text);
		ret = -EUCLEAN;
	}
	if (ret == 0 && !read_only)
		ret = query(store, "PRAGMA journal_mode = WAL", text);
	if (ret == 0)
		ret = run(store, "PRAGMA synchronous = FULL");
	if (ret == 0)
		ret = query(store, "PRAGMA user_version", text);
	if (ret < 0)
		return ret;
	if (atoi(text) > store_version()) {
		snprintf(store->message, sizeof(store->message),
			"its schema is version %s, this program knows up to %d", text,
			store_version());
		return -EPROTO;
	}
	return read_only ? 0 : migrate(store, atoi(text));
}

static const char *
advice(int error)
{
	if (error == -EUCLEAN)
		return "it is damaged and was left as it is: put a copy of it back, or move it "
		       "away to start empty";
	if (error == -EPROTO)
		return "start the newer version of causewayd again";
	if (error == -EBUSY)
		return "another process holds it";
	return "check the folder's permissions and the room on the disk";
}

int
store_open(
	struct store **opened, const char *path, bool read_only, char *message, size_t message_len)
{
	const int flags =
		read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	struct store *store = calloc(1, sizeof(*store));
	int ret;

	*opened = NULL;
	if (store == NULL) {
		snprintf(message, message_len, "no memory");
		return -ENOMEM;
	}
	ret = result(store, sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_EXRESCODE, NULL));
	if (ret == 0)
		sqlite3_busy_timeout(store->db, 1000);
	if (ret == 0)
		ret = prepare(store, read_only);
	if (ret < 0) {
		snprintf(message, message_len, "database cannot be used: %s; %s path=%s",
			store->message, advice(ret), path);
		store_close(store);
		return ret;
	}
	*opened = store;
	return 0;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	sqlite3_close(store->db);
	free(store);
}

static int
statement(struct store *store, const char *format, const char *table, sqlite3_stmt **made)
{
	char sql[128];

	// Table names are ours, never a peer's.
	snprintf(sql, sizeof(sql), format, table);
	return result(store, sqlite3_prepare_v2(store->db, sql, -1, made, NULL));
}

int
store_each(struct store *store, const char *table,
	int (*fn)(void *arg, const char *key, const char *value), void *arg)
{
	sqlite3_stmt *select;
	int code, ret = statement(store, "SELECT key, value FROM %s", table, &select);

	if (ret < 0)
		return ret;
	while ((code = sqlite3_step(select)) == SQLITE_ROW && ret == 0)
		ret = fn(arg, (const char *)sqlite3_column_text(select, 0),
			(const char *)sqlite3_column_text(select, 1));
	if (ret == 0)
		ret = result(store, code);
	sqlite3_finalize(select);
	return ret;
}

int
store_begin(struct store *store)
{
	if (fail_point("store_begin") < 0) {
		snprintf(store->message, sizeof(store->message), "injected failure");
		return -EIO;
	}
	return run(store, "BEGIN IMMEDIATE");
}

static int
write_row(struct store *store, const char *format, const char *table, const char *key,
	const char *value)
{
	sqlite3_stmt *change;
	int ret = statement(store, format, table, &change);

	if (ret < 0)
		return ret;
	sqlite3_bind_text(change, 1, key, -1, SQLITE_STATIC);
	if (value != NULL)
		sqlite3_bind_text(change, 2, value, -1, SQLITE_STATIC);
	ret = result(store, sqlite3_step(change));
	sqlite3_finalize(change);
	return ret;
}

int
store_put(struct store *store, const char *table, const char *key, const char *value)
{
	return write_row(
		store, "INSERT OR REPLACE INTO %s (key, value) VALUES (?, ?)", table, key, value);
}

int
store_remove(struct store *store, const char *table, const char *key)
{
	return write_row(store, "DELETE FROM %s WHERE key = ?", table, key, NULL);
}

int
store_commit(struct store *store)
{
	if (fail_point("store_commit") < 0) {
		snprintf(store->message, sizeof(store->message), "injected failure");
		return -EIO;
	}
	return run(store, "COMMIT");
}

void
store_rollback(struct store *store)
{
	if (sqlite3_get_autocommit(store->db) == 0)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

const char *
store_message(const struct store *store)
{
	return store->message;
}
