/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "frame.h"

// What a request may hold.
struct request_shape {
	uint16_t type; // cw_frame_type
	uint16_t item; // cw_item_type of its only item; 0: none
	bool objects; // any number of objects instead
	bool descriptors;
};

static const struct request_shape requests[] = {
	{.type = CW_HELLO, .item = CW_ITEM_HELLO},
	{.type = CW_BEGIN, .item = CW_ITEM_EPOCH},
	{.type = CW_COMMIT, .item = CW_ITEM_EPOCH},
	{.type = CW_SET, .objects = true, .descriptors = true},
	{.type = CW_DEL, .objects = true},
	{.type = CW_GET_STATS},
	{.type = CW_GET_NODE},
	{.type = CW_GET_FDB},
	{.type = CW_GET_FLOWS},
	{.type = CW_GET_PORT_FDS, .item = CW_ITEM_PORT},
	{.type = CW_TRACE, .item = CW_ITEM_TRACE},
};

static const struct request_shape *
find_request(uint16_t type)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].type == type)
			return &requests[i];
	return NULL;
}

int
frame_check_header(const struct cw_frame *frame, struct reason *why)
{
	const struct request_shape *shape = find_request(frame->type);

	if (shape == NULL)
		return refuse(why, -EBADMSG, "unknown frame type %u", frame->type);
	if (frame->length < sizeof(*frame) || frame->length > CW_FRAME_MAX
		|| frame->length % 8 != 0)
		return refuse(why, -EBADMSG, "frame length %u is not a multiple of 8 in %zu .. %u",
			frame->length, sizeof(*frame), CW_FRAME_MAX);
	if (frame->n_fds > (shape->descriptors ? CW_FRAME_FDS : 0))
		return refuse(why, -EBADMSG, "frame of type %u claims %u descriptors", frame->type,
			frame->n_fds);
	return 0;
}

static size_t
fixed_length(uint16_t type)
{
	switch (type) {
	case CW_ITEM_HELLO:
		return sizeof(struct cw_hello);
	case CW_ITEM_EPOCH:
		return sizeof(struct cw_epoch);
	case CW_ITEM_TRACE:
		return sizeof(struct cw_trace);
	case CW_ITEM_NETWORK:
		return offsetof(struct cw_network, addresses);
	case CW_ITEM_PORT:
		return sizeof(struct cw_port);
	case CW_ITEM_ENDPOINT:
		return offsetof(struct cw_endpoint, ips);
	case CW_ITEM_FDB:
		return sizeof(struct cw_fdb);
	case CW_ITEM_NEIGHBOR:
		return sizeof(struct cw_neighbor);
	case CW_ITEM_NEXTHOP:
		return offsetof(struct cw_nexthop, members);
	case CW_ITEM_ROUTE:
		return sizeof(struct cw_route);
	case CW_ITEM_VTEP:
		return offsetof(struct cw_vtep, addresses);
	case CW_ITEM_FLOOD:
		return sizeof(struct cw_flood);
	default:
		return 0;
	}
}

// Bytes of the entries behind the fixed part; the fixed part is there.
static size_t
entries_length(const struct cw_item *item)
{
	switch (item->type) {
	case CW_ITEM_NETWORK:
		return ((const struct cw_network *)item)->n_addresses * sizeof(struct cw_ip);
	case CW_ITEM_PORT:
		return ((const struct cw_port *)item)->n_trunk * sizeof(struct cw_tag);
	case CW_ITEM_ENDPOINT:
		return ((const struct cw_endpoint *)item)->n_ips * sizeof(struct cw_ip);
	case CW_ITEM_NEXTHOP:
		return ((const struct cw_nexthop *)item)->n_members * sizeof(struct cw_member);
	case CW_ITEM_VTEP:
		return (((const struct cw_vtep *)item)->n_own
			       + (size_t)((const struct cw_vtep *)item)->n_groups)
		       * sizeof(struct cw_ip);
	default:
		return 0;
	}
}

static bool
is_object(uint16_t type)
{
	return type >= CW_ITEM_NETWORK && type <= CW_ITEM_FLOOD;
}

static int
check_item(const struct request_shape *shape, const struct cw_item *item, struct reason *why)
{
	const size_t fixed = fixed_length(item->type);
	const bool keys_only = shape->type == CW_DEL || shape->type == CW_GET_PORT_FDS;
	const bool fits = shape->objects ? is_object(item->type) : item->type == shape->item;

	if (!fits)
		return refuse(why, -EBADMSG, "item type %u in a frame of type %u", item->type,
			shape->type);
	if (item->length < fixed)
		return refuse(why, -EBADMSG, "item of type %u is %u bytes, needs %zu", item->type,
			item->length, fixed);
	if (!keys_only && item->length != CW_ALIGN8(fixed + entries_length(item)))
		return refuse(why, -EBADMSG, "item of type %u is %u bytes, its entries need %zu",
			item->type, item->length, CW_ALIGN8(fixed + entries_length(item)));
	if (item->reserved != 0)
		return refuse(why, -EBADMSG, "reserved field of an item is %u", item->reserved);
	return 0;
}

int
frame_check(const struct cw_frame *frame, struct reason *why)
{
	const struct request_shape *shape = find_request(frame->type);
	const struct cw_item *item = NULL;
	uint32_t n = 0, fds = 0;
	bool bad = false;
	int error;

	if (shape == NULL)
		return refuse(why, -EBADMSG, "unknown frame type %u", frame->type);
	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		error = check_item(shape, item, why);
		if (error != 0)
			return error;
		if (shape->descriptors && item->type == CW_ITEM_PORT)
			fds += ((const struct cw_port *)item)->n_fds;
		n++;
	}
	if (bad)
		return refuse(why, -EBADMSG, "item %u has a wrong length", n);
	if (n != frame->n_items)
		return refuse(
			why, -EBADMSG, "frame claims %u items and holds %u", frame->n_items, n);
	if (!shape->objects && n != (shape->item != 0))
		return refuse(why, -EBADMSG, "frame of type %u holds %u items", frame->type, n);
	if (fds != frame->n_fds)
		return refuse(why, -EBADMSG, "frame claims %u descriptors, its ports %u",
			frame->n_fds, fds);
	return 0;
}
