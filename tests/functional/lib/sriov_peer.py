# SPDX-License-Identifier: Apache-2.0
"""What sriov-cni 2.x does to a card and to a pod on ADD and DEL, after its documentation, by ip(8)
and sysfs: a second user of the VFs of a node. Its files are where sriov-cni has them:

    FOLDER/CONTAINER-IFNAME             what it was asked and what it found, for DEL
    FOLDER/pci/ADDRESS                  path of the namespace that has the VF
    FOLDER/pci/vf_lock/ADDRESS.lock     flock while it changes the VF
"""
import contextlib
import fcntl
import json
import pathlib

from lib import sriov
from lib.netns import HomeNamespace

FOLDER = pathlib.Path("/var/lib/cni/sriov")
NO_MAC = "00:00:00:00:00:00"
RATES = ("min_tx_rate", "max_tx_rate")


class Refused(Exception):
    pass


def is_namespace(path):
    """Whether somebody still has it: the file of a namespace that ended is an ordinary one."""
    try:
        with open(path, "rb") as file:
            fcntl.ioctl(file, 0xB703)  # NS_GET_NSTYPE
    except OSError:
        return False
    return True


class Function:
    """A VF by its address: its PF's netdev, its index, its own netdev."""

    def __init__(self, address):
        self.address, self.home = address, HomeNamespace()
        self.path = sriov.SYS / "devices" / address
        if not (self.path / "physfn").exists():
            raise Refused(f"{address} is no VF")
        self.pf = sriov.Pf((self.path / "physfn").resolve().name)
        self.index = next(
            int(link.name.removeprefix("virtfn"))
            for link in self.pf.path.glob("virtfn*")
            if link.resolve().name == address
        )

    def state(self):
        """As the PF has it."""
        return self.pf.link()["vfinfo_list"][self.index]

    def set(self, words):
        self.home.ip(f"link set {self.pf.ifname()} vf {self.index} {words}")

    def ifname(self):
        names = self.home.run("ls", self.path / "net", check=False).stdout.split()
        return names[0] if names else None

    def is_for_dpdk(self):
        return sriov.driver(self.address) in ("vfio-pci", "uio_pci_generic", "igb_uio")


def on_off(value):
    return "on" if value == "on" else "off"  # any other word is off


class SriovPeer:
    def __init__(self, folder=FOLDER):
        self.folder, self.pci = folder, folder / "pci"
        (self.pci / "vf_lock").mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def lock(self, address):
        with open(self.pci / "vf_lock" / f"{address}.lock", "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def cache(self, container, ifname):
        return self.folder / f"{container}-{ifname}"

    def refuse_used(self, address):
        mark = self.pci / address
        if mark.exists() and is_namespace(mark.read_text(encoding="utf-8")):
            raise Refused(f"pci address {address} is already allocated")
        mark.unlink(missing_ok=True)

    # ------------------------------------------------------------------------------------------ ADD

    def add(self, config, container, ifname, namespace, addresses=()):
        with self.lock(config["deviceID"]):
            self.refuse_used(config["deviceID"])
            vf = Function(config["deviceID"])
            name, dpdk = vf.ifname(), vf.is_for_dpdk()
            if name is None and not dpdk:
                raise Refused(f"{vf.address} has neither an interface nor a driver for DPDK")
            record = {"config": config, "state": vf.state(), "name": name, "dpdk": dpdk}
            apply(vf, config)
            if not dpdk:
                record["mac"] = move_in(vf, config, ifname, namespace)
                for address in addresses:
                    namespace.ip(f"addr add {address} dev {ifname}")
            self.cache(container, ifname).write_text(json.dumps(record), encoding="utf-8")
            (self.pci / vf.address).write_text(str(namespace.path), encoding="utf-8")

    # ------------------------------------------------------------------------------------------ DEL

    def delete(self, container, ifname, namespace):
        cache = self.cache(container, ifname)
        if not cache.exists():
            return
        record = json.loads(cache.read_text(encoding="utf-8"))
        address = record["config"]["deviceID"]
        with self.lock(address):
            vf = Function(address)
            reset(vf, record)
            if not record["dpdk"]:
                move_out(record, ifname, namespace)
            (self.pci / address).unlink()
            cache.unlink()


def apply(vf, config):
    """Through the PF, in sriov-cni's order."""
    vlan = f"vlan {config.get('vlan', 0)}"
    if "vlanQoS" in config:
        vlan += f" qos {config['vlanQoS']}"
    if "vlanProto" in config:
        vlan += f" proto {config['vlanProto']}"
    vf.set(vlan)
    if config.get("mac"):
        vf.set(f"mac {config['mac'].lower()}")
    if any(key in config for key in RATES):
        vf.set(" ".join(f"{key} {config.get(key, 0)}" for key in RATES))
    for key in ("spoofchk", "trust"):
        if config.get(key):
            vf.set(f"{key} {on_off(config[key])}")
    if config.get("link_state"):
        vf.set(f"state {config['link_state']}")


def move_in(vf, config, ifname, namespace):
    """Returns the MAC that the interface had."""
    name = vf.ifname()
    link = vf.home.link(name)
    temporary = f"temp_{link['ifindex']}"
    vf.home.ip(f"link set {name} down")
    vf.home.ip(f"link set {name} name {temporary}")
    vf.home.ip(f"link set {temporary} netns {namespace.name}")
    namespace.ip(f"link set {temporary} name {ifname}")
    namespace.sysctl(f"net/ipv4/conf/{ifname}/arp_notify", 1)
    namespace.sysctl(f"net/ipv6/conf/{ifname}/ndisc_notify", 1)
    if config.get("mac"):
        namespace.ip(f"link set {ifname} address {config['mac'].lower()}")
    namespace.ip(f"link set {ifname} up")
    return link["address"]


def reset(vf, record):
    """What was asked for goes back to what was found; trust can only be switched off."""
    config, state = record["config"], record["state"]
    vlan = (state.get("vlan_list") or [{}])[0]
    vf.set(f"vlan {vlan.get('vlan', 0)} qos {vlan.get('qos', 0)}")
    if config.get("spoofchk"):
        vf.set(f"spoofchk {'on' if state['spoofchk'] else 'off'}")
    if config.get("mac"):
        vf.set(f"mac {state.get('address', NO_MAC)}")
    if config.get("trust"):
        vf.set("trust off")
    if any(key in config for key in RATES):
        rate = state["rate"]
        vf.set(f"min_tx_rate {rate['min_tx']} max_tx_rate {rate['max_tx']}")
    if config.get("link_state"):
        vf.set(f"state {state['link_state']}")


def move_out(record, ifname, namespace):
    name = record["name"]
    namespace.ip(f"link set {ifname} down")
    namespace.ip(f"link set {ifname} name {name}")
    if record["config"].get("mac"):
        namespace.ip(f"link set {name} address {record['mac']}")
    namespace.ip(f"link set {name} netns 1")
