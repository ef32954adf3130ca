"""What the service reads and writes: Aurora and Secrets Manager."""
