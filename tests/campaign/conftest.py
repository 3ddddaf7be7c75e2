"""What another package brings is installed as in the bench's own tests."""

from tests.bench.conftest import install

__all__ = ["install"]
