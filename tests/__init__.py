"""Tests run as the command does: its settings are made before the libraries that read them are imported."""

from pipelines.environment import KERNELS, settle

settle(KERNELS)
