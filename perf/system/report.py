# SPDX-License-Identifier: Apache-2.0
"""What is left of a run: bench.json, bench.md and the plots."""
import datetime
import json
import os
import subprocess

import noise
import plot

VERDICTS = {True: "met", False: "MISSED", None: "-"}
SIBLINGS = 1.15  # the tightest loop slower by this while the other CPU works: two threads of one core


def machine(root, add_loop, worker_cpu, load_cpu):
    model = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if "model name" in line),
        "unknown",
    )
    commit = subprocess.run(
        ["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    chain, alone, tsc_hz = least(add_loop, worker_cpu)
    other = subprocess.Popen(
        ["taskset", "-c", str(load_cpu), "sh", "-c", "while :; do :; done"], start_new_session=True
    )
    try:
        _, together, _ = least(add_loop, worker_cpu)
    finally:
        other.kill()
        other.wait()
    return {
        "cpu": model,
        "cpus": os.cpu_count(),
        "tsc_mhz": round(tsc_hz / 1e6),
        "tsc_per_core_cycle": chain,
        "smt_siblings": together / alone > SIBLINGS,
        "kernel": os.uname().release,
        "commit": commit,
        "date": datetime.date.today().isoformat(),
    }


def least(add_loop, cpu):
    return min(noise.add_loop(add_loop, cpu) for _ in range(3))


def heading(about):
    siblings = "; the two CPUs are threads of one core" if about["smt_siblings"] else ""
    return (
        f"{about['cpu']}, {about['cpus']} CPUs, TSC {about['tsc_mhz']} MHz, "
        f"{about['tsc_per_core_cycle']:.2f} TSC cycles a core cycle{siblings}; "
        f"kernel {about['kernel']}; commit {about['commit']}; {about['date']}"
    )


def row(result):
    verdict = VERDICTS[result["met"]]
    if result["bar"] and result["met"] is None:
        verdict = "not decided"
    cells = [result["scenario"], result["what"], result["value"], result["bar"] or "-", verdict]
    return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"


def table(results):
    lines = ["| scenario | what | measured | bar | |", "|---|---|---|---|---|"]
    return "\n".join(lines + [row(result) for result in results])


def write(where, about, results, plots):
    """Bars first, as a table of their own."""
    where.mkdir(parents=True, exist_ok=True)
    bars = [result for result in results if result["bar"]]
    text = f"{heading(about)}\n\n## Bars\n\n{table(bars)}\n\n## Everything\n\n{table(results)}\n"
    for name, title, unit, values in plots:
        (where / f"{name}.svg").write_text(plot.bars(title, unit, values))
        text += f"\n![{title}]({name}.svg)\n"
    data = {"machine": about, "results": results}
    (where / "bench.json").write_text(json.dumps(data, indent=1, default=vars) + "\n")
    (where / "bench.md").write_text(text)
    print(f"\n{heading(about)}\n\n{table(results)}\n\nWritten to {where}: bench.json, bench.md, plots")
