"""cuvée beside its peers, measured in one process on the same input: ``python -m benchmarks``."""
