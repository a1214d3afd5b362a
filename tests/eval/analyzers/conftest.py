"""A sound evaluation with all its facts."""

import pytest

from eval.evidence import Evidence
from tests.eval.analyzers.facts import report


@pytest.fixture(scope="session")
def before() -> Evidence:
    return report()
