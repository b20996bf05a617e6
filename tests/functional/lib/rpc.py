# SPDX-License-Identifier: Apache-2.0
"""control.sock: JSON-RPC 2.0, one object a line, descriptors with the line's first byte."""
import json
import socket

PARSE, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
CONFLICT, NOT_FOUND, IN_USE, UNAVAILABLE, EXHAUSTED, REFUSED, DENIED, STORE = range(1, 9)
LINE_MAX = 1 << 20


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data") or {}


class JsonRpc:
    def __init__(self, path, timeout=30.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rb")
        self.id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.lines.close()
        self.socket.close()

    def send_raw(self, data, fds=()):
        sent = socket.send_fds(self.socket, [data], list(fds)) if fds else 0
        if sent < len(data):
            self.socket.sendall(data[sent:])

    def read(self):
        """The next object, or None when the other end closed."""
        line = self.lines.readline()
        return json.loads(line) if line else None

    def call(self, method, fds=(), **params):
        self.id += 1
        request = {"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}
        self.send_raw(json.dumps(request).encode() + b"\n", fds)
        while True:
            answer = self.read()
            if answer is None:
                raise ConnectionError(f"{method}: closed by causewayd")
            if answer.get("id") == self.id:
                break
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]
