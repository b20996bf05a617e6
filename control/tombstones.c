/* SPDX-License-Identifier: Apache-2.0 */
#include "tombstones.h"

#include <errno.h>
#include <string.h>

#include "endpoint_del.h"
#include "log.h"
#include "tombstone.h"

static void
on_deleted(void *arg, const struct failure *failure)
{
	*(struct failure *)arg = *failure;
}

static int delete (const char *container, const char *ifname, void *arg)
{
	struct failure failure = {0};

	// The data plane is not connected yet: done when this returns.
	endpoint_del(arg, endpoint_find(((struct causewayd *)arg)->objects, container, ifname),
		on_deleted, &failure);
	if (failure.code == 0)
		return 0;
	log_warning("deleted endpoint is kept: %s container=%s ifname=%s", failure.message,
		container, ifname);
	return -EIO;
}

void
tombstones_replay(struct causewayd *d)
{
	const int n = tombstone_replay(d->options.state_dir, delete, d);

	if (n < 0)
		log_warning("tombstones cannot be read: %s", strerror(-n));
	else if (n > 0)
		log_info("endpoints deleted meanwhile are gone n=%d", n);
}
