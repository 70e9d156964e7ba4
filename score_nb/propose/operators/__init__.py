"""Changes to a cell's syntax tree that need no language model."""
