/* SPDX-License-Identifier: Apache-2.0 */
// GC (CNI specification 1.1.0, section 4): deletes the endpoints of this network that the runtime
// does not name as valid, VFs included, and hands the request on to IPAM. What fails does not keep
// the rest; all errors are told at the end.
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "endpoint.h"
#include "ipam.h"
#include "log.h"

static const char *
text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(config_find(object, key));

	return text != NULL ? text : "";
}

// The attachments that stay, [{containerID, ifname}]. Under its old name, too. NULL without error:
// the runtime says nothing, so nothing is known to be stale.
static int
read_valid(const cJSON *json, const cJSON **valid, struct cni_error *error)
{
	static const char *const keys[] = {"cni.dev/valid-attachments", "cni.dev/attachments"};
	const char *key = keys[0];
	const cJSON *entry;

	*valid = config_find(json, key);
	if (*valid == NULL)
		*valid = config_find(json, key = keys[1]);
	if (*valid == NULL)
		return 0;
	if (!cJSON_IsArray(*valid))
		return config_refuse(error, key, *valid, "a list of attachments");
	cJSON_ArrayForEach (entry, *valid)
		if (text_of(entry, "containerID")[0] == '\0' || text_of(entry, "ifname")[0] == '\0')
			return config_refuse(
				error, key, entry, "a list of objects with containerID and ifname");
	return 0;
}

static bool
is_stale(const struct cni_call *call, const cJSON *endpoint, const cJSON *valid)
{
	const cJSON *entry;

	if (strcmp(text_of(endpoint, "cni_network"), call->config.name) != 0)
		return false;
	cJSON_ArrayForEach (entry, valid)
		if (strcmp(text_of(entry, "containerID"), text_of(endpoint, "container")) == 0
			&& strcmp(text_of(entry, "ifname"), text_of(endpoint, "ifname")) == 0)
			return false;
	return true;
}

// Adds another failure to those that there are.
static void
join(struct cni_error *all, const struct cni_error *one)
{
	const size_t length = strlen(all->message);

	if (all->code == 0)
		*all = *one;
	else
		snprintf(
			all->message + length, sizeof(all->message) - length, "; %s", one->message);
}

static void
release(const struct cni_call *call, const cJSON *endpoint, struct cni_error *failures)
{
	struct cni_call other = *call;
	struct cni_error error;

	other.env.container = text_of(endpoint, "container");
	other.env.ifname = text_of(endpoint, "ifname");
	log_json("stale", "endpoint", endpoint);
	if (endpoint_release(&other, &error) < 0)
		join(failures, &error);
}

static int
list_endpoints(struct cni_call *call, cJSON **endpoints)
{
	struct client_error cause;
	struct client *client;
	int rc = client_open(&client, call->config.socket, &cause);

	if (rc == 0) {
		rc = client_call(client, "endpoint.list", NULL, NULL, 0, endpoints, &cause);
		client_close(client);
	}
	return rc == 0 ? 0 : error_from_client(&call->error, rc, &cause);
}

static int
collect(struct cni_call *call)
{
	struct cni_error failures = {0};
	const cJSON *valid, *endpoint;
	cJSON *endpoints;

	if (read_valid(call->config.json, &valid, &call->error) < 0)
		return -1;
	if (valid == NULL)
		return 0;
	if (list_endpoints(call, &endpoints) < 0)
		return -1;
	cJSON_ArrayForEach (endpoint, endpoints)
		if (is_stale(call, endpoint, valid))
			release(call, endpoint, &failures);
	cJSON_Delete(endpoints);
	if (failures.code == 0)
		return 0;
	call->error = failures;
	return -1;
}

int
verb_gc(struct cni_call *call)
{
	struct cni_error ipam_error;
	int rc;

	if (call->config.version < CONFIG_1_1_0)
		return error_set(&call->error, CNI_VERSION_UNSUPPORTED,
			"GC exists since cniVersion 1.1.0, the configuration has %s",
			config_versions[call->config.version]);
	rc = collect(call);
	if (call->config.ipam_type == NULL
		|| ipam_call_if_known(&call->config, &call->env, CNI_VERB_GC, &ipam_error) == 0)
		return rc;
	if (rc == 0)
		call->error = ipam_error;
	else
		join(&call->error, &ipam_error);
	return -1;
}
