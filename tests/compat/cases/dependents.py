"""x"""
from tests.compat.case import Cases
CASES = Cases("dependents")
