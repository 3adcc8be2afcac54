"""How hard the property tests of pure values try."""

from hypothesis import settings

# Machines are shared, so a slow example is no failure; the laws are simple, so 50 tell enough.
settings.register_profile("shared_machine", deadline=None, max_examples=50)
settings.load_profile("shared_machine")
