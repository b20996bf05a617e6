# SPDX-License-Identifier: Apache-2.0
"""docs/nics.md, "Drivers": that kernel and DPDK have these drivers, and for these VFs."""
import glob
import json
import pathlib
import re
import subprocess

import pytest
from lib import qemu, settings

PAGE = settings.TOP / "docs" / "nics.md"
COLUMNS = ["card", "pf_kernel", "pf_dpdk", "vf_kernel", "vf_dpdk", "ids", "most"]


def rows():
    section = PAGE.read_text().split("\n## Drivers\n")[1].split("\n## ")[0]
    lines = [line.strip("|") for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split("|")] for line in lines[2:]]
    assert len(cells) >= 5
    return [dict(zip(COLUMNS, row, strict=True)) for row in cells]


@pytest.fixture(scope="module")
def pmds():
    """{name: what dpdk-pmdinfo would show} of the installed DPDK."""
    query = ["pkg-config", "--variable=libdir", "libdpdk"]
    folder = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    found = {}
    for path in glob.glob(f"{folder}/dpdk/pmds-*/librte_net_*.so"):
        content = pathlib.Path(path).read_bytes()
        for text in re.findall(rb"PMD_INFO_STRING= (\{[^\0]*\})\0", content):
            info = json.loads(text)
            found[info["name"]] = info
    return found


@pytest.fixture(scope="module")
def aliases():
    """[(module, its alias)] of the kernel that guests have."""
    (path,) = qemu.image().glob("root/lib/modules/*/modules.alias")
    lines = (line.split() for line in path.read_text().splitlines())
    return [(words[2], words[1]) for words in lines if words[0] == "alias"]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["vf_dpdk"].strip("`"))
def test_drivers(row, pmds, aliases):
    vf = pmds[row["vf_dpdk"].strip("`")]
    assert row["pf_dpdk"].strip("`") in pmds
    taken = row["vf_kernel"] != row["pf_kernel"]  # else bifurcated
    assert ("vfio-pci" if taken else "mlx5_core") in vf["kmod"]
    for text in row["ids"].split():
        vendor, device = (int(number, 16) for number in text.split(":"))
        assert [vendor, device] in [numbers[:2] for numbers in vf["pci_ids"]], text
        start = f"pci:v{vendor:08X}d{device:08X}"
        assert row["vf_kernel"] in [name for name, alias in aliases if alias.startswith(start)]
    assert row["pf_kernel"] in {name for name, _ in aliases}
