"""公开门户: what everybody may see without an account."""
