"""产品: products and services, their compliance review, usage agreements, ceilings and releases."""
