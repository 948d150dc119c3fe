"""MJML: read with places, checked against the official component table, made into HTML by mjml-python."""
