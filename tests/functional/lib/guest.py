# SPDX-License-Identifier: Apache-2.0
"""A running guest: commands inside it while it goes on running, several at a time."""
import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from lib import qemu
from lib.daemon import Daemon, accepts
from lib.wait import wait_until

START_S = 120.0
STOP_S = 60.0
LOST = 255  # status of a command whose guest went away


class Command:
    """What runs in the guest; see tests/vm/agent. As lib.netns.Background."""

    def __init__(self, guest, number, args):
        self.guest, self.number, self.args = guest, number, args
        self.done = threading.Event()
        self.result = None

    def finish(self, status, output="", errors=""):
        self.result = subprocess.CompletedProcess(self.args, status, output, errors)
        self.done.set()

    def is_running(self):
        return not self.done.is_set()

    def wait(self, timeout):
        """Returns a subprocess.CompletedProcess."""
        if not self.done.wait(timeout):
            raise TimeoutError(f"in the guest: {self.args} still runs after {timeout} s")
        return self.result

    def stop(self):
        """SIGTERM, to all that it started."""
        self.guest.send(id=self.number, stop=True)
        return self.wait(STOP_S)


class Guest:
    """Its root is a copy-on-write view of this machine's: same paths, same programs. Settings stay
    for the next start(). append: to the kernel's command line."""

    def __init__(self, scratch, name, cards=(), memory_mib=512, cpus=2, iommu=False, append="",
                 share=None, hugepages=0, arguments=()):  # fmt: skip
        self.name, self.cards, self.iommu = name, list(cards), iommu
        self.memory_mib, self.cpus, self.hugepages = memory_mib, cpus, hugepages
        self.append, self.share, self.arguments = append, share, list(arguments)
        self.log_path = scratch / f"guest-{name}.log"
        self.console_log = scratch / f"guest-{name}-console.log"
        self.console = f"file,path={self.console_log}"
        self.run_dir = None
        self.process = self.agent = None
        self.commands, self.numbers = {}, itertools.count(1)
        self.lock = threading.Lock()
        self.boots = 0

    # ---- life

    def start(self):
        self.boots = 0
        self.run_dir = tempfile.TemporaryDirectory(prefix="cwg-")
        path = self.run_dir.name
        try:
            words = qemu.command(
                self, self.make_initrd(), self.console, f"{path}/agent", f"{path}/monitor"
            )
            # Without us there is nobody to end it.
            self.process = Daemon(
                ["setpriv", "--pdeathsig", "KILL", *words], self.log_path, f"{path}/monitor"
            )
            self.process.wait_ready()
            wait_until(lambda: accepts(f"{path}/agent"), "the agent's socket")
            self.agent = socket.socket(socket.AF_UNIX)
            self.agent.connect(f"{path}/agent")
            threading.Thread(target=self.listen, args=(self.agent,), daemon=True).start()
        except BaseException:
            self.close()
            raise
        return self

    def make_initrd(self):
        """The image's initramfs with this guest's own files behind it."""
        add = f"{self.run_dir.name}/add"
        os.mkdir(add)
        for name in ("init", "agent"):
            shutil.copy(qemu.VM_DIR / name, add)
        drivers = {"virtio_net" for card in self.cards if isinstance(card, qemu.VhostCard)}
        with open(f"{add}/settings", "w", encoding="utf-8") as file:
            file.write(
                f"MODULES={qemu.image() / 'modules'}\nSHARE={int(bool(self.share))}\n"
                f"HUGEPAGES={self.hugepages}\nLOAD='{' '.join(drivers)}'\n"
            )
        path = f"{self.run_dir.name}/initrd"
        shutil.copy(qemu.image() / "initramfs", path)
        with open(path, "ab") as initrd:
            subprocess.run(
                "find . -type f | cpio -o -H newc -R 0:0 --quiet | gzip -1",
                shell=True, cwd=add, stdout=initrd, check=True,
            )  # fmt: skip
        return path

    def wait_up(self, boots=1, timeout=START_S):
        """Until the agent has come up this often since start()."""

        def is_up():
            self.process.assert_alive()
            return self.boots >= boots

        try:
            wait_until(is_up, f"guest {self.name} up", timeout)
        except (AssertionError, TimeoutError) as error:
            raise RuntimeError(f"{error}\n{self.console_text()[-2000:]}") from error
        return self

    def console_text(self):
        if not self.console_log.exists():
            return ""
        return self.console_log.read_text(errors="replace")

    def kill(self):
        """As if QEMU had crashed."""
        self.process.kill()
        self.close()

    def close(self):
        """QEMU ends with the power off; harmless when it has ended."""
        if self.process is not None:
            self.process.process.kill()
            self.process.wait_end()
        if self.agent is not None:
            with contextlib.suppress(OSError):
                self.agent.shutdown(socket.SHUT_RDWR)
            self.agent.close()
        if self.run_dir is not None:
            self.run_dir.cleanup()
        self.process = self.agent = self.run_dir = None

    # ---- commands

    def listen(self, agent):
        """Thread: takes what the agent says until the guest ends."""
        with contextlib.suppress(OSError), agent.makefile("rb") as lines:
            for line in lines:
                # Before the agent owns the port, what it says may be echoed or cut off by a reset.
                with contextlib.suppress(ValueError):
                    self.take(json.loads(line[line.find(b"{") :]))
        self.lose_commands()

    def take(self, answer):
        if "up" in answer:
            self.lose_commands()
            self.boots += 1
        elif command := self.commands.pop(answer["id"], None):
            command.finish(answer["status"], answer["out"], answer["err"])

    def lose_commands(self):
        while self.commands:
            self.commands.popitem()[1].finish(LOST, errors="the guest went away")

    def send(self, **request):
        with self.lock:
            self.agent.sendall(json.dumps(request).encode() + b"\n")

    def popen(self, *args, timeout=600):
        """Starts a command; a single string is a line for bash."""
        words = list(map(str, args)) if len(args) > 1 else ["bash", "-c", args[0]]
        command = Command(self, next(self.numbers), words)
        self.commands[command.number] = command
        self.send(id=command.number, args=words, seconds=timeout)
        return command

    def run(self, *args, check=True, timeout=60):
        """As Namespace.run."""
        result = self.popen(*args, timeout=timeout).wait(timeout + 30)
        if check and result.returncode != 0:
            raise RuntimeError(f"in guest {self.name}: {result}")
        return result

    @contextlib.contextmanager
    def background(self, *args, timeout=60):
        """As Namespace.background."""
        command = self.popen(*args, timeout=timeout)
        try:
            yield command
        finally:
            if command.is_running():
                command.stop()

    def ip(self, arguments):
        return self.run("ip", *arguments.split()).stdout

    def pci_addresses(self, device):
        """Of all cards of this VENDOR:DEVICE."""
        line = 'for d in /sys/bus/pci/devices/*; do echo ${d##*/} $(cat $d/vendor $d/device); done'
        found = (words.split() for words in self.run(line).stdout.splitlines())
        wanted = [f"0x{number}" for number in device.split(":")]
        return [address for address, *numbers in found if numbers == wanted]

    # ---- network

    def link(self, ifname):
        return json.loads(self.ip(f"-j -d -s link show dev {ifname}"))[0]

    def has_carrier(self, ifname):
        return "LOWER_UP" in self.link(ifname)["flags"]

    def wait_carrier(self, ifname, wanted=True, timeout=60):
        wait_until(
            lambda: self.has_carrier(ifname) == wanted, f"carrier of {ifname} {wanted}", timeout
        )

    def features(self, ifname):
        """{'tx-checksum-ip-generic': True, ...} as ethtool -k shows them."""
        lines = self.run("ethtool", "-k", ifname).stdout
        pairs = re.findall(r"^\s*(\S+): (on|off)", lines, re.M)
        return {name: state == "on" for name, state in pairs}

    def queue_counters(self, ifname):
        """{'rx0_packets': ...}: ethtool -S in its old or new names, '_queue_' left out."""
        lines = self.run("ethtool", "-S", ifname).stdout
        pairs = re.findall(r"^\s*([rt]x)_?(?:queue_)?(\d+)_(\w+): (\d+)", lines, re.M)
        return {f"{way}{queue}_{name}": int(value) for way, queue, name, value in pairs}

    # ---- monitor

    def monitor(self, command, **arguments):
        """One QMP command; returns its answer."""
        with socket.socket(socket.AF_UNIX) as qmp:
            qmp.settimeout(30)
            qmp.connect(f"{self.run_dir.name}/monitor")
            with qmp.makefile("rw", encoding="utf-8") as stream:
                stream.readline()  # greeting
                answer = None
                for name, values in (("qmp_capabilities", {}), (command, arguments)):
                    stream.write(json.dumps({"execute": name, "arguments": values}) + "\n")
                    stream.flush()
                    answer = next(
                        reply for reply in map(json.loads, stream) if "event" not in reply
                    )
        if "error" in answer:
            raise RuntimeError(f"{command}: {answer['error']}")
        return answer["return"]
