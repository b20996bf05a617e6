# SPDX-License-Identifier: Apache-2.0
"""Test modules that run inside a guest, because they need what only a guest has (cards with VFs).

    pytestmark = pytest.mark.guest(igb=2, memory_mib=1536)

A pytest in the guest runs the module: the same fixtures, the same helpers, the same build tree. Its
reports come out here as if the tests had run here. Modules whose marks are alike share a boot. Keys of the mark: igb, the number of 82576 cards (wired in pairs: 0-1, 2-3, ...), and what
lib.guest.Guest takes.
"""
import contextlib
import itertools
import json
import os
import pathlib
import shlex
import tempfile
import time

import pytest
from lib import settings
from lib.guest import Guest
from lib.qemu import IgbCard
from lib.wait import wait_until

SHARE = "/run/share"
REPORTS = "reports"
ITEM_S = 7200.0 if settings.VM_FULL else 900.0  # for one test: it is stuck
BOOT_S = 4 * 3600
ENVIRONMENT = "CAUSEWAY_"


def pytest_addoption(parser):
    parser.addoption(
        "--reports", metavar="FILE", help="we are in a guest: reports, for the pytest outside"
    )


def pytest_configure(config):
    path = config.getoption("--reports")
    config.pluginmanager.register(Inside(config, path) if path else Outside(config))


class Inside:
    """Tells the pytest outside how each phase of each test ended."""

    def __init__(self, config, path):
        self.config = config
        self.file = open(path, "a", encoding="utf-8")  # pylint: disable=consider-using-with

    def pytest_runtest_logreport(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.file.write(json.dumps(data) + "\n")
        self.file.flush()

    def pytest_unconfigure(self):
        self.file.close()


class Outside:
    """Takes the place of pytest's own way of running a test where the module is a guest's."""

    def __init__(self, config):
        self.config, self.boot = config, None

    def pytest_collection_modifyitems(self, items):
        """Those of guests last, and those that share one together."""
        items.sort(key=lambda item: str(sorted((guest_keys(item) or {}).items())))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        if guest_keys(item) is None:
            return None
        if self.boot is None:
            self.boot = Boot(self.config, guest_keys(item), those_alike(item))
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self.boot.reports(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if item is self.boot.items[-1]:
            self.end()
        return True

    def end(self):
        if self.boot is not None:
            self.boot.close()
            self.boot = None

    def pytest_sessionfinish(self):
        self.end()


def guest_keys(item):
    """What the item's mark says, None without one."""
    mark = item.get_closest_marker("guest")
    return mark and mark.kwargs


def those_alike(item):
    """The item and those behind it that may share its guest."""
    items = item.session.items
    keys = guest_keys(item)
    rest = items[items.index(item) :]
    return list(itertools.takewhile(lambda one: guest_keys(one) == keys, rest))


class Boot:
    """A guest and the tests that run in it."""

    def __init__(self, config, keys, items):
        self.config, self.keys, self.items = config, dict(keys), items
        self.guest = self.command = self.lines = None
        self.broken = None  # why there are no more reports
        self.scratch = tempfile.TemporaryDirectory(prefix="cwt-")

    def start(self):
        path = pathlib.Path(self.scratch.name)
        (path / REPORTS).touch()
        cards = [
            IgbCard(number // 2, f"52:54:00:5e:00:{number:02x}")
            for number in range(self.keys.pop("igb", 0))
        ]
        self.guest = Guest(path, "tests", cards, share=path, iommu=bool(cards), **self.keys)
        self.guest.start().wait_up()
        self.lines = open(path / REPORTS, encoding="utf-8")  # pylint: disable=consider-using-with
        self.command = self.guest.popen(self.line(), timeout=BOOT_S)

    def line(self):
        """For bash in the guest."""
        values = {k: v for k, v in os.environ.items() if k.startswith(ENVIRONMENT)}
        values |= {"CAUSEWAY_BUILD": str(settings.BUILD), "PYTHONDONTWRITEBYTECODE": "1"}
        pytest_ = ["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-q"]
        pytest_ += [f"--reports={SHARE}/{REPORTS}", *[item.nodeid for item in self.items]]
        words = ["env", *[f"{k}={v}" for k, v in values.items()], *pytest_]
        return f"cd {shlex.quote(str(self.config.rootpath))} && exec {shlex.join(words)}"

    def reports(self, item):
        """Of all phases of this test, as they come."""
        try:
            if self.guest is None:
                self.start()
            while True:
                report = self.next_report(item)
                yield report
                if report.when == "teardown":
                    return
        except (AssertionError, OSError, RuntimeError, TimeoutError, ValueError) as error:
            self.broken = self.broken or error
        yield self.failure(item, self.broken)

    def next_report(self, item):
        if self.broken:
            raise self.broken
        text = wait_until(self.next_line, f"{item.nodeid} in the guest", timeout=ITEM_S)
        report = self.config.hook.pytest_report_from_serializable(
            config=self.config, data=json.loads(text)
        )
        if report.nodeid != item.nodeid:
            raise ValueError(f"the guest ran {report.nodeid}, not {item.nodeid}")
        return report

    def next_line(self):
        """A whole line, or None: the guest has not written it yet."""
        ended = not self.command.is_running()
        where = self.lines.tell()
        text = self.lines.readline()
        if text.endswith("\n"):
            return text
        self.lines.seek(where)
        if ended:
            result = self.command.wait(0)
            raise RuntimeError(f"pytest in the guest ended too early: {self.said(result)}")
        time.sleep(0.05)
        return None

    def said(self, result):
        """The last words of all who may know."""
        text = (result.stdout[-4000:], result.stderr[-2000:], self.guest.console_text()[-2000:])
        return f"exit {result.returncode}\n" + "\n".join(text)

    def failure(self, item, error):
        """A report for a test of which the guest says nothing."""

        def fail():
            raise error

        call = pytest.CallInfo.from_call(fail, when="setup")
        return pytest.TestReport.from_item_and_call(item, call)

    def close(self):
        if self.lines is not None:
            self.lines.close()
        if self.guest is not None:
            with contextlib.suppress(OSError):
                self.guest.close()
        self.scratch.cleanup()
