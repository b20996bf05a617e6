#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: measures Causeway beside its peers, in one run, on scratch namespaces and directories.

Each scenario is a module of perf/system/scenarios with a docstring, bars and run(bench). Ratios are
between blocks that were interleaved in this run; absolute figures are of this machine and moment.
"""
import argparse
import importlib
import os
import pathlib
import pkgutil
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HUGEPAGES_MIB = 2560
sys.path[:0] = [str(HERE), str(ROOT / "tests/functional")]

import report  # noqa: E402
import scenarios  # noqa: E402
from measure import LOAD_CPU, WORKER_CPU, Bench, Options  # noqa: E402


def modules():
    names = [info.name for info in pkgutil.iter_modules(scenarios.__path__)]
    return {name: importlib.import_module(f"scenarios.{name}") for name in sorted(names)}


def print_list(known):
    for name, module in known.items():
        first, *rest = module.__doc__.strip().splitlines()
        print(f"{name}: {first}")
        for line in rest:
            print(f"    {line.strip()}" if line.strip() else "")


def hugepages(*arguments):
    subprocess.run([ROOT / "packaging/hugepages.sh", *map(str, arguments)], check=True)


def failed(name, error):
    """A scenario that fails is a line of the report, and the next one runs."""
    traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return {
        "scenario": name, "what": "FAILED", "value": what, "bar": "runs", "met": False, "raw": {},
    }  # fmt: skip


def run_one(name, module, bench):
    start = time.monotonic()
    print(f"== {name}", flush=True)
    results = bench.results
    try:
        module.run(bench)
    except Exception as error:  # noqa: whatever it is, the others run
        results = results + [failed(name, error)]
    print(f"   ({time.monotonic() - start:.0f} s)", flush=True)
    return results


def run(names, known, build, options):
    """Every scenario, with hugepages for the generators, the switch and its peers."""
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="cw-bench-"))
    results, plots = [], []
    hugepages("reserve", HUGEPAGES_MIB, os.getpid())
    try:
        for name in names:
            bench = Bench(name, build, scratch / name, options)
            results += run_one(name, known[name], bench)
            plots += bench.plots
    finally:
        hugepages("release", os.getpid())
        if any(result["what"] == "FAILED" for result in results):
            print(f"logs of what failed: {scratch}")
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    return results, plots


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", help="all when none is named")
    parser.add_argument("--list", action="store_true", help="explain each scenario")
    parser.add_argument("--build", default=ROOT / "build-perf", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved blocks of each cell (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a block (2)")
    parser.add_argument("--quick", action="store_true", help="one short round: decides nothing")
    parser.add_argument("--seed", type=int, default=1, help="of the blocks' order (1)")
    return parser, parser.parse_args()


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # what was started is ended on the way out
    parser, options = parse()
    build = options.build.resolve()
    os.environ["CAUSEWAY_BUILD"] = str(build)  # before lib.settings is read
    known = modules()
    if options.list:
        return print_list(known)
    unknown = sorted(set(options.scenario) - set(known))
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(known)}")
    amount = Options(options.rounds, options.seconds, options.quick, options.seed)
    if options.quick:
        amount = Options(1, 0.5, True, options.seed)
    about = report.machine(ROOT, build / "perf/system/add_loop", WORKER_CPU, LOAD_CPU)
    results, plots = run(options.scenario or known, known, build, amount)
    report.write(build / "bench", about, results, plots)
    return 1 if any(result["met"] is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
