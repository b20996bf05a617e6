# SPDX-License-Identifier: Apache-2.0
"""tests/vm/run: what those who carry the code on try things out with."""
import subprocess

from lib import qemu


def test_command_in_a_guest(tmp_path):
    """Its words, output and status arrive; --share is written through, the rest is not."""
    share = tmp_path / "share"
    share.mkdir()
    line = 'echo "$0 in $(hostname)"; echo kept >"$GUEST_SHARE/file"; touch "$1"; exit 7'
    words = ["--share", share, "--", "bash", "-c", line, "a b", tmp_path / "lost"]
    run = subprocess.run(
        [qemu.VM_DIR / "run", *words], capture_output=True, text=True, timeout=200, check=False
    )
    assert run.returncode == 7, run
    assert "a b in guest" in run.stdout
    assert (share / "file").read_text() == "kept\n"
    assert not (tmp_path / "lost").exists()
