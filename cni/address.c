/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

int
address_parse(const char *text)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		return 4;
	return inet_pton(AF_INET6, text, bytes) == 1 ? 6 : 0;
}

static int
parse_prefix(const char *text, int max)
{
	int prefix = 0;

	if (*text == '\0' || strlen(text) > 3)
		return -1;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text))
			return -1;
		prefix = prefix * 10 + (*text - '0');
	}
	return prefix <= max ? prefix : -1;
}

int
address_parse_cidr(const char *text, int *prefix)
{
	const char *slash = strchr(text, '/');
	char address[ADDRESS_TEXT];
	int family, bits;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(address))
		return 0;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	family = address_parse(address);
	if (family == 0)
		return 0;
	bits = parse_prefix(slash + 1, family == 4 ? 32 : 128);
	if (bits < 0)
		return 0;
	if (prefix != NULL)
		*prefix = bits;
	return family;
}

int
address_to_cidr(char cidr[ADDRESS_TEXT], const char *text)
{
	int family = address_parse_cidr(text, NULL);

	if (family != 0) {
		snprintf(cidr, ADDRESS_TEXT, "%s", text);
		return family;
	}
	family = address_parse(text);
	if (family != 0)
		snprintf(cidr, ADDRESS_TEXT, "%s/%d", text, family == 4 ? 32 : 128);
	return family;
}

bool
address_parse_mac(char mac[MAC_TEXT], const char *text)
{
	bool all_zero = true;

	if (strlen(text) != MAC_TEXT - 1)
		return false;
	for (int i = 0; i < MAC_TEXT - 1; i++) {
		if (i % 3 == 2 ? text[i] != ':' && text[i] != '-'
			       : !isxdigit((unsigned char)text[i]))
			return false;
		mac[i] = i % 3 == 2 ? ':' : (char)tolower((unsigned char)text[i]);
		all_zero = all_zero && (mac[i] == ':' || mac[i] == '0');
	}
	mac[MAC_TEXT - 1] = '\0';
	return !all_zero && strchr("13579bdf", mac[1]) == NULL; // bit 0 of the first byte: group
}
