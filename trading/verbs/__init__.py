"""The verbs of `trading`, a module each: what an operator may type, and what is printed."""
