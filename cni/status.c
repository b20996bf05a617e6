/* SPDX-License-Identifier: Apache-2.0 */
// STATUS (CNI specification 1.1.0, section 3): runtimes ask every few seconds, so the question is
// cheap and its answer is not waited for long.
#include <string.h>

#include "call.h"
#include "ipam.h"

#define STATUS_TIMEOUT_MS 2000

// causewayd answers without the data plane, too, but then refuses every ADD.
static int
check_dataplane(struct cni_call *call, const cJSON *health)
{
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(health, "dataplane"), "state");

	if (!cJSON_IsString(state) || strcmp(state->valuestring, "ready") == 0)
		return 0;
	return error_set(
		&call->error, CNI_NOT_AVAILABLE, "the data plane is %s", state->valuestring);
}

// Nor does it know any addresses before flanneld has said which are this node's.
static int
check_flannel(struct cni_call *call, const cJSON *health)
{
	const cJSON *flannel = cJSON_GetObjectItemCaseSensitive(health, "flannel");
	const char *state =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(flannel, "state"));
	const char *reason =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(flannel, "reason"));

	if (state == NULL || strcmp(state, "ready") == 0)
		return 0;
	return error_set(&call->error, CNI_NOT_AVAILABLE,
		"this node's part of the pod network is not known: subnet.env: %s",
		reason != NULL ? reason : state);
}

static int
check_causewayd(struct cni_call *call)
{
	struct client_error cause;
	struct client *client;
	cJSON *health = NULL;
	int rc;

	rc = client_open(&client, call->config.socket, &cause);
	if (rc == 0) {
		client_set_timeout(client, STATUS_TIMEOUT_MS);
		rc = client_call(client, "health.get", NULL, NULL, 0, &health, &cause);
		client_close(client);
	}
	if (rc == 0) {
		rc = check_dataplane(call, health);
		if (rc == 0)
			rc = check_flannel(call, health);
		cJSON_Delete(health);
		return rc;
	}
	error_from_client(&call->error, rc, &cause);
	call->error.code = CNI_NOT_AVAILABLE;
	return -1;
}

int
verb_status(struct cni_call *call)
{
	if (call->config.version < CONFIG_1_1_0)
		return error_set(&call->error, CNI_VERSION_UNSUPPORTED,
			"STATUS exists since cniVersion 1.1.0, the configuration has %s",
			config_versions[call->config.version]);
	if (check_causewayd(call) < 0)
		return -1;
	if (call->config.ipam_type == NULL)
		return 0;
	return ipam_call_if_known(&call->config, &call->env, CNI_VERB_STATUS, &call->error);
}
