"""A plan for people: terminal, Markdown, HTML."""
