# SPDX-License-Identifier: Apache-2.0
"""Between pods of a cluster: datagrams in fragments, path MTU discovery, TCP by super-frames.

Run as a program inside a namespace: flows.py echo FAMILY PORT answers datagrams until it is ended.
"""
import socket
import subprocess
import sys

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
ECHO_PORT = 7007
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_MTU = 10, 2, 0, 14
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24
TIMEOUT = 5.0


def udp_socket(namespace, family, discover):
    """A datagram socket in the namespace that fragments (discover False), or may not."""
    with namespace.entered():
        flow = socket.socket(FAMILIES[family], socket.SOCK_DGRAM)
    level, option = (
        (socket.IPPROTO_IP, IP_MTU_DISCOVER)
        if family == 4
        else (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER)
    )
    flow.setsockopt(level, option, IP_PMTUDISC_DO if discover else IP_PMTUDISC_DONT)
    flow.settimeout(TIMEOUT)
    return flow


def assert_datagrams(source, target, address, sizes):
    """Each size goes there and back whole; those above the path's MTU in fragments."""
    family = 6 if ":" in address else 4
    with echo(target, family), udp_socket(source, family, discover=False) as flow:
        flow.connect((address, ECHO_PORT))
        for size in sizes:
            sent = bytes(i % 251 for i in range(size))
            flow.send(sent)
            assert flow.recv(1 << 16) == sent, f"{size} bytes came back changed"


def path_mtu(source, target, address, first):
    """Sends datagrams that may not be fragmented, of `first` bytes of IP packet at the start, and
    believes what the path says until one comes back. Returns the size of that packet."""
    family = 6 if ":" in address else 4
    headers = 28 if family == 4 else 48
    level, option = (
        (socket.IPPROTO_IP, IP_MTU) if family == 4 else (socket.IPPROTO_IPV6, IPV6_MTU)
    )
    size = first
    with echo(target, family), udp_socket(source, family, discover=True) as flow:
        flow.connect((address, ECHO_PORT))
        for _ in range(8):
            try:
                flow.send(bytes(size - headers))
                flow.recv(1 << 16)
                return size
            except OSError as error:
                if isinstance(error, TimeoutError):
                    raise
                size = flow.getsockopt(level, option)
    raise AssertionError(f"no size that passes, last {size}")


class echo:  # pylint: disable=invalid-name
    """The other end: sends back what it gets, until the block ends."""

    def __init__(self, namespace, family):
        command = ["/usr/bin/python3", "-I", __file__, "echo", family, ECHO_PORT]
        self.process = namespace.popen(*command, stdout=subprocess.PIPE)

    def __enter__(self):
        assert self.process.stdout.readline() == b"ready\n"

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def serve(family, port):
    with socket.socket(FAMILIES[family], socket.SOCK_DGRAM) as server:
        level, option = (
            (socket.IPPROTO_IP, IP_MTU_DISCOVER)
            if family == 4
            else (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER)
        )
        server.setsockopt(level, option, IP_PMTUDISC_DONT)
        server.bind(("", port))
        print("ready", flush=True)
        while True:
            data, sender = server.recvfrom(1 << 16)
            server.sendto(data, sender)


if __name__ == "__main__":
    serve(int(sys.argv[2]), int(sys.argv[3]))
