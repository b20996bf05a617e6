/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_UPLINK_MAP_H
#define HOST_UPLINK_MAP_H

// Content of BPF maps: a list of entries that a map is made to hold.

#include <stddef.h>

struct uplink_map {
	size_t key_size, value_size;
	unsigned int n, capacity;
	unsigned char *entries; // key, value, key, value ...
};

void uplink_map_init(
	struct uplink_map *map, size_t key_size, size_t value_size, unsigned int capacity);
void uplink_map_free(struct uplink_map *map);
// Of two with one key the first stays. Returns 0 or -ENOMEM, -E2BIG.
int uplink_map_add(struct uplink_map *map, const void *key, const void *value);
// Makes the map fd hold these entries: adds and changes first, then deletes the others. Returns 0
// or -errno.
int uplink_map_write(struct uplink_map *map, int fd);

#endif
