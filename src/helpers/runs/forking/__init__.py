"""Kernels forked from a process that has done the imports already: a step does not pay for them again."""
