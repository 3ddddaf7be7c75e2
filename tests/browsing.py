"""Where this computer has a Chromium, for tests that look at a page in a real browser."""

import shutil

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
