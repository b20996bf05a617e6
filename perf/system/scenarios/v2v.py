# SPDX-License-Identifier: Apache-2.0
"""Two vhost-user pods, 64 B frames both ways, spoof guard on: the figures that carry the bars.

The same two virtio_user ports (queue of 1024, in-order, no mergeable buffers; split, then packed rings) are served in turn
by Causeway, testpmd io on net_vhost (the limit of librte_vhost), OVS-DPDK as a NORMAL bridge and as port-to-port flow entries (its
options by a look at each first). Traffic: L2 with 1 flow, L2 with 10,000 flows to 1,000 MACs, L3 with 1 flow and with 10,000
routes. Bars, in busy TSC cycles a packet: beside testpmd at least 0.70 (split), 0.65 (packed); beside OVS NORMAL at least 1.1
times with 1 flow and 1.8 times with 10,000, port-to-port at least 0.95; L3 adds at most 0.20 of testpmd's cost. What
10,000 flows cost beside 1: scenario flows.
"""
import vhost_pair

AIMS = {"split": (0.70, 0.88), "packed": (0.65, 0.88)}


def run(bench):
    for rings in ("split", "packed"):
        with vhost_pair.Headline(bench, rings) as headline:
            headline.measure()
            headline.report(*AIMS[rings])
