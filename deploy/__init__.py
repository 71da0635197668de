"""What tools need to put Hotseat somewhere: exchange templates, the telephony lab, service units."""
