"""From fitted models to programs: one module for each kind of model."""
