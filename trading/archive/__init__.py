"""What is kept of an environment's data when it is destroyed, and how it comes back."""
