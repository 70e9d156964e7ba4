"""The tree of candidates and who is expanded next: pure values."""
