"""How long a system takes to stand and to be gone: our backends beside `docker compose`, in interleaved rounds."""
