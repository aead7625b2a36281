"""Samples as Markdown, with the machine they come from."""

import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess

import variants

DOCUMENT = variants.HERE.parent / "docs/performance.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def seconds(value):
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{value * factor:.{2 if factor == 1 else 1}f} {unit}"
    return f"{value * 1e6:.1f} µs"


def ratio(values, others):
    """The median over the rounds: what a slow minute of the machine does to both is out of it."""
    return statistics.median(value / other for value, other in zip(values, others))


def table(samples, base="native", rivals=()):
    """One row per operation and variant: median, spread, ratio to the first variant, which `base` names.

    With `rivals`, variants too, also the ratio to that one of them which is fastest in this operation.
    """
    titles = ["operation", "how", "median", "min", "max", f"÷ {base}"] + (["÷ best peer"] if rivals else [])
    rows = ["| " + " | ".join(titles) + " |", "|---|---|" + "--:|" * (len(titles) - 2)]
    for name, by_variant in samples.items():
        first = next(iter(by_variant.values()))
        measured = [values for variant, values in by_variant.items() if variant in rivals]
        best = min(measured, key=statistics.median, default=None)
        for variant, values in by_variant.items():
            cells = [name, variant, *map(seconds, (statistics.median(values), min(values), max(values))),
                     f"{ratio(values, first):.2f}"]
            if rivals:
                cells.append(f"{ratio(values, best):.2f}" if best else "")
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def plain(markdown):
    """A Markdown table in columns, for the terminal."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines()]
    rows = [row for row in rows if not set("".join(row)) <= set("-:")]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))) for row in rows)


def machine(file_system):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 2**20
    cores = len(os.sched_getaffinity(0))
    version = _first_line([str(variants.FUSEBOX), "--version"])
    commit = _first_line(["git", "-C", str(variants.HERE), "describe", "--always", "--dirty"])
    peers = [_first_line(["fuse-overlayfs", "--version"], "fuse-overlayfs").replace(": version", ""), _first_line(["bwrap", "--version"]),
             _first_line(["strace", "--version"]).replace(" -- version", "")]
    return (f"{datetime.date.today().isoformat()}, {cpu[1] if cpu else platform.machine()}, {cores} cores, {memory:.0f} GiB, "
            f"Linux {platform.release()}, on {file_system}.\n"
            f"Load before the first round: {os.getloadavg()[0]:.1f}.\n"
            f"{version or 'fusebox'} ({commit or 'no commit'}); {', '.join(peer for peer in peers if peer)}.")


def _first_line(command, wanted=""):
    """The first line of a command's output that holds `wanted`, or nothing."""
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
    return next((line for line in output.splitlines() if wanted in line), "")


def update_document(figures):
    text = DOCUMENT.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise variants.Failure(f"{DOCUMENT}: no place for figures (it needs one line '{BEGIN}' and one '{END}')")
    head, rest = text.split(BEGIN)
    DOCUMENT.write_text(f"{head}{BEGIN}\n{figures}\n{END}{rest.split(END)[1]}")
