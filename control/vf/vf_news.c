/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_news.h"

#include <errno.h>
#include <string.h>

#include "schema.h"
#include "vf_show.h"
#include "watch.h"

#define PERIOD_S 5
#define SOON_MS 100 // several things change at once

static cJSON *
list_now(struct causewayd *d)
{
	cJSON *list = vf_show_list(d, NULL), *vf;

	cJSON_ArrayForEach (vf, list)
		cJSON_DeleteItemFromObjectCaseSensitive(vf, "counters");
	return list;
}

static const cJSON *
find(const cJSON *list, const cJSON *like)
{
	const char *pci = schema_string(like, "pci");
	const cJSON *vf;

	cJSON_ArrayForEach (vf, list)
		if (strcmp(schema_string(vf, "pci"), pci) == 0)
			return vf;
	return NULL;
}

static void
tell(struct causewayd *d, const cJSON *before, const cJSON *after)
{
	const cJSON *vf, *former;

	cJSON_ArrayForEach (vf, before)
		if (find(after, vf) == NULL)
			watch_vf(d, "del", cJSON_Duplicate(vf, true));
	cJSON_ArrayForEach (vf, after) {
		former = find(before, vf);
		if (former == NULL || !cJSON_Compare(former, vf, true))
			watch_vf(d, former == NULL ? "add" : "set", cJSON_Duplicate(vf, true));
	}
}

static void
look_in(struct vfs *vfs, unsigned int seconds, unsigned int ms)
{
	const struct timeval in = {seconds, (suseconds_t)ms * 1000};

	event_add(vfs->news, &in);
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct vfs *vfs = arg;
	cJSON *now = watch_wants_vfs(vfs->d) ? list_now(vfs->d) : NULL;

	vfs->news_are_due = false;
	if (now != NULL) {
		tell(vfs->d, vfs->told, now);
		look_in(vfs, PERIOD_S, 0);
	}
	cJSON_Delete(vfs->told);
	vfs->told = now;
}

cJSON *
vf_news_begin(struct causewayd *d)
{
	struct vfs *vfs = d->vfs;

	// Who watches already hears of what is new until now.
	if (vfs->told != NULL)
		on_news(-1, 0, vfs);
	if (vfs->told == NULL)
		vfs->told = list_now(d);
	look_in(vfs, PERIOD_S, 0);
	return cJSON_Duplicate(vfs->told, true);
}

void
vf_news_look(struct causewayd *d)
{
	struct vfs *vfs = d->vfs;

	if (vfs->told == NULL || vfs->news_are_due)
		return; // not put off by what keeps changing
	vfs->news_are_due = true;
	look_in(vfs, 0, SOON_MS);
}

int
vf_news_create(struct vfs *vfs)
{
	vfs->news = evtimer_new(vfs->d->base, on_news, vfs);
	return vfs->news != NULL ? 0 : -ENOMEM;
}

void
vf_news_free(struct vfs *vfs)
{
	if (vfs->news != NULL)
		event_free(vfs->news);
	cJSON_Delete(vfs->told);
}
