"""Live rows over one WebSocket: topics, and the consumer that keeps their subscribers up to date."""
