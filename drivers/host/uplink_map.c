/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink_map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#define KEY_SIZE_MAX 32

void
uplink_map_init(struct uplink_map *map, size_t key_size, size_t value_size, unsigned int capacity)
{
	*map = (struct uplink_map){
		.key_size = key_size, .value_size = value_size, .capacity = capacity};
}

void
uplink_map_free(struct uplink_map *map)
{
	free(map->entries);
	map->entries = NULL;
	map->n = 0;
}

static unsigned char *
entry(const struct uplink_map *map, unsigned int i)
{
	return map->entries + i * (map->key_size + map->value_size);
}

int
uplink_map_add(struct uplink_map *map, const void *key, const void *value)
{
	const size_t size = map->key_size + map->value_size;
	unsigned char *entries;

	if (map->n == map->capacity)
		return -E2BIG;
	if ((map->n & (map->n - 1)) == 0) { // a power of two: full, or nothing yet
		entries = realloc(map->entries, (map->n == 0 ? 1 : map->n * 2) * size);
		if (entries == NULL)
			return -ENOMEM;
		map->entries = entries;
	}
	memcpy(entry(map, map->n), key, map->key_size);
	memcpy(entry(map, map->n) + map->key_size, value, map->value_size);
	map->n++;
	return 0;
}

static int
compare(const void *a, const void *b, void *key_size)
{
	return memcmp(a, b, *(const size_t *)key_size);
}

static bool
holds(const struct uplink_map *map, const void *key)
{
	unsigned int low = 0, high = map->n;

	while (low < high) {
		const unsigned int middle = low + (high - low) / 2;
		const int order = memcmp(key, entry(map, middle), map->key_size);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

// The first of its key wins: it is written last.
static int
put_all(const struct uplink_map *map, int fd)
{
	int ret = 0;

	for (unsigned int i = map->n; i-- > 0 && ret == 0;)
		ret = bpf_map_update_elem(
			fd, entry(map, i), entry(map, i) + map->key_size, BPF_ANY);
	return ret;
}

// One pass over the map. Deleting a key under a walk starts it over, so that the next is asked for
// first.
static int
delete_others(const struct uplink_map *map, int fd)
{
	unsigned char keys[2][KEY_SIZE_MAX], *key = keys[0], *next = keys[1], *other;
	int ret = bpf_map_get_next_key(fd, NULL, key);

	while (ret == 0) {
		ret = bpf_map_get_next_key(fd, key, next);
		if (!holds(map, key)) {
			const int deleted = bpf_map_delete_elem(fd, key);

			if (deleted < 0 && deleted != -ENOENT)
				return deleted;
		}
		other = key;
		key = next;
		next = other;
	}
	return ret == -ENOENT ? 0 : ret;
}

int
uplink_map_write(struct uplink_map *map, int fd)
{
	int ret = put_all(map, fd);

	if (ret < 0)
		return ret;
	if (map->n > 1)
		qsort_r(map->entries, map->n, map->key_size + map->value_size, compare,
			&map->key_size);
	return delete_others(map, fd);
}
