/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "object_check.h"
#include "objects_private.h"

int
check_range(const char *key, uint64_t value, uint64_t low, uint64_t high, struct reason *why)
{
	if (value >= low && value <= high)
		return 0;
	return refuse(why, -EINVAL, "%s %llu is not in %llu .. %llu", key,
		(unsigned long long)value, (unsigned long long)low, (unsigned long long)high);
}

int
check_text(const char *key, const char *text, size_t size, bool required, struct reason *why)
{
	const char *end = memchr(text, 0, size);

	if (end == NULL)
		return refuse(why, -EINVAL, "%s does not end within %zu bytes", key, size);
	if (required && end == text)
		return refuse(why, -EINVAL, "%s is empty", key);
	for (const char *at = text; at < end; at++)
		if (*at < ' ' || *at == 0x7f)
			return refuse(why, -EINVAL, "%s holds a control character at byte %zu", key,
				(size_t)(at - text));
	return 0;
}

int
check_unicast(const char *key, const uint8_t mac[6], struct reason *why)
{
	static const uint8_t zero[6];
	char text[32];

	if ((mac[0] & 1) == 0 && memcmp(mac, zero, sizeof(zero)) != 0)
		return 0;
	return refuse(
		why, -EINVAL, "%s %s is not a unicast address", key, object_mac_text(mac, text));
}

int
check_ip(const char *key, const struct cw_ip *ip, struct reason *why)
{
	static const uint8_t zero[16];
	char text[64];

	if (ip->family != 4 && ip->family != 6)
		return refuse(why, -EINVAL, "%s has family %u, not 4 or 6", key, ip->family);
	if (ip->prefix > (ip->family == 4 ? 32 : 128))
		return refuse(why, -EINVAL, "%s has prefix length %u", key, ip->prefix);
	if (ip->family == 4 && memcmp(ip->addr + 4, zero, 12) != 0)
		return refuse(why, -EINVAL, "%s %s has bytes behind the IPv4 address", key,
			object_ip_text(ip, text));
	return 0;
}

bool
ip_is_multicast(const struct cw_ip *ip)
{
	return ip->family == 4 ? ip->addr[0] >> 4 == 0xe : ip->addr[0] == 0xff;
}

int
check_host_ip(const char *key, const struct cw_ip *ip, struct reason *why)
{
	static const uint8_t zero[16];
	int error = check_ip(key, ip, why);
	char text[64];

	if (error != 0)
		return error;
	if (memcmp(ip->addr, zero, 16) == 0
		|| (ip->family == 4 ? ip->addr[0] >= 224 : ip->addr[0] == 0xff))
		return refuse(why, -EINVAL, "%s %s is not a unicast address", key,
			object_ip_text(ip, text));
	return 0;
}

int
check_whole_ip(const char *key, const struct cw_ip *ip, struct reason *why)
{
	int error = check_host_ip(key, ip, why);

	if (error == 0 && ip->prefix != (ip->family == 4 ? 32 : 128))
		return refuse(why, -EINVAL, "%s has prefix length %u: it is one address", key,
			ip->prefix);
	return error;
}

static bool
same_address(const struct cw_ip *a, const struct cw_ip *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, 16) == 0;
}

int
check_host_ips(const char *key, const struct cw_ip *ips, uint16_t n, struct reason *why)
{
	char text[64];

	for (uint16_t i = 0; i < n; i++) {
		int error = check_host_ip(key, &ips[i], why);

		if (error != 0)
			return error;
		for (uint16_t j = 0; j < i; j++)
			if (same_address(&ips[i], &ips[j]))
				return refuse(why, -EINVAL, "%s %s occurs twice", key,
					object_ip_text(&ips[i], text));
	}
	return 0;
}
