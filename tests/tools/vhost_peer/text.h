/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VHOST_PEER_TEXT_H
#define VHOST_PEER_TEXT_H

// Commands and events as JSON: one object a line.

#include <cjson/cJSON.h>
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bit of a feature by its name in virtio 1.2, lower case without prefix ("mrg_rxbuf"), or -1.
int feature_bit(const char *name);
// {"features": [names], "mask": "0x..."}; false with an unknown name.
bool features_from_json(const cJSON *names, uint64_t *mask);
cJSON *features_to_json(uint64_t mask);

// Bytes of a hexadecimal text, freed by the caller; NULL when it is none.
uint8_t *hex_decode(const char *text, size_t *len);
void hex_encode(char *text, const void *bytes, size_t len); // 2 * len + 1

void header_from_json(const cJSON *object, struct virtio_net_hdr_mrg_rxbuf *header);
cJSON *header_to_json(const struct virtio_net_hdr_mrg_rxbuf *header);

// A number or fallback.
double number_of(const cJSON *object, const char *key, double fallback);
const char *string_of(const cJSON *object, const char *key); // or NULL

// Writes the line and frees the object.
void print_json(cJSON *object);
// {"event": name, "port": number}
cJSON *event_new(const char *name, unsigned port);

#endif
