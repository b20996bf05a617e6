# SPDX-License-Identifier: Apache-2.0
"""A guest as a pod: a vhost-user port of the data plane and a virtual machine behind it."""
from lib import wire
from lib.guest import Guest
from lib.qemu import VhostCard
from lib.vhost_port import VhostPort

IFNAME = "eth0"


class GuestPod:
    def __init__(self, dp, scratch, number, role="client", queues=1, options=None, port_options="",
                 iommu=False):  # fmt: skip
        """role: the switch's, as in the port's args. options: properties of the virtio-net device."""
        self.dp, self.queues = dp, queues
        path = scratch / f"guest{number}.sock"
        args = f"role={role}" + (f",{port_options}" if port_options else "")
        mac = f"02:00:00:00:01:{number:02x}"
        self.port = VhostPort(dp, number, path, mac, queues, args=args)
        card = VhostCard(path, mac, role == "client", queues=queues, iommu=iommu,
                         options=options or {})  # fmt: skip
        self.guest = Guest(scratch, str(number), [card], iommu=iommu)
        self.ip4, self.ip6, self.mac = self.port.ip4, self.port.ip6, mac
        self.run, self.popen = self.guest.run, self.guest.popen
        self.background = self.guest.background

    def start(self):
        """Returns at once: guests boot side by side."""
        self.port.attach()
        self.guest.start()
        return self

    def wait_up(self, boots=1):
        self.guest.wait_up(boots)
        self.configure()
        self.port.wait_up()
        return self

    def configure(self):
        self.run(
            f"echo 0 >/proc/sys/net/ipv6/conf/{IFNAME}/accept_dad; ip link set {IFNAME} up && "
            f"ip addr add {self.ip4}/16 dev {IFNAME} && "
            f"ip addr add {self.ip6}/64 dev {IFNAME} nodad"
        )
        self.guest.wait_carrier(IFNAME)

    def ip(self, family):
        return self.ip4 if family == 4 else self.ip6

    def counters(self):
        return self.guest.queue_counters(IFNAME)

    def close(self):
        self.guest.close()


def end(dp, gracefully=False):
    if gracefully:
        dp.sock.close()
        dp.daemon.stop()
    else:
        dp.daemon.kill()
        dp.sock.close()


def start_again(dp, pods, pod_ports):
    """Another data plane, told what the former was told."""
    dp.start()
    dp.add_network()
    for port in pod_ports:
        port.attach()
    for pod in pods:
        pod.port.attach()
    for pod in pods:
        pod.port.wait_up()


def restart(dp, pods, pod_ports, gracefully=False):
    end(dp, gracefully)
    start_again(dp, pods, pod_ports)


def features(pod):
    return pod.port.info().peer_features.decode().split(",")


def capabilities(pod):
    return pod.port.info().capability_names.decode().split(",")


def is_down(pod):
    return pod.port.info().state == wire.DOWN
