/* SPDX-License-Identifier: Apache-2.0 */
#define ALLOW_EXPERIMENTAL_API // rte_dev_event_callback_process(), here only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include "nic_args.h"
#include "port_fixture.h"

static struct port_config
config_of(const struct port_fixture *f, const char *args)
{
	struct port_config config = make_config(f, CW_PORT_NIC, NULL, 0);

	config.args = args;
	config.n_queues = 1;
	return config;
}

static void
test_arguments(void **state)
{
	static const struct {
		const char *text, *device, *representor, *devargs;
		bool is_pci, promiscuous, isolated;
	} table[] = {
		{"device=0000:01:10.0", "0000:01:10.0", "", "", true},
		{"device=01:10.2", "0000:01:10.2", "", "", true},
		{"device=0000:0A:00.0,promiscuous=on", "0000:0a:00.0", "", "", true, true},
		{"isolated=on,device=net_ring0,promiscuous=off", "net_ring0", "", "", false, false,
			true},
		{"device=net_null0,size=100,copy=1", "net_null0", "", "size=100,copy=1"},
		{"device=0000:01:00.0,dv_flow_en=2,representor=vf3", "0000:01:00.0", "vf3",
			"dv_flow_en=2,representor=vf3", true},
		{"device=01:00.0,representors=vf[0-3,7],x=[1,2],representor=vf1", "0000:01:00.0",
			"vf1", "representor=vf[0-3,7],x=[1,2]", true},
		{"device=net_flow0,representor=vf1,vfs=4", "net_flow0", "vf1", "vfs=4"},
		{"device=net_ring0,bare", "net_ring0", "", "bare"},
	};
	struct nic_args args;
	char reason[128];

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		assert_int_equal(nic_args_parse(table[i].text, &args, reason, sizeof(reason)), 0);
		assert_string_equal(args.device, table[i].device);
		assert_string_equal(args.representor, table[i].representor);
		assert_string_equal(args.devargs, table[i].devargs);
		assert_int_equal(args.is_pci, table[i].is_pci);
		assert_int_equal(args.promiscuous, table[i].promiscuous);
		assert_int_equal(args.isolated, table[i].isolated);
	}
}

static void
test_bad_arguments(void **state)
{
	static const char *const table[] = {
		NULL,
		"",
		"size=100",
		"device=",
		"device=a,device=b",
		"device=a,representor=",
		"device=a,representor=vf0,representor=vf1",
		"device=a,representor=vf12345678901234567890123456789012345678901234567890",
		"device=a,promiscuous=yes",
		"device=a,isolated=",
		"device=a,=b",
		"device=a,,b=c",
		"device=a_name_that_is_longer_than_the_name_of_any_device_of_dpdk_could_ever_be",
	};
	struct nic_args args;
	char reason[128];

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		reason[0] = '\0';
		assert_int_equal(nic_args_parse(table[i], &args, reason, sizeof(reason)), -EINVAL);
		assert_true(strlen(reason) > 0);
	}
}

static void
test_refused(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config = config_of(f, "device=net_null0");
	struct port_config own = make_config(f, CW_PORT_NULL, NULL, 0);
	int fd = 0;
	struct port *port;

	config.fds = &fd;
	config.n_fds = 1;
	assert_refused(&config, -EINVAL);
	config = config_of(f, "device=net_null0,representor=vf0");
	assert_refused(&config, -ENODEV);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	own.args = "net_null0";
	port = open_port(&own);
	config = config_of(f, "device=net_null0");
	assert_refused(&config, -EEXIST); // another driver's
	port_close(port);
}

static void
test_traffic(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config = config_of(f, "device=net_ring0,promiscuous=on");
	struct rte_mbuf *m, *back = NULL;
	char name[RTE_ETH_NAME_MAX_LEN];
	struct port_ethdev ethdev;

	// Twice: closing leaves nothing of the device.
	for (int i = 0; i < 2; i++) {
		struct port *port = open_port(&config);

		assert_refused(&config, -EBUSY);
		assert_true(port->driver->ethdev(port, &ethdev));
		assert_int_equal(ethdev.starts, 1);
		assert_int_equal(rte_eth_dev_get_name_by_port(ethdev.id, name), 0);
		assert_string_equal(name, "net_ring0");
		m = make_udp4(f, 9, 100, false, 0);
		transmit(port, m); // net_ring0 loops back
		assert_int_equal(port_rx(port, 0, &back, 1), 1);
		assert_ptr_equal(back, m);
		rte_pktmbuf_free(back);
		port_close(port);
		assert_int_equal(rte_eth_dev_count_avail(), 0);
	}
	assert_no_leak(f);
}

