"""What is said: findings with their figures, numbers in both languages, the kept result of a step."""

from helpers.findings.finding import Figure, Finding, Text, Writer
from helpers.findings.result import KeptResult, StepResult, read
from helpers.findings.spoken import SpokenError

__all__ = ["Figure", "Finding", "KeptResult", "SpokenError", "StepResult", "Text", "Writer", "read"]
