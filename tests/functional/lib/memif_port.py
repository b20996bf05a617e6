# SPDX-License-Identifier: Apache-2.0
"""A memif port of the data plane; the pod behind it is the test's own."""
import os

from lib import wire
from lib.vhost_port import VhostPort


class MemifPort(VhostPort):
    """path: "@NAME" in the abstract namespace. fds: the listening socket, or the pod's netns."""

    def __init__(self, dp, number, path, mac, role, args="", fds=(), **settings):
        args = f"role={role}" + (f",{args}" if args else "")
        super().__init__(dp, number, path, mac, args=args, **settings)
        self.role, self.fds = role, fds

    def item(self, **changes):
        return super().item(kind=wire.PORT_MEMIF, n_fds=len(self.fds), **changes)

    def attach(self):
        self.dp.sock.set(self.item(), fds=self.fds)
        self.dp.sock.set(self.endpoint())
        for fd in self.fds:
            os.close(fd)
        return self
