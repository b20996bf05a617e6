/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int bit;
} features[] = {
	{"csum", 0},
	{"guest_csum", 1},
	{"mtu", 3},
	{"guest_tso4", 7},
	{"guest_tso6", 8},
	{"guest_ecn", 9},
	{"guest_ufo", 10},
	{"host_tso4", 11},
	{"host_tso6", 12},
	{"host_ecn", 13},
	{"host_ufo", 14},
	{"mrg_rxbuf", 15},
	{"status", 16},
	{"ctrl_vq", 17},
	{"guest_announce", 21},
	{"mq", 22},
	{"notify_on_empty", 24},
	{"log_all", 26},
	{"any_layout", 27},
	{"indirect", 28},
	{"event_idx", 29},
	{"protocol_features", 30},
	{"version_1", 32},
	{"iommu", 33},
	{"packed", 34},
	{"in_order", 35},
	{"order_platform", 36},
	{"guest_uso4", 54},
	{"guest_uso6", 55},
	{"host_uso", 56},
};
#define N_FEATURES (sizeof(features) / sizeof(features[0]))

int
feature_bit(const char *name)
{
	for (size_t i = 0; i < N_FEATURES; i++) {
		if (strcmp(features[i].name, name) == 0)
			return features[i].bit;
	}
	return -1;
}

bool
features_from_json(const cJSON *names, uint64_t *mask)
{
	const cJSON *name;

	*mask = 0;
	cJSON_ArrayForEach (name, names) {
		int bit = cJSON_IsString(name) ? feature_bit(name->valuestring) : -1;

		if (bit < 0)
			return false;
		*mask |= 1ull << bit;
	}
	return true;
}

cJSON *
features_to_json(uint64_t mask)
{
	cJSON *names = cJSON_CreateArray();

	for (size_t i = 0; i < N_FEATURES; i++) {
		if ((mask >> features[i].bit & 1) != 0)
			cJSON_AddItemToArray(names, cJSON_CreateString(features[i].name));
	}
	return names;
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint8_t *
hex_decode(const char *text, size_t *len)
{
	uint8_t *bytes;

	*len = strlen(text) / 2;
	bytes = malloc(*len + 1);
	for (size_t i = 0; bytes != NULL && i < *len; i++) {
		int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			free(bytes);
			return NULL;
		}
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return bytes;
}

void
hex_encode(char *text, const void *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = bytes;

	for (size_t i = 0; i < len; i++) {
		*text++ = digits[b[i] >> 4];
		*text++ = digits[b[i] & 15];
	}
	*text = '\0';
}

double
number_of(const cJSON *object, const char *key, double fallback)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);

	if (cJSON_IsBool(value))
		return cJSON_IsTrue(value);
	return cJSON_IsNumber(value) ? value->valuedouble : fallback;
}

const char *
string_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

void
header_from_json(const cJSON *object, struct virtio_net_hdr_mrg_rxbuf *header)
{
	*header = (struct virtio_net_hdr_mrg_rxbuf){
		.hdr.flags = (uint8_t)number_of(object, "flags", 0),
		.hdr.gso_type = (uint8_t)number_of(object, "gso_type", 0),
		.hdr.hdr_len = (uint16_t)number_of(object, "hdr_len", 0),
		.hdr.gso_size = (uint16_t)number_of(object, "gso_size", 0),
		.hdr.csum_start = (uint16_t)number_of(object, "csum_start", 0),
		.hdr.csum_offset = (uint16_t)number_of(object, "csum_offset", 0),
		.num_buffers = (uint16_t)number_of(object, "num_buffers", 0),
	};
}

cJSON *
header_to_json(const struct virtio_net_hdr_mrg_rxbuf *header)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddNumberToObject(object, "flags", header->hdr.flags);
	cJSON_AddNumberToObject(object, "gso_type", header->hdr.gso_type);
	cJSON_AddNumberToObject(object, "hdr_len", header->hdr.hdr_len);
	cJSON_AddNumberToObject(object, "gso_size", header->hdr.gso_size);
	cJSON_AddNumberToObject(object, "csum_start", header->hdr.csum_start);
	cJSON_AddNumberToObject(object, "csum_offset", header->hdr.csum_offset);
	cJSON_AddNumberToObject(object, "num_buffers", header->num_buffers);
	return object;
}

void
print_json(cJSON *object)
{
	char *line = cJSON_PrintUnformatted(object);

	puts(line != NULL ? line : "{\"event\":\"no memory\"}");
	fflush(stdout);
	free(line);
	cJSON_Delete(object);
}

cJSON *
event_new(const char *name, unsigned port)
{
	cJSON *event = cJSON_CreateObject();

	cJSON_AddStringToObject(event, "event", name);
	cJSON_AddNumberToObject(event, "port", port);
	return event;
}
