# SPDX-License-Identifier: Apache-2.0
"""Everything received is accounted for, per origin port and in sum."""
from lib.wait import wait_until


def came_in(port):
    return port["rx_packets"] + port["originated"] + port["replicas"] + port["segments"]


def went_out(port):
    return port["sent"] + sum(port["drops"].values()) + port["punted"] + port["held"]


def unbalanced(ports):
    """Ports whose books do not balance now, with both sums; 'all' for the total."""
    wrong = {
        name: (came_in(port), went_out(port), port)
        for name, port in ports.items()
        if came_in(port) != went_out(port)
    }
    sent = sum(port["sent"] for port in ports.values())
    transmitted = sum(port["tx_packets"] for port in ports.values())
    if sent != transmitted:
        wrong["all"] = (sent, transmitted, "sent by origin, transmitted by port")
    return wrong


def assert_balanced(read_ports):
    """read_ports() gives {port: counters}. Packets in flight are waited for."""
    last = {}

    def check():
        last.clear()
        last.update(unbalanced(read_ports()))
        return not last

    try:
        wait_until(check, "books balance", timeout=5)
    except TimeoutError:
        raise AssertionError(f"books do not balance: {last}") from None
