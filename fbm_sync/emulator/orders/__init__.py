"""The account's orders: what may happen to them, how they are shown, what is told of them."""
