"""What is read off a deployed environment, and shown."""
