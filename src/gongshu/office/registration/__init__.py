"""Registration of data resources and products: application, desk, publicity, objections, certificates."""
