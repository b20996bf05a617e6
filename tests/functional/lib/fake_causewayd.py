# SPDX-License-Identifier: Apache-2.0
"""causewayd's side of control.sock, as far as a client can see it: keeps endpoints, takes orders."""
import array
import json
import os
import pathlib
import shutil
import socket
import threading

NOT_FOUND, CONFLICT, UNAVAILABLE, REFUSED, DENIED = 2, 1, 4, 6, 7
INVALID_PARAMS, UNKNOWN_METHOD = -32602, -32601


class Refusal(Exception):
    def __init__(self, code, message, **data):
        super().__init__(message)
        self.error = {"code": code, "message": message}
        if data:
            self.error["data"] = data


class FakeCausewayd:
    """calls: [(method, params, inodes of the descriptors that came along)].

    behave(method, what) changes one method: a Refusal is answered with, "close" closes the
    connection, other strings are sent as they are, a callable gets the parameters and returns the
    result, raises a Refusal, or ConnectionError to close.
    """

    def __init__(self, path):
        self.path = str(path)
        self.calls = []
        self.endpoints = {}
        self.behaviour = {}
        self.connections = []
        self.threads = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(64)
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def close(self):
        """As if it had crashed: the socket's file stays."""
        for ended in (self.listener, *self.connections):
            try:
                ended.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            ended.close()
        for thread in (self.acceptor, *self.threads):
            thread.join()

    def behave(self, method, what):
        self.behaviour[method] = what

    def methods(self):
        return [method for method, _, _ in self.calls]

    def params(self, method):
        return next(params for called, params, _ in self.calls if called == method)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, connection):
        buffer, inodes = b"", []
        while True:
            try:
                data, fds = receive(connection)
            except OSError:
                return
            if not data:
                return
            inodes += fds
            buffer += data
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                if not self.answer(connection, json.loads(line), inodes):
                    return
                inodes = []

    def answer(self, connection, request, inodes):
        method, params = request["method"], request["params"]
        self.calls.append((method, params, inodes))
        behaviour = self.behaviour.get(method)
        if behaviour == "close":
            connection.shutdown(socket.SHUT_RDWR)
            return False
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            if isinstance(behaviour, Refusal):
                raise behaviour
            if isinstance(behaviour, str):
                connection.sendall(behaviour.encode() + b"\n")
                return True
            reply["result"] = behaviour(params) if behaviour else self.perform(method, params)
        except Refusal as refusal:
            reply["error"] = refusal.error
        except ConnectionError:
            connection.shutdown(socket.SHUT_RDWR)
            return False
        connection.sendall(json.dumps(reply).encode() + b"\n")
        return True

    def perform(self, method, params):
        key = (params.get("container"), params.get("ifname"))
        if method == "endpoint.add":
            self.endpoints[key] = endpoint(params) | self.socket(params) | virtual_function(params)
            return self.endpoints[key]
        if method == "endpoint.get":
            if key not in self.endpoints:
                raise Refusal(NOT_FOUND, "no such endpoint")
            return self.endpoints[key]
        if method == "endpoint.del":
            self.endpoints.pop(key, None)
            shutil.rmtree(self.folder(params), ignore_errors=True)
            return {}
        if method == "endpoint.list":
            return list(self.endpoints.values())
        if method == "port.get":
            return {"name": params["name"], "state": "down"}
        if method == "health.get":
            return {"status": "ok", "dataplane": {"state": "ready"}}
        raise Refusal(UNKNOWN_METHOD, f"{method} is unknown")

    def folder(self, params):
        return pathlib.Path(self.path).parent / "pods" / params["container"]

    def socket(self, params):
        """What endpoints have that get a socket in a folder."""
        interface = params.get("interface", "kernel")
        if interface in ("kernel", "vf"):
            return {}
        role = params.get("role", {"memif": "master", "vhost-user": "client"}[interface])
        asked = params.get("socket", f"{params['ifname']}.sock")
        if asked.startswith(("/", "@")):
            return {"kind": interface, "role": role, "socket": asked}
        self.folder(params).mkdir(parents=True, exist_ok=True)
        return {"kind": interface, "role": role, "socket": str(self.folder(params) / asked)}


def endpoint(params):
    return {
        "container": params["container"],
        "ifname": params["ifname"],
        "netns": params["netns"],
        "network": params["network"],
        "cni_network": params.get("cni_network", ""),
        "port": "pod1",
        "kind": params.get("kind", "tap"),
        "why": "chosen by the fake",
        "mac": params.get("mac", "02:00:00:00:01:05"),
        "mtu": params.get("mtu", 1500),
        "ips": params["ips"],
        "routes": params["routes"],
        "state": "up",
    }


def virtual_function(params):
    """What endpoints have that get a VF: the card takes every setting."""
    if params.get("interface") != "vf":
        return {}
    asked = dict(params["vf"])
    driver = asked.pop("bind", "igbvf")
    card = {"pf": "0000:03:00.0", "pf_ifname": "ens1", "index": 1, "driver": driver, "numa": 0}
    mode = "kernel" if driver == "igbvf" else "dpdk"
    return {"kind": "vf", "vf": card | {"mode": mode, "path": "card"} | asked}


def receive(connection):
    """The bytes and the inodes of the descriptors, which are closed at once."""
    space = socket.CMSG_SPACE(16 * array.array("i").itemsize)
    data, ancillary, _, _ = connection.recvmsg(65536, space)
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
    inodes = [os.fstat(fd).st_ino for fd in fds]
    for fd in fds:
        os.close(fd)
    return data, inodes
