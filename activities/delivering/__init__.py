"""Telling others: the dispatcher of the outbox, and the deed that makes one attempt."""
