/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CNI_ADDRESS_H
#define CNI_ADDRESS_H

#include <stdbool.h>

#define ADDRESS_TEXT 64 // "address/prefix" of either family, with its terminating zero
#define MAC_TEXT 18

// The family (4 or 6) of "address/prefix", or 0 when text is not one. prefix may be NULL.
int address_parse_cidr(const char *text, int *prefix);

// The family (4 or 6) of an address without prefix, or 0.
int address_parse(const char *text);

// Writes text as "address/prefix"; an address without prefix gets that of a single host. Returns
// the family or 0.
int address_to_cidr(char cidr[ADDRESS_TEXT], const char *text);

// Writes a unicast MAC in lower case with colons; text may have '-' instead. Returns false for
// anything else, the zero address included.
bool address_parse_mac(char mac[MAC_TEXT], const char *text);

#endif
