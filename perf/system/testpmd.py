# SPDX-License-Identifier: Apache-2.0
"""dpdk-testpmd, driven by its command line: the generator, and one of the peers."""
import os
import pty
import re
import select
import subprocess
import time
import tty

PROMPT = b"testpmd> "
BLOCK = re.compile(
    r"Forward statistics for port (\d+) .*?\n(.*?)\n\s*-{20,}", re.DOTALL
)
COUNTER = re.compile(r"(RX|TX)-(packets|dropped|total): *(\d+)")
CYCLES = re.compile(r"CPU cycles/packet=.*?total cycles=(\d+) / total RX packets=(\d+)")
STREAM = re.compile(r"Forward Stats for RX Port= *(\d+)/Queue= *(\d+).*?\n(.*?)(?=\n\n|\Z)", re.DOTALL)
RX_BURSTS = re.compile(r"RX-bursts : (\d+) \[(.*?)\]")


class Testpmd:
    """One process. Its commands return what it printed, up to the next prompt."""

    def __init__(self, log, lcores, vdevs, *options, memory_mib=256, mbufs=16384):
        command = ["dpdk-testpmd", "--lcores", lcores, "--in-memory", "--no-pci", "--no-telemetry",
            "--single-file-segments"]
        command += ["-m", str(memory_mib)]
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

    def read(self, timeout):
        """Everything up to the next prompt."""
        data, deadline = b"", time.monotonic() + timeout
        while not data.endswith(PROMPT):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.terminal], [], [], left)[0]:
                raise TimeoutError(f"testpmd is silent: {data[-500:]!r}")
            try:
                part = os.read(self.terminal, 65536)
            except OSError:  # the other end of the terminal is closed
                part = b""
            if not part:
                raise RuntimeError(f"testpmd ended: {data[-800:].decode(errors='replace')}")
            self.log.write(part)
            self.log.flush()
            data += part
        return data.decode(errors="replace")

    def command(self, text, timeout=20):
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
