"""Email: statements, drafts, questions and the month's bundle, once each, and what became of them."""
