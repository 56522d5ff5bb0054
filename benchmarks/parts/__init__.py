"""What the time and the memory go into, where a goal is not met."""
