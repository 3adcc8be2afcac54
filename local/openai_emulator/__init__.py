"""Speak OpenAI's Responses API over HTTP, in memory, so that everything runs without a key.

`app.py` tells the story of a request; `scripts.py` is how a test or a document asks for trouble.
"""
