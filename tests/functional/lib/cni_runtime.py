# SPDX-License-Identifier: Apache-2.0
"""The CNI plugin between fakes: a runtime that calls it, an IPAM plugin and causewayd that answer."""
import json
import os
import subprocess

from lib import settings
from lib.fake_causewayd import FakeCausewayd
from lib.fake_ipam import FakeIpam

VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
PLUGIN = settings.CNI_DIR / "causeway-cni"


class Runtime:
    """Runs the plugin the way libcni does."""

    def __init__(self, scratch, netns):
        self.scratch, self.netns = scratch, netns
        self.socket = scratch / "control.sock"
        self.ipam = FakeIpam(scratch / "ipam")
        self.fake = FakeCausewayd(self.socket)
        self.config = {
            "cniVersion": "1.0.0",
            "name": "net1",
            "type": "causeway",
            "socket": str(self.socket),
            "stateDir": str(scratch / "state"),
            "ipam": {"type": "fake-ipam"},
        }
        self.env = {
            "CNI_CONTAINERID": "c1",
            "CNI_NETNS": str(netns.path),
            "CNI_IFNAME": "eth0",
            "CNI_PATH": f"/nowhere::{self.ipam.bin}:/usr/lib/cni",
            "PATH": os.environ["PATH"],
        }

    def close(self):
        self.fake.close()

    def run(self, command, text=None, env=None, **changes):
        """env: changes, None removes a variable. changes: of the configuration, None removes."""
        environment = self.env | ({"CNI_COMMAND": command} if command else {}) | (env or {})
        config = {k: v for k, v in (self.config | changes).items() if v is not None}
        return subprocess.run(
            [PLUGIN],
            env={key: value for key, value in environment.items() if value is not None},
            input=json.dumps(config) if text is None else text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def call(self, command, **options):
        """The JSON on stdout of a call that succeeds."""
        run = self.run(command, **options)
        assert run.returncode == 0, run
        return json.loads(run.stdout) if run.stdout else None

    def fail(self, command, code, *words, **options):
        """The error of a call that fails with this code and says all of words."""
        run = self.run(command, **options)
        assert run.returncode != 0, run
        error = json.loads(run.stdout)
        assert error["code"] == code, error
        for word in words:
            assert word in error["msg"] + error.get("details", ""), (word, error)
        return error

    def tombstones(self):
        folder = self.scratch / "state" / "tombstones"
        if not folder.exists():
            return []
        files = sorted(folder.iterdir())
        assert all(file.suffix == ".json" and not file.name.startswith(".") for file in files)
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def assert_nothing_left(self):
        assert self.fake.endpoints == {}
        assert self.ipam.leases() == []
        assert self.tombstones() == []
