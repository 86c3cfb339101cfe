"""Helpers of the dual-growth playbooks: what the notebooks ask."""
