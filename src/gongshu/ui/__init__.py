"""Components, tags and static files of the office and the airlock: one look."""
