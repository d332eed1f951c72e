"""The HiggsML study of Strong (2020) again: its rows, figures of merit and tables."""
