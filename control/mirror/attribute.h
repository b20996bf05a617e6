/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_ATTRIBUTE_H
#define MIRROR_ATTRIBUTE_H

// Values of attributes. One that is absent or shorter than it must be reads as zero.

#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>

#include <causeway/wire.h>

static inline uint32_t
attribute_u32(const struct nlattr *attribute)
{
	return attribute != NULL && nla_len(attribute) >= 4 ? nla_get_u32(attribute) : 0;
}

static inline uint16_t
attribute_u16(const struct nlattr *attribute)
{
	return attribute != NULL && nla_len(attribute) >= 2 ? nla_get_u16(attribute) : 0;
}

static inline uint8_t
attribute_u8(const struct nlattr *attribute)
{
	return attribute != NULL && nla_len(attribute) >= 1 ? nla_get_u8(attribute) : 0;
}

static inline void
attribute_mac(const struct nlattr *attribute, uint8_t mac[6])
{
	if (attribute != NULL && nla_len(attribute) == 6)
		memcpy(mac, nla_data(attribute), 6);
}

// An address by its length; family 0 when it is neither of IPv4 nor of IPv6, or unspecified.
static inline struct cw_ip
attribute_ip(const struct nlattr *attribute)
{
	static const uint8_t zero[16];
	const int length = attribute != NULL ? nla_len(attribute) : 0;
	struct cw_ip ip = {.family = length == 4 ? 4 : 6, .prefix = length == 4 ? 32 : 128};

	if ((length != 4 && length != 16) || memcmp(nla_data(attribute), zero, (size_t)length) == 0)
		return (struct cw_ip){0};
	memcpy(ip.addr, nla_data(attribute), (size_t)length);
	return ip;
}

#endif
