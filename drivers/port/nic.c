/* SPDX-License-Identifier: Apache-2.0 */

// Kinds nic and vf: a card, a virtual function or a representor by DPDK; see nic_args.h for args.
// A device that is reset below us, or that vanishes and comes back, is taken up again.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_string_fns.h>

#include "buffer.h"
#include "nic_private.h"

#define MAX_PAUSE_S 8u // between tries to bring a device back
#define MAC_TRIES 4u // until a VF's PF tells the address that it had
#define SETTLE_S 5u // after a start the link may come and go
#define MAX_DOUBTS 5u

static uint64_t
packets_heard(const struct nic *nic)
{
	struct rte_eth_stats stats;

	return rte_eth_stats_get(nic->ethdev.id, &stats) == 0 ? stats.ipackets : 0;
}

static void
run(struct nic *nic)
{
	nic->tries = 0;
	nic->link_lost = false;
	nic->started_tsc = rte_get_timer_cycles();
	nic->heard = packets_heard(nic);
	atomic_store(&nic->running, true);
}

static int
take(struct port *port, struct nic *nic, char *reason, size_t reason_len)
{
	int error = nic_device_take(&nic->args, &nic->device, &nic->ethdev.id, reason, reason_len);

	if (error != 0)
		return error;
	rte_eth_dev_get_name_by_port(nic->ethdev.id, nic->ethdev.name);
	error = nic_setup(port, nic, reason, reason_len);
	if (error == 0) {
		error = nic_events_start(nic);
		if (error != 0)
			snprintf(reason, reason_len, "device %s is not watched: %s",
				nic->args.device, strerror(-error));
	}
	if (error != 0) {
		rte_eth_dev_stop(nic->ethdev.id);
		nic_device_give_back(nic->device, nic->ethdev.id);
		nic->device = NULL;
		return error;
	}
	run(nic);
	return 0;
}

static void
let_go(struct nic *nic)
{
	nic_events_stop(nic);
	if (rte_eth_dev_is_valid_port(nic->ethdev.id))
		rte_eth_dev_stop(nic->ethdev.id);
	nic_device_give_back(nic->device, nic->ethdev.id);
	nic->device = NULL;
}

static int
nic_open(struct port *port, const struct port_config *config, char *reason, size_t reason_len)
{
	struct nic *nic;
	int error;

	if (config->n_fds > 0) {
		snprintf(reason, reason_len, "a %s port takes no descriptors",
			cw_port_kind_name(config->kind));
		return -EINVAL;
	}
	nic = buffer_zmalloc(sizeof(*nic), config->socket_id);
	if (nic == NULL) {
		snprintf(reason, reason_len, "no memory for the device");
		return -ENOMEM;
	}
	nic->config = *config;
	nic->config.name = nic->config.ifname = nic->config.args = NULL; // the caller's
	nic->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	error = nic->event_fd >= 0 ? 0 : -errno;
	if (error != 0)
		snprintf(reason, reason_len, "no event descriptor: %s", strerror(-error));
	if (error == 0)
		error = nic_args_parse(config->args, &nic->args, reason, reason_len);
	if (error == 0)
		error = take(port, nic, reason, reason_len);
	if (error != 0) {
		if (nic->event_fd >= 0)
			close(nic->event_fd);
		rte_free(nic);
		return error;
	}
	port->priv = nic;
	return 0;
}

static void
nic_close(struct port *port)
{
	struct nic *nic = port->priv;

	if (nic->device != NULL)
		let_go(nic);
	close(nic->event_fd);
	rte_free(nic);
}

static uint16_t
nic_rx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct nic *nic = port->priv;

	if (unlikely(!atomic_load_explicit(&nic->running, memory_order_acquire)))
		return 0;
	return ethdev_device_rx(port, queue, pkts, n);
}

static uint16_t
nic_tx(struct port *port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop)
{
	const struct nic *nic = port->priv;

	if (unlikely(!atomic_load_explicit(&nic->running, memory_order_acquire))) {
		*stop = PORT_TX_DOWN;
		return 0;
	}
	return ethdev_device_tx(port, queue, pkts, n, stop);
}

// A try may take a while on the main thread: ever fewer of them.
static void
try_later(struct nic *nic)
{
	const unsigned int pause = 1u << (nic->tries < 8 ? nic->tries : 8);

	nic->tries++;
	nic->again_tsc = rte_get_timer_cycles()
			 + (pause < MAX_PAUSE_S ? pause : MAX_PAUSE_S) * rte_get_timer_hz();
}

// A PF that went down and up again has reset its VFs, and its drivers do not all say so: a VF works
// on only after a reset of its own.
static bool
is_back_from_down(const struct port *port, struct nic *nic)
{
	struct rte_eth_link link;

	if (port->kind != CW_PORT_VF || !atomic_load(&nic->running)
		|| rte_eth_link_get_nowait(nic->ethdev.id, &link) != 0)
		return false;
	if (link.link_status == RTE_ETH_LINK_DOWN) {
		nic->link_lost = true;
		return false;
	}
	if (!nic->link_lost
		|| rte_get_timer_cycles() - nic->started_tsc < SETTLE_S * rte_get_timer_hz())
		return false;
	atomic_store(&nic->running, false);
	return true;
}

