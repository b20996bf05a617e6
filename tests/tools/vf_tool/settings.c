/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const link_states[] = {"auto", "enable", "disable"};

static bool
read_mac(const char *text, uint8_t mac[6])
{
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		       &mac[4], &mac[5])
	       == 6;
}

static unsigned int
read_link_state(const char *text, struct vf_settings *settings)
{
	for (uint8_t i = 0; i < 3; i++)
		if (strcmp(text, link_states[i]) == 0) {
			settings->link_state = i;
			return VF_LINK_STATE;
		}
	return 0;
}

unsigned int
settings_read(const char *word, struct vf_settings *settings)
{
	const char *equals = strchr(word, '='), *text = equals != NULL ? equals + 1 : "";
	const size_t len = equals != NULL ? (size_t)(equals - word) : 0;
	const unsigned long number = strtoul(text, NULL, 0);
#define IS(key) (len == strlen(key) && strncmp(word, key, len) == 0)

	if (IS("mac"))
		return read_mac(text, settings->mac) ? VF_MAC : 0;
	if (IS("link_state"))
		return read_link_state(text, settings);
	if (IS("vlan"))
		return settings->vlan = (uint16_t)number, VF_VLAN;
	if (IS("qos"))
		return settings->qos = (uint8_t)number, VF_VLAN;
	if (IS("vlan_proto"))
		return settings->vlan_proto = (uint16_t)number, VF_VLAN;
	if (IS("spoofchk"))
		return settings->spoofchk = number != 0, VF_SPOOFCHK;
	if (IS("trust"))
		return settings->trust = number != 0, VF_TRUST;
	if (IS("min_tx_rate"))
		return settings->min_tx_rate = (uint32_t)number, VF_RATE;
	if (IS("max_tx_rate"))
		return settings->max_tx_rate = (uint32_t)number, VF_RATE;
	return 0;
}

void
settings_print(unsigned int index, const struct vf_settings *settings)
{
	const uint8_t *mac = settings->mac;

	printf("index=%u known=0x%x", index, settings->known);
	printf(" mac=%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
	printf(" vlan=%u vlan_proto=0x%x qos=%u", settings->vlan, settings->vlan_proto,
		settings->qos);
	printf(" spoofchk=%d trust=%d min_tx_rate=%u max_tx_rate=%u", settings->spoofchk,
		settings->trust, settings->min_tx_rate, settings->max_tx_rate);
	printf(" link_state=%s",
		settings->link_state < 3 ? link_states[settings->link_state] : "?");
	printf(" rx_packets=%" PRIu64 " tx_packets=%" PRIu64 "\n", settings->rx_packets,
		settings->tx_packets);
}
