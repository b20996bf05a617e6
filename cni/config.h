/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_CONFIG_H
#define CNI_CONFIG_H

// The network configuration on stdin (CNI specification 1.1.0, section 1). Keys are matched without
// regard to case, as Go's decoder does; of two spellings of one key the last wins. Unknown keys are
// ignored; an invalid value of a known key is code 7 and names key and value.

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "address.h"
#include "env.h"
#include "error.h"

enum config_version {
	CONFIG_0_3_0,
	CONFIG_0_3_1,
	CONFIG_0_4_0,
	CONFIG_1_0_0,
	CONFIG_1_1_0,
	CONFIG_VERSIONS, // number of versions, not a version
};

// Names of the supported versions, oldest first.
extern const char *const config_versions[CONFIG_VERSIONS];

// What every verb but VERSION needs.
struct config {
	char *text; // as received: delegates get it unchanged
	cJSON *json;
	enum config_version version;
	const char *name; // of the CNI network
	const char *ipam_type; // NULL: no IPAM
	const cJSON *prev_result; // NULL: none
	char socket[108]; // control.sock
	const char *state_dir;
};

// What ADD asks causewayd for. cJSON members are owned unless said otherwise; NULL means "not
// asked for".
struct attachment {
	const char *network;
	char bridge[16]; // network when it is a bridge's number
	const char *interface; // "kernel", "vhost-user", "memif" or "vf"
	const char *kind; // NULL: causewayd chooses
	int mtu; // 0: the network's
	int vlan; // 0: untagged
	char mac[MAC_TEXT]; // empty: causewayd chooses
	cJSON *trunk; // [{"vlan", "network"}]
	cJSON *ips; // ["address/prefix"], without IPAM only
	cJSON *socket; // parameters of endpoint.add that vhost-user and memif have of their own
	cJSON *vf; // the VF and its settings: endpoint.add's "vf"
	char socket_file[108]; // its name; empty: causewayd's choice
	const char *shared_dir; // of the userspace plugin, NULL: the pod's own folder
	const cJSON *guard; // bool or list of names; the configuration's
	const cJSON *hairpin; // bool; the configuration's
	const cJSON *dns; // the configuration's
	bool default_gateway; // add default routes by the addresses' gateways
};

// The last member of object whose name is key, whatever the case. NULL when absent, null, or when
// object is NULL.
const cJSON *config_find(const cJSON *object, const char *key);

// The supported version of that name, or -1.
int config_version_by_name(const char *name);

// Decodes text (taken, a terminated string of length bytes) and checks what every verb needs: code
// 6 no JSON object, 1 version, 7 name and paths. On failure config can still be freed, and
// config->json is NULL or the decoded object.
int config_read(struct config *config, char *text, size_t length, struct cni_error *error);
void config_free(struct config *config);

// Reads what ADD asks for. args are those of the environment. attachment is to be freed in any
// case.
int config_read_attachment(const struct config *config, const struct cni_args *args,
	struct attachment *attachment, struct cni_error *error);
void attachment_free(struct attachment *attachment);

// An integer within [min, max]; a bool, NULL when the key is absent. label is the key as messages
// name it. Absence leaves *number as it is.
int config_integer(const cJSON *object, const char *key, const char *label, int min, int max,
	int *number, const char *expected, struct cni_error *error);
int config_bool(const cJSON *json, const char *key, const cJSON **found, struct cni_error *error);

// Code 7: key has a value that is not what was expected. Returns -1.
int config_refuse(
	struct cni_error *error, const char *key, const cJSON *value, const char *expected);

#endif
