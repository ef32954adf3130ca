"""The command line of the trading platform and the engine behind it."""
