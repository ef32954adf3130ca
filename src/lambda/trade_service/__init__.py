"""Records trades once and answers for them: the code of the platform's Lambda functions."""
