# SPDX-License-Identifier: Apache-2.0
"""dpdk-testpmd as a pod: the far end of vhost-user (virtio_user) and memif ports.

Its memory is a memfd, so that it needs no hugepages, and its forwarding thread shares a CPU with
its main thread: what polls is one thread on one CPU.
"""
import itertools
import os
import re
import select
import shutil
import signal
import subprocess
import time

PROMPT = b"testpmd> "
START_S = 30.0
COMMAND_S = 10.0
NUMBERS = itertools.count(1)
PROGRAM = shutil.which("dpdk-testpmd")


class VirtioUser:
    """The --vdev argument of one virtio_user device.

    server: the pod listens at path, as pods of a client port do. Other keys are the driver's own:
    queue_size, mrg_rxbuf, in_order, packed_vq, mac, speed ...
    """

    def __init__(self, path, server=True, queues=1, packed=False, **keys):
        self.path, self.server = path, server
        self.keys = {"path": path, "queues": queues, "packed_vq": int(packed)} | keys
        if server:
            self.keys["server"] = 1

    def argument(self, number):
        pairs = ",".join(f"{key}={value}" for key, value in self.keys.items())
        return f"--vdev=net_virtio_user{number},{pairs}"

    def clean_up(self):
        """A killed server leaves its socket, and cannot start again beside it."""
        if self.server and os.path.exists(self.path):
            os.unlink(self.path)


class Memif:
    def __init__(self, path, role="client", **keys):
        self.keys = {"socket": path, "role": role, "socket-abstract": "no"} | keys

    def argument(self, number):
        pairs = ",".join(f"{key}={value}" for key, value in self.keys.items())
        return f"--vdev=net_memif{number},{pairs}"

    def clean_up(self):
        pass


class Pci:
    """A device that vfio-pci drives."""

    def __init__(self, address):
        self.address = address

    def argument(self, _):
        return f"--allow={self.address}"

    def clean_up(self):
        pass


class Tap:
    """A kernel's interface at the other end: with --forward-mode=io a real stack is behind the
    first device. Made in the namespace that testpmd runs in."""

    def __init__(self, ifname, mac):
        self.ifname, self.mac = ifname, mac

    def argument(self, number):
        return f"--vdev=net_tap{number},iface={self.ifname},mac={self.mac}"

    def clean_up(self):
        pass


class Testpmd:
    """start() returns at once: a device that listens holds testpmd until somebody connects to it.

    wait_ready() and command() wait for the prompt.
    """

    __test__ = False  # for pytest: no test class

    def __init__(self, scratch, *devices, forward="io", queues=1, cpu=None, memory_mib=96, options=(), eal=(),
                 namespace=None):  # fmt: skip
        """namespace: which it runs in; its own without."""
        number = next(NUMBERS)
        self.prefix = f"cwtp{os.getpid()}-{number}"
        self.log_path = scratch / f"testpmd-{number}.log"
        self.devices = devices
        cpu = min(os.sched_getaffinity(0)) if cpu is None else cpu
        # Answers are printed by stdio, prompts are not: a buffer would change their order.
        self.arguments = ["stdbuf", "-oL", PROGRAM, "--no-huge", "-m", memory_mib, "--no-telemetry"]
        if namespace is not None:
            self.arguments = namespace.command(*self.arguments)
        if not any(isinstance(device, Pci) for device in devices):
            self.arguments.append("--no-pci")
        self.arguments += ["--file-prefix", self.prefix, "--lcores", f"0@{cpu},1@{cpu}"]
        self.arguments += [*eal, *[device.argument(i) for i, device in enumerate(devices)]]
        self.arguments += ["--", "-i", "--no-mlockall", "--total-num-mbufs=4096"]
        self.arguments += [f"--forward-mode={forward}", f"--rxq={queues}", f"--txq={queues}"]
        self.arguments += options
        self.process = None
        self.output = b""

    def start(self):
        for device in self.devices:
            device.clean_up()
        self.output = b""
        self.process = subprocess.Popen(
            list(map(str, self.arguments)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )
        os.set_blocking(self.process.stdout.fileno(), False)
        return self

    @property
    def pid(self):
        return self.process.pid

    def read_until(self, wanted, timeout):
        """Output up to and with the bytes; what comes behind them waits for the next call."""
        deadline = time.monotonic() + timeout
        while wanted not in self.output:
            left = deadline - time.monotonic()
            assert left > 0, f"no {wanted!r} within {timeout} s:\n{self.output.decode()}"
            if select.select([self.process.stdout], [], [], left)[0]:
                data = os.read(self.process.stdout.fileno(), 1 << 16)
                assert data, f"testpmd exit {self.process.wait()}:\n{self.output.decode()}"
                with open(self.log_path, "ab") as log:
                    log.write(data)
                self.output += data
        got, _, self.output = self.output.partition(wanted)
        return got.decode(errors="replace")

    def wait_ready(self, timeout=START_S):
        self.read_until(PROMPT, timeout)
        return self

    def command(self, text, timeout=COMMAND_S):
        """What testpmd printed in answer."""
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        return self.read_until(PROMPT, timeout)

    def forward(self, mode=None):
        if mode is not None:
            self.command(f"set fwd {mode}")
        self.command("start")
        return self

    def pause(self):
        """Stops forwarding; returns its own count of packets as stats() does."""
        return self.command("stop")

    def stats(self, port=0):
        """{"RX-packets": n, "TX-packets": n, "RX-bytes": n, ...} of a port since its start."""
        text = self.command(f"show port stats {port}")
        return {key: int(value) for key, value in re.findall(r"([RT]X-\w+):\s+(\d+)", text)}

    def mac(self, port=0):
        text = self.command(f"show port info {port}")
        return re.search(r"MAC address: ([0-9A-Fa-f:]{17})", text)[1].lower()

    def assert_alive(self):
        assert self.process.poll() is None, f"testpmd exit {self.process.returncode}"

    def kill(self):
        """SIGKILL: as if the pod had crashed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.clean_up()

    def stop(self):
        """quit, and SIGKILL when that is not enough."""
        if self.process is None:
            return
        if self.process.poll() is None:
            try:
                self.process.stdin.write(b"stop\nquit\n")
                self.process.stdin.flush()
                self.process.wait(10)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        self.clean_up()

    def clean_up(self):
        self.process.stdin.close()
        self.process.stdout.close()
        for folder in ("/var/run/dpdk", "/run/dpdk"):
            shutil.rmtree(f"{folder}/{self.prefix}", ignore_errors=True)
        for device in self.devices:
            device.clean_up()
