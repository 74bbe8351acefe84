"""Pages: `scenes`, `requests`, `projects`."""
