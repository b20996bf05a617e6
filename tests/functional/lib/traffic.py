# SPDX-License-Identifier: Apache-2.0
"""Real stacks talking to each other: ping and iperf3 between namespaces."""
import json
import re

from lib.wait import wait_until


def ping(source, address, count=5):
    """source: a Namespace. Returns (answers lost, mean round trip in ms or None).

    All leave at once. Behind the last one ping waits for an interval, or for two round trips of those
    answered so far if that is longer; -W counts only while nothing was answered.
    """
    options = ["-c", count, "-l", count, "-i", "5", "-W", "5"]
    run = source.run("ping", *options, address, check=False)
    received = re.search(r"(\d+) received", run.stdout)
    mean = re.search(r"= [\d.]+/([\d.]+)/", run.stdout)
    return count - int(received[1] if received else 0), float(mean[1]) if mean else None


def is_silent(source, address):
    """No answer to a ping, for a second."""
    return source.run("ping", "-c", 1, "-W", 1, address, check=False).returncode != 0


IPERF_PORT = 5201


def iperf(server, client, address, *options, seconds=2):
    """server, client: Namespaces or guests. Returns iperf3's "end" object of the client."""
    command = ["iperf3", "-s", "-1", "--idle-timeout", "30"]
    with server.background(*command, timeout=seconds + 120):
        wait_until(lambda: is_listening(server, IPERF_PORT), "iperf3 listens", timeout=30)
        run = client.run(
            "iperf3", "-c", address, "-t", seconds, "-J", *options, check=False, timeout=60
        )
        report = json.loads(run.stdout)
        if "error" in report:
            raise RuntimeError(f"iperf3 {address}: {report['error']}")
        return report["end"]


def is_listening(where, port):
    return where.run("ss", "-Hltn", f"sport = :{port}").stdout.strip() != ""
