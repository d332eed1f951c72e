"""What single features, and groups of them, are worth to a classifier of events.

The kernels are shared by the figures of `skhep_dnn.inspection`, where their public
names are.
"""

__all__: list[str] = []
