/* SPDX-License-Identifier: Apache-2.0 */
// What the kernel offers: devices, socket families, forwarding.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

#define KERNEL_MAJOR 5
#define KERNEL_MINOR 10

static void
check_release(struct doctor *doctor)
{
	char release[128];
	int major = 0, minor = 0;

	if (!doctor_read_line(doctor, release, sizeof(release), "/proc/sys/kernel/osrelease")
		|| sscanf(release, "%d.%d", &major, &minor) != 2)
		return;
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR))
		doctor_find(doctor, FINDING_OK, "kernel", NULL, "%s", release);
	else
		doctor_find(doctor, FINDING_PROBLEM, "kernel", "apt install linux-image-amd64",
			"%s is too old, %d.%d is needed", release, KERNEL_MAJOR, KERNEL_MINOR);
}

static void
check_tun(struct doctor *doctor)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/dev/net/tun", doctor->root);
	if (access(path, F_OK) != 0)
		doctor_find(doctor, FINDING_PROBLEM, "tun", "modprobe tun",
			"/dev/net/tun is absent: no pod interfaces of kind tap, no host port");
	else if (access(path, R_OK | W_OK) != 0)
		doctor_find(doctor, FINDING_WARNING, "tun", "chmod 666 /dev/net/tun",
			"/dev/net/tun is there, but not for this user");
	else
		doctor_find(doctor, FINDING_OK, "tun", NULL, "/dev/net/tun can be opened");
}

// Whether the kernel lists a protocol in /proc/net/protocols.
static bool
has_protocol(const struct doctor *doctor, const char *name)
{
	char path[512], line[256];
	const size_t length = strlen(name);
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/net/protocols", doctor->root);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strncmp(line, name, length) == 0 && line[length] == ' ';
	fclose(file);
	return found;
}

static void
check_families(struct doctor *doctor)
{
	if (has_protocol(doctor, "XDP"))
		doctor_find(doctor, FINDING_OK, "af_xdp", NULL, "the kernel has AF_XDP sockets");
	else
		doctor_find(doctor, FINDING_WARNING, "af_xdp",
			"run a kernel with CONFIG_XDP_SOCKETS, or do without kind af_xdp",
			"the kernel has no AF_XDP sockets");
	if (!has_protocol(doctor, "PACKET"))
		doctor_find(doctor, FINDING_WARNING, "af_packet", "modprobe af_packet",
			"packet sockets are absent: no ports of kind af_packet");
}

static void
check_vhost_net(struct doctor *doctor)
{
	if (doctor_exists(doctor, "/dev/vhost-net"))
		doctor_find(doctor, FINDING_OK, "vhost-net", NULL, "/dev/vhost-net is there");
	else
		doctor_find(doctor, FINDING_WARNING, "vhost-net", "modprobe vhost_net",
			"/dev/vhost-net is absent: virtio-user ports and virtual machines would "
			"miss it");
}

void
doctor_kernel(struct doctor *doctor)
{
	check_release(doctor);
	check_tun(doctor);
	check_families(doctor);
	check_vhost_net(doctor);
}

void
doctor_forwarding(struct doctor *doctor)
{
	static const struct {
		const char *file, *family;
	} switches[] = {{"net/ipv4/ip_forward", "IPv4"}, {"net/ipv6/conf/all/forwarding", "IPv6"}};
	char command[128];
	unsigned n = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (doctor_read_number(doctor, 1, "/proc/sys/%s", switches[i].file) != 0)
			continue;
		snprintf(command, sizeof(command), "sysctl -w %s=1", switches[i].file);
		doctor_find(doctor, FINDING_WARNING, "forwarding", command,
			"the node does not forward %s: pods reach the node, but nothing beyond it",
			switches[i].family);
		n++;
	}
	if (n == 0)
		doctor_find(
			doctor, FINDING_OK, "forwarding", NULL, "the node forwards IPv4 and IPv6");
}
