# SPDX-License-Identifier: Apache-2.0
"""Tap devices as causewayd makes them: persistent, multi-queue, with a vnet header."""
import fcntl
import os
import struct

TUNSETIFF = 0x400454CA
TUNSETPERSIST = 0x400454CB
IFF_TAP, IFF_NO_PI, IFF_MULTI_QUEUE, IFF_VNET_HDR = 0x0002, 0x1000, 0x0100, 0x4000
FLAGS = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR


def open_tap(namespace, ifname, queues=1, mac=None, mtu=1500):
    """Makes the device, sets it up and returns the descriptors of its queues."""
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
