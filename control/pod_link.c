/* SPDX-License-Identifier: Apache-2.0 */
#include "pod_link.h"

#include <errno.h>
#include <string.h>

#include "address.h"
#include "address_text.h"
#include "fail_point.h"
#include "route.h"
#include "sysctl.h"

// Names the step in failure when it failed, or is to fail.
int
pod_step(const char *name, int result, const struct endpoint *endpoint, struct failure *failure)
{
	if (result == 0)
		result = fail_point(name);
	if (result < 0)
		return failure_errno(failure, result, "step %s failed for interface %s of %.64s",
			name, endpoint->ifname, endpoint->container);
	return 0;
}

int
pod_link_taken(const struct endpoint *endpoint, struct failure *failure)
{
	return failure_set(failure, CW_RPC_REFUSED, "ifname", endpoint->ifname,
		"choose another name or delete that interface",
		"an interface %s that is not ours exists in the namespace", endpoint->ifname);
}

static bool
covered(const struct endpoint *endpoint, const struct cw_ip *gateway)
{
	for (unsigned int i = 0; i < endpoint->n_ips; i++)
		if (endpoint->ips[i].address.family == gateway->family
			&& ip_contains(&endpoint->ips[i].address, gateway))
			return true;
	return false;
}

static int
add_route(struct nl_sock *sock, const struct route_spec *route)
{
	const int ret = route_add(sock, route);

	return ret == -EEXIST ? 0 : ret;
}

static int
add_gateway(struct nl_sock *sock, int ifindex, const struct cw_ip *gateway)
{
	const struct route_spec on_link = {.destination = ip_host(gateway), .ifindex = ifindex};

	return add_route(sock, &on_link);
}

// The gateway of a route that names none: that of the first address of its family.
static struct cw_ip
default_gateway(const struct endpoint *endpoint, uint8_t family)
{
	for (unsigned int i = 0; i < endpoint->n_ips; i++)
		if (endpoint->ips[i].gateway.family == family)
			return endpoint->ips[i].gateway;
	return (struct cw_ip){0};
}

static int
add_routes(struct nl_sock *sock, int ifindex, const struct endpoint *endpoint)
{
	int ret = 0;

	for (unsigned int i = 0; i < endpoint->n_ips && ret == 0; i++) {
		const struct cw_ip *gateway = &endpoint->ips[i].gateway;

		if (gateway->family != 0 && !covered(endpoint, gateway))
			ret = add_gateway(sock, ifindex, gateway);
	}
	for (unsigned int i = 0; i < endpoint->n_routes && ret == 0; i++) {
		const struct endpoint_route *wanted = &endpoint->routes[i];
		struct route_spec route = {
			.destination = wanted->destination,
			.gateway = wanted->gateway,
			.ifindex = ifindex,
			.mtu = wanted->mtu,
			.priority = wanted->priority,
		};

		if (route.gateway.family == 0)
			route.gateway = default_gateway(endpoint, route.destination.family);
		route.gateway_on_link =
			route.gateway.family != 0 && !covered(endpoint, &route.gateway);
		ret = add_route(sock, &route);
	}
	return ret;
}

static int
add_addresses(struct nl_sock *sock, int ifindex, const struct endpoint *endpoint)
{
	int ret = 0;

	for (unsigned int i = 0; i < endpoint->n_ips && ret == 0; i++)
		ret = address_add(sock, ifindex, &endpoint->ips[i].address);
	return ret;
}

// A card's link may come up long after the interface: the kernel announces the addresses then.
static void
set_notify(const char *ifname)
{
	sysctl_interface("ipv4", ifname, "arp_notify", "1");
	sysctl_interface("ipv6", ifname, "ndisc_notify", "1");
}

// Some runtimes turn IPv6 off in pods; who gives IPv6 addresses wants it on. Routes come from us,
// not from router advertisements.
int
pod_link_sysctls(const struct endpoint *endpoint)
{
	bool v6 = false;
	int ret;

	for (unsigned int i = 0; i < endpoint->n_ips; i++)
		v6 |= endpoint->ips[i].address.family == 6;
	if (endpoint->vf.pci[0] != '\0')
		set_notify(endpoint->ifname);
	if (!v6)
		return 0;
	ret = sysctl_interface("ipv6", endpoint->ifname, "disable_ipv6", "0");
	if (ret == 0)
		ret = sysctl_interface("ipv6", endpoint->ifname, "accept_ra", "0");
	// A read-only /proc/sys is common; addresses tell whether IPv6 works.
	return ret == -EROFS ? 0 : ret;
}

int
pod_link_addresses(
	struct nl_sock *sock, int ifindex, const struct endpoint *endpoint, struct failure *failure)
{
	return pod_step("address", add_addresses(sock, ifindex, endpoint), endpoint, failure);
}

int
pod_link_routes(
	struct nl_sock *sock, int ifindex, const struct endpoint *endpoint, struct failure *failure)
{
	return pod_step("route", add_routes(sock, ifindex, endpoint), endpoint, failure);
}
