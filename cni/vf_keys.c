/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_keys.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <causeway/limits.h>

static const char *const device_keys[] = {"runtimeConfig.deviceID", "deviceID", "pciBusID"};

#define N_DEVICE_KEYS (sizeof(device_keys) / sizeof(device_keys[0]))

static int
out_of_memory(struct cni_error *error)
{
	return error_set(error, CNI_INTERNAL, "out of memory");
}

// What the runtime says now precedes what stands in the configuration.
static const cJSON *
find_device(const cJSON *json, size_t i)
{
	if (i == 0)
		return config_find(config_find(json, "runtimeConfig"), "deviceID");
	return config_find(json, device_keys[i]);
}

static bool
is_empty(const cJSON *value)
{
	return cJSON_IsString(value) && value->valuestring[0] == '\0';
}

bool
vf_keys_name_device(const cJSON *json)
{
	for (size_t i = 0; i < N_DEVICE_KEYS; i++)
		if (find_device(json, i) != NULL)
			return true;
	return false;
}

bool
vf_keys_have_settings(const cJSON *json)
{
	static const char *const keys[] = {"vlanQoS", "vlanProto", "spoofchk", "trust",
		"min_tx_rate", "max_tx_rate", "link_state", "vf_path"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (config_find(json, keys[i]) != NULL)
			return true;
	return false;
}

bool
vf_keys_device(const cJSON *json, char address[PCI_ADDRESS_LEN])
{
	const cJSON *value;

	for (size_t i = 0; i < N_DEVICE_KEYS; i++) {
		value = find_device(json, i);
		if (value != NULL && !is_empty(value))
			return cJSON_IsString(value)
			       && pci_address_parse(value->valuestring, address);
	}
	return false;
}

static int
add_string(cJSON *vf, const char *param, const char *value, struct cni_error *error)
{
	return cJSON_AddStringToObject(vf, param, value) != NULL ? 0 : out_of_memory(error);
}

static int
add_number(cJSON *vf, const char *param, int value, struct cni_error *error)
{
	return cJSON_AddNumberToObject(vf, param, value) != NULL ? 0 : out_of_memory(error);
}

static int
read_device(const cJSON *json, cJSON *vf, struct cni_error *error)
{
	char address[PCI_ADDRESS_LEN];
	const cJSON *value;
	size_t i = 0;

	while (i < N_DEVICE_KEYS && ((value = find_device(json, i)) == NULL || is_empty(value)))
		i++;
	if (i == N_DEVICE_KEYS)
		return error_set(error, CNI_CONFIG,
			"configuration key deviceID is %s; interface vf needs the PCI address of a "
			"VF there. Multus fills it in when the NetworkAttachmentDefinition has the "
			"annotation k8s.v1.cni.cncf.io/resourceName and the pod asks for that "
			"resource of the SR-IOV device plugin in its limits",
			vf_keys_name_device(json) ? "empty" : "absent");
	if (!cJSON_IsString(value) || !pci_address_parse(value->valuestring, address))
		return config_refuse(error, device_keys[i], value,
			"the PCI address of a VF like \"0000:03:02.0\"");
	return add_string(vf, "pci", address, error);
}

// A word out of choices; the empty one counts as absent, as it does there.
static int
read_choice(const cJSON *json, const char *key, const char *param, const char *const *choices,
	const char *expected, cJSON *vf, struct cni_error *error)
{
	const cJSON *value = config_find(json, key);

	if (value == NULL || is_empty(value))
		return 0;
	for (; cJSON_IsString(value) && *choices != NULL; choices++)
		if (strcmp(value->valuestring, *choices) == 0)
			return add_string(vf, param, *choices, error);
	return config_refuse(error, key, value, expected);
}

// YAML 1.1 makes booleans of on and off without quotes.
static int
read_switch(const cJSON *json, const char *key, cJSON *vf, struct cni_error *error)
{
	const cJSON *value = config_find(json, key);
	const char *text = cJSON_GetStringValue(value);
	bool on = cJSON_IsTrue(value) || (text != NULL && strcmp(text, "on") == 0);

	if (value == NULL || is_empty(value))
		return 0;
	if (!on && !cJSON_IsFalse(value) && (text == NULL || strcmp(text, "off") != 0))
		return config_refuse(error, key, value, "\"on\" or \"off\"");
	return cJSON_AddBoolToObject(vf, key, on) != NULL ? 0 : out_of_memory(error);
}

static int
read_rates(const cJSON *json, cJSON *vf, struct cni_error *error)
{
	static const char expected[] = "0 (no limit) or a whole number of Mbit/s";
	int min = -1, max = -1;

	if (config_integer(json, "min_tx_rate", "min_tx_rate", 0, INT_MAX, &min, expected, error)
			< 0
		|| config_integer(
			   json, "max_tx_rate", "max_tx_rate", 0, INT_MAX, &max, expected, error)
			   < 0)
		return -1;
	if (max > 0 && min > max)
		return config_refuse(error, "min_tx_rate", config_find(json, "min_tx_rate"),
			"at most max_tx_rate");
	if (min >= 0 && add_number(vf, "min_tx_rate", min, error) < 0)
		return -1;
	return max >= 0 ? add_number(vf, "max_tx_rate", max, error) : 0;
}

static int
read_qos(const cJSON *json, int vlan, cJSON *vf, struct cni_error *error)
{
	int qos = -1;

	if (config_integer(json, "vlanQoS", "vlanQoS", 0, 7, &qos, "an integer from 0 to 7", error)
		< 0)
		return -1;
	if (qos < 0)
		return 0;
	if (config_find(json, "vlan") == NULL || (qos > 0 && vlan == 0))
		return config_refuse(error, "vlanQoS", config_find(json, "vlanQoS"),
			"absent or 0 without a vlan from 1 to 4094: priority stands in its tag");
	return vlan != 0 ? add_number(vf, "vlan_qos", qos, error) : 0;
}

static int
read_proto(const cJSON *json, int vlan, cJSON *vf, struct cni_error *error)
{
	const cJSON *value = config_find(json, "vlanProto");
	const char *text = cJSON_GetStringValue(value);
	bool ad;

	if (value == NULL)
		return 0;
	ad = text != NULL && strcasecmp(text, "802.1ad") == 0;
	if (!ad && (text == NULL || strcasecmp(text, "802.1q") != 0))
		return config_refuse(error, "vlanProto", value, "\"802.1q\" or \"802.1ad\"");
	if (config_find(json, "vlan") == NULL || (ad && vlan == 0))
		return config_refuse(error, "vlanProto", value,
			"absent without vlan, and 802.1ad needs a vlan from 1 to 4094");
	return vlan != 0 ? add_string(vf, "vlan_proto", ad ? "802.1ad" : "802.1q", error) : 0;
}

// The tag that the card puts on. Without one, "vlan" 0 takes away what a VF had; a trunk needs
// nothing of the card then.
static int
add_vlan(const cJSON *json, const struct attachment *attachment, cJSON *vf, struct cni_error *error)
{
	const char *proto = cJSON_GetStringValue(cJSON_GetObjectItem(vf, "vlan_proto"));

	if (config_find(json, "vlan") == NULL)
		return 0;
	if (attachment->trunk == NULL)
		return add_number(vf, "vlan", attachment->vlan, error);
	if (attachment->vlan == 0)
		return 0;
	if (proto == NULL || strcmp(proto, "802.1ad") != 0)
		return config_refuse(error, "vlan", config_find(json, "vlan"),
			"0 or absent beside trunk, or have vlanProto 802.1ad: the card puts this "
			"tag on every frame of the VF");
	return add_number(vf, "vlan", attachment->vlan, error);
}

// On the way through the switch the card's tags are causewayd's to choose, and vlan only says which
// network it is.
static int
leave_tag(cJSON *vf, struct cni_error *error)
{
	const cJSON *qos = cJSON_GetObjectItem(vf, "vlan_qos");
	const cJSON *proto = cJSON_GetObjectItem(vf, "vlan_proto");
	static const char expected[] = "absent with vf_path switch: the card's tag is no wire's";

	if (qos != NULL && qos->valueint != 0)
		return config_refuse(error, "vlanQoS", qos, expected);
	if (proto != NULL && strcmp(proto->valuestring, "802.1ad") == 0)
		return config_refuse(error, "vlanProto", proto, expected);
	cJSON_DeleteItemFromObject(vf, "vlan_qos");
	cJSON_DeleteItemFromObject(vf, "vlan_proto");
	return 0;
}

static int
read_vlan(
	const cJSON *json, const struct attachment *attachment, cJSON *vf, struct cni_error *error)
{
	const char *path = cJSON_GetStringValue(cJSON_GetObjectItem(vf, "path"));

	if (read_qos(json, attachment->vlan, vf, error) < 0
		|| read_proto(json, attachment->vlan, vf, error) < 0)
		return -1;
	if (path != NULL && strcmp(path, "switch") == 0)
		return leave_tag(vf, error);
	return add_vlan(json, attachment, vf, error);
}

static int
read_uplink(const cJSON *json, cJSON *vf, struct cni_error *error)
{
	const cJSON *value = config_find(json, "uplink");

	if (value == NULL)
		return 0;
	if (!cJSON_IsString(value) || !env_is_name(value->valuestring)
		|| strlen(value->valuestring) >= CW_NAME_LEN)
		return config_refuse(error, "uplink", value,
			"the name of the Causeway port that is the switch's way to this card");
	return add_string(vf, "uplink", value->valuestring, error);
}

static int
read_bind(const cJSON *json, cJSON *vf, struct cni_error *error)
{
	const cJSON *value = config_find(json, "bind");

	if (value == NULL || is_empty(value))
		return 0;
	if (!cJSON_IsString(value) || !pci_is_dpdk_driver(value->valuestring))
		return config_refuse(error, "bind", value,
			"\"vfio-pci\" (or \"uio_pci_generic\", \"igb_uio\"), or absent to leave "
			"the VF to the driver that has it");
	return add_string(vf, "bind", value->valuestring, error);
}

int
vf_keys_read(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	static const char *const states[] = {"auto", "enable", "disable", NULL};
	static const char *const paths[] = {"card", "switch", NULL};
	cJSON *vf;

	if (strcmp(attachment->interface, "vf") != 0)
		return 0;
	vf = attachment->vf = cJSON_CreateObject();
	if (vf == NULL)
		return out_of_memory(error);
	if (read_device(json, vf, error) < 0
		|| read_choice(json, "vf_path", "path", paths, "\"card\" or \"switch\"", vf, error)
			   < 0
		|| read_vlan(json, attachment, vf, error) < 0
		|| read_switch(json, "spoofchk", vf, error) < 0
		|| read_switch(json, "trust", vf, error) < 0 || read_rates(json, vf, error) < 0
		|| read_choice(json, "link_state", "link_state", states,
			   "\"auto\", \"enable\" or \"disable\"", vf, error)
			   < 0
		|| read_uplink(json, vf, error) < 0)
		return -1;
	return read_bind(json, vf, error);
}
