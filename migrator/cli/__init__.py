"""The commands, each with its flags; what they do is elsewhere."""
