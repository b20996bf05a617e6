/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct dp_frame *
dp_frame_new(uint16_t type)
{
	struct dp_frame *frame = calloc(1, sizeof(*frame));

	if (frame == NULL)
		return NULL;
	frame->capacity = 1024;
	frame->header = calloc(1, frame->capacity);
	if (frame->header == NULL) {
		free(frame);
		return NULL;
	}
	frame->header->type = type;
	frame->header->length = sizeof(*frame->header);
	return frame;
}

void
dp_frame_free(struct dp_frame *frame)
{
	if (frame == NULL)
		return;
	for (unsigned int i = 0; i < frame->header->n_fds; i++)
		close(frame->fds[i]);
	free(frame->header);
	free(frame);
}

bool
dp_frame_fits(const struct dp_frame *frame, size_t length, unsigned int n_fds)
{
	return frame->header->length + length <= CW_FRAME_MAX
	       && frame->header->n_fds + n_fds <= CW_FRAME_FDS;
}

static int
grow(struct dp_frame *frame, size_t needed)
{
	size_t capacity = frame->capacity;
	struct cw_frame *header;

	if (needed <= capacity)
		return 0;
	while (capacity < needed)
		capacity *= 2;
	header = realloc(frame->header, capacity);
	if (header == NULL)
		return -ENOMEM;
	frame->header = header;
	frame->capacity = capacity;
	return 0;
}

struct cw_item *
dp_frame_add(struct dp_frame *frame, uint16_t type, size_t length)
{
	struct cw_item *item;

	if (!dp_frame_fits(frame, length, 0) || grow(frame, frame->header->length + length) < 0)
		return NULL;
	item = (struct cw_item *)(void *)((uint8_t *)frame->header + frame->header->length);
	memset(item, 0, length);
	item->type = type;
	item->length = (uint16_t)length;
	frame->header->length += (uint32_t)length;
	frame->header->n_items++;
	return item;
}

int
dp_frame_add_fds(struct dp_frame *frame, const int *fds, unsigned int n)
{
	if (!dp_frame_fits(frame, 0, n))
		return -ENOSPC;
	for (unsigned int i = 0; i < n; i++) {
		const int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0)
			return -errno;
		frame->fds[frame->header->n_fds++] = fd;
	}
	return 0;
}

int
dp_frame_check_header(const struct cw_frame *frame)
{
	if (frame->length < sizeof(*frame) || frame->length > CW_FRAME_MAX || frame->length % 8 != 0
		|| frame->n_fds > CW_FRAME_FDS
		|| frame->n_items > frame->length / sizeof(struct cw_item))
		return -EBADMSG;
	return 0;
}

// Least length of an item whose content is read.
static size_t
least_length(const struct cw_item *item)
{
	switch (item->type) {
	case CW_ITEM_HELLO:
		return sizeof(struct cw_hello);
	case CW_ITEM_STATUS:
		return sizeof(struct cw_status);
	case CW_ITEM_NAME:
		return sizeof(struct cw_name);
	case CW_ITEM_FDB:
		return sizeof(struct cw_fdb);
	case CW_ITEM_PORT_STATS:
		return sizeof(struct cw_port_stats);
	case CW_ITEM_STAGE_STATS:
		return sizeof(struct cw_stage_stats);
	case CW_ITEM_WORKER_STATS:
		return sizeof(struct cw_worker_stats);
	case CW_ITEM_NODE:
		return sizeof(struct cw_node);
	case CW_ITEM_WORKER_INFO:
		return sizeof(struct cw_worker_info);
	case CW_ITEM_PORT_INFO:
		return sizeof(struct cw_port_info);
	case CW_ITEM_PORT_EVENT:
		return sizeof(struct cw_port_event);
	case CW_ITEM_NEIGHBOR_WANTED:
		return sizeof(struct cw_neighbor_wanted);
	case CW_ITEM_REMOTE_WANTED:
		return sizeof(struct cw_remote_wanted);
	case CW_ITEM_TABLE_FULL:
		return sizeof(struct cw_table_full);
	case CW_ITEM_TRACE_RECORD:
		return sizeof(struct cw_trace_record);
	default:
		return sizeof(struct cw_item);
	}
}

#define TERMINATE(text) ((text)[sizeof(text) - 1] = '\0')

static void
terminate_texts(struct cw_item *item)
{
	switch (item->type) {
	case CW_ITEM_HELLO:
		TERMINATE(((struct cw_hello *)item)->build);
		break;
	case CW_ITEM_STATUS:
		TERMINATE(((struct cw_status *)item)->reason);
		break;
	case CW_ITEM_NAME:
		TERMINATE(((struct cw_name *)item)->name);
		TERMINATE(((struct cw_name *)item)->help);
		break;
	case CW_ITEM_NODE:
		TERMINATE(((struct cw_node *)item)->version);
		TERMINATE(((struct cw_node *)item)->dpdk);
		break;
	case CW_ITEM_WORKER_INFO:
		TERMINATE(((struct cw_worker_info *)item)->idle);
		break;
	case CW_ITEM_PORT_INFO:
		TERMINATE(((struct cw_port_info *)item)->reason);
		TERMINATE(((struct cw_port_info *)item)->capability_names);
		break;
	case CW_ITEM_PORT_EVENT:
		TERMINATE(((struct cw_port_event *)item)->reason);
		break;
	default:
		break;
	}
}

static bool
counts_fit(const struct cw_item *item)
{
	const struct cw_port_stats *stats = (const struct cw_port_stats *)item;

	return item->type != CW_ITEM_PORT_STATS
	       || item->length >= sizeof(*stats) + stats->n_drops * sizeof(stats->drops[0]);
}

int
dp_frame_check(struct cw_frame *frame)
{
	const struct cw_item *item = NULL;
	uint32_t n = 0;
	bool bad = false;

	while ((item = cw_item_next(frame, item, &bad)) != NULL) {
		if (item->length < least_length(item) || !counts_fit(item))
			return -EBADMSG;
		terminate_texts((struct cw_item *)(uintptr_t)item);
		n++;
	}
	return bad || n != frame->n_items ? -EBADMSG : 0;
}
