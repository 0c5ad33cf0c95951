"""Tests run as the command does: its settings are made before the libraries that read them are imported."""

import os

from pipelines.environment import KERNELS

for _name, _value in KERNELS.items():
    os.environ.setdefault(_name, _value)
