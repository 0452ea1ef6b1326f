"""Who is asking: people register, log in, and get a token that tells the other services who they are."""
