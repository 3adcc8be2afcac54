"""Everything a laptop needs to run Backburner in one command."""
