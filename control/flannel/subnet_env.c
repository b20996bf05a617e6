/* SPDX-License-Identifier: Apache-2.0 */
#include "flannel/subnet_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"

#define LINE_LEN 512

static bool
take_networks(struct subnet_env *env, char *value, uint8_t family)
{
	char *rest = NULL;

	for (char *text = strtok_r(value, ",", &rest); text != NULL;
		text = strtok_r(NULL, ",", &rest)) {
		struct cw_ip ip;

		if (!ip_parse_prefixed(text, &ip) || ip.family != family
			|| env->n_networks == SUBNET_ENV_NETWORKS)
			return false;
		env->networks[env->n_networks++] = ip_masked(&ip);
	}
	return true;
}

static bool
take_subnet(struct subnet_env *env, const char *value, uint8_t family)
{
	struct cw_ip ip;

	if (!ip_parse_prefixed(value, &ip) || ip.family != family || !ip_is_unicast(&ip))
		return false;
	env->subnets[family == 6] = ip;
	return true;
}

static bool
take_mtu(struct subnet_env *env, const char *value)
{
	char *end;
	const unsigned long mtu = strtoul(value, &end, 10);

	if (end == value || *end != '\0' || mtu < CW_MTU_MIN || mtu > CW_MTU_MAX)
		return false;
	env->mtu = (unsigned int)mtu;
	return true;
}

static bool
take(struct subnet_env *env, const char *key, char *value)
{
	if (strcmp(key, "FLANNEL_NETWORK") == 0)
		return take_networks(env, value, 4);
	if (strcmp(key, "FLANNEL_IPV6_NETWORK") == 0)
		return take_networks(env, value, 6);
	if (strcmp(key, "FLANNEL_SUBNET") == 0)
		return take_subnet(env, value, 4);
	if (strcmp(key, "FLANNEL_IPV6_SUBNET") == 0)
		return take_subnet(env, value, 6);
	if (strcmp(key, "FLANNEL_MTU") == 0)
		return take_mtu(env, value);
	if (strcmp(key, "FLANNEL_IPMASQ") == 0)
		env->ip_masq = strcmp(value, "true") == 0;
	return true;
}

static int
take_line(struct subnet_env *env, const char *line, size_t length, char *reason, size_t size)
{
	char copy[LINE_LEN], *value;

	snprintf(copy, sizeof(copy), "%.*s", (int)length, line);
	copy[strcspn(copy, "\r")] = '\0';
	if (copy[0] == '\0' || copy[0] == '#')
		return 0;
	value = strchr(copy, '=');
	if (length < sizeof(copy) && value != NULL) {
		*value++ = '\0';
		if (take(env, copy, value))
			return 0;
	}
	snprintf(
		reason, size, "cannot be understood: %.*s", length < 100 ? (int)length : 100, line);
	return -EINVAL;
}

int
subnet_env_parse(const char *text, struct subnet_env *env, char *reason, size_t size)
{
	*env = (struct subnet_env){0};
	for (const char *line = text; *line != '\0';) {
		const size_t length = strcspn(line, "\n");

		if (take_line(env, line, length, reason, size) < 0)
			return -EINVAL;
		line += length + (line[length] == '\n');
	}
	if (env->mtu != 0 && (env->subnets[0].family != 0 || env->subnets[1].family != 0))
		return 0;
	snprintf(reason, size, "%s is missing",
		env->mtu == 0 ? "FLANNEL_MTU" : "FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET");
	return -EINVAL;
}

static bool
same_prefix(const struct cw_ip *a, const struct cw_ip *b)
{
	return a->family == b->family
	       && (a->family == 0 || (ip_same_address(a, b) && a->prefix == b->prefix));
}

bool
subnet_env_same(const struct subnet_env *a, const struct subnet_env *b)
{
	bool same = a->n_networks == b->n_networks && a->mtu == b->mtu && a->ip_masq == b->ip_masq
		    && same_prefix(&a->subnets[0], &b->subnets[0])
		    && same_prefix(&a->subnets[1], &b->subnets[1]);

	for (unsigned int i = 0; same && i < a->n_networks; i++)
		same = same_prefix(&a->networks[i], &b->networks[i]);
	return same;
}

bool
subnet_env_covers(const struct subnet_env *env, const struct cw_ip *ip)
{
	bool covers = false;

	for (unsigned int i = 0; i < env->n_networks; i++)
		covers |=
			env->networks[i].family == ip->family && ip_contains(&env->networks[i], ip);
	for (unsigned int i = 0; i < 2; i++)
		covers |= env->subnets[i].family == ip->family && ip_contains(&env->subnets[i], ip);
	return covers;
}

bool
subnet_env_is_router(const struct subnet_env *env, const struct cw_ip *ip)
{
	for (unsigned int i = 0; i < 2; i++)
		if (env->subnets[i].family == ip->family && same_prefix(&env->subnets[i], ip))
			return true;
	return false;
}
