"""Deeds: each file implements one slice of the signatures in `jobs/ports.py`."""
