"""The seller's own queue at AWS, into which Amazon puts its notifications.

Here: receiving and deleting messages (`sqs`), and who may put some in (`policy`). Not here: what a message
means: its JSON is handed to whoever knows Amazon's words. Only `wiring` may call it. Needs the optional
extra `notifications`; AWS credentials come from where every AWS program finds them, never from our settings.
"""
