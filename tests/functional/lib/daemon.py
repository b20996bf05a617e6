# SPDX-License-Identifier: Apache-2.0
"""One of our long-running processes: start, readiness, end, log."""
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import time

SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
START_S = 30.0


class Daemon:
    def __init__(self, command, log, ready_socket=None):
        self.log_path = pathlib.Path(log)
        self.ready_socket = ready_socket
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,  # the terminal's Ctrl-C is for the caller, who cleans up
            )
        self.pidfd = os.pidfd_open(self.process.pid)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_ready(self):
        """Returns when the socket takes connections; fails at once when the process ends."""
        deadline = time.monotonic() + START_S
        while not accepts(self.ready_socket):
            assert not self.ended(0.02), f"exit {self.process.wait()} at start:\n{self.log()}"
            assert time.monotonic() < deadline, f"not ready after {START_S} s:\n{self.log()}"
        return self

    def ended(self, timeout):
        return bool(select.select([self.pidfd], [], [], timeout)[0])

    def wait_end(self, timeout=30.0):
        assert self.ended(timeout), f"still running after {timeout} s:\n{self.log()}"
        return self.process.wait()

    def kill(self):
        """SIGKILL: as if it had crashed."""
        self.process.send_signal(signal.SIGKILL)
        self.wait_end()

    def stop(self):
        """SIGTERM, and a look at how it ended: cleanly, and without a sanitizer's report."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.wait_end()
            except AssertionError:
                self.process.kill()
                self.process.wait()
                raise
            assert status == 0, f"exit {status} after SIGTERM:\n{self.log()}"
        report = SANITIZER.search(self.log())
        assert report is None, self.log()[report.start() :]

    def assert_alive(self):
        assert self.process.poll() is None, f"exit {self.process.returncode}:\n{self.log()}"


def accepts(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False
