"""The front of the compiler: Markdown, blocks, Jinja, MJML, inlining and plain text make a Composition."""
