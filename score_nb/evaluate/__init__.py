"""Where candidates run and are scored."""
