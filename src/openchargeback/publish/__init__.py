"""The steps of a build: cache, staging, manifest."""
