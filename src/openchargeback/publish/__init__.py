"""Build, close, plan, and publish: the order of the steps, cache, staging, manifest."""
