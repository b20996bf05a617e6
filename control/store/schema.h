/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <sqlite3.h>

// Migrations: step i leads from version i to i + 1. Each runs in a transaction that also sets
// user_version. Released steps are never changed.
extern const char *const store_migrations[];
int store_version(void); // that the last step leads to

#endif
