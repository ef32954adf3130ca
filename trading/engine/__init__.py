"""Drives Terraform: graph, runs, journal. A test can use all of it without a terminal."""
