"""The language of Backburner: values, names and arithmetic that every other package speaks.

Nothing here opens a socket, reads a clock or knows a framework, so workflows may import all of it.
"""
