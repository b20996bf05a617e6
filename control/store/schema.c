/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#define TABLE(name) \
	"CREATE TABLE " name " (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"

#define ORIGIN_STATIC(name)                                                  \
	"UPDATE " name " SET value = json_set(value, '$.origin', 'static') " \
	"WHERE json_extract(value, '$.origin') = 'user';"

const char *const store_migrations[] = {
	// intent: devices that are being made; what is left at a start was interrupted.
	TABLE("network") TABLE("port") TABLE("endpoint") TABLE("nexthop") TABLE("neighbor")
		TABLE("fdb") TABLE("route") TABLE("intent"),
	// vtep; what users configured is called "static" everywhere.
	TABLE("vtep") ORIGIN_STATIC("port") ORIGIN_STATIC("route"),
	// vf: VFs that pods have, and what they were before.
	TABLE("vf"),
	// setting: switches of the node.
	TABLE("setting"),
};

int
store_version(void)
{
	return (int)(sizeof(store_migrations) / sizeof(store_migrations[0]));
}
