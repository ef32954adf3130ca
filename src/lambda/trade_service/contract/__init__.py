"""What clients and the service agree on: the models, and how they read and look as JSON."""
