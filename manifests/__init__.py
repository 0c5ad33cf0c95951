"""Schemas, run and mix manifests, licence evidence, lineage, reports. Imports nothing of ours."""
