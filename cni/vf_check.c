/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_check.h"

#include <string.h>

#include "vf_keys.h"

static const cJSON *
member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static int
differ(struct cni_error *error, const char *key, const cJSON *wanted, const cJSON *found)
{
	char *wants = cJSON_PrintUnformatted(wanted), *has = cJSON_PrintUnformatted(found);

	error_set(error, CNI_CONFLICT, "the VF has %s %.100s, the configuration wants %.100s", key,
		has != NULL ? has : "?", wants != NULL ? wants : "?");
	cJSON_free(wants);
	cJSON_free(has);
	return -1;
}

static int
compare(const cJSON *wanted, const cJSON *found, struct cni_error *error)
{
	const cJSON *item, *has;

	cJSON_ArrayForEach (item, wanted) {
		// What "bind" asks for is seen in the driver.
		has = member(found, strcmp(item->string, "bind") == 0 ? "driver" : item->string);
		if (has != NULL && !cJSON_Compare(item, has, true))
			return differ(error, item->string, item, has);
	}
	return 0;
}

// The MAC that the card lets through is not always the one that the interface has.
static int
compare_mac(const cJSON *endpoint, struct cni_error *error)
{
	const cJSON *wanted = member(endpoint, "mac");
	const cJSON *found = member(member(endpoint, "vf"), "mac");

	if (wanted == NULL || found == NULL || cJSON_Compare(wanted, found, true))
		return 0;
	return differ(error, "mac", wanted, found);
}

int
vf_check(struct cni_call *call, const cJSON *endpoint)
{
	const cJSON *found = member(endpoint, "vf");
	struct attachment attachment;
	int rc;

	if (found == NULL || !vf_keys_name_device(call->config.json))
		return 0;
	rc = config_read_attachment(&call->config, &call->env.args, &attachment, &call->error);
	if (rc == 0)
		rc = compare(attachment.vf, found, &call->error);
	if (rc == 0)
		rc = compare_mac(endpoint, &call->error);
	attachment_free(&attachment);
	return rc;
}
