"""The layers of the trading platform, one package each, and what they share."""
