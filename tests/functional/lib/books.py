# SPDX-License-Identifier: Apache-2.0
"""Everything received is accounted for, per origin port and in sum."""
from lib.wait import wait_until


def came_in(port):
    return port["rx_packets"] + port["originated"] + port["replicas"] + port["segments"]


def went_out(port):
    return port["sent"] + sum(port["drops"].values()) + port["punted"] + port["held"]


def sent_to_others(port):
    """What its packets count as sent beyond what it transmitted; the sum over all ports is 0."""
    return port["sent"] - port["tx_packets"]


def unbalanced(ports, gone):
    """Ports whose books do not balance now, with both sums; 'all' for the total."""
    wrong = {
        name: (came_in(port), went_out(port), port)
        for name, port in ports.items()
        if came_in(port) != went_out(port)
    }
    excess = sum(sent_to_others(port) for port in ports.values())
    if gone is not None and excess + gone != 0:
        wrong["all"] = (excess, "more sent by origins than transmitted by ports")
    return wrong


def assert_balanced(read_ports, gone=0):
    """read_ports() gives {port: counters}. Packets in flight are waited for.

    gone: sent_to_others() of the ports deleted since the start. None, where it is not known, leaves
    the sum over all ports out.
    """
    last = {}

    def check():
        last.clear()
        last.update(unbalanced(read_ports(), gone))
        return not last

    try:
        wait_until(check, "books balance", timeout=5)
    except TimeoutError:
        raise AssertionError(f"books do not balance: {last}") from None
