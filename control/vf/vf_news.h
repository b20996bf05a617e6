/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_NEWS_H
#define VF_NEWS_H

// What changes at the node's VFs, for those who watch (vf.watch). Most of it is the kernel's and
// the cards', who tell of no more than links: the list is looked at again soon after whatever may
// have changed it, and every few seconds, and only while somebody watches. Main thread.

#include <cjson/cJSON.h>

#include "vf.h"

// Returns 0 or -ENOMEM.
int vf_news_create(struct vfs *vfs);
void vf_news_free(struct vfs *vfs);

// The list (without counters) whose changes are told from now on; the caller's to delete.
cJSON *vf_news_begin(struct causewayd *d);

// Something may have changed.
void vf_news_look(struct causewayd *d);

#endif
