"""The server of the services' databases, as a process beside them: for machines and runs without containers."""
