"""The causes of hazards: each module finds those of one family in a trace."""
