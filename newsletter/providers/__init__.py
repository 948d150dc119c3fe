"""Ways out behind one protocol: outbox files and SendGrid."""
