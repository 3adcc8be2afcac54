"""Schedules as data: when a job runs by itself, and what happens when two runs meet.

Pure, so that the gateway can check a schedule and show its next runs before Temporal knows it.
"""
