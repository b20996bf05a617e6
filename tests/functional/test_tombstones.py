# SPDX-License-Identifier: Apache-2.0
"""Endpoints that were deleted while causewayd was away are gone when it is back."""
import json

from lib.wait import wait_until


def endpoints(node):
    return {(endpoint["container"], endpoint["ifname"]) for endpoint in node.call("endpoint.list")}


def tombstones(node):
    return sorted((node.state_dir / "tombstones").glob("*.json"))


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def leave_tombstone(node, container, ifname="eth0"):
    """As the plugin does, docs/cni.md."""
    half = node.state_dir / "tombstones" / ".new-1"
    content = {"version": 1, "container": container, "ifname": ifname, "time": 0}
    half.write_text(json.dumps(content))
    half.rename(half.with_name(f"{fnv1a(f'{container}/{ifname}'):016x}.json"))


def test_del_without_causewayd_is_made_up_for(node):
    pods = [node.pod("one"), node.pod("two"), node.pod("three")]
    node.control.kill()
    for pod in pods[:2]:
        pod.delete(stateDir=str(node.state_dir))
    assert len(tombstones(node)) == 2
    node.start_control()
    node.wait_connected()
    assert endpoints(node) == {(pods[2].container, "eth0")}
    assert not tombstones(node)
    pods[2].delete()
    assert endpoints(node) == set()


def test_tombstones_that_come_later_are_dealt_with(node):
    """A plugin that waited in vain for an answer leaves them while causewayd runs."""
    pods = [node.pod("late") for _ in range(3)]
    for pod in pods:
        leave_tombstone(node, pod.container)
    leave_tombstone(node, "never-seen")
    wait_until(lambda: not tombstones(node), "tombstones replayed")
    assert endpoints(node) == set()
    for pod in pods:
        assert pod.namespace.link("eth0") is None
        pod.delete()


def test_files_that_are_none_are_left_alone(node):
    folder = node.state_dir / "tombstones"
    (folder / "note.json").write_text("[]")
    pod = node.pod("neighbour")
    leave_tombstone(node, pod.container)
    names = ["note.json"]
    wait_until(lambda: [path.name for path in tombstones(node)] == names, "tombstone replayed")
    assert endpoints(node) == set()
    (folder / "note.json").unlink()
    pod.delete()
