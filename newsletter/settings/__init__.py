"""Settings and the secret: what holds here, and where each value comes from."""
