"""Models that tell labels apart, such as good texts from bad: train, calibrate, measure, apply."""

from __future__ import annotations

from classifiers.quality.calibration import error as calibration_error
from classifiers.quality.measures import auc, curve, threshold_for_precision, threshold_for_share
from classifiers.quality.model import KINDS, Classifier, Report, train
from classifiers.quality.sketch import buckets, combined, drift, merged, packed, quantiles, sketch

__all__ = [
    "KINDS",
    "Classifier",
    "Report",
    "auc",
    "buckets",
    "calibration_error",
    "combined",
    "curve",
    "drift",
    "merged",
    "packed",
    "quantiles",
    "sketch",
    "threshold_for_precision",
    "threshold_for_share",
    "train",
]
