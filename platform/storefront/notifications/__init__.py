"""Tells customers about their orders by mail. Nobody waits for it: whoever wants a mail sent asks again until it is."""
