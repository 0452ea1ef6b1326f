"""What all services have in common: settings, logs, problem documents, health, metrics, the database, serving."""
