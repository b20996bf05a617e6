/* SPDX-License-Identifier: Apache-2.0 */
// What ADD asks for, out of configuration, runtimeConfig, args.cni and CNI_ARGS. A value in
// runtimeConfig precedes args.cni, that precedes CNI_ARGS, that precedes the static key.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <causeway/limits.h>
#include <causeway/wire.h>

#include "config.h"
#include "log.h"
#include "socket_keys.h"
#include "userspace.h"
#include "vf_keys.h"

static int
out_of_memory(struct cni_error *error)
{
	return error_set(error, CNI_INTERNAL, "out of memory");
}

static bool
is_object_name(const char *text)
{
	return strlen(text) < CW_NAME_LEN && env_is_name(text);
}

static int
read_network(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	const cJSON *value = config_find(json, "network");

	attachment->network = CW_DEFAULT_NETWORK;
	if (value == NULL)
		return 0;
	if (!cJSON_IsString(value) || !is_object_name(value->valuestring))
		return config_refuse(error, "network", value,
			"the name of a Causeway network, at most 63 letters, digits, '_', '.' and "
			"'-'");
	attachment->network = value->valuestring;
	return 0;
}

// What kind of interface a configuration of the sriov or userspace plugin means that has only its
// type changed. NULL: it is none of these.
static const char *
implied_interface(const cJSON *json)
{
	const char *userspace;

	if (vf_keys_name_device(json))
		return "vf";
	userspace = userspace_interface(json);
	return userspace == NULL && vf_keys_have_settings(json) ? "vf" : userspace;
}

static int
read_interface(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	static const char *const known[] = {"kernel", "vhost-user", "memif", "vf"};
	const cJSON *value = config_find(json, "interface");
	const char *interface = implied_interface(json);

	if (value != NULL && !cJSON_IsString(value))
		return config_refuse(error, "interface", value, "a string");
	if (value != NULL)
		interface = value->valuestring;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(interface != NULL ? interface : "kernel", known[i]) == 0)
			attachment->interface = known[i];
	if (attachment->interface != NULL)
		return 0;
	if (value == NULL)
		return config_refuse(error, "host.iftype",
			config_find(config_find(json, "host"), "iftype"),
			"\"vhostuser\" or \"memif\"");
	return config_refuse(
		error, "interface", value, "\"kernel\", \"vhost-user\", \"memif\" or \"vf\"");
}

static int
read_kind(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	const cJSON *value = config_find(json, "kind");

	if (value == NULL)
		return 0;
	if (!cJSON_IsString(value)
		|| (strcmp(value->valuestring, cw_port_kind_name(CW_PORT_TAP)) != 0
			&& strcmp(value->valuestring, cw_port_kind_name(CW_PORT_AF_PACKET)) != 0
			&& strcmp(value->valuestring, cw_port_kind_name(CW_PORT_AF_XDP)) != 0))
		return config_refuse(error, "kind", value, "\"tap\", \"af_packet\" or \"af_xdp\"");
	if (strcmp(attachment->interface, "kernel") != 0)
		return config_refuse(
			error, "kind", value, "absent: it is one of kernel interfaces");
	attachment->kind = value->valuestring;
	return 0;
}

static int
read_mtu(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	static const char expected[] = "0 (the network's) or an integer from 68 to 9600";

	if (config_integer(json, "mtu", "mtu", 0, CW_MTU_MAX, &attachment->mtu, expected, error)
		< 0)
		return -1;
	if (attachment->mtu != 0 && attachment->mtu < CW_MTU_MIN)
		return config_refuse(error, "mtu", config_find(json, "mtu"), expected);
	return 0;
}

static int
read_mac(const cJSON *json, const struct cni_args *args, struct attachment *attachment,
	struct cni_error *error)
{
	static const char expected[] = "a unicast MAC like 02:00:00:00:00:01";
	const struct {
		const char *label;
		const cJSON *value;
	} sources[] = {
		{"runtimeConfig.mac", config_find(config_find(json, "runtimeConfig"), "mac")},
		{"args.cni.mac", config_find(config_find(config_find(json, "args"), "cni"), "mac")},
		{"mac", config_find(json, "mac")},
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (i == 2 && args->mac != NULL) {
			if (address_parse_mac(attachment->mac, args->mac))
				return 0;
			return error_set(error, CNI_ENVIRONMENT,
				"CNI_ARGS has MAC=%s; it must be %s", args->mac, expected);
		}
		if (sources[i].value == NULL)
			continue;
		if (cJSON_IsString(sources[i].value) && sources[i].value->valuestring[0] == '\0')
			continue;
		if (!cJSON_IsString(sources[i].value)
			|| !address_parse_mac(attachment->mac, sources[i].value->valuestring))
			return config_refuse(error, sources[i].label, sources[i].value, expected);
		return 0;
	}
	return 0;
}

