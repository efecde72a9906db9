"""The order of a build: cache, staging, manifest."""
