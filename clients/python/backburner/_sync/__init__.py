# Generated from _async/__init__.py by generate_sync.py: change that file, not this one.
"""The synchronous client."""
