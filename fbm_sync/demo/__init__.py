"""Ten days of a made-up shop in less than a minute: emulated Amazon, a warehouse, the real daemon code.

Here: the shop and its warehouse (`shop`), the events of the days (`story`), the words (`narrator`), the
simulated clock (`clock`). Not here: any rule of the daemon; everything it does goes over real HTTP
through the same flows as in earnest. Only the command line and tests may call it, through
`story.play`.
"""
