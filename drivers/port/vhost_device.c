/* SPDX-License-Identifier: Apache-2.0 */

// What librte_vhost tells of peers: connections, queues that come and go, features.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_errno.h>
#include <rte_vhost.h>

#include "vhost.h"
#include "vhost_features.h"
#include "vhost_path.h"
#include "vhost_socket.h"

// librte_vhost polls 1,024 descriptors: one of a pipe, one a connection, one more a server.
#define DESCRIPTORS_MAX 1020

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct vhost *registry; // all open ports
static struct vhost *by_vid[RTE_MAX_VHOST_DEVICE];
static unsigned int descriptors;

struct vhost *
vhost_device_find(int vid)
{
	struct vhost *v;

	pthread_mutex_lock(&registry_mutex);
	v = by_vid[vid];
	pthread_mutex_unlock(&registry_mutex);
	return v;
}

static struct vhost *
find_path(const char *path)
{
	struct vhost *v;

	pthread_mutex_lock(&registry_mutex);
	for (v = registry; v != NULL; v = v->next)
		if (strcmp(v->arguments.path, path) == 0)
			break;
	pthread_mutex_unlock(&registry_mutex);
	return v;
}

static void
set_vid(int vid, struct vhost *v)
{
	pthread_mutex_lock(&registry_mutex);
	by_vid[vid] = v;
	pthread_mutex_unlock(&registry_mutex);
}

static void
negotiated(struct vhost *v, uint64_t features)
{
	v->features = features;
	atomic_store(&v->port->capabilities,
		v->own_capabilities | vhost_features_capabilities(features));
}

// Its guest is gone, or sets its driver up anew.
static void
forget_device(struct vhost *v)
{
	v->device = false;
	vhost_queues_settle(v);
	vhost_queues_drain(v);
	negotiated(v, 0);
	v->peer_mtu = 0;
	v->broken[0] = '\0';
}

static int
on_new_device(int vid)
{
	struct vhost *v = vhost_device_find(vid);
	uint64_t features = 0;
	uint16_t mtu = 0;

	if (v == NULL)
		return -1;
	rte_vhost_get_negotiated_features(vid, &features);
	for (uint16_t i = 0; i < rte_vhost_get_vring_num(vid) && !v->rings->own; i++)
		rte_vhost_enable_guest_notification(vid, i, 0);
	pthread_mutex_lock(&v->mutex);
	negotiated(v, features);
	if (rte_vhost_get_mtu(vid, &mtu) == 0)
		v->peer_mtu = mtu;
	v->node = rte_vhost_get_numa_node(vid);
	v->device = true;
	vhost_queues_settle(v);
	pthread_mutex_unlock(&v->mutex);
	vhost_tell_main(v);
	return 0;
}

static void
on_destroy_device(int vid)
{
	struct vhost *v = vhost_device_find(vid);

	if (v == NULL)
		return;
	pthread_mutex_lock(&v->mutex);
	forget_device(v);
	pthread_mutex_unlock(&v->mutex);
	vhost_tell_main(v);
}

static int
on_vring_state_changed(int vid, uint16_t queue, int enable)
{
	struct vhost *v = vhost_device_find(vid);

	if (v == NULL || queue >= vhost_n_queues(v))
		return 0;
	pthread_mutex_lock(&v->mutex);
	v->queues[queue].ready = enable != 0;
	vhost_queues_settle(v);
	pthread_mutex_unlock(&v->mutex);
	vhost_tell_main(v);
	return 0;
}

static int
on_new_connection(int vid)
{
	char path[PATH_MAX] = "";
	struct vhost *v;
	int ret = 0;

	rte_vhost_get_ifname(vid, path, sizeof(path));
	v = find_path(path);
	if (v == NULL)
		return -1;
	pthread_mutex_lock(&v->mutex);
	if (v->connected) { // one peer at a time
		ret = -1;
	} else {
		v->connected = true;
		v->connects++;
		v->vid = vid;
		set_vid(vid, v);
		vhost_message_watch(v);
	}
	pthread_mutex_unlock(&v->mutex);
	vhost_socket_limit(path);
	vhost_tell_main(v);
	return ret;
}

static void
forget_peer(struct vhost *v)
{
	v->connected = false;
	for (uint16_t i = 0; i < vhost_n_queues(v); i++)
		v->queues[i].ready = v->queues[i].held = false;
	forget_device(v);
	vhost_memory_forget(v);
}

static void
on_destroy_connection(int vid)
{
	struct vhost *v = vhost_device_find(vid);

	if (v == NULL)
		return;
	pthread_mutex_lock(&v->mutex);
	forget_peer(v);
	set_vid(vid, NULL);
	pthread_mutex_unlock(&v->mutex);
	vhost_tell_main(v);
}

