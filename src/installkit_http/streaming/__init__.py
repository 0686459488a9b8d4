"""What is streamed: events and logs, live and from a cursor on."""
