"""监管与审计: the supervisor's cockpit, orders to correct, drawn cases, totals that must agree."""
