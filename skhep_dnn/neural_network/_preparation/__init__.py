"""From a table of events, labels and weights to members."""
