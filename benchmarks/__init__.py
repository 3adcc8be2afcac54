"""Measurements: what a job costs, how late its result is, and what survives a crash.

`python -m benchmarks` runs them on a whole stack of real processes and writes a report. Ratios come
from rounds that alternate within one run, so that a busy machine disturbs both sides alike.
"""
