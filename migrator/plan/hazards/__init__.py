"""What is dangerous about a revision: the rules, their advice, examples."""
