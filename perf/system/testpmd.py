# SPDX-License-Identifier: Apache-2.0
"""dpdk-testpmd, driven by its command line: the generator, and one of the peers."""
import os
import pty
import select
import subprocess
import time
import tty

PROMPT = b"testpmd> "


class Testpmd:
    """One process. Its commands return what it printed, up to the next prompt."""

    def __init__(self, log, lcores, vdevs, *options, memory_mib=256, mbufs=16384):
        command = ["dpdk-testpmd", "--lcores", lcores, "--in-memory", "--no-pci", "--no-telemetry"]
        command += ["--single-file-segments", "-m", str(memory_mib)]  # vhost-user takes 8 regions
        for vdev in vdevs:
            command += ["--vdev", vdev]
        command += ["--", "--interactive", f"--total-num-mbufs={mbufs}", *map(str, options)]
        self.log = open(log, "ab")
        self.terminal, slave = pty.openpty()  # a terminal, so that its lines come at once
        tty.setraw(slave)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

    def wait_started(self):
        try:
            self.read(60)
        except BaseException:
            self.close()
            raise
        return self

    def read_some(self, timeout):
        """What it printed, or nothing within this time."""
        if not select.select([self.terminal], [], [], max(0, timeout))[0]:
            return b""
        try:
            part = os.read(self.terminal, 65536)
        except OSError:  # the other end of the terminal is closed
            part = b""
        if not part:
            raise RuntimeError(f"testpmd ended: {self.tail()}")
        self.log.write(part)
        self.log.flush()
        return part

    def tail(self):
        with open(self.log.name, errors="replace") as log:
            return log.read()[-800:]

    def read(self, timeout):
        """Everything up to the next prompt. Other threads may write beyond it."""
        data, deadline = b"", time.monotonic() + timeout
        while PROMPT not in data:
            if time.monotonic() > deadline:
                raise TimeoutError(f"testpmd is silent: {data[-500:]!r}")
            data += self.read_some(deadline - time.monotonic())
        return data.decode(errors="replace")

    def command(self, text, timeout=20):
        while self.read_some(0):  # what came unasked
            pass
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        return self.read(timeout)

    @property
    def pid(self):
        return self.process.pid

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        os.close(self.terminal)
        self.log.close()
