/* SPDX-License-Identifier: Apache-2.0 */
#include "flannel/lease.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "address_text.h"

#define UDP_PORT 8285 // of the udp backend, unless the configuration names another
#define KEY_LEN 128

static int
refuse(char *reason, size_t size, const char *what, const char *value)
{
	snprintf(reason, size, "%s: %.80s", what, value);
	return -EINVAL;
}

// flanneld's udp backend does not name itself in its leases.
static uint8_t
backend_by_name(const char *name)
{
	return name[0] == '\0' || strcmp(name, "udp") == 0 ? LEASE_UDP : LEASE_OTHER;
}

// --- the key

// "10.244.3.0-24": a prefix in which '-' stands for '/'.
static bool
read_subnet(char *text, uint8_t family, struct cw_ip *subnet)
{
	char *dash = strrchr(text, '-');

	if (dash == NULL)
		return false;
	*dash = '/';
	if (!ip_parse_prefixed(text, subnet) || subnet->family != family || subnet->prefix == 0)
		return false;
	*subnet = ip_masked(subnet);
	return true;
}

static int
read_key(const char *key, struct lease *lease, char *reason, size_t size)
{
	char copy[KEY_LEN], *v6;

	snprintf(copy, sizeof(copy), "%s", key);
	v6 = strchr(copy, '&');
	if (v6 != NULL)
		*v6++ = '\0';
	if (strlen(key) < sizeof(copy) && read_subnet(copy, 4, &lease->subnets[0])
		&& (v6 == NULL || read_subnet(v6, 6, &lease->subnets[1])))
		return 0;
	return refuse(reason, size, "the key is no subnet", key);
}

// --- the value

static int
read_address(const cJSON *json, const char *key, uint8_t family, struct cw_ip *ip, char *reason,
	size_t size)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, key);

	if (value == NULL || cJSON_IsNull(value))
		return 0;
	if (cJSON_IsString(value) && ip_parse(value->valuestring, ip) && ip->family == family
		&& ip_is_unicast(ip))
		return 0;
	return refuse(reason, size, "no address of a node", key);
}

static void
read_backend(const cJSON *name, uint8_t *backend, char text[LEASE_BACKEND_LEN])
{
	snprintf(text, LEASE_BACKEND_LEN, "%s", cJSON_IsString(name) ? name->valuestring : "");
	*backend = backend_by_name(text);
}

int
lease_parse(const char *key, const char *value, struct lease *lease, char *reason, size_t size)
{
	cJSON *json;
	int ret;

	*lease = (struct lease){0};
	if (read_key(key, lease, reason, size) < 0)
		return -EINVAL;
	json = cJSON_Parse(value);
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return refuse(reason, size, "the value is no JSON object", value);
	}
	ret = read_address(json, "PublicIP", 4, &lease->public_ips[0], reason, size);
	if (ret == 0)
		ret = read_address(json, "PublicIPv6", 6, &lease->public_ips[1], reason, size);
	read_backend(cJSON_GetObjectItemCaseSensitive(json, "BackendType"), &lease->backend,
		lease->backend_name);
	cJSON_Delete(json);
	if (ret == 0 && lease->public_ips[0].family == 0 && lease->public_ips[1].family == 0)
		ret = refuse(reason, size, "no address of a node", value);
	return ret;
}

static int
read_port(const cJSON *backend, struct lease_config *config, char *reason, size_t size)
{
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(backend, "Port");

	if (port == NULL)
		return 0;
	if (!cJSON_IsNumber(port) || port->valuedouble < 1 || port->valuedouble > UINT16_MAX)
		return refuse(reason, size, "no UDP port", "Backend.Port");
	config->udp_port = (uint16_t)port->valuedouble;
	return 0;
}

int
lease_config_parse(const char *value, struct lease_config *config, char *reason, size_t size)
{
	cJSON *json = cJSON_Parse(value);
	const cJSON *backend = cJSON_GetObjectItemCaseSensitive(json, "Backend");
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(backend, "Type");
	int ret;

	// Without a backend flanneld takes this one.
	*config = (struct lease_config){
		.backend = LEASE_UDP, .udp_port = UDP_PORT, .backend_name = "udp"};
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return refuse(reason, size, "the configuration is no JSON object", value);
	}
	if (type != NULL)
		read_backend(type, &config->backend, config->backend_name);
	ret = config->backend == LEASE_UDP ? read_port(backend, config, reason, size) : 0;
	cJSON_Delete(json);
	return ret;
}
