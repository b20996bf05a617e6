/* SPDX-License-Identifier: Apache-2.0 */
#include "address_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const uint8_t zero[16];

bool
mac_parse(const char *text, uint8_t mac[6])
{
	if (strlen(text) != MAC_TEXT_LEN - 1)
		return false;
	for (int i = 0; i < 6; i++, text += 3) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1])
			|| (i < 5 && text[2] != ':'))
			return false;
		mac[i] = (uint8_t)strtoul(text, NULL, 16);
	}
	return true;
}

char *
mac_format(const uint8_t mac[6], char text[MAC_TEXT_LEN])
{
	snprintf(text, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	return text;
}

bool
mac_is_zero(const uint8_t mac[6])
{
	return memcmp(mac, zero, 6) == 0;
}

bool
mac_is_multicast(const uint8_t mac[6])
{
	return (mac[0] & 1) != 0;
}

void
mac_random(uint8_t mac[6])
{
	while (getrandom(mac, 6, 0) != 6)
		;
	mac[0] = 0x02;
}

void
mac_from_text(const char *text, uint8_t mac[6])
{
	uint64_t hash = 0xcbf29ce484222325; // FNV-1a, 64 bits

	for (const char *c = text; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
	hash ^= hash >> 40; // the upper bits mix best
	mac[0] = 0x02;
	for (int i = 1; i < 6; i++, hash >>= 8)
		mac[i] = (uint8_t)hash;
}

bool
ip_parse(const char *text, struct cw_ip *ip)
{
	*ip = (struct cw_ip){.family = 4, .prefix = 32};
	if (inet_pton(AF_INET, text, ip->addr) == 1)
		return true;
	*ip = (struct cw_ip){.family = 6, .prefix = 128};
	return inet_pton(AF_INET6, text, ip->addr) == 1;
}

bool
ip_parse_prefixed(const char *text, struct cw_ip *ip)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	unsigned int bits = 0;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address))
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (!ip_parse(address, ip) || slash[1] == '\0' || strlen(slash + 1) > 3)
		return false;
	for (const char *digit = slash + 1; *digit != '\0'; digit++) {
		if (!isdigit((unsigned char)*digit))
			return false;
		bits = bits * 10 + (unsigned int)(*digit - '0');
	}
	if (bits > ip_bits(ip))
		return false;
	ip->prefix = (uint8_t)bits;
	return true;
}

char *
ip_format(const struct cw_ip *ip, char text[IP_TEXT_LEN])
{
	if (inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->addr, text, IP_TEXT_LEN) == NULL)
		text[0] = '\0';
	return text;
}

char *
ip_format_prefixed(const struct cw_ip *ip, char text[IP_TEXT_LEN])
{
	size_t len;

	ip_format(ip, text);
	len = strlen(text);
	snprintf(text + len, IP_TEXT_LEN - len, "/%u", ip->prefix);
	return text;
}

struct cw_ip
ip_host(const struct cw_ip *ip)
{
	struct cw_ip host = *ip;

	host.prefix = ip_bits(ip);
	return host;
}

struct cw_ip
ip_masked(const struct cw_ip *ip)
{
	struct cw_ip masked = *ip;

	for (unsigned int bit = ip->prefix; bit < sizeof(masked.addr) * 8; bit++)
		masked.addr[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return masked;
}

bool
ip_same_address(const struct cw_ip *a, const struct cw_ip *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

bool
ip_contains(const struct cw_ip *subnet, const struct cw_ip *ip)
{
	struct cw_ip cut = *ip, net = ip_masked(subnet);

	cut.prefix = subnet->prefix;
	cut = ip_masked(&cut);
	return ip_same_address(&net, &cut);
}

bool
ip_is_unicast(const struct cw_ip *ip)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	if (memcmp(ip->addr, zero, sizeof(ip->addr)) == 0)
		return false;
	if (ip->family == 4)
		return ip->addr[0] != 0 && ip->addr[0] != 127 && ip->addr[0] < 224;
	return ip->addr[0] != 0xff && memcmp(ip->addr, loopback6, sizeof(loopback6)) != 0;
}

bool
ip_is_multicast(const struct cw_ip *ip)
{
	return ip->family == 4 ? (ip->addr[0] & 0xf0) == 0xe0 : ip->addr[0] == 0xff;
}
