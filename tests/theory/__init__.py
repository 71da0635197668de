"""The routing engine held against queueing theory, under a moved clock."""
