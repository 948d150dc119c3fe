"""What may be asked of the ledger, one module per noun; `store.py` makes one object of them."""
