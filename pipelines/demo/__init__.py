"""Inputs for the demonstration run, made from what every machine with Python already has.

A recipe names the makers as ``module:function``; each takes the folder to write to and its options, writes its files
atomically and returns their paths.
"""
