"""Importers of public banks: their files in, canonical tables and a `bank.yml` out."""
