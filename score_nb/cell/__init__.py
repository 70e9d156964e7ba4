"""Text in, values out: what a cell reads, defines and was asked for."""
