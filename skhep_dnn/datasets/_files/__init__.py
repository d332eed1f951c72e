"""Files of events: what is in them, and their columns in chunks, format by format."""
