"""What joins the apps: settings, addresses, processes, embedded services."""
