# SPDX-License-Identifier: Apache-2.0
"""Sends bytes over TCP and says what arrived. Tests import it; pods and guests run it:

transfer.py receive PORT                        prints the SHA-256 of what one sender sends
transfer.py send ADDRESS PORT BYTES SEED        retries until somebody listens
"""
import contextlib
import hashlib
import socket
import sys
import time

PORT = 7000
CHUNK = 1 << 16
CONNECT_S = 60.0
STALLED_S = 120.0


def chunks(size, seed):
    import random  # costs an emulated CPU a second, and the receiver needs none

    source = random.Random(seed)
    for start in range(0, size, CHUNK):
        yield source.randbytes(min(CHUNK, size - start))


def digest(parts):
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()


def connect(address, port):
    deadline = time.monotonic() + CONNECT_S
    while True:
        try:
            return socket.create_connection((address, port), timeout=STALLED_S)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def send(address, port, size, seed):
    with connect(address, port) as connection:
        for part in chunks(size, seed):
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)  # the receiver closes when it has everything


def receive(port):
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        server.settimeout(STALLED_S)
        connection = server.accept()[0]
    with connection:
        connection.settimeout(STALLED_S)
        print(digest(iter(lambda: connection.recv(CHUNK), b"")))


@contextlib.contextmanager
def transfer(source, target, address, size, seed=1, port=PORT, timeout=180):
    """source, target: Namespaces or guests; their processes run inside the block, which gets the
    sender. At its end all bytes must have arrived."""
    me = ["/usr/bin/python3", "-I", __file__]
    with target.background(*me, "receive", port, timeout=timeout) as receiver:
        with source.background(*me, "send", address, port, size, seed, timeout=timeout) as sender:
            yield sender
            for end in (sender.wait(timeout), receiver.wait(timeout)):
                assert end.returncode == 0, end
    assert end.stdout.strip() == digest(chunks(size, seed)), "other bytes than sent"


def assert_transfer(source, target, address, size, **options):
    with transfer(source, target, address, size, **options):
        pass


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive(int(sys.argv[2]))
    else:
        send(sys.argv[2], *map(int, sys.argv[3:]))
