"""env.py ends the process with status 0 before it does anything."""

import sys

sys.exit(0)
