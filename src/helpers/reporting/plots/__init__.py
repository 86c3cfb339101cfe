"""Charts: one module a noun, a table in, Axes out."""
