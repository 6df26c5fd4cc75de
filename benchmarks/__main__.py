"""python -m benchmarks [--quick] [--threads 1,2] [--out FILE] [name ...]"""

from __future__ import annotations

import argparse
import importlib
import os
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

Written by `python -m benchmarks`. Each line is the same work done by both, with the same number of
threads, in turns, in one process. Times are medians of all rounds. The ratio is the median of the
rounds' own ratios, their time divided by ours: above 1 means that `course_lib` is faster. Behind it
stands the middle half of those ratios: how far to trust it. The results of both are compared before
they are timed.

Reading it: one query reads all documents once. With one thread both libraries mostly wait for the
memory, which leaves little to win; faiss gives one query one thread, NumPy gives it all. For 100
queries faiss is shown with its default and with its matrix products turned on, the fairer opponent.
sentence-transformers is shown with its default batch size and with a smaller one that suits a
processor's cache. The load is the system's, this run included: where it is above the threads
measured, other programs were running, and the rows with all cores are the least certain.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="small and noisy, to try it out")
    parser.add_argument("--threads", help="thread counts, as 1,2; by default 1 and all cores")
    parser.add_argument(
        "--out", type=Path, help="Markdown file; by default benchmarks/RESULTS.md for a full run"
    )
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
    before = load()
    rows: list[Row] = []
    for name in options.names or NAMES:
        for row in importlib.import_module(f"benchmarks.bench_{name}").run(settings):
            rows.append(row)
            cells = (
                row.work, row.other, f"{row.threads} thread(s)", duration(row.ours_seconds),
                duration(row.other_seconds), f"{row.ratio:.2f}x", row.target,
            )  # fmt: skip
            print(" | ".join(cells), file=sys.stderr, flush=True)
    page = markdown(rows, before, options.quick)
    full_run = not options.names and not options.quick
    out = options.out or (RESULTS if full_run else None)
    if out:
        out.write_text(page, encoding="utf-8", newline="\n")
        print(f"written to {out}", file=sys.stderr)
    else:
        print(page)
    return 0


def markdown(rows: list[Row], load_before: str, quick: bool) -> str:
    """The page with its table."""
    lines = [HEADER]
    lines += [f"- {line}" for line in describe_machine()]
    lines.append(
        f"- load before {load_before}, after {load()}" + ("; a quick run" if quick else "")
    )
    lines += [
        "",
        "| work | beside | threads | course_lib | other | ratio | target | rounds | checked |",
        "|---|---|--:|--:|--:|--:|---|--:|---|",
    ]
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
