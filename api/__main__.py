"""Serve the gateway: `python -m api`."""

from api.app import main

main()
