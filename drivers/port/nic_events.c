/* SPDX-License-Identifier: Apache-2.0 */
#define ALLOW_EXPERIMENTAL_API // rte_dev_event_callback_*(), here only
#include <errno.h>
#include <sys/eventfd.h>

#include <rte_cycles.h>
#include <rte_dev.h>

#include "nic_private.h"

#define UNREGISTER_TRIES 1000
#define UNREGISTER_PAUSE_US 1000

static const enum rte_eth_event_type watched[] = {
	RTE_ETH_EVENT_INTR_LSC,
	RTE_ETH_EVENT_INTR_RESET,
	RTE_ETH_EVENT_INTR_RMV,
	RTE_ETH_EVENT_DESTROY,
	RTE_ETH_EVENT_RECOVERY_SUCCESS,
	RTE_ETH_EVENT_RECOVERY_FAILED,
};

static void
tell(struct nic *nic, uint32_t events)
{
	atomic_fetch_or(&nic->events, events);
	eventfd_write(nic->event_fd, 1);
}

// Interrupt thread.
static int
on_port_event(uint16_t id, enum rte_eth_event_type event, void *arg, void *unused)
{
	switch (event) {
	case RTE_ETH_EVENT_INTR_RESET:
	case RTE_ETH_EVENT_RECOVERY_FAILED:
		tell(arg, NIC_RESET);
		break;
	case RTE_ETH_EVENT_INTR_RMV:
	case RTE_ETH_EVENT_DESTROY:
		tell(arg, NIC_LOST);
		break;
	default:
		tell(arg, 0);
	}
	return 0;
}

// Interrupt thread. The kernel, or vfio, takes the device away, and waits until we let it go.
static void
on_device_event(const char *device, enum rte_dev_event_type event, void *arg)
{
	if (event == RTE_DEV_EVENT_REMOVE)
		tell(arg, NIC_LOST);
}

int
nic_events_start(struct nic *nic)
{
	int error = 0;

	atomic_store(&nic->events, 0);
	for (size_t i = 0; i < RTE_DIM(watched) && error == 0; i++)
		error = rte_eth_dev_callback_register(
			nic->ethdev.id, watched[i], on_port_event, nic);
	if (error == 0)
		error = rte_dev_event_callback_register(nic->args.device, on_device_event, nic);
	if (error != 0)
		nic_events_stop(nic);
	return error;
}

// A callback that runs right now is waited for: it is short.
void
nic_events_stop(struct nic *nic)
{
	for (size_t i = 0; i < RTE_DIM(watched); i++)
		for (int tries = 0; tries < UNREGISTER_TRIES; tries++) {
			if (rte_eth_dev_callback_unregister(
				    nic->ethdev.id, watched[i], on_port_event, nic)
				!= -EAGAIN)
				break;
			rte_delay_us_sleep(UNREGISTER_PAUSE_US);
		}
	for (int tries = 0; tries < UNREGISTER_TRIES; tries++) {
		if (rte_dev_event_callback_unregister(nic->args.device, on_device_event, nic)
			!= -EAGAIN)
			break;
		rte_delay_us_sleep(UNREGISTER_PAUSE_US);
	}
}
