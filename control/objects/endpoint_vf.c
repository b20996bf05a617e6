/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint_vf.h"

#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "json.h"

#define PROTO_8021Q 0x8100
#define PROTO_8021AD 0x88a8
#define RATE_MAX 10000000 // Mbit/s

const char *const endpoint_vf_modes[] = {"kernel", "dpdk", NULL};
const char *const endpoint_vf_paths[] = {"card", "switch", NULL};
static const char *const protocols[] = {"802.1q", "802.1ad", NULL};
static const char *const link_states[] = {"auto", "enable", "disable", NULL};
static const char *const drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio", NULL};

#define ASKED                                                                                      \
	{"path", FIELD_CHOICE, false, 0, 0, NULL, endpoint_vf_paths},                              \
		{"bind", FIELD_CHOICE, false, 0, 0, NULL, drivers},                                \
		{"vlan", FIELD_INTEGER, false, 0, 4094}, {"vlan_qos", FIELD_INTEGER, false, 0, 7}, \
		{"vlan_proto", FIELD_CHOICE, false, 0, 0, NULL, protocols},                        \
		{"spoofchk", FIELD_BOOLEAN}, {"trust", FIELD_BOOLEAN},                             \
		{"min_tx_rate", FIELD_INTEGER, false, 0, RATE_MAX},                                \
		{"max_tx_rate", FIELD_INTEGER, false, 0, RATE_MAX},                                \
	{                                                                                          \
		"link_state", FIELD_CHOICE, false, 0, 0, NULL, link_states                         \
	}

