"""What mail programs do with HTML and CSS, as caniemail.com has tested it."""
