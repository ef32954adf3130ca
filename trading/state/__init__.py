"""Where Terraform keeps state, and what is known beside it: which states there are, and who locks them."""
