"""The parts of a report: its events, its cut, its sections and its page."""
