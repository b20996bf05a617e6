# SPDX-License-Identifier: Apache-2.0
"""tests/tools/vf_tool: what drivers/host knows of PCI devices and VFs."""
import subprocess

from lib import settings

TOOL = settings.BUILD / "tests" / "tools" / "vf_tool" / "vf_tool"


class RefusedError(Exception):
    """args: the errno's name, the setting that was refused or None."""


class VfTool:
    def __init__(self, *prefix):
        """prefix: words in front of the command, nsenter ..."""
        self.prefix = prefix

    def words(self, *args):
        """One dictionary a line."""
        words = map(str, [*self.prefix, TOOL, *args])
        run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        if run.returncode == 1 and run.stderr.split():
            *more, error = run.stderr.strip().splitlines()[-1].split(" ")
            refused = " ".join(more).removeprefix("refused=")
            raise RefusedError(error, refused or None)
        assert run.returncode == 0, run
        return [
            dict(word.split("=", 1) for word in line.split()) for line in run.stdout.splitlines()
        ]

    def device(self, address):
        return self.words("device", address)[0]

    def find(self, address):
        return self.words("find", address)[0]

    def pfs(self):
        return {pf["pf"]: pf for pf in self.words("pfs")}

    def get(self, pf, index):
        return self.words("get", pf, index)[0]

    def set(self, pf, index, **values):
        """Returns the mask of what reads back differently."""
        pairs = (f"{key}={value}" for key, value in values.items())
        return int(self.words("set", pf, index, *pairs)[0]["differ"], 16)

    def bind(self, address, driver=""):
        return self.words("bind", address, driver)

    def reset(self, address):
        return self.words("reset", address)
