/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

// The desired state on disk: SQLite, write-ahead log, synchronous FULL. One table an object type,
// each row a key and the object as JSON. What store_commit() acknowledged survives a power cut; a
// damaged database is reported and never touched. Main thread; one process at a time.

#include <stdbool.h>
#include <stddef.h>

struct store;

#define STORE_FILE "state.db"

// Opens or makes the database and brings its schema up to date. read_only: neither. On an error
// *store is NULL and message says what is wrong and what to do: -EUCLEAN damaged, -EPROTO written
// by a newer version, or another -errno.
int store_open(
	struct store **store, const char *path, bool read_only, char *message, size_t message_len);
void store_close(struct store *store); // accepts NULL

// Calls fn for each row until it returns other than 0; returns that, or -EIO with store_message().
int store_each(struct store *store, const char *table,
	int (*fn)(void *arg, const char *key, const char *value), void *arg);

// A change: begin, any number of put and remove, then commit or roll back. All return 0, or
// -ENOSPC, -EIO or the like with store_message(). After a failure, roll back.
int store_begin(struct store *store);
int store_put(struct store *store, const char *table, const char *key, const char *value);
int store_remove(struct store *store, const char *table, const char *key); // absent is no error
int store_commit(struct store *store);
void store_rollback(struct store *store);

const char *store_message(const struct store *store);

#endif
