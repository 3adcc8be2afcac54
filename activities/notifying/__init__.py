"""Telling people: the deed that makes one attempt, by e-mail or through Apprise."""
