"""What the service decides, free of SQL and of the form of requests."""
