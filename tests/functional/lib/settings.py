# SPDX-License-Identifier: Apache-2.0
"""What the environment says about this run."""
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("CAUSEWAY_BUILD", TOP / "build")).resolve()
DP = BUILD / "dataplane" / "causeway-dp"
CAUSEWAYD = BUILD / "control" / "causewayd"
CWCTL = BUILD / "control" / "cwctl" / "cwctl"
CNI_DIR = BUILD / "cni"
IPAM_DIRS = ("/usr/lib/cni", "/opt/cni/bin")
SANITIZED = bool(os.environ.get("CAUSEWAY_SANITIZED"))
FUZZ_PACKETS = int(os.environ.get("CAUSEWAY_FUZZ_PACKETS", "1000"))
FUZZ_SEED = int(os.environ.get("CAUSEWAY_FUZZ_SEED", "20260101"))
VM_FULL = os.environ.get("CAUSEWAY_VM_FULL") == "1"
MEMORY_MIB = 192  # hugepages of one data plane


class Hugepages:
    """Pages for as many data planes as run at a time; without them memory is ordinary."""

    script = str(TOP / "packaging" / "hugepages.sh")

    def __init__(self, data_planes):
        self.owner = os.getpid()
        reserve = subprocess.run(
            [self.script, "reserve", str(MEMORY_MIB * data_planes), str(self.owner)],
            capture_output=True,
            text=True,
            check=False,
        )
        self.available = reserve.returncode == 0
        self.reason = reserve.stderr.strip()

    def release_command(self):
        return [self.script, "release", str(self.owner)]

    def hand_over(self, pid):
        """From now on the pages are that process's."""
        if self.available:
            subprocess.run([self.script, "move", str(self.owner), str(pid)], check=True)
            self.owner = pid

    def release(self):
        if self.available:
            subprocess.run(self.release_command(), check=True)
