"""course_lib beside the libraries that a user would pick instead: same work, one process, ratios.

`python -m benchmarks --help` says how to run it; benchmarks/RESULTS.md holds the last full run.
"""
