# SPDX-License-Identifier: Apache-2.0
"""The load: one core (generator.c) that sends pcap frames into two ports and sinks what returns.

It listens on two vhost-user sockets. A switch connects to both, is measured, and leaves; the next one
takes its place while frames, rings and process stay the same.
"""
import json
import select
import subprocess
import time

from frames import write_pcap
from testpmd import Testpmd

RING = 1024
BOTH = (0, 1)
START_S, CONNECT_S, ANSWER_S = 60, 15, 20


class VhostEnds:
    """virtio_user ports in server mode."""

    kind = "vhost"

    def __init__(self, scratch, packed=False):
        self.packed = packed
        self.paths = [str(scratch / f"s{side}") for side in (0, 1)]

    def vdev(self, side):
        return (
            f"net_virtio_user{side},path={self.paths[side]},server=1,queues=1,queue_size={RING},"
            f"in_order=1,mrg_rxbuf=0,packed_vq={int(self.packed)},vectorized={int(self.packed)}"
        )

    def midwife(self, log, cpu):
        """Something that connects: virtio_user does not come up before its socket was served once."""
        vdevs = [f"net_vhost{side},iface={path},client=1" for side, path in enumerate(self.paths)]
        return Testpmd(log, f"0@{cpu},1@{cpu}", vdevs, memory_mib=64, mbufs=4096)


class MemifEnds:
    """net_memif masters; the switch is the slave at both."""

    kind = "memif"
    packed = False

    def __init__(self, scratch):
        self.paths = [str(scratch / f"m{side}") for side in (0, 1)]

    def vdev(self, side):
        return (
            f"net_memif{side},role=server,id=0,rsize=10,bsize=2048,socket-abstract=no,"
            f"socket={self.paths[side]}"
        )

    def midwife(self, _log, _cpu):
        return None


class Generator:
    """others: traffic that load() puts into the same buffers in the place of the first."""

    def __init__(self, bench, scratch, traffic, ends_class, others=(), **ends):
        scratch.mkdir(parents=True)
        self.known = [traffic, *others]
        self.traffic, self.ends, self.cpu = traffic, ends_class(scratch, **ends), bench.load_cpu
        command = [bench.tool("generator"), "--lcores", f"0@{bench.load_cpu},1@{bench.load_cpu}"]
        command += ["--in-memory", "--single-file-segments", "--no-pci", "--no-telemetry"]
        command += ["-m", "192"]  # one region for vhost-user, which takes 8
        for side in BOTH:
            command += ["--vdev", self.ends.vdev(side)]
        files = [
            write_pcap(scratch / f"{number}-{side}.pcap", some.frames(side))
            for number, some in enumerate(self.known)
            for side in BOTH
        ]
        self.log = open(scratch / "generator.log", "ab")
        self.process = subprocess.Popen(
            [*map(str, command), "--", *map(str, files)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, bufsize=0, start_new_session=True,
        )  # fmt: skip
        try:
            self.wait_started(scratch / "midwife.log", bench.load_cpu)
        except BaseException:
            self.close()
            raise

    def wait_started(self, log, cpu):
        midwife = self.ends.midwife(log, cpu)
        try:
            if midwife is not None:
                midwife.wait_started()
            self.answer(START_S)
        finally:
            if midwife is not None:
                midwife.close()

    @property
    def pid(self):
        return self.process.pid

    @property
    def name(self):
        rings = "memif" if self.ends.kind == "memif" else "packed" if self.ends.packed else "split"
        return f"{rings} {self.traffic.name}"

    def tell(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, timeout):
        """The next line that is ours; DPDK's drivers print to stdout, too."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(0, deadline - time.monotonic())
            if not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError(f"generator is silent: see {self.log.name}")
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"generator ended: see {self.log.name}")
            if line.startswith(b"{"):
                return json.loads(line)

    def load(self, traffic):
        """Other frames into the same buffers; the switch keeps its tables, which suit the first."""
        self.tell(f"load {self.known.index(traffic)}")
        self.answer(ANSWER_S)

    def run(self, seconds, rate=0, senders=BOTH):
        """Sends for so long, rate / 2 frames a second into each port of senders (0: what it takes).

        Returns {received, sent, refused, seconds}, both ports together."""
        self.tell(f"start {rate // 2} {sum(1 << side for side in senders)}")
        time.sleep(seconds)
        self.tell("stop")
        found = self.answer(ANSWER_S)
        return {
            "received": sum(found["received"]),
            "received_by_side": found["received"],
            "sent": sum(found["sent"]),
            "refused": sum(found["refused"]),
            "seconds": found["seconds"],
        }

    def wait_carried(self):
        """Sends shortly, again and again, until frames come back at both ports."""
        deadline = time.monotonic() + CONNECT_S
        while True:
            run = self.run(0.1)
            if min(run["received_by_side"]) > 0:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: no frame came back within {CONNECT_S} s: {run}")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()
