/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "fail_point.h"
#include "objects/json.h"
#include "store/store.h"

#define TABLE "vf"

static int
finish(struct store *store, int ret)
{
	if (ret == 0)
		ret = store_commit(store);
	if (ret < 0)
		store_rollback(store);
	return ret;
}

int
vf_record_store(struct store *store, const struct vf_record *record)
{
	cJSON *json = vf_record_json(record);
	char *text = json != NULL ? cJSON_PrintUnformatted(json) : NULL;
	int ret = text != NULL ? fail_point("vf_record") : -ENOMEM;

	if (ret == 0)
		ret = store_begin(store);
	if (ret == 0)
		ret = finish(store, store_put(store, TABLE, record->pci, text));
	cJSON_free(text);
	cJSON_Delete(json);
	return ret;
}

int
vf_record_remove(struct store *store, const char *pci)
{
	const int ret = store_begin(store);

	return ret == 0 ? finish(store, store_remove(store, TABLE, pci)) : ret;
}

static cJSON *
settings_json(const struct vf_settings *settings)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddNumberToObject(json, "known", settings->known);
	json_add_mac(json, "mac", settings->mac);
	cJSON_AddNumberToObject(json, "vlan", settings->vlan);
	cJSON_AddNumberToObject(json, "vlan_proto", settings->vlan_proto);
	cJSON_AddNumberToObject(json, "qos", settings->qos);
	cJSON_AddBoolToObject(json, "spoofchk", settings->spoofchk);
	cJSON_AddBoolToObject(json, "trust", settings->trust);
	cJSON_AddNumberToObject(json, "min_tx_rate", settings->min_tx_rate);
	cJSON_AddNumberToObject(json, "max_tx_rate", settings->max_tx_rate);
	cJSON_AddNumberToObject(json, "link_state", settings->link_state);
	return json;
}

static void
add_netdev(const struct vf_record *record, cJSON *json)
{
	cJSON *altnames;

	cJSON_AddStringToObject(json, "name", record->name);
	json_add_mac(json, "mac", record->mac);
	cJSON_AddNumberToObject(json, "mtu", record->mtu);
	cJSON_AddBoolToObject(json, "up", record->up);
	altnames = cJSON_AddArrayToObject(json, "altnames");
	for (unsigned int i = 0; i < record->altnames.n; i++)
		cJSON_AddItemToArray(altnames, cJSON_CreateString(record->altnames.names[i]));
}

cJSON *
vf_record_json(const struct vf_record *record)
{
	cJSON *json = cJSON_CreateObject();

	cJSON_AddStringToObject(json, "container", record->container);
	cJSON_AddStringToObject(json, "ifname", record->ifname);
	cJSON_AddStringToObject(json, "netns", record->netns);
	json_add_hex(json, "netns_device", record->netns_id.device);
	json_add_hex(json, "netns_inode", record->netns_id.inode);
	cJSON_AddStringToObject(json, "pci", record->pci);
	cJSON_AddStringToObject(json, "pf", record->pf);
	cJSON_AddNumberToObject(json, "index", record->index);
	cJSON_AddStringToObject(json, "boot", record->identity.boot);
	json_add_hex(json, "device", record->identity.device);
	cJSON_AddStringToObject(json, "mode", endpoint_vf_modes[record->mode]);
	cJSON_AddItemToObject(json, "original", settings_json(&record->original));
	cJSON_AddNumberToObject(json, "touched", record->touched);
	cJSON_AddBoolToObject(json, "own_mac", record->own_mac);
	if (record->name[0] != '\0')
		add_netdev(record, json);
	cJSON_AddStringToObject(json, "driver", record->driver);
	cJSON_AddStringToObject(json, "override", record->override);
	cJSON_AddBoolToObject(json, "bound", record->bound);
	return json;
}

// --- and back

static void
read_settings(const cJSON *json, struct vf_settings *settings)
{
	settings->known = (unsigned int)schema_integer(json, "known", 0);
	json_read_mac(json, "mac", settings->mac);
	settings->vlan = (uint16_t)schema_integer(json, "vlan", 0);
	settings->vlan_proto = (uint16_t)schema_integer(json, "vlan_proto", 0);
	settings->qos = (uint8_t)schema_integer(json, "qos", 0);
	settings->spoofchk = schema_boolean(json, "spoofchk", false);
	settings->trust = schema_boolean(json, "trust", false);
	settings->min_tx_rate = (uint32_t)schema_integer(json, "min_tx_rate", 0);
	settings->max_tx_rate = (uint32_t)schema_integer(json, "max_tx_rate", 0);
	settings->link_state = (uint8_t)schema_integer(json, "link_state", 0);
}

static void
read_netdev(struct vf_record *record, const cJSON *json)
{
	const cJSON *name;

	json_read_text(json, "name", record->name, sizeof(record->name));
	json_read_mac(json, "mac", record->mac);
	record->mtu = (unsigned int)schema_integer(json, "mtu", 0);
	record->up = schema_boolean(json, "up", false);
	cJSON_ArrayForEach (name, schema_get(json, "altnames"))
		if (cJSON_IsString(name) && record->altnames.n < LINK_ALTNAMES)
			snprintf(record->altnames.names[record->altnames.n++], LINK_ALTNAME_LEN,
				"%s", name->valuestring);
}

struct vf_record *
vf_record_read(const char *text)
{
	struct vf_record *record = calloc(1, sizeof(*record));
	cJSON *json = cJSON_Parse(text);
	const char *mode = schema_string(json, "mode");

	if (record == NULL || mode == NULL) {
		cJSON_Delete(json);
		free(record);
		return NULL;
	}
	json_read_text(json, "container", record->container, sizeof(record->container));
	json_read_text(json, "ifname", record->ifname, sizeof(record->ifname));
	json_read_text(json, "netns", record->netns, sizeof(record->netns));
	record->netns_id.device = json_read_hex(json, "netns_device");
	record->netns_id.inode = json_read_hex(json, "netns_inode");
	json_read_text(json, "pci", record->pci, sizeof(record->pci));
	json_read_text(json, "pf", record->pf, sizeof(record->pf));
	record->index = (unsigned int)schema_integer(json, "index", 0);
	json_read_text(json, "boot", record->identity.boot, sizeof(record->identity.boot));
	record->identity.device = json_read_hex(json, "device");
	record->mode =
		strcmp(mode, endpoint_vf_modes[VF_MODE_DPDK]) == 0 ? VF_MODE_DPDK : VF_MODE_KERNEL;
	read_settings(schema_get(json, "original"), &record->original);
	record->touched = (unsigned int)schema_integer(json, "touched", 0);
	record->own_mac = schema_boolean(json, "own_mac", false);
	read_netdev(record, json);
	json_read_text(json, "driver", record->driver, sizeof(record->driver));
	json_read_text(json, "override", record->override, sizeof(record->override));
	record->bound = schema_boolean(json, "bound", false);
	cJSON_Delete(json);
	return record;
}
