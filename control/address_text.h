/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_ADDRESS_TEXT_H
#define CONTROL_ADDRESS_TEXT_H

// MACs and IP addresses as text and as they travel on dp.sock. Any thread.

#include <stdbool.h>
#include <stdint.h>

#include <causeway/wire.h>

#define MAC_TEXT_LEN 18
#define IP_TEXT_LEN 50 // an IPv6 address, "/128" and the terminating zero

// "02:00:00:00:00:01"; six pairs of hexadecimal digits.
bool mac_parse(const char *text, uint8_t mac[6]);
char *mac_format(const uint8_t mac[6], char text[MAC_TEXT_LEN]); // returns text
bool mac_is_zero(const uint8_t mac[6]);
bool mac_is_multicast(const uint8_t mac[6]);
// A new one, locally administered (IEEE 802, 8.4): 02:... from the kernel's random numbers.
void mac_random(uint8_t mac[6]);
// The same for the same text each time.
void mac_from_text(const char *text, uint8_t mac[6]);

// "10.1.0.5" or "fd00::5"; the prefix length becomes 32 or 128.
bool ip_parse(const char *text, struct cw_ip *ip);
// "10.1.0.5/16": the bits beyond the prefix may be set.
bool ip_parse_prefixed(const char *text, struct cw_ip *ip);
char *ip_format(const struct cw_ip *ip, char text[IP_TEXT_LEN]); // without its prefix
char *ip_format_prefixed(const struct cw_ip *ip, char text[IP_TEXT_LEN]);

static inline uint8_t
ip_bits(const struct cw_ip *ip)
{
	return ip->family == 4 ? 32 : 128;
}

struct cw_ip ip_host(const struct cw_ip *ip); // with prefix 32 or 128
struct cw_ip ip_masked(const struct cw_ip *ip); // bits beyond the prefix cleared
bool ip_same_address(const struct cw_ip *a, const struct cw_ip *b);
bool ip_contains(const struct cw_ip *subnet, const struct cw_ip *ip);
// Neither unspecified, multicast nor loopback.
bool ip_is_unicast(const struct cw_ip *ip);
bool ip_is_multicast(const struct cw_ip *ip);

#endif
