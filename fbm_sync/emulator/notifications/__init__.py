"""What the emulated Amazon tells by itself: subscriptions, the shapes of news, delivery to queues."""
