/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/mirror.h"
#include "api/common.h"

static void
get(struct request *request)
{
	request_reply(request, mirror_show(request->d->mirror));
}

const struct method mirror_methods[] = {
	{"mirror.get", no_params, false, get},
	{0},
};
