# SPDX-License-Identifier: Apache-2.0
"""dpdk-testpmd, io forwarding between two ports: what the device library alone costs."""
import re

from peers import Sample
from testpmd import Testpmd

FORWARDED = re.compile(
    r"Forward statistics for port \d+ .*?RX-packets: (\d+).*?TX-packets: (\d+).*?TX-bursts : (\d+)",
    re.DOTALL,
)
CYCLES = re.compile(r"total cycles=(\d+) / total \w+ packets=(\d+)")


class TestpmdPeer:
    """Started for each block: it is there within half a second."""

    def __init__(self, scratch, load_cpu, worker_cpu, burst=32):
        self.scratch, self.burst = scratch, burst
        self.lcores = f"0@{load_cpu},1@{worker_cpu}"
        self.name = f"testpmd io, bursts of {burst}"
        self.testpmd = None

    @property
    def pid(self):
        return self.testpmd.pid

    def vdevs(self, ends):
        if ends.kind == "memif":
            return [
                f"net_memif{side},role=client,id=0,rsize=10,bsize=2048,socket-abstract=no,"
                f"socket={path}"
                for side, path in enumerate(ends.paths)
            ]
        return [f"net_vhost{side},iface={path},client=1" for side, path in enumerate(ends.paths)]

    def attach(self, ends, _traffic):
        self.testpmd = Testpmd(
            self.scratch / "testpmd.log", self.lcores, self.vdevs(ends), "--forward-mode=io",
            "--record-core-cycles", f"--burst={self.burst}", "--rxd=1024", "--txd=1024",
        ).wait_started()
        self.testpmd.command("set record-burst-stats on")
        self.testpmd.command("start")

    def mark(self):
        self.testpmd.command("clear fwd stats all")

    def sample(self):
        text = self.testpmd.command("show fwd stats all")
        ports = [tuple(map(int, counts)) for counts in FORWARDED.findall(text)]
        if not ports:
            raise RuntimeError("testpmd forwarded nothing")
        # It sends once for each read that found any, so these are the bursts that were not empty.
        received, transmitted, bursts = (sum(column) for column in zip(*ports))
        cycles = CYCLES.search(text)
        return Sample(received, transmitted, int(cycles[1]), received / max(bursts, 1))

    def detach(self):
        self.close()

    def close(self):
        if self.testpmd is not None:
            self.testpmd.close()
            self.testpmd = None
