/* SPDX-License-Identifier: Apache-2.0 */

// Where a packed ring was left (virtio 1.2, 2.8.1). Its descriptors have the AVAIL bit of the round
// in which the driver, later the device, wrote them last; available are those whose USED bit
// differs from it. Round the ring from where the driver will write next, the oldest first:
//
//    used ... used, available ... available
//
// and the device's place is the first available one. Two things blur this. Descriptors behind the
// first of a chain, or of an in-order batch, stay as the driver wrote them: then the position that
// the device kept decides. And a burst whose first descriptor is not written yet when the device
// dies has used ones behind that; the driver has seen none of them.

#include <errno.h>
#include <stdio.h>

#include "virtqueue_private.h"

#define AVAIL VIRTQUEUE_PACKED_AVAIL
#define USED VIRTQUEUE_PACKED_USED

static uint8_t *
desc_at(const struct virtqueue_config *config, uint32_t slot)
{
	return (uint8_t *)config->desc + (size_t)slot * VIRTQUEUE_PACKED_DESC_BYTES;
}

static uint16_t
flags_at(const struct virtqueue_config *config, uint32_t slot)
{
	return virtqueue_load16(desc_at(config, slot) + 14);
}

static bool
is_available(uint16_t flags)
{
	return ((flags & AVAIL) != 0) != ((flags & USED) != 0);
}

// All of a full ring is available, up to the descriptor before the position.
static bool
is_full(const struct virtqueue_config *config, const struct virtqueue_position *position)
{
	for (uint32_t slot = 0; slot < config->size; slot++) {
		bool wrap = slot < position->used ? !position->used_wrap : position->used_wrap;
		uint16_t flags = flags_at(config, slot);

		if (!is_available(flags) || ((flags & AVAIL) != 0) != wrap)
			return false;
	}
	return true;
}

// The guest's word is good when the descriptor before its position was given back and the one there
// was not, nor is it of another round.
static bool
is_borne_out(const struct virtqueue_config *config)
{
	const struct virtqueue_position *told = &config->position;
	uint16_t before = told->used == 0 ? config->size : told->used;

	if (!virtqueue_position_fits(config, told)
		|| ((flags_at(config, told->used) & USED) != 0) == told->used_wrap)
		return is_full(config, told);
	return !is_available(flags_at(config, before - 1u)) || is_full(config, told);
}

enum kept {
	KEPT, // a position
	NOT_KEPT, // by a device like us
	UNKNOWN, // some other device's
};

static enum kept
read_kept(const struct virtqueue_config *config, struct virtqueue_position *kept)
{
	uint16_t off_wrap = virtqueue_load16(config->device);
	uint16_t slot = off_wrap & (VIRTQUEUE_PACKED_WRAP - 1);
	bool wrap = (off_wrap & VIRTQUEUE_PACKED_WRAP) != 0;

	*kept = (struct virtqueue_position){
		.avail = slot, .used = slot, .avail_wrap = wrap, .used_wrap = wrap};
	if (slot == VIRTQUEUE_PACKED_NOT_KEPT)
		return NOT_KEPT;
	// A new ring is all zeros: then the guest's word goes before this one.
	if (slot >= config->size || (off_wrap == 0 && is_borne_out(config)))
		return UNKNOWN;
	return virtqueue_position_fits(config, kept) || is_full(config, kept) ? KEPT : UNKNOWN;
}

// Where the driver writes next: the rounds' border.
static uint32_t
driver_slot(const struct virtqueue_config *config)
{
	uint16_t first = flags_at(config, 0) & AVAIL;

	for (uint32_t slot = 1; slot < config->size; slot++)
		if ((flags_at(config, slot) & AVAIL) != first)
			return slot;
	return 0;
}

static void
set_position(struct virtqueue_config *config, uint32_t slot, bool wrap)
{
	config->position = (struct virtqueue_position){
		.avail = (uint16_t)slot,
		.used = (uint16_t)slot,
		.avail_wrap = wrap,
		.used_wrap = wrap,
	};
}

// The oldest descriptor that is available; where the driver writes next when there is none.
static void
read_descriptors(struct virtqueue_config *config)
{
	uint32_t border = driver_slot(config), slot;

	for (uint32_t n = 0; n < config->size; n++) {
		slot = (border + n) % config->size;
		if (is_available(flags_at(config, slot))) {
			set_position(config, slot, (flags_at(config, slot) & AVAIL) != 0);
			return;
		}
	}
	set_position(config, border, (flags_at(config, border) & AVAIL) == 0);
}

static void
advance(const struct virtqueue_config *config, struct virtqueue_position *position)
{
	if (++position->used == config->size) {
		position->used = 0;
		position->used_wrap = !position->used_wrap;
	}
}

// Gives back the first descriptor of a burst, as empty.
static void
complete(const struct virtqueue_config *config, uint16_t slot)
{
	uint8_t *at = desc_at(config, slot) + 8;
	uint64_t rest = virtqueue_load64(at);
	uint64_t flags = (rest >> 48 & AVAIL) != 0 ? AVAIL | USED : 0;

	rest = flags << 48 | (rest & (UINT64_C(0xffff) << 32));
	__atomic_store_n((uint64_t *)(void *)at, rest, __ATOMIC_RELEASE);
}

static void
complete_burst(struct virtqueue_config *config)
{
	struct virtqueue_position end = config->position;
	uint16_t n = 0;

	if (!is_available(flags_at(config, end.used)))
		return;
	advance(config, &end);
	while (n < config->size
		&& (flags_at(config, end.used) & (AVAIL | USED))
			   == (end.used_wrap ? AVAIL | USED : 0)) {
		advance(config, &end);
		n++;
	}
	if (n == 0)
		return;
	complete(config, config->position.used);
	set_position(config, end.used, end.used_wrap);
}

int
virtqueue_recover(struct virtqueue_config *config, char *reason, size_t reason_len)
{
	struct virtqueue_position position;
	enum kept kept;

	if (virtqueue_feature(config->features, VIRTIO_F_RING_PACKED) == 0 || config->size == 0)
		return 0;
	kept = read_kept(config, &position);
	if (kept == KEPT) {
		config->position = position;
	} else if (virtqueue_feature(config->features, VIRTIO_F_IN_ORDER) == 0) {
		if (kept == NOT_KEPT || !is_borne_out(config))
			read_descriptors(config);
	} else if (!is_borne_out(config)) {
		snprintf(reason, reason_len,
			"an in-order packed ring does not tell where the switch left it: reset it");
		return -EINVAL;
	}
	complete_burst(config);
	return 0;
}

bool
virtqueue_has_chains(const struct virtqueue_config *config)
{
	uint32_t border = driver_slot(config), slot = border, n = 0;
	uint16_t flags = flags_at(config, config->position.used);
	bool full = is_available(flags) && ((flags & AVAIL) != 0) == config->position.used_wrap;

	if (border == config->position.used && full)
		return false;
	do {
		if (is_available(flags_at(config, slot)))
			return true;
		slot = (slot + 1) % config->size;
	} while (slot != config->position.used && ++n < config->size);
	return false;
}
