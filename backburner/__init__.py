"""What outsiders import and type: the Python SDK and the `backburner` command line."""
