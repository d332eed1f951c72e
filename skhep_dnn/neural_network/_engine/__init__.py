"""Training and prediction of members, from arrays alone."""
