/* SPDX-License-Identifier: Apache-2.0 */

// The store: what is committed survives, what is not leaves no trace, damage is reported and left.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fail_point.h"
#include "store/schema.h"
#include "store/store.h"

struct scratch {
	char folder[64], path[96], message[512];
};

static int
setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	strcpy(s->folder, "/tmp/cwt-store-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof(s->path), "%s/state.db", s->folder);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scratch *s = *state;
	char command[128];

	fail_point_set(NULL);
	snprintf(command, sizeof(command), "rm -r %s", s->folder);
	assert_int_equal(system(command), 0);
	free(s);
	return 0;
}

static struct store *
reopen(struct scratch *s)
{
	struct store *store;

	assert_int_equal(store_open(&store, s->path, false, s->message, sizeof(s->message)), 0);
	return store;
}

static int
collect(void *arg, const char *key, const char *value)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s=%s;", key, value);
	return 0;
}

static void
assert_rows(struct store *store, const char *table, const char *expected)
{
	char text[256] = "";

	assert_int_equal(store_each(store, table, collect, text), 0);
	assert_string_equal(text, expected);
}

static void
put(struct store *store, const char *key, const char *value)
{
	assert_int_equal(store_put(store, "network", key, value), 0);
}

static void
test_commit_and_roll_back(void **state)
{
	struct store *store = reopen(*state);

	assert_int_equal(store_begin(store), 0);
	put(store, "a", "1");
	put(store, "b", "2");
	put(store, "a", "3");
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(store_begin(store), 0);
	put(store, "c", "4");
	assert_int_equal(store_remove(store, "network", "a"), 0);
	assert_int_equal(store_remove(store, "network", "absent"), 0);
	store_rollback(store);
	assert_rows(store, "network", "a=3;b=2;");
	assert_rows(store, "route", "");
	store_close(store);
}

static void
test_killed_between_writes(void **state)
{
	struct store *store;
	int status;
	const pid_t child = fork();

	if (child == 0) {
		store = reopen(*state);
		store_begin(store);
		store_put(store, "network", "kept", "1");
		if (store_commit(store) != 0)
			_exit(1);
		store_begin(store);
		store_put(store, "network", "lost", "2");
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	store = reopen(*state);
	assert_rows(store, "network", "kept=1;");
	store_close(store);
}

static void
test_failed_commit_leaves_nothing(void **state)
{
	struct store *store = reopen(*state);

	assert_true(fail_point_set("store_commit"));
	assert_int_equal(store_begin(store), 0);
	put(store, "a", "1");
	assert_int_equal(store_commit(store), -EIO);
	store_rollback(store);
	fail_point_set(NULL);
	assert_rows(store, "network", "");
	assert_int_equal(store_begin(store), 0);
	put(store, "b", "1");
	assert_int_equal(store_commit(store), 0);
	store_close(store);
	store = reopen(*state);
	assert_rows(store, "network", "b=1;");
	store_close(store);
}

static void
test_durability_is_as_promised(void **state)
{
	struct scratch *s = *state;
	struct store *store = reopen(s);
	sqlite3_stmt *statement;
	sqlite3 *db;

	store_close(store);
	assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), "wal");
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static off_t
size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void
test_damage_is_reported_and_left(void **state)
{
	struct scratch *s = *state;
	const char garbage[] = "this is no database, but somebody may still want to look at it";
	char found[sizeof(garbage)] = "";
	struct store *store;
	int fd = open(s->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	close(fd);
	assert_int_equal(
		store_open(&store, s->path, false, s->message, sizeof(s->message)), -EUCLEAN);
	assert_null(store);
	assert_non_null(strstr(s->message, "damaged"));
	assert_non_null(strstr(s->message, s->path));
	assert_int_equal(size_of(s->path), sizeof(garbage));
	fd = open(s->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, found, sizeof(found)), sizeof(found));
	close(fd);
	assert_memory_equal(found, garbage, sizeof(garbage));
}

// A page in the middle is overwritten: the file still looks like a database.
static void
test_torn_page_is_reported(void **state)
{
	struct scratch *s = *state;
	struct store *store = reopen(s);
	char key[16], value[2048];
	uint8_t page[4096];
	int fd;

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	assert_int_equal(store_begin(store), 0);
	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put(store, key, value);
	}
	assert_int_equal(store_commit(store), 0);
	store_close(store); // the log is written back
	memset(page, 0xa5, sizeof(page));
	fd = open(s->path, O_WRONLY | O_CLOEXEC);
	for (int i = 3; i < 20; i++)
		assert_int_equal(pwrite(fd, page, sizeof(page), i * 4096), sizeof(page));
	close(fd);
	assert_int_equal(
		store_open(&store, s->path, false, s->message, sizeof(s->message)), -EUCLEAN);
}

static void
test_newer_schema_is_refused(void **state)
{
	struct scratch *s = *state;
	struct store *store = reopen(s);
	char sql[64];
	sqlite3 *db;

	store_close(store);
	assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", store_version() + 1);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(
		store_open(&store, s->path, false, s->message, sizeof(s->message)), -EPROTO);
	assert_non_null(strstr(s->message, "newer"));
}

// A database of the first schema: what users configured was called so.
static void
test_first_schema_is_brought_up_to_date(void **state)
{
	static const char *const rows =
		"PRAGMA user_version = 1;"
		"CREATE TABLE route (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
		"CREATE TABLE port (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
		"INSERT INTO route VALUES ('a', '{\"nexthop\":1,\"origin\":\"user\"}');"
		"INSERT INTO route VALUES ('b', '{\"nexthop\":1,\"origin\":\"host\"}');"
		"INSERT INTO port VALUES ('p', '{\"origin\":\"user\",\"id\":7}');";
	struct scratch *s = *state;
	char found[256] = "";
	struct store *store;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	store = reopen(s);
	assert_int_equal(store_each(store, "route", collect, found), 0);
	assert_int_equal(store_each(store, "port", collect, found), 0);
	assert_int_equal(store_each(store, "vtep", collect, found), 0);
	assert_string_equal(found,
		"a={\"nexthop\":1,\"origin\":\"static\"};b={\"nexthop\":1,\"origin\":\"host\"};"
		"p={\"origin\":\"static\",\"id\":7};");
	store_close(store);
}

static void
test_read_only_makes_nothing(void **state)
{
	struct scratch *s = *state;
	struct store *store;

	assert_true(store_open(&store, s->path, true, s->message, sizeof(s->message)) < 0);
	assert_int_equal(access(s->path, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_commit_and_roll_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_between_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_commit_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_durability_is_as_promised, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage_is_reported_and_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_torn_page_is_reported, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer_schema_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_first_schema_is_brought_up_to_date, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only_makes_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
