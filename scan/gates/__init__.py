"""The gates: each asks one tool of other people about the evidence, or about the project's tree."""