static void
assert_told(struct port *port)
{
	struct pollfd event = {.fd = port->driver->event_fd(port), .events = POLLIN};
	eventfd_t count;

	assert_int_equal(poll(&event, 1, 5000), 1);
	assert_int_equal(eventfd_read(event.fd, &count), 0);
}

// What the main thread does twice a second, until the device is as it should be.
static void
repair_until(struct port *port, enum cw_port_state wanted)
{
	char reason[128];

	for (int tries = 0; tries < 1000; tries++) {
		if (port->driver->needs_repair(port))
			port->driver->repair(port);
		if (port->driver->state(port, reason, sizeof(reason)) == wanted)
			return;
		rte_delay_us_sleep(20000);
	}
	fail_msg("state is not %d: %s", wanted, reason);
}

static void
test_removed_and_back(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config = config_of(f, "device=net_ring0");
	struct port *port = open_port(&config);
	struct rte_mbuf *m = make_udp4(f, 9, 100, false, 0), *back = NULL;
	struct port_device_stats stats;
	struct port_ethdev ethdev;
	enum port_tx_stop stop;
	char reason[128];

	assert_false(port->driver->needs_repair(port));
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_UP);
	rte_dev_event_callback_process("net_ring0", RTE_DEV_EVENT_REMOVE);
	assert_told(port);
	assert_true(port->driver->needs_repair(port));
	// From now on workers that still try get nothing, and lose nothing unaccounted for.
	assert_int_equal(port_tx(port, 0, &m, 1, &stop), 0);
	assert_int_equal(stop, PORT_TX_DOWN);
	assert_int_equal(port_rx(port, 0, &back, 1), 0);
	port->driver->repair(port);
	assert_int_equal(port->driver->state(port, reason, sizeof(reason)), CW_PORT_GONE);
	assert_true(strstr(reason, "was removed") != NULL);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	assert_false(port->driver->ethdev(port, &ethdev));
	port->driver->device_stats(port, &stats);
	assert_int_equal(stats.rx_dropped, 0);

	repair_until(port, CW_PORT_UP);
	assert_true(port->driver->ethdev(port, &ethdev));
	assert_int_equal(ethdev.starts, 2);
	transmit(port, m);
	assert_int_equal(port_rx(port, 0, &back, 1), 1);
	rte_pktmbuf_free(back);
	port_close(port);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	assert_no_leak(f);
}

static void
test_closed_while_it_is_gone(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config = config_of(f, "device=net_ring0");
	struct port *port = open_port(&config);

	rte_dev_event_callback_process("net_ring0", RTE_DEV_EVENT_REMOVE);
	assert_told(port);
	assert_true(port->driver->needs_repair(port));
	port->driver->repair(port);
	port_close(port);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	port = open_port(&config);
	port_close(port);
	assert_no_leak(f);
}

static void
test_mtu_and_address(void **state)
{
	struct port_fixture *f = *state;
	struct port_config config = config_of(f, "device=net_ring0");
	const struct rte_ether_addr own = {{2, 0, 0, 0, 0, 9}};
	struct port *port;

	config.mtu = 9000; // more than one buffer: the device chains them
	port = open_port(&config);
	assert_int_equal(port->mtu, 9000);
	port_close(port);
	config = config_of(f, "device=net_null0");
	port = open_port(&config);
	assert_false(rte_is_zero_ether_addr(&port->mac));
	port_close(port);
	config.own_mac = own;
	port = open_port(&config);
	assert_true(rte_is_same_ether_addr(&port->mac, &own));
	port_close(port);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_removed_and_back),
		cmocka_unit_test(test_closed_while_it_is_gone),
		cmocka_unit_test(test_mtu_and_address),
	};

	return cmocka_run_group_tests(tests, port_fixture_setup, port_fixture_teardown);
}
