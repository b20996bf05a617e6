/* SPDX-License-Identifier: Apache-2.0 */

// A look at the peer's messages before and after librte_vhost acts on them: our own rings stop
// before what they use changes, and what librte_vhost would do although it was never negotiated is
// refused. Numbers and layout: vhost-user protocol, "Message Specification".

#include <fcntl.h>
#include <unistd.h>

#include <linux/virtio_net.h>
#include <rte_version.h>
#include <rte_vhost.h>

#include "guarded_memory.h"
#include "vhost.h"

enum {
	SET_FEATURES = 2,
	RESET_OWNER = 4,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_QUEUE_NUM = 17,
	SET_VRING_ENABLE = 18,
	SEND_RARP = 19,
	NET_SET_MTU = 20,
	SET_BACKEND_REQ_FD = 21,
	GET_CONFIG = 24,
	SET_CONFIG = 25,
	CRYPTO_CREATE_SESSION = 26,
	CRYPTO_CLOSE_SESSION = 27,
	POSTCOPY_ADVISE = 28,
	POSTCOPY_LISTEN = 29,
	POSTCOPY_END = 30,
	GET_INFLIGHT_FD = 31,
	SET_INFLIGHT_FD = 32,
};

#define KICK_INDEX_MASK 0xff
#define FDS_MAX 8
#define PAYLOAD_LEN 632

struct message {
	uint32_t request, flags, size;
	union {
		uint64_t u64;
		struct {
			uint32_t index, num;
		} vring;
		uint8_t bytes[PAYLOAD_LEN];
	};
	// Behind the message itself librte_vhost keeps what came with it.
	int fds[FDS_MAX];
	int n_fds;
} __attribute__((packed));

// librte_vhost leaves the descriptors of a message that we answer to us.
static void
close_fds(struct message *message)
{
#if RTE_VERSION < RTE_VERSION_NUM(24, 3, 0, 0)
	for (int i = 0; i < message->n_fds && i < FDS_MAX; i++)
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	message->n_fds = 0;
#else
	(void)message; // another layout
#endif
}

// The way back to the peer, on which workers ask for translations (iommu=on).
static void
never_wait(const struct message *message)
{
#if RTE_VERSION < RTE_VERSION_NUM(24, 3, 0, 0)
	if (message->n_fds == 1 && message->fds[0] >= 0)
		fcntl(message->fds[0], F_SETFL, O_NONBLOCK);
#else
	(void)message;
#endif
}

static bool
is_refused(uint32_t request)
{
	switch (request) {
	case SEND_RARP:
	case GET_CONFIG:
	case SET_CONFIG:
	case CRYPTO_CREATE_SESSION:
	case CRYPTO_CLOSE_SESSION:
	case POSTCOPY_ADVISE:
	case POSTCOPY_LISTEN:
	case POSTCOPY_END:
	case GET_INFLIGHT_FD:
	case SET_INFLIGHT_FD:
		return true;
	default:
		return false;
	}
}

static bool
changes_everything(uint32_t request)
{
	return request == SET_FEATURES || request == RESET_OWNER || request == SET_MEM_TABLE;
}

// The queue that a message is about, or VHOST_NO_QUEUE.
static uint16_t
queue_of(const struct vhost *v, const struct message *message)
{
	uint32_t index;

	switch (message->request) {
	case SET_VRING_KICK:
	case SET_VRING_CALL:
		index = message->u64 & KICK_INDEX_MASK;
		break;
	case SET_VRING_NUM:
	case SET_VRING_ADDR:
	case SET_VRING_BASE:
	case GET_VRING_BASE:
	case SET_VRING_ENABLE:
		index = message->vring.index;
		break;
	default:
		return VHOST_NO_QUEUE;
	}
	return index < vhost_n_queues(v) ? (uint16_t)index : VHOST_NO_QUEUE;
}

static void
hold(struct vhost *v, const struct message *message)
{
	uint16_t index = queue_of(v, message);

	if (index != VHOST_NO_QUEUE)
		v->queues[index].held = true;
	for (uint16_t i = 0; i < vhost_n_queues(v) && changes_everything(message->request); i++) {
		v->queues[i].held = true;
		// librte_vhost forgets its queues without a word.
		if (message->request == RESET_OWNER)
			v->queues[i].ready = false;
	}
}

static bool
unmaps(const struct message *message)
{
	return message->request == SET_MEM_TABLE || message->request == RESET_OWNER;
}

static enum rte_vhost_msg_result
before(int vid, void *data)
{
	struct message *message = data;
	struct vhost *v = vhost_device_find(vid);

	if (v == NULL || is_refused(message->request)) {
		close_fds(message);
		return RTE_VHOST_MSG_RESULT_ERR;
	}
	if (message->request == GET_QUEUE_NUM) {
		close_fds(message);
		message->u64 = v->n_pairs;
		message->size = sizeof(message->u64);
		return RTE_VHOST_MSG_RESULT_REPLY;
	}
	if (message->request == SET_BACKEND_REQ_FD)
		never_wait(message);
	guarded_memory_cover_thread(); // librte_vhost looks at rings before we can guard them
	if (v->rings->own) {
		pthread_mutex_lock(&v->mutex);
		hold(v, message);
		vhost_queues_settle(v);
		if (unmaps(message))
			vhost_memory_forget(v);
		pthread_mutex_unlock(&v->mutex);
	}
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

// Only of a message that librte_vhost took.
static void
release(struct vhost *v, const struct message *message)
{
	uint16_t index = queue_of(v, message);

	// librte_vhost reports this later, and only once the answer is sent.
	if (message->request == SET_VRING_ENABLE && index != VHOST_NO_QUEUE
		&& message->vring.num == 0)
		v->queues[index].ready = false;
	for (uint16_t i = 0; i < vhost_n_queues(v); i++) {
		v->queues[i].held = false;
		if (message->request == SET_FEATURES && i >= 2
			&& (message->u64 & (1ull << VIRTIO_NET_F_MQ)) == 0)
			v->queues[i].ready = false;
	}
}

static enum rte_vhost_msg_result
after(int vid, void *data)
{
	const struct message *message = data;
	struct vhost *v = vhost_device_find(vid);

	// What we answered ourselves comes here, too.
	if (v == NULL || message->request == GET_QUEUE_NUM)
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	pthread_mutex_lock(&v->mutex);
	if (message->request == NET_SET_MTU)
		v->peer_mtu = (uint16_t)message->u64;
	if (message->request == SET_MEM_TABLE)
		vhost_memory_read(v);
	if (v->rings->own) {
		release(v, message);
		vhost_queues_settle(v);
	}
	pthread_mutex_unlock(&v->mutex);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

void
vhost_message_watch(struct vhost *v)
{
	static const struct rte_vhost_user_extern_ops ops = {
		.pre_msg_handle = before,
		.post_msg_handle = after,
	};

	rte_vhost_extern_callback_register(v->vid, &ops, NULL);
}
