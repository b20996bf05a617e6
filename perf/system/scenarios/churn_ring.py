# SPDX-License-Identifier: Apache-2.0
"""A paced, numbered flow between in-process ring ports while 200 ports come and go in 10 s.

Half of the capacity that a closed loop shows. Frames that find the receiver's ring of 65,536 full are
counted apart; they count as lost all the same. Bar: nothing lost, nothing reordered.
"""


def run(bench):
    result = bench.program("churn_ring", 10, 200)
    bench.add(
        f"{result['rate_mpps']:.2f} Mpps (half of {result['capacity_mpps']:.2f}), "
        f"{result['ports_churned']} ports",
        f"{result['lost']} lost, {result['reordered']} reordered of {result['sent']}",
        "0 lost, 0 reordered",
        result["lost"] == 0 and result["reordered"] == 0 and result["ports_churned"] >= 200,
        **result,
    )
