/* SPDX-License-Identifier: Apache-2.0 */
// CHECK (CNI specification 1.1.0, section 3): the attachment is on record and IPAM agrees.
#include "call.h"
#include "endpoint.h"
#include "ipam.h"

static int
check_endpoint(struct cni_call *call)
{
	struct client_error cause;
	struct client *client;
	int rc;

	rc = client_open(&client, call->config.socket, &cause);
	if (rc == 0) {
		rc = client_call(
			client, "endpoint.get", endpoint_key(&call->env), NULL, 0, NULL, &cause);
		client_close(client);
	}
	return rc == 0 ? 0 : error_from_client(&call->error, rc, &cause);
}

int
verb_check(struct cni_call *call)
{
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
	return check_endpoint(call);
}
