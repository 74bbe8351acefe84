"""People, organisations, zones, roles, affiliations and the login of the office."""
