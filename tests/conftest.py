"""What holds for all tests: nobody asserts a time, and that includes hypothesis."""

from hypothesis import settings

# Its deadline of 0.2 s for each example fails a test on a computer that is busy, and says nothing of the product.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
