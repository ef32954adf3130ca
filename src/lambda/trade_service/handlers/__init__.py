"""Entry points of the Lambda functions: event in, response out."""
