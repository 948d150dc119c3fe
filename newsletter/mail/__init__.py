"""A composition and one recipient's slots become bytes: headers, parts, signed links."""
