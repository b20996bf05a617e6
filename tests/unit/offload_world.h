/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_OFFLOAD_WORLD_H
#define TESTS_OFFLOAD_WORLD_H

// Objects and the offload of a data plane whose devices are fake ones (fake_flow.h): network 7.

#include <netinet/in.h>

#include "candidate.h"
#include "server_helper.h"

#include "fake_flow.h"
#include "server/offload_private.h"

static struct objects *objects;
static struct offload *offload;
static struct fixture *f;
static union item a;
static uint32_t now_s;

static inline void
world_ignore(void *arg, const struct cw_item *event)
{
}

static inline void
set(const struct cw_item *item)
{
	struct reason why = {""};

	if (objects_set(objects, item, NULL, 0, &why) != 0)
		fail_msg("%s", why.text);
	objects_settle(objects);
}

static inline void
del(const struct cw_item *item)
{
	struct reason why;

	assert_int_equal(objects_del(objects, item, &why), 0);
	objects_settle(objects);
}

static inline void
world_open(void **state)
{
	f = *state;
	fake.ethdev_starts = 1;
	now_s = 1;
	objects = objects_create(f->dp, world_ignore, NULL);
	assert_non_null(objects);
	offload = offload_create(f->dp, objects);
	assert_non_null(offload);
	objects_set_offload(objects, offload);
	set(make_network(&a, 7));
}

static inline void
world_close(void)
{
	offload_free(offload);
	objects_set_offload(objects, NULL);
	assert_int_equal(flows.n_rules, 0);
	objects_free(objects);
	candidates_close(f->dp);
}

static inline void
a_second_passes(void)
{
	offload_second(offload, ++now_s);
}

#endif
