# SPDX-License-Identifier: Apache-2.0
"""OVS-DPDK as Debian packages it, with a database, sockets and logs of its own in a scratch folder."""
import json
import os
import re
import socket
import subprocess
import time

from lib.netns import Namespace

from peers import Sample

VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
START_S = 30
MEMORY_MIB = 512
# What is switched on beyond the defaults (EMC on, SMC off, scalar code).
VARIANTS = {
    "EMC": {"smc": False, "avx512": False},
    "SMC": {"smc": True, "avx512": False},
    "AVX512": {"smc": False, "avx512": True},
    "SMC+AVX512": {"smc": True, "avx512": True},
}
PROCESSING = re.compile(r"avg processing cycles per packet: [\d.]+ \((\d+)/(\d+)\)")
SENT = re.compile(r"Tx packets: +(\d+)")
SENT_BATCHES = re.compile(r"Tx batches: +(\d+)")
HITS = re.compile(r"(emc|smc|megaflow|simple match|phwol) hits: +(\d+)")


class Ovs:
    """The daemons. Peers below share them: one bridge, ports only while a block runs."""

    def __init__(self, scratch, load_cpu, worker_cpu):
        self.scratch = scratch / "ovs"
        self.scratch.mkdir(parents=True)
        self.env = os.environ | {
            name: str(self.scratch) for name in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR")
        }
        self.processes, self.variant = [], None
        self.namespace = Namespace("ovs", quiet=True)
        database = self.scratch / "conf.db"
        try:
            self.call("ovsdb-tool", "create", database, SCHEMA)
            self.start("ovsdb-server", database, f"--remote=punix:{self.scratch}/db.sock",
                       f"--unixctl={self.scratch}/ovsdb.ctl")
            self.vsctl("--no-wait", "init")
            self.vsctl(
                "--no-wait", "set", "Open_vSwitch", ".",
                "other_config:dpdk-init=true",
                f"other_config:dpdk-socket-mem={MEMORY_MIB}",
                f"other_config:dpdk-socket-limit={MEMORY_MIB}",
                f"other_config:dpdk-lcore-mask={1 << load_cpu:#x}",
                f"other_config:pmd-cpu-mask={1 << worker_cpu:#x}",
                "other_config:dpdk-extra=--in-memory --no-pci --no-telemetry",
            )  # fmt: skip
            enter = ("nsenter", f"--net={self.namespace.path}")  # where br0's own interface appears
            self.start(*enter, "taskset", "-c", load_cpu, VSWITCHD, f"unix:{self.scratch}/db.sock",
                       f"--unixctl={self.scratch}/vswitchd.ctl")
            self.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.processes[-1].pid

    def start(self, *command):
        with open(self.scratch / "log", "ab") as log:
            process = subprocess.Popen(
                list(map(str, command)) + ["-vsyslog:off", "--no-chdir"], env=self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        control = next(str(a) for a in command if str(a).startswith("--unixctl="))[10:]
        deadline = time.monotonic() + START_S
        while not os.path.exists(control):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: see {self.scratch}/log")
            time.sleep(0.02)

    def call(self, *command):
        done = subprocess.run(
            list(map(str, command)), env=self.env, capture_output=True, text=True, timeout=60
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr}")
        return done.stdout

    def vsctl(self, *arguments):
        return self.call("ovs-vsctl", "--timeout=30", f"--db=unix:{self.scratch}/db.sock", *arguments)

    def appctl(self, *commands):
        """Each command is (method, argument, ...); one connection for all. Returns the answers."""
        answers = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(30)
            control.connect(str(self.scratch / "vswitchd.ctl"))
            decoder, buffered = json.JSONDecoder(), ""
            for number, (method, *arguments) in enumerate(commands):
                request = {"id": number, "method": method, "params": list(map(str, arguments))}
                control.sendall(json.dumps(request).encode())
                while True:
                    try:
                        answer, end = decoder.raw_decode(buffered)
                        buffered = buffered[end:].lstrip()
                        break
                    except json.JSONDecodeError:
                        part = control.recv(65536)
                        if not part:
                            raise ConnectionError(f"ovs-vswitchd closed at {method}") from None
                        buffered += part.decode()
                if answer.get("error"):
                    raise RuntimeError(f"{method} {arguments}: {answer['error']}")
                answers.append(answer["result"])
        return answers

    def has_avx512(self):
        """Debian 12 builds the package without."""
        return "dpif_avx512" in self.appctl(("dpif-netdev/dpif-impl-get",))[0]

    def variants(self):
        fast = self.has_avx512()
        return [name for name, options in VARIANTS.items() if fast or not options["avx512"]]

    def select(self, variant):
        if variant == self.variant:
            return
        options = VARIANTS[variant]
        self.vsctl("set", "Open_vSwitch", ".", f"other_config:smc-enable={str(options['smc']).lower()}")
        if self.has_avx512():
            fast = options["avx512"]
            self.appctl(
                ("dpif-netdev/dpif-impl-set", "dpif_avx512" if fast else "dpif_scalar"),
                ("dpif-netdev/miniflow-parser-set", "study" if fast else "scalar"),
                ("dpif-netdev/subtable-lookup-prio-set", "avx512_gather", 3 if fast else 0),
            )
        self.variant = variant

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        self.processes = []
        self.namespace.close()


class OvsPeer:
    """mode: "NORMAL", a learning bridge, or "port-to-port", one flow entry a direction."""

    def __init__(self, ovs, mode, variant="EMC"):
        self.ovs, self.mode, self.variant = ovs, mode, variant
        self.base = None

    @property
    def name(self):
        return f"OVS-DPDK {self.mode} ({self.variant})"

    @property
    def pid(self):
        return self.ovs.pid

    def attach(self, ends, traffic):
        self.ovs.select(self.variant)
        arguments = []
        for side, path in enumerate(ends.paths):
            arguments += [
                "--", "add-port", "br0", f"v{side}", "--", "set", "interface", f"v{side}",
                "type=dpdkvhostuserclient", f"options:vhost-server-path={path}",
                f"ofport_request={side + 1}",
            ]  # fmt: skip
        self.ovs.vsctl(*arguments[1:])
        flows = ["actions=NORMAL"]
        if self.mode != "NORMAL":
            flows = ["in_port=1,actions=output:2", "in_port=2,actions=output:1"]
        self.openflow("del-flows")
        for flow in flows:
            self.openflow("add-flow", flow)
        self.ovs.appctl(
            *[("fdb/add", "br0", f"v{side}", 0, mac) for side in (0, 1) for mac in traffic.macs(side)]
        )

    def openflow(self, verb, *arguments):
        self.ovs.call("ovs-ofctl", verb, f"unix:{self.ovs.scratch}/br0.mgmt", *arguments)

    def mark(self):
        self.ovs.appctl(("dpif-netdev/pmd-stats-clear",))

    def sample(self):
        stats, perf = self.ovs.appctl(("dpif-netdev/pmd-stats-show",), ("dpif-netdev/pmd-perf-show",))
        cycles, packets = map(int, PROCESSING.search(stats).groups())
        notes = {}
        for name, count in HITS.findall(stats):
            notes[name] = notes.get(name, 0) + int(count)
        sent = sum(map(int, SENT.findall(perf)))
        batches = sum(map(int, SENT_BATCHES.findall(perf)))  # one for each that was read
        return Sample(packets, sent, cycles, sent / max(batches, 1), notes)

    def detach(self):
        self.ovs.vsctl("--if-exists", "del-port", "v0", "--", "--if-exists", "del-port", "v1")

    def close(self):
        pass
