# SPDX-License-Identifier: Apache-2.0
"""Devices as causewayd makes them for pods: the descriptors that a port is opened from."""
import fcntl
import os
import socket
import struct

from lib.raw import ETH_P_ALL

TUNSETIFF = 0x400454CA
TUNSETPERSIST = 0x400454CB
IFF_TAP, IFF_NO_PI, IFF_MULTI_QUEUE, IFF_VNET_HDR = 0x0002, 0x1000, 0x0100, 0x4000
FLAGS = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR


def open_tap(namespace, ifname, queues=1, mac=None, mtu=1500):
    """A persistent multi-queue tap with a vnet header; returns one descriptor a queue."""
    fds = []
    with namespace.entered():
        for _ in range(queues):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", ifname.encode(), FLAGS))
            fds.append(fd)
        fcntl.ioctl(fds[0], TUNSETPERSIST, 1)
    if mac:
        namespace.ip(f"link set {ifname} address {mac}")
    namespace.ip(f"link set {ifname} mtu {mtu} up")
    return fds


def open_veth(namespace, ifname, queues=1, mac=None, mtu=1500):
    """A pair; the sockets are bound to the other end, which stays in the same namespace."""
    other = f"{ifname}-sw"
    namespace.ip(f"link add {ifname} type veth peer name {other}")
    for name in (ifname, other):
        namespace.ip(f"link set {name} mtu {mtu} up")
    if mac:
        namespace.ip(f"link set {ifname} address {mac}")
    fds = []
    with namespace.entered():
        for _ in range(queues):
            end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            end.bind((other, ETH_P_ALL))
            fds.append(end.detach())
    return fds
