"""Pages of products: making, agreements, keys, downloads."""
