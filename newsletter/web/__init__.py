"""The readers' pages over HTTP: unsubscribing, and taking it back."""
