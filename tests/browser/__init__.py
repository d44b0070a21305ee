"""Tests in Chromium, through Playwright: what people do in the admin and under /my/. `make e2e` runs them."""