// A VF that was reset while its PF still was at it works, says so, and hears nothing: as long as
// that may be so, it is reset again, ever later.
static bool
is_deaf(struct nic *nic)
{
	const uint64_t pause = (uint64_t)SETTLE_S << (MAX_DOUBTS - nic->doubts);

	if (nic->doubts == 0 || !atomic_load(&nic->running)
		|| rte_get_timer_cycles() - nic->started_tsc < pause * rte_get_timer_hz())
		return false;
	nic->doubts = packets_heard(nic) == nic->heard ? nic->doubts - 1 : 0;
	if (nic->doubts == 0)
		return false;
	atomic_store(&nic->running, false);
	return true;
}

static bool
nic_needs_repair(struct port *port)
{
	struct nic *nic = port->priv;

	if ((atomic_load(&nic->events) & (NIC_RESET | NIC_LOST)) != 0) {
		atomic_store(&nic->running, false);
		return true;
	}
	if (is_back_from_down(port, nic)) {
		nic->doubts = MAX_DOUBTS;
		return true;
	}
	if (is_deaf(nic))
		return true;
	return !atomic_load(&nic->running) && rte_get_timer_cycles() >= nic->again_tsc
	       && (nic->device != NULL || nic_may_probe(&nic->args));
}

// Before its PF is ready, a VF may be given any address: it is tried again. One that never had an
// address of its PF gets another each time.
static bool
has_lost_its_address(const struct port *port, const struct nic *nic)
{
	struct rte_ether_addr has;

	return port->kind == CW_PORT_VF && nic->tries < MAC_TRIES
	       && rte_eth_macaddr_get(nic->ethdev.id, &has) == 0
	       && !rte_is_same_ether_addr(&has, &port->mac);
}

static void
restart(struct port *port, struct nic *nic)
{
	const uint16_t id = nic->ethdev.id;
	int error;

	rte_eth_dev_stop(id);
	error = rte_eth_dev_reset(id);
	if (error == -ENOTSUP)
		error = 0; // stopping and starting is all that can be done
	else if (error == 0 && has_lost_its_address(port, nic))
		error = -EAGAIN;
	if (error != 0)
		snprintf(nic->reason, sizeof(nic->reason),
			"device %s is not back from its reset: %s", nic->args.device,
			strerror(-error));
	else
		error = nic_setup(port, nic, nic->reason, sizeof(nic->reason));
	if (error != 0) {
		try_later(nic);
		return;
	}
	run(nic);
}

static void
nic_repair(struct port *port)
{
	struct nic *nic = port->priv;
	const uint32_t events = atomic_exchange(&nic->events, 0);

	if ((events & NIC_LOST) != 0 && nic->device != NULL) {
		nic_device_lost(nic->device);
		let_go(nic);
		snprintf(nic->reason, sizeof(nic->reason), "device %s was removed",
			nic->args.device);
		nic->tries = 0;
		try_later(nic); // what removes it is to come to its end first
	} else if (nic->device != NULL) {
		if ((events & NIC_RESET) != 0 && port->kind == CW_PORT_VF)
			nic->doubts = MAX_DOUBTS;
		restart(port, nic);
	} else if (take(port, nic, nic->reason, sizeof(nic->reason)) != 0) {
		try_later(nic);
	}
}

static enum cw_port_state
nic_state(struct port *port, char *reason, size_t reason_len)
{
	const struct nic *nic = port->priv;

	if (atomic_load(&nic->running))
		return ethdev_device_state(port, reason, reason_len);
	strlcpy(reason, nic->reason, reason_len);
	return nic->device != NULL ? CW_PORT_DOWN : CW_PORT_GONE;
}

static void
nic_device_stats(struct port *port, struct port_device_stats *stats)
{
	const struct nic *nic = port->priv;

	*stats = (struct port_device_stats){0};
	if (nic->device != NULL)
		ethdev_device_stats(port, stats);
}

static void
nic_queue_stats(struct port *port, uint16_t queue, struct port_queue_stats *stats)
{
	const struct nic *nic = port->priv;

	*stats = (struct port_queue_stats){0};
	if (nic->device != NULL)
		ethdev_device_queue_stats(port, queue, stats);
}

static int
nic_event_fd(struct port *port)
{
	const struct nic *nic = port->priv;

	return nic->event_fd;
}

static int
set_vlans(struct port *port, const uint16_t *vlans, unsigned int n)
{
	return nic_set_vlans(port->priv, vlans, n);
}

static int
set_groups(struct port *port, const struct rte_ether_addr *groups, unsigned int n)
{
	return nic_set_groups(port->priv, port->kind, groups, n);
}

static bool
nic_ethdev(struct port *port, struct port_ethdev *ethdev)
{
	const struct nic *nic = port->priv;

	return atomic_load(&nic->running) && ethdev_device_of(port, ethdev);
}

static const struct port_driver nic_driver = {
	.name = "nic",
	.kinds = 1u << CW_PORT_NIC | 1u << CW_PORT_VF,
	.open = nic_open,
	.close = nic_close,
	.rx = nic_rx,
	.tx = nic_tx,
	.wake_fd = ethdev_device_wake_fd,
	.state = nic_state,
	.device_stats = nic_device_stats,
	.queue_stats = nic_queue_stats,
	.event_fd = nic_event_fd,
	.needs_repair = nic_needs_repair,
	.repair = nic_repair,
	.set_vlans = set_vlans,
	.set_groups = set_groups,
	.ethdev = nic_ethdev,
};
PORT_DRIVER_REGISTER(nic_driver)
