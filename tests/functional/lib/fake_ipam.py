# SPDX-License-Identifier: Apache-2.0
"""An IPAM plugin that records how it is called and answers what the test wants."""
import json
import pathlib
import stat

SCRIPT = """#!/usr/bin/python3
import json, os, pathlib, sys, time
folder = pathlib.Path({folder!r})
stdin = sys.stdin.read()
command = os.environ["CNI_COMMAND"]
with open(folder / "calls", "a", encoding="utf-8") as calls:
    env = {{key: value for key, value in os.environ.items() if key.startswith("CNI_")}}
    calls.write(json.dumps([command, env, stdin]) + "\\n")
print("ipam speaks on stderr", file=sys.stderr)
answer = json.loads((folder / (command + ".json")).read_text(encoding="utf-8"))
leases = folder / "leases"
leases.mkdir(exist_ok=True)
lease = leases / (env.get("CNI_CONTAINERID", "") + "-" + env.get("CNI_IFNAME", ""))
if command == "ADD" and answer["status"] == 0:
    lease.touch()
if command == "DEL" and answer["status"] == 0:
    lease.unlink(missing_ok=True)
sys.stdout.write(answer["stdout"])
sys.exit(answer["status"])
"""

RESULT = {
    "cniVersion": "1.0.0",
    "ips": [
        {"address": "10.1.0.5/16", "gateway": "10.1.0.1"},
        {"address": "fd00:1::5/64", "gateway": "fd00:1::1"},
    ],
    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0", "gw": "fd00:1::1"}],
    "dns": {"nameservers": ["10.1.0.10"]},
}


class FakeIpam:
    def __init__(self, folder, name="fake-ipam"):
        self.folder = pathlib.Path(folder)
        self.bin = self.folder / "bin"
        self.bin.mkdir(parents=True)
        self.name = name
        script = self.bin / name
        script.write_text(SCRIPT.format(folder=str(self.folder)), encoding="utf-8")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.answer("ADD", json.dumps(RESULT))
        for command in ("DEL", "CHECK", "GC", "STATUS"):
            self.answer(command, "")

    def answer(self, command, stdout, status=0):
        text = json.dumps({"stdout": stdout, "status": status})
        (self.folder / f"{command}.json").write_text(text, encoding="utf-8")

    def fail(self, command, code=11, msg="no addresses left"):
        self.answer(command, json.dumps({"cniVersion": "1.0.0", "code": code, "msg": msg}), 1)

    def calls(self):
        """[(command, environment, stdin)]"""
        log = self.folder / "calls"
        if not log.exists():
            return []
        return [tuple(json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]

    def commands(self):
        return [command for command, _, _ in self.calls()]

    def leases(self):
        folder = self.folder / "leases"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