static const struct rte_vhost_device_ops device_ops = {
	.new_device = on_new_device,
	.destroy_device = on_destroy_device,
	.vring_state_changed = on_vring_state_changed,
	.new_connection = on_new_connection,
	.destroy_connection = on_destroy_connection,
};

static unsigned int
descriptors_of(const struct vhost *v)
{
	return v->arguments.server ? 2 : 1;
}

static int
registry_add(struct vhost *v, char *reason, size_t reason_len)
{
	const struct vhost *other = find_path(v->arguments.path);

	if (other != NULL) {
		snprintf(reason, reason_len, "path %s is port %s's", v->arguments.path,
			other->port->name);
		return -EEXIST;
	}
	if (descriptors + descriptors_of(v) > DESCRIPTORS_MAX) {
		snprintf(reason, reason_len,
			"librte_vhost serves no more than %d vhost-user ports (a server counts "
			"twice)",
			DESCRIPTORS_MAX);
		return -ENOSPC;
	}
	pthread_mutex_lock(&registry_mutex);
	descriptors += descriptors_of(v);
	v->next = registry;
	registry = v;
	pthread_mutex_unlock(&registry_mutex);
	return 0;
}

static void
registry_remove(struct vhost *v)
{
	pthread_mutex_lock(&registry_mutex);
	descriptors -= descriptors_of(v);
	for (struct vhost **at = &registry; *at != NULL; at = &(*at)->next) {
		if (*at == v) {
			*at = v->next;
			break;
		}
	}
	for (int vid = 0; vid < RTE_MAX_VHOST_DEVICE; vid++)
		if (by_vid[vid] == v)
			by_vid[vid] = NULL;
	pthread_mutex_unlock(&registry_mutex);
}

static int
set_features(const struct vhost *v)
{
	const char *path = v->arguments.path;
	uint64_t features, protocol;

	if (rte_vhost_driver_get_features(path, &features) < 0
		|| rte_vhost_driver_get_protocol_features(path, &protocol) < 0)
		return -1;
	features &= ~vhost_features_offered(&v->arguments, v->n_pairs);
	protocol &= vhost_protocol_features_offered(&v->arguments);
	return rte_vhost_driver_disable_features(path, features) < 0
			       || rte_vhost_driver_set_protocol_features(path, protocol) < 0
			       || rte_vhost_driver_callback_register(path, &device_ops) < 0
		       ? -1
		       : 0;
}

static uint64_t
register_flags(const struct vhost_arguments *arguments)
{
	uint64_t flags = RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS;

	if (!arguments->server)
		flags |= RTE_VHOST_USER_CLIENT;
	if (arguments->iommu)
		flags |= RTE_VHOST_USER_IOMMU_SUPPORT;
	return flags;
}

// A server's socket is nobody else's before it has its mode, group and owner.
static int
start(struct vhost *v, char *reason, size_t reason_len)
{
	const struct vhost_arguments *arguments = &v->arguments;
	mode_t before;
	int ret;

	if (!arguments->server)
		return rte_vhost_driver_start(arguments->path);
	before = umask(0177);
	ret = rte_vhost_driver_start(arguments->path);
	umask(before);
	if (ret == 0)
		ret = vhost_path_own(arguments, reason, reason_len);
	return ret;
}

int
vhost_device_register(struct vhost *v, char *reason, size_t reason_len)
{
	const char *path = v->arguments.path;
	int ret = registry_add(v, reason, reason_len);

	if (ret < 0)
		return ret;
	if (v->arguments.server)
		ret = vhost_path_prepare(&v->arguments, reason, reason_len);
	if (ret < 0)
		goto remove;
	if (rte_vhost_driver_register(path, register_flags(&v->arguments)) < 0) {
		snprintf(reason, reason_len, "librte_vhost takes no port at %s", path);
		ret = -ENOMEM;
		goto remove;
	}
	snprintf(reason, reason_len, "librte_vhost does not start at %s", path);
	ret = set_features(v);
	if (ret == 0)
		ret = start(v, reason, reason_len);
	if (ret == 0)
		return 0;
	ret = ret == -1 ? -EIO : ret;
	rte_vhost_driver_unregister(path);
remove:
	registry_remove(v);
	return ret;
}

void
vhost_device_unregister(struct vhost *v)
{
	rte_vhost_driver_unregister(v->arguments.path);
	pthread_mutex_lock(&v->mutex);
	forget_peer(v);
	pthread_mutex_unlock(&v->mutex);
	registry_remove(v);
}
