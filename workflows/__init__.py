"""Decisions: one file per job type. `workflows/core` is the kit that gives each file the rest."""
