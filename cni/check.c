/* SPDX-License-Identifier: Apache-2.0 */
// CHECK (CNI specification 1.1.0, section 3): the attachment is on record and whole, and IPAM
// agrees.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "call.h"
#include "device_info.h"
#include "endpoint.h"
#include "ipam.h"
#include "vf_check.h"

static const char *
text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

// The pod's folder must be there; the socket in it may be the pod's to make.
static int
check_folder(const cJSON *endpoint, struct cni_error *error)
{
	const char *socket = text_of(endpoint, "socket");
	char folder[128];
	struct stat status;

	if (socket == NULL || socket[0] != '/')
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(socket, '/') - socket), socket);
	if (stat(folder, &status) == 0 && S_ISDIR(status.st_mode))
		return 0;
	return error_set(error, CNI_CONFLICT, "the pod's socket folder %s is gone", folder);
}

// A port may wait for its peer; one that the data plane refused, or whose device is gone, is none.
static int
check_state(const cJSON *object, const char *what, struct cni_error *error)
{
	const char *state = text_of(object, "state"), *reason = text_of(object, "reason");

	if (state == NULL || (strcmp(state, "gone") != 0 && strcmp(state, "refused") != 0))
		return 0;
	return error_set(error, CNI_CONFLICT, "the %s is %s: %s", what, state,
		reason != NULL ? reason : "no reason given");
}

static int
check_port(struct cni_call *call, struct client *client, const cJSON *endpoint)
{
	cJSON *params = cJSON_CreateObject(), *port;
	struct client_error cause;
	int rc;

	cJSON_AddStringToObject(params, "name", text_of(endpoint, "port"));
	rc = client_call(client, "port.get", params, NULL, 0, &port, &cause);
	if (rc < 0)
		return error_from_client(&call->error, rc, &cause);
	rc = check_state(port, "port", &call->error);
	cJSON_Delete(port);
	return rc;
}

static int
check_endpoint(struct cni_call *call, struct client *client)
{
	struct client_error cause;
	cJSON *endpoint;
	int rc;

	rc = client_call(
		client, "endpoint.get", endpoint_key(&call->env), NULL, 0, &endpoint, &cause);
	if (rc < 0)
		return error_from_client(&call->error, rc, &cause);
	rc = check_state(endpoint, "attachment", &call->error);
	if (rc == 0)
		rc = check_port(call, client, endpoint);
	if (rc == 0)
		rc = check_folder(endpoint, &call->error);
	if (rc == 0)
		rc = vf_check(call, endpoint);
	if (rc == 0)
		rc = device_info_check(call, endpoint);
	cJSON_Delete(endpoint);
	return rc;
}

int
verb_check(struct cni_call *call)
{
	struct client_error cause;
	struct client *client;
	int rc;

	if (call->config.version < CONFIG_0_4_0)
		return error_set(&call->error, CNI_VERSION_UNSUPPORTED,
			"CHECK exists since cniVersion 0.4.0, the configuration has %s",
			config_versions[call->config.version]);
	if (call->config.prev_result == NULL)
		return error_set(
			&call->error, CNI_CONFIG, "CHECK needs prevResult in the configuration");
	if (call->config.ipam_type != NULL
		&& ipam_call(&call->config, &call->env, CNI_VERB_CHECK, NULL, &call->error) < 0)
		return -1;
	rc = client_open(&client, call->config.socket, &cause);
	if (rc < 0)
		return error_from_client(&call->error, rc, &cause);
	rc = check_endpoint(call, client);
	client_close(client);
	return rc;
}
