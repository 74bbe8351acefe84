"""Masked samples 样例: drawn from raw data, joined by keyed pseudonyms, measured, confirmed, then sent."""
