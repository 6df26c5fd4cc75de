"""python -m benchmarks [--quick] [--threads 1,2] [--print] [name ...]"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from pathlib import Path

from benchmarks.measure import Row, Settings, describe_machine, load
from course_lib.threads import available_cores

NAMES = (
    *("import", "top_k", "embedding", "language_model", "tokenization"),
    *("retrieval_metrics", "statistics", "lora"),
)
RESULTS = Path(__file__).with_name("RESULTS.md")

HEADER = """# Benchmarks

Written by `python -m benchmarks`; `python -m benchmarks NAME` rewrites one section. Each line is
the same work done by both, with the same number of threads, in turns, in one process. Times are
medians of all rounds. The ratio is the median of the rounds' own ratios, their time divided by
ours: above 1 means that `course_lib` is faster. Behind it stands the middle half of those ratios:
how far to trust it. The results of both are compared before they are timed.

Reading it: one query reads all documents once. With one thread both libraries mostly wait for the
memory, which leaves little to win; faiss gives one query one thread, NumPy gives it all. For 100
queries faiss is shown with its default and with its matrix products turned on, the fairer opponent.
sentence-transformers is shown with its default batch size and with a smaller one that suits a
processor's cache. The load is the system's, the run included: where it is above the threads
measured, other programs were running, and the rows with all cores are the least certain.
"""
TABLE = """
| work | beside | threads | course_lib | other | ratio | target | rounds | checked |
|---|---|--:|--:|--:|--:|---|--:|---|
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="small and noisy, to try it out")
    parser.add_argument("--threads", help="thread counts, as 1,2; by default 1 and all cores")
    parser.add_argument("--print", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"name must be one of {', '.join(NAMES)}, got {', '.join(unknown)}")
    try:
        wish = options.threads or f"1,{available_cores()}"
        threads = tuple(sorted({int(count) for count in wish.split(",")}))
    except ValueError:
        parser.error(f"--threads must be whole numbers with commas between, got {options.threads}")
    if min(threads) < 1:
        parser.error(f"--threads must be 1 or more, got {options.threads}")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the same for both

    settings = Settings(options.quick, threads)
    sections = {} if options.print or options.quick else read_sections()
    for name in options.names or NAMES:
        before = load()
        rows = []
        for row in importlib.import_module(f"benchmarks.bench_{name}").run(settings):
            rows.append(row)
            cells = (
                row.work, row.other, f"{row.threads} thread(s)", duration(row.ours_seconds),
                duration(row.other_seconds), f"{row.ratio:.2f}x", row.target,
            )  # fmt: skip
            print(" | ".join(cells), file=sys.stderr, flush=True)
        sections[name] = section(rows, before)
    page = "\n".join([HEADER, *(f"## {n}\n\n{sections[n]}" for n in NAMES if n in sections)])
    if options.print or options.quick:
        print(page)
    else:
        RESULTS.write_text(page, encoding="utf-8", newline="\n")
        print(f"written to {RESULTS}", file=sys.stderr)
    return 0


def read_sections() -> dict[str, str]:
    """The sections that stand in RESULTS.md, by name."""
    parts = re.split(r"^## (\w+)\n", RESULTS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        name: text.strip("\n") + "\n" for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def section(rows: list[Row], load_before: str) -> str:
    """A table, and the machine that it comes from."""
    lines = [f"- {line}" for line in describe_machine()]
    lines += [f"- load before {load_before}, after {load()}", *TABLE.rstrip("\n").split("\n")]
    for row in rows:
        cells = (
            row.work, row.other, row.threads, duration(row.ours_seconds),
            duration(row.other_seconds), f"{row.ratio:.2f} ({row.low:.2f}–{row.high:.2f})",
            row.target, row.rounds, row.checked,
        )  # fmt: skip
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def duration(seconds: float) -> str:
    """Three digits, in ms or s."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


if __name__ == "__main__":
    sys.exit(main())
