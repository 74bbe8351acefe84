"""Pages of registration: `applicant` (and the desk), `public`, `certificate` (files)."""
