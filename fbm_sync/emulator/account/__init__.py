"""Who may come in, where the account sells, and how Amazon judges it."""