// Maps one tag to a network: the one that is named, or NETWORK.VLAN.
static int
add_tag(struct attachment *attachment, int vlan, const cJSON *network, struct cni_error *error)
{
	cJSON *tag = cJSON_CreateObject();
	char name[CW_NAME_LEN + 8];

	if (tag == NULL || !cJSON_AddItemToArray(attachment->trunk, tag)) {
		cJSON_Delete(tag);
		return out_of_memory(error);
	}
	snprintf(name, sizeof(name), "%s.%d", attachment->network, vlan);
	if (!cJSON_AddNumberToObject(tag, "vlan", vlan)
		|| !cJSON_AddStringToObject(
			tag, "network", network != NULL ? network->valuestring : name))
		return out_of_memory(error);
	if (cJSON_GetArraySize(attachment->trunk) > CW_MAX_TRUNK)
		return error_set(error, CNI_CONFIG, "configuration key trunk has more than %d tags",
			CW_MAX_TRUNK);
	return 0;
}

// {"vlan", "network"} as Causeway has it, {"id"} and {"minID", "maxID"} as bridge and ovs do.
static int
read_tags(const cJSON *entry, struct attachment *attachment, struct cni_error *error)
{
	static const char expected[] = "a VLAN from 1 to 4094";
	const cJSON *network = config_find(entry, "network");
	int vlan = 0, first = 0, last = 0;

	if (!cJSON_IsObject(entry))
		return config_refuse(error, "trunk", entry, "a list of objects");
	if (network != NULL && (!cJSON_IsString(network) || !is_object_name(network->valuestring)))
		return config_refuse(
			error, "trunk.network", network, "the name of a Causeway network");
	if (config_integer(entry, "vlan", "trunk.vlan", 1, 4094, &vlan, expected, error) < 0
		|| config_integer(entry, "id", "trunk.id", 1, 4094, &vlan, expected, error) < 0
		|| config_integer(entry, "minID", "trunk.minID", 1, 4094, &first, expected, error)
			   < 0
		|| config_integer(entry, "maxID", "trunk.maxID", 1, 4094, &last, expected, error)
			   < 0)
		return -1;
	if (vlan == 0 && (first == 0 || last < first))
		return config_refuse(error, "trunk", entry,
			"a vlan, an id, or a minID with a maxID not below it");
	if (vlan != 0 && add_tag(attachment, vlan, network, error) < 0)
		return -1;
	for (; first != 0 && first <= last; first++)
		if (add_tag(attachment, first, network, error) < 0)
			return -1;
	return 0;
}

static int
read_trunk(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	const cJSON *list = config_find(json, "trunk"), *entry;

	if (list == NULL)
		list = config_find(json, "vlanTrunk");
	if (list == NULL)
		return 0;
	if (!cJSON_IsArray(list))
		return config_refuse(error, "trunk", list, "a list of objects");
	if (cJSON_GetArraySize(list) == 0)
		return 0;
	attachment->trunk = cJSON_CreateArray();
	if (attachment->trunk == NULL)
		return out_of_memory(error);
	cJSON_ArrayForEach (entry, list)
		if (read_tags(entry, attachment, error) < 0)
			return -1;
	return 0;
}

static int
read_guard(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	static const char expected[] =
		"true, false or a list of \"mac\", \"ip\", \"arp\", \"ra\", \"dhcp\"";
	static const char *const checks[] = {"mac", "ip", "arp", "ra", "dhcp"};
	const cJSON *guard = config_find(json, "guard"), *entry;
	bool known;

	attachment->guard = guard;
	if (guard == NULL || cJSON_IsBool(guard))
		return 0;
	if (!cJSON_IsArray(guard))
		return config_refuse(error, "guard", guard, expected);
	cJSON_ArrayForEach (entry, guard) {
		known = false;
		for (size_t i = 0; cJSON_IsString(entry) && i < sizeof(checks) / sizeof(checks[0]);
			i++)
			known = known || strcmp(entry->valuestring, checks[i]) == 0;
		if (!known)
			return config_refuse(error, "guard", entry, expected);
	}
	return 0;
}

