# SPDX-License-Identifier: Apache-2.0
"""The load: one testpmd core that sends pcap frames into two virtio_user ports and sinks what returns.

It listens on two vhost-user sockets. A switch connects to both, is measured, and leaves; the next one
takes its place while frames, rings and process stay the same.
"""
import re
import time

from frames import write_pcap
from testpmd import Testpmd

PORTS = (1, 3)  # testpmd's numbers of the two ends; 0 and 2 are the pcap files
RING = 1024
BURST = 64
CONNECT_S = 15
FORWARDED = re.compile(
    r"Forward statistics for port (\d+) .*?RX-packets: (\d+).*?TX-packets: (\d+) +TX-dropped: (\d+)",
    re.DOTALL,
)


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
        """Something that connects: testpmd does not come up before its sockets were served once."""
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
    def __init__(self, scratch, cpu, traffic, ends_class, **ends):
        scratch.mkdir(parents=True)
        self.traffic = traffic
        self.ends = ends_class(scratch, **ends)
        for side in (0, 1):
            write_pcap(scratch / f"{side}.pcap", traffic.frames(side))
        vdevs = []
        for side in (0, 1):
            vdevs.append(f"net_pcap{side},rx_pcap={scratch}/{side}.pcap,infinite_rx=1")
            vdevs.append(self.ends.vdev(side))
        self.testpmd = Testpmd(
            scratch / "generator.log", f"0@{cpu},1@{cpu}", vdevs,
            "--forward-mode=io", f"--burst={BURST}", f"--rxd={RING}", f"--txd={RING}", memory_mib=256, mbufs=65536,
        )  # fmt: skip
        midwife = None
        try:
            midwife = self.ends.midwife(scratch / "midwife.log", cpu)
            if midwife is not None:
                midwife.wait_started()
            self.testpmd.wait_started()
        except BaseException:
            self.testpmd.close()
            raise
        finally:
            if midwife is not None:
                midwife.close()

    @property
    def name(self):
        rings = "memif" if self.ends.kind == "memif" else "packed" if self.ends.packed else "split"
        return f"{rings} {self.traffic.name}"

    def run(self, seconds):
        """Sends for so long. Returns {received, offered, refused, seconds}, both ports together."""
        self.testpmd.command("start")
        start = time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - start
        ports = {int(n): tuple(map(int, rest)) for n, *rest in FORWARDED.findall(
            self.testpmd.command("stop"))}
        received, sent, refused = (sum(ports[port][i] for port in PORTS) for i in range(3))
        return {
            "received": received,
            "received_by_side": [ports[port][0] for port in PORTS],
            "offered": sent + refused,
            "refused": refused,
            "seconds": elapsed,
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
        self.testpmd.close()
