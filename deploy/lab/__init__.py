"""The telephony lab: a real Asterisk on this machine's loopback, with SIPp for callers and telephones."""
