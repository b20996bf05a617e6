#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: measures Causeway beside its peers, in one run, on scratch namespaces and directories.

Each scenario is a module of perf/system/scenarios with a docstring, bars and run(bench). Ratios are
between blocks that were interleaved in this run; absolute figures are of this machine and moment.
"""
import argparse
import datetime
import importlib
import json
import os
import pathlib
import pkgutil
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HUGEPAGES_MIB = 1024
sys.path[:0] = [str(HERE), str(ROOT / "tests/functional")]

import scenarios  # noqa: E402
from measure import Bench  # noqa: E402


def modules():
    names = [info.name for info in pkgutil.iter_modules(scenarios.__path__)]
    return {name: importlib.import_module(f"scenarios.{name}") for name in sorted(names)}


def print_list():
    for name, module in modules().items():
        first, *rest = module.__doc__.strip().splitlines()
        print(f"{name}: {first}")
        for line in rest:
            print(f"    {line.strip()}" if line.strip() else "")


def machine():
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
        "unknown",
    )
    commit = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "kernel": os.uname().release,
        "commit": commit,
        "date": datetime.date.today().isoformat(),
    }


def row(result):
    verdict = {True: "met", False: "MISSED", None: "-"}[result["met"]]
    return (
        f"| {result['scenario']} | {result['what']} | {result['value']} "
        f"| {result['bar'] or '-'} | {verdict} |"
    )


def report(results, where):
    lines = ["| scenario | what | measured | bar | |", "|---|---|---|---|---|"]
    table = "\n".join(lines + [row(result) for result in results])
    where.mkdir(parents=True, exist_ok=True)
    data = {"machine": machine(), "results": results}
    (where / "bench.json").write_text(json.dumps(data, indent=1) + "\n")
    (where / "bench.md").write_text(table + "\n")
    print(f"\n{table}\n\nWritten to {where}/bench.json and bench.md")


def hugepages(*arguments):
    subprocess.run([ROOT / "packaging/hugepages.sh", *map(str, arguments)], check=True)


def run(names, known, build):
    """Every scenario, with hugepages for the switch and one peer at a time."""
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="cw-bench-"))
    results = []
    hugepages("reserve", HUGEPAGES_MIB, os.getpid())
    try:
        for name in names:
            print(f"== {name}", flush=True)
            bench = Bench(name, build, scratch / name)
            known[name].run(bench)
            results += bench.results
    finally:
        hugepages("release", os.getpid())
        shutil.rmtree(scratch, ignore_errors=True)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", help="all when none is named")
    parser.add_argument("--list", action="store_true", help="explain each scenario")
    parser.add_argument("--build", default=ROOT / "build-perf", type=pathlib.Path)
    options = parser.parse_args()
    os.environ["CAUSEWAY_BUILD"] = str(options.build.resolve())  # before lib.settings is read
    known = modules()
    if options.list:
        return print_list()
    unknown = sorted(set(options.scenario) - set(known))
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; there are {', '.join(known)}")
    results = run(options.scenario or known, known, options.build.resolve())
    report(results, options.build / "bench")
    return 1 if any(result["met"] is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
