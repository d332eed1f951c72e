"""What a fitted model does to one event, as a program for other languages."""
