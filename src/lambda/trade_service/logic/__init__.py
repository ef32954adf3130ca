"""What the service decides, free of HTTP and SQL."""