const struct field endpoint_vf_params[] = {
	{"pci", FIELD_STRING, true, 1, 31},
	{"uplink", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	ASKED,
	{0},
};

const struct field endpoint_vf_stored[] = {
	{"pci", FIELD_STRING, true, 1, PCI_ADDRESS_LEN - 1},
	{"pf", FIELD_STRING, true, 1, PCI_ADDRESS_LEN - 1},
	{"index", FIELD_INTEGER, true, 0, UINT16_MAX},
	{"mode", FIELD_CHOICE, true, 0, 0, NULL, endpoint_vf_modes},
	{"mac", FIELD_MAC},
	{"uplink", FIELD_NAME, false, 1, CW_NAME_LEN - 1},
	{"uplink_named", FIELD_BOOLEAN},
	{"uplink_away", FIELD_BOOLEAN},
	ASKED,
	{0},
};

static uint8_t
choice(const char *const *choices, const char *text)
{
	uint8_t i = 0;

	while (text != NULL && choices[i] != NULL && strcmp(choices[i], text) != 0)
		i++;
	return text != NULL && choices[i] != NULL ? i : 0;
}

static int
refuse(struct failure *failure, const char *key, const char *value, const char *hint,
	const char *message)
{
	return failure_set(failure, CW_RPC_INVALID_PARAMS, key, value, hint, "%s", message);
}

static int
read_vlan(struct vf_settings *wanted, const cJSON *json, struct failure *failure)
{
	const char *proto = schema_string(json, "vlan_proto");
	const int64_t vlan = schema_integer(json, "vlan", -1);
	const int64_t qos = schema_integer(json, "vlan_qos", 0);
	char text[8];

	snprintf(text, sizeof(text), "%d", (int)qos);
	if (vlan < 0 && schema_get(json, "vlan_qos") != NULL)
		return refuse(failure, "vf.vlan_qos", text, "give vf.vlan, too",
			"a VLAN priority needs a VLAN");
	if (vlan < 0 && proto != NULL)
		return refuse(failure, "vf.vlan_proto", proto, "give vf.vlan, too",
			"a VLAN protocol needs a VLAN");
	if (vlan == 0 && qos != 0)
		return refuse(failure, "vf.vlan_qos", text, "give a VLAN from 1 to 4094",
			"a VLAN priority needs a VLAN other than 0");
	if (vlan == 0 && choice(protocols, proto) != 0)
		return refuse(failure, "vf.vlan_proto", proto, "give a VLAN from 1 to 4094",
			"802.1ad needs a VLAN other than 0");
	if (vlan < 0)
		return 0;
	wanted->known |= VF_VLAN;
	wanted->vlan = (uint16_t)vlan;
	wanted->qos = (uint8_t)qos;
	wanted->vlan_proto = choice(protocols, proto) != 0 ? PROTO_8021AD : PROTO_8021Q;
	return 0;
}

static int
read_rates(struct endpoint_vf *vf, const cJSON *json, struct failure *failure)
{
	struct vf_settings *wanted = &vf->wanted;
	char text[16];

	vf->min_rate = schema_get(json, "min_tx_rate") != NULL;
	vf->max_rate = schema_get(json, "max_tx_rate") != NULL;
	wanted->min_tx_rate = (uint32_t)schema_integer(json, "min_tx_rate", 0);
	wanted->max_tx_rate = (uint32_t)schema_integer(json, "max_tx_rate", 0);
	if (vf->min_rate || vf->max_rate)
		wanted->known |= VF_RATE;
	snprintf(text, sizeof(text), "%u", wanted->min_tx_rate);
	if (wanted->max_tx_rate != 0 && wanted->min_tx_rate > wanted->max_tx_rate)
		return refuse(failure, "vf.min_tx_rate", text, "give at most vf.max_tx_rate",
			"the least rate is above the highest");
	return 0;
}

int
endpoint_vf_read(struct endpoint_vf *vf, const cJSON *json, struct failure *failure)
{
	struct vf_settings *wanted = &vf->wanted;
	const char *text = schema_string(json, "pci");

	if (!pci_address_parse(text, vf->pci))
		return refuse(failure, "vf.pci", text, "give it like 0000:01:10.0",
			"it is no PCI address");
	text = schema_string(json, "pf");
	if (text != NULL)
		pci_address_parse(text, vf->pf);
	vf->index = (uint16_t)schema_integer(json, "index", 0);
	vf->mode = choice(endpoint_vf_modes, schema_string(json, "mode"));
	vf->path = choice(endpoint_vf_paths, schema_string(json, "path"));
	json_read_text(json, "bind", vf->bind, sizeof(vf->bind));
	json_read_text(json, "uplink", vf->uplink, sizeof(vf->uplink));
	vf->named = schema_boolean(json, "uplink_named", false);
	vf->away = schema_boolean(json, "uplink_away", false);
	text = schema_string(json, "mac");
	if (text != NULL && mac_parse(text, wanted->mac))
		wanted->known |= VF_MAC;
	if (schema_get(json, "spoofchk") != NULL)
		wanted->known |= VF_SPOOFCHK;
	wanted->spoofchk = schema_boolean(json, "spoofchk", false);
	if (schema_get(json, "trust") != NULL)
		wanted->known |= VF_TRUST;
	wanted->trust = schema_boolean(json, "trust", false);
	text = schema_string(json, "link_state");
	if (text != NULL)
		wanted->known |= VF_LINK_STATE;
	wanted->link_state = choice(link_states, text);
	if (read_vlan(wanted, json, failure) < 0)
		return -1;
	return read_rates(vf, json, failure);
}

static void
add_rates(const struct vf_settings *settings, bool min, bool max, cJSON *json)
{
	if (min)
		cJSON_AddNumberToObject(json, "min_tx_rate", settings->min_tx_rate);
	if (max)
		cJSON_AddNumberToObject(json, "max_tx_rate", settings->max_tx_rate);
}

void
endpoint_vf_settings(const struct vf_settings *settings, unsigned int which, cJSON *json)
{
	which &= settings->known;
	if ((which & VF_MAC) != 0)
		json_add_mac(json, "mac", settings->mac);
	if ((which & VF_VLAN) != 0) {
		cJSON_AddNumberToObject(json, "vlan", settings->vlan);
		cJSON_AddNumberToObject(json, "vlan_qos", settings->qos);
		cJSON_AddStringToObject(
			json, "vlan_proto", protocols[settings->vlan_proto == PROTO_8021AD]);
	}
	if ((which & VF_SPOOFCHK) != 0)
		cJSON_AddBoolToObject(json, "spoofchk", settings->spoofchk);
	if ((which & VF_TRUST) != 0)
		cJSON_AddBoolToObject(json, "trust", settings->trust);
	if ((which & VF_RATE) != 0)
		add_rates(settings, true, true, json);
	if ((which & VF_LINK_STATE) != 0 && settings->link_state <= VF_LINK_DISABLE)
		cJSON_AddStringToObject(json, "link_state", link_states[settings->link_state]);
}

cJSON *
endpoint_vf_json(const struct endpoint_vf *vf)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "pci", vf->pci);
	cJSON_AddStringToObject(json, "pf", vf->pf);
	cJSON_AddNumberToObject(json, "index", vf->index);
	cJSON_AddStringToObject(json, "mode", endpoint_vf_modes[vf->mode]);
	cJSON_AddStringToObject(json, "path", endpoint_vf_paths[vf->path]);
	if (vf->uplink[0] != '\0')
		cJSON_AddStringToObject(json, "uplink", vf->uplink);
	if (vf->named)
		cJSON_AddTrueToObject(json, "uplink_named");
	if (vf->away)
		cJSON_AddTrueToObject(json, "uplink_away");
	if (vf->bind[0] != '\0')
		cJSON_AddStringToObject(json, "bind", vf->bind);
	endpoint_vf_settings(&vf->wanted, ~(unsigned int)VF_RATE, json);
	add_rates(&vf->wanted, vf->min_rate, vf->max_rate, json);
	return json;
}

// Of an uplink that nobody named it does not matter which it is.
static bool
same_uplink(const struct endpoint_vf *asked, const struct endpoint_vf *existing)
{
	return asked->named ? strcmp(asked->uplink, existing->uplink) == 0 : !existing->named;
}

bool
endpoint_vf_same(const struct endpoint_vf *asked, const struct endpoint_vf *existing)
{
	const struct vf_settings *wanted = &asked->wanted;

	return strcmp(asked->pci, existing->pci) == 0 && strcmp(asked->bind, existing->bind) == 0
	       && same_uplink(asked, existing) && asked->path == existing->path
	       && wanted->known == existing->wanted.known && asked->min_rate == existing->min_rate
	       && asked->max_rate == existing->max_rate
	       && vf_settings_differ(wanted, &existing->wanted, wanted->known) == 0;
}