static int
add_ip(struct attachment *attachment, const char *label, const cJSON *value, const char *text,
	struct cni_error *error)
{
	char cidr[ADDRESS_TEXT];
	cJSON *item;

	if (text == NULL || address_to_cidr(cidr, text) == 0)
		return config_refuse(
			error, label, value, "a list of addresses like \"10.1.0.5/16\"");
	item = cJSON_CreateString(cidr);
	if (item == NULL || !cJSON_AddItemToArray(attachment->ips, item)) {
		cJSON_Delete(item);
		return out_of_memory(error);
	}
	return 0;
}

// Addresses that the runtime asks for. An IPAM plugin gets the same input and answers for them.
static int
read_ips(const cJSON *json, const struct cni_args *args, struct attachment *attachment,
	struct cni_error *error)
{
	const cJSON *list = config_find(config_find(json, "runtimeConfig"), "ips"), *entry;
	const char *label = "runtimeConfig.ips";

	if (list == NULL) {
		list = config_find(config_find(config_find(json, "args"), "cni"), "ips");
		label = "args.cni.ips";
	}
	if (list == NULL && args->ip == NULL)
		return 0;
	attachment->ips = cJSON_CreateArray();
	if (attachment->ips == NULL)
		return out_of_memory(error);
	if (list == NULL) {
		if (address_parse(args->ip) == 0 && address_parse_cidr(args->ip, NULL) == 0)
			return error_set(error, CNI_ENVIRONMENT,
				"CNI_ARGS has IP=%s, which is no address", args->ip);
		return add_ip(attachment, label, NULL, args->ip, error);
	}
	if (!cJSON_IsArray(list))
		return config_refuse(error, label, list, "a list of addresses");
	cJSON_ArrayForEach (entry, list)
		if (add_ip(attachment, label, entry, cJSON_GetStringValue(entry), error) < 0)
			return -1;
	return 0;
}

static int
read_dns(const cJSON *json, struct attachment *attachment, struct cni_error *error)
{
	const cJSON *dns = config_find(config_find(json, "runtimeConfig"), "dns");
	const char *label = "runtimeConfig.dns";

	if (dns == NULL) {
		dns = config_find(json, "dns");
		label = "dns";
	}
	if (dns != NULL && !cJSON_IsObject(dns))
		return config_refuse(error, label, dns, "an object");
	attachment->dns = dns;
	return 0;
}

int
config_read_attachment(const struct config *config, const struct cni_args *args,
	struct attachment *attachment, struct cni_error *error)
{
	const cJSON *json = config->json, *default_gateway;

	memset(attachment, 0, sizeof(*attachment));
	if (log_check(json, error) < 0 || read_network(json, attachment, error) < 0
		|| read_interface(json, attachment, error) < 0
		|| socket_keys_read(json, attachment, error) < 0
		|| userspace_read(json, attachment, error) < 0
		|| read_kind(json, attachment, error) < 0 || read_mtu(json, attachment, error) < 0
		|| read_mac(json, args, attachment, error) < 0
		|| config_integer(json, "vlan", "vlan", 0, 4094, &attachment->vlan,
			   "0 (none) or an integer from 1 to 4094", error)
			   < 0
		|| read_trunk(json, attachment, error) < 0
		|| vf_keys_read(json, attachment, error) < 0
		|| read_guard(json, attachment, error) < 0
		|| config_bool(json, "hairpinMode", &attachment->hairpin, error) < 0
		|| read_dns(json, attachment, error) < 0
		|| config_bool(json, "isDefaultGateway", &default_gateway, error) < 0)
		return -1;
	if (config_find(json, "hairpin") != NULL
		&& config_bool(json, "hairpin", &attachment->hairpin, error) < 0)
		return -1;
	attachment->default_gateway = cJSON_IsTrue(default_gateway);
	return config->ipam_type == NULL ? read_ips(json, args, attachment, error) : 0;
}

void
attachment_free(struct attachment *attachment)
{
	cJSON_Delete(attachment->trunk);
	cJSON_Delete(attachment->ips);
	cJSON_Delete(attachment->socket);
	cJSON_Delete(attachment->vf);
	memset(attachment, 0, sizeof(*attachment));
}
